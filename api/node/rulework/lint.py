"""`luytre rules lint`: what is wrong or doubtful, by the engine, by our lints (lints.py) and by sigma-cli's checks.

In:  files and folders; without any, the node's rules (or the shipped ones). Out: a line a finding, errors first; rules
of others (under rules/imported/) as counts, unless they were named. With a node: fields that never occur in its data.
`--attack FILE`: techniques against ATT&CK on disk; sigma-cli's own two tag checks download, so they are left out.
Exit 0, or 1 when there is an error (with --strict: a warning too).
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from api.node.cli import language
from api.node.rulework import attack, lints, occurring, sigma_cli
from api.node.rulework.check import words
from api.node.rulework.lints import Finding, Origin
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Paths, exist, node, of_others, places, say, tell
from correlator.config import shared
from correlator.engine import Correlation, Engine, Rule
from correlator.engine import sources as routing
from correlator.engine.load import files as rule_files
from correlator.store import open_reader
from correlator.store.base import Scope
from sensors.config import Config, NodeTable
from sensors.errors import EXIT_FAILED, EXIT_OK, Unavailable

SHOWN = 20
ORDER = {"error": 0, "warning": 1, "note": 2}


def command(
    paths: Paths = None,
    attack_file: Annotated[Path | None, typer.Option("--attack", help="ATT&CK: bó STIX hoặc JSON / bundle")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="không hỏi kho sự kiện / leave the store out")] = False,
    no_sigma: Annotated[bool, typer.Option("--no-sigma", help="không chạy sigma-cli / leave sigma-cli out")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="cảnh báo cũng là lỗi / warnings fail too")] = False,
    as_json: AsJson = False,
    config: At = None,
) -> None:
    """Soát luật: lỗi, bộ lọc ngược, thiếu phép thử, thiếu tiếng Việt, trường không bao giờ xuất hiện."""
    rules, pipelines = places(paths, config)
    named = frozenset(path.resolve() for path in paths or ())
    engine = Engine.load(rules, pipelines)
    found = [
        Finding(one.code, "error" if _origin(one.path, named) != "imported" else "warning", one.path, one.line,
                one.rule_id, one.reason, one.reason)
        for one in engine.refused
    ]  # fmt: skip
    every: list[Rule | Correlation] = [*engine.rules, *engine.correlations]
    for one in every:
        found += lints.of_rule(one, _origin(one.about.path, named))
    for file in rule_files(rules):
        found += lints.of_file(file)
    if attack_file is not None:
        exist(attack_file)
        known = {one.id: one.tactics for one in attack.techniques(attack_file).values()}
        for one in every:
            found += lints.of_tags(one, known)
    found += _unrouted(engine)
    mine = node(config)
    unasked = "" if no_store or mine is None else _store(mine, engine, pipelines, found)
    checked = (
        None if no_sigma else _sigma([file for file in rule_files(rules) if _origin(str(file), named) != "imported"])
    )
    found.sort(key=lambda one: (ORDER[one.severity], one.path, one.line, one.code))
    counts = Counter(one.severity for one in found)
    bad = counts["error"] or (strict and counts["warning"]) or (checked is not None and checked[0])
    if as_json:
        print(json.dumps({
            "schema_version": SCHEMA_VERSION, "rules": len(every),
            "findings": [dataclasses.asdict(one) for one in found],
            "sigma_cli": None if checked is None else {"ok": not checked[0], "text": checked[1]}, "store": unasked,
        }, ensure_ascii=False))  # fmt: skip
        raise typer.Exit(EXIT_FAILED if bad else EXIT_OK)
    _print(found, named)
    if unasked:
        tell(unasked)
    if checked is not None and checked[0]:
        tell(checked[1])
    tell(say(f"{len(every)} luật: {counts['error']} lỗi, {counts['warning']} cảnh báo, {counts['note']} ghi chú",
              f"{len(every)} rules: {counts['error']} errors, {counts['warning']} warnings, {counts['note']} notes"),
          )  # fmt: skip
    raise typer.Exit(EXIT_FAILED if bad else EXIT_OK)


def _origin(path: str, named: frozenset[Path]) -> Origin:
    whole = Path(path).resolve()
    if whole.is_relative_to(shared("rules").resolve()):
        return "shipped"
    if of_others(path) and not any(whole.is_relative_to(one) for one in named):
        return "imported"
    return "own"


def _unrouted(engine: Engine) -> list[Finding]:
    return [
        Finding("LT-R0507", "warning", one.about.path, one.about.line, one.id,
                f"không tệp ánh xạ nào biết nguồn {one.logsource}: luật chờ dữ liệu không thể tới",
                f"no pipeline knows {one.logsource}: the rule waits for data that cannot come")
        for one in engine.unrouted
    ]  # fmt: skip


def _store(config: Config, engine: Engine, pipelines: list[Path], found: list[Finding]) -> str:
    """What was not asked, in words."""
    scope = Scope(frozenset({config.table("node", NodeTable).agency}))
    unrouted = {one.id for one in engine.unrouted}
    try:
        reader = open_reader(config)
    except (Unavailable, OSError) as error:
        return say(f"kho sự kiện không trả lời: {error}", f"the store does not answer: {error}")
    try:
        asking = occurring.Occurring(reader, scope, time.time())
        rules = [one for one in engine.rules if one.id not in unrouted]
        found += occurring.of_rules(rules, routing.load(routing.read(pipelines)), asking)
    except Unavailable as error:
        return say(f"kho sự kiện không trả lời: {error}", f"the store does not answer: {error}")
    finally:
        reader.close()
    return say("chưa hỏi kho về mọi trường", "the store was not asked about every field") if asking.beyond else ""


def _sigma(files: list[Path]) -> tuple[bool, str] | None:
    if not files:
        return None
    with sigma_cli.copies(files) as (stage, made):
        said = sigma_cli.run(words(str(stage)), made)
    return said.code != 0, (said.out + said.err).strip()


def _print(found: list[Finding], named: frozenset[Path]) -> None:
    marks = {"error": say("lỗi", "error"), "warning": say("cảnh báo", "warning"), "note": say("ghi chú", "note")}
    others: Counter[tuple[str, str]] = Counter()
    silent: Counter[str] = Counter()  # a source without events: one line, however many rules wait for it
    for one in found:
        if one.severity == "note" and one.code == "LT-R0507":
            silent[one.vi if language() == "vi" else one.en] += 1
            continue
        if _origin(one.path, named) == "imported" and one.severity != "error":
            others[one.severity, one.code] += 1
            continue
        place = os.path.relpath(one.path) if Path(one.path).is_relative_to(Path.cwd()) else one.path
        tell(f"{place}:{one.line}: {marks[one.severity]}[{one.code}]: {one.vi if language() == 'vi' else one.en}")
    for text, count in silent.most_common(SHOWN):
        tell(f"{marks['note']}[LT-R0507]: {text} " + say(f"({count} luật)", f"({count} rules)"))
    if len(silent) > SHOWN:
        tell(f"{marks['note']}[LT-R0507]: … {len(silent) - SHOWN}")
    for (severity, code), count in others.most_common():
        tell(
            say(f"luật nhập: {count} {marks[severity]} [{code}]", f"imported rules: {count} {marks[severity]} [{code}]")
        )
