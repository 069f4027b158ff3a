"""`luytre rules list`: the rules that run, those that were refused and why, and what this agency changed of them."""

from __future__ import annotations

import json
import sys
from collections import Counter

import typer

from api.node.cli import language
from api.node.rulework.places import SCHEMA_VERSION, AsJson, At, Paths, places, say
from correlator.engine import Correlation, Engine, Rule
from sensors.errors import EXIT_FAILED, EXIT_OK


def command(paths: Paths = None, as_json: AsJson = False, config: At = None) -> None:
    """Liệt kê luật đang chạy và luật bị từ chối kèm lý do."""
    rules, pipelines = places(paths, config)
    engine = Engine.load(rules, pipelines)
    count: Counter[str] = Counter()
    found: list[Rule | Correlation] = [*engine.rules, *engine.correlations]
    found.sort(key=lambda rule: (rule.about.path, rule.about.line))
    refused = [one._asdict() for one in engine.refused]
    if as_json:
        rows = [{"id": rule.id, "title": dict(rule.about.titles) or {"en": rule.about.title},
                 "level": rule.about.level, "silent": rule.silent, "path": rule.about.path, "line": rule.about.line,
                 "tags": list(rule.about.tags)} for rule in found]  # fmt: skip
        print(json.dumps({"schema_version": SCHEMA_VERSION, "rules": rows, "refused": refused}, ensure_ascii=False))
        raise typer.Exit(EXIT_FAILED if engine.refused else EXIT_OK)
    for rule in found:
        about = rule.about
        count["silent" if rule.silent else "told"] += 1
        level = say("(đếm)", "(counted)") if rule.silent else about.level
        print(f"{about.id}  {level:<13} {about.titles.get(language()) or about.title}")
    for one in engine.refused:
        print(f"{one.path}:{one.line}: {one.code}: {one.reason}", file=sys.stderr)
    told, silent, no = count["told"], count["silent"], len(engine.refused)
    print(say(f"{told} luật, {silent} luật chỉ để đếm, {no} bị từ chối",
              f"{told} rules, {silent} only counted by others, {no} refused"))  # fmt: skip
    raise typer.Exit(EXIT_FAILED if engine.refused else EXIT_OK)
