"""`luytre rules convert RULE --to lucene|esql|eql`: the rule as a query for the agency's own Kibana, by sigma-cli.

In:  ids, names, files or folders. Out: a query a rule and source of events; in the formats of sigma-cli's Elasticsearch
backend (`--format kibana_ndjson`, `siem_rule` …) what that writes.
Our pipelines map events, sigma-cli's map rules: so each source that a rule covers becomes a pipeline for it
(kibana.py), and the rule one query for each. A correlation needs `--to esql`; its rules are handed over with it.
What a query cannot carry over is said on stderr. Exit 0, or 1 when a rule could not be converted.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from api.node.rulework import kibana
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Missing, places, say, tell, unknown
from correlator.backtest.choose import Unknown, choose
from sensors.errors import EXIT_FAILED, EXIT_OK, Problem

TARGETS = ("lucene", "esql", "eql")
FORMATS = ("default", "kibana_ndjson", "dsl_lucene", "siem_rule", "siem_rule_ndjson", "eqlapi")


def command(
    rule: Annotated[list[str], typer.Argument(help="mã, tên, tệp hoặc thư mục luật / id, name, file, folder")],
    to: Annotated[str, typer.Option(help=" | ".join(TARGETS))] = "lucene",
    form: Annotated[str, typer.Option("--format", help=" | ".join(FORMATS))] = "default",
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Chuyển luật thành câu truy vấn cho Kibana của đơn vị (Lucene, ES|QL, EQL) bằng sigma-cli."""
    if to not in TARGETS or form not in FORMATS:
        raise Missing(Problem("LT-R0312", f"không có đích `{to}` dạng `{form}`", f"no target `{to}` as `{form}`",
                              hints=("--to " + " | ".join(TARGETS), "--format " + " | ".join(FORMATS))))  # fmt: skip
    rules, pipelines = places(None, config)
    try:
        chosen = choose(rule, rules, pipelines)
    except Unknown as missing:
        raise unknown(missing) from None
    found = kibana.convert(chosen, pipelines, to, form)
    bad = [one for one in found if one.failed]
    if as_json:
        rows = [{"rule_id": one.rule_id, "source": one.source, "query": one.text, "failed": one.failed,
                 "lossy": list(one.lossy)} for one in found]  # fmt: skip
        print(json.dumps({"schema_version": SCHEMA_VERSION, "target": to, "format": form, "queries": rows},
                         ensure_ascii=False))  # fmt: skip
        raise typer.Exit(EXIT_FAILED if bad or not found else EXIT_OK)
    for one in found:
        if one.failed:
            tell(f"{one.rule_id}: {one.source}: {one.failed}", err=True)
            continue
        tell(f"# {one.rule_id}  {one.source}\n{one.text}" if form == "default" else one.text)
        if one.lossy:
            fields = ", ".join(one.lossy)
            tell(say(f"{one.rule_id}: {one.source}: không chuyển trọn: {fields}",
                      f"{one.rule_id}: {one.source}: not wholly carried over: {fields}"), err=True)  # fmt: skip
    if len(bad) < len(found):
        tell(say("Lưu ý: trường keyword trong Kibana phân biệt chữ hoa, chữ thường; luật Sigma thì không.",
                  "Note: keyword fields in Kibana keep upper and lower case apart; a Sigma rule does not."),
              err=True)  # fmt: skip
    raise typer.Exit(EXIT_FAILED if bad or not found else EXIT_OK)
