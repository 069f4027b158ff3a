"""`luytre rules test`: each rule's own `tests:` through the real engine.

In:  files and folders; without any, the shipped rules (and the node's, with --config). Out: a line a failed test.
Exit 0 when all hold, 1 when one fails or a rule without a hit and a near miss is among them. Imported rules mostly come
without tests, and some are refused: that is counted, and no failure, unless they were named.
"""

from __future__ import annotations

import json

import typer

from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Paths, known, node, of_others, places, say, tell
from correlator.engine.testing import run_tests
from sensors.errors import EXIT_FAILED, EXIT_OK


def command(paths: Paths = None, as_json: AsJson = False, config: At = None) -> None:
    """Chạy các phép thử nằm trong từng luật qua bộ máy thật."""
    rules, pipelines = places(paths, config)
    outcomes = run_tests(rules, pipelines, known(node(config)))
    others = [] if paths else [one for one in outcomes if not one.ok and not one.name and of_others(one.path)]
    bad = [one for one in outcomes if not one.ok and one not in others]
    told = len({one.rule_id for one in outcomes})
    if as_json:
        failed = [{"path": one.path, "line": one.line, "rule_id": one.rule_id, "title": one.title, "test": one.name,
                   "wanted": one.wanted, "got": one.got, "reason": one.reason} for one in bad]  # fmt: skip
        print(json.dumps({"schema_version": SCHEMA_VERSION, "rules": told, "tests": len(outcomes), "failed": failed,
                          "untested": len(others)},
                         ensure_ascii=False))  # fmt: skip
        raise typer.Exit(EXIT_FAILED if bad or not outcomes else EXIT_OK)
    for one in bad:
        got = one.reason or say(f"cần {one.wanted}, được {one.got}", f"wanted {one.wanted}, got {one.got}")
        tell(f"{one.path}:{one.line}: {one.title}: {one.name or '-'}: {got}")
    if others:
        tell(say(f"{len(others)} luật nhập không có phép thử hoặc bị từ chối",
                  f"{len(others)} imported rules without tests, or refused"))  # fmt: skip
    tell(say(f"{told} luật, {len(outcomes)} phép thử, {len(bad)} không đạt",
              f"{told} rules, {len(outcomes)} tests, {len(bad)} failed"))  # fmt: skip
    raise typer.Exit(EXIT_FAILED if bad or not outcomes else EXIT_OK)
