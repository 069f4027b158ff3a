"""`luytre rules list`: the rules that run, those that were refused and why, and what this agency changed of them."""

from __future__ import annotations

import json
import time
from collections import Counter

import typer

from api.node.cli import language
from api.node.rulework import imported
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Paths, known, node, places, say, tell
from correlator import tuning
from correlator.engine import Correlation, Engine, Rule
from sensors.errors import EXIT_FAILED, EXIT_OK


def command(paths: Paths = None, as_json: AsJson = False, config: At = None) -> None:
    """Liệt kê luật đang chạy và luật bị từ chối kèm lý do."""
    rules, pipelines = places(paths, config)
    mine = None if paths else node(config)
    tuned = tuning.read(tuning.tuning_path(mine), time.time()) if mine else tuning.Tuning()
    engine = Engine.load(rules, pipelines, adjust=tuned.adjust, cache=known(mine))
    sets = imported.sets(tuning.tuning_path(mine).parent) if mine else []
    count: Counter[str] = Counter()
    found: list[Rule | Correlation] = [*engine.rules, *engine.correlations]
    found.sort(key=lambda rule: (rule.about.path, rule.about.line))
    refused = [one._asdict() for one in engine.refused]
    if as_json:
        rows = [{"id": rule.id, "title": dict(rule.about.titles) or {"en": rule.about.title},
                 "level": rule.about.level, "silent": rule.silent, "path": rule.about.path, "line": rule.about.line,
                 "tags": list(rule.about.tags), "state": "running"} for rule in found]  # fmt: skip
        body = {"schema_version": SCHEMA_VERSION, "rules": tuning.with_tuning(rows, tuned), "sets": sets,
                "refused": refused, "waiting": [one._asdict() for one in engine.waiting],
                "tuning": tuned.report()}  # fmt: skip
        print(json.dumps(body, ensure_ascii=False))
        raise typer.Exit(EXIT_FAILED if engine.refused else EXIT_OK)
    off = {one.about.id for one in tuned.disabled}
    for rule in found:
        about = rule.about
        if rule.id in off:
            continue
        count["silent" if rule.silent else "told"] += 1
        level = say("(đếm)", "(counted)") if rule.silent else about.level
        changed = tuned.levels.get(about.id)
        tell(
            f"{about.id}  {level:<13} {about.titles.get(language()) or about.title}"
            + (_why(changed) if changed else "")
        )
    for one in tuned.disabled:
        title = one.about.titles.get(language()) or one.about.title
        tell(f"{one.about.id}  {say('(tắt)', '(off)'):<13} {title}{_why(one)}")
    for fault in tuned.told():
        place = f"{tuned.path}:{fault.line}" if fault.line else str(tuned.path)
        tell(f"{place}: {fault.code}: {fault.rule_id} {fault.reason}", err=True)
    for bad in (*engine.waiting, *engine.refused):
        tell(f"{bad.path}:{bad.line}: {bad.code}: {bad.reason}", err=True)
    told, silent, no, out = count["told"], count["silent"], len(engine.refused), len(tuned.disabled)
    for one_set in sets:
        version = one_set["version"][:12] or "-"
        tell(say(f"bộ {one_set['name']}: {one_set['files']} tệp, bản {version}, nhập {one_set['imported'][:10]}",
                  f"set {one_set['name']}: {one_set['files']} files, version {version}, of {one_set['imported'][:10]}"),
              )  # fmt: skip
    more = say(f", {out} đã tắt", f", {out} off") if out else ""
    tell(say(f"{told} luật, {silent} luật chỉ để đếm, {no} bị từ chối",
              f"{told} rules, {silent} only counted by others, {no} refused") + more)  # fmt: skip
    raise typer.Exit(EXIT_FAILED if engine.refused else EXIT_OK)


def _why(one: tuning.Changed) -> str:
    entry = one.entry
    before = say(f"mức gốc {one.level_before}, ", f"was {one.level_before}, ") if entry.enabled else ""
    return say(f"  [{before}đến hết {entry.until}, {entry.owner}: {entry.reason}]",
               f"  [{before}until {entry.until}, {entry.owner}: {entry.reason}]")  # fmt: skip
