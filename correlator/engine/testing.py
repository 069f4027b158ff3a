"""The tests that a rule carries, run through the real engine: `luytre rules test`.

In:  paths of rules (and pipelines). Out: one `Outcome` per test; a rule without a hit and a near miss has one that says
so (but not one that only correlations read: it is tested through them).
Each test stands alone: its events go through a pipeline of all loaded rules, in order, and the rule's own hits are
counted (for a rule that only correlations read: its matches).

    tests:
      - name: forty failures, then a log-in
        hit: true            # or a number of hits; false: a near miss
        events:
          - {repeat: 40, every_s: 3, event.dataset: system.auth, source.ip: 203.0.113.5, source.port: "{n}", …}
          - {"@timestamp": 2026-01-01T00:05:00Z, …}

Events are ECS, dotted or nested. `repeat` and `every_s` write an event out several times, "{n}" becomes its number. An
event without `@timestamp` happens one second (or `every_s`) after the one before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from correlator.config import shared
from correlator.engine.cache import Cache
from correlator.engine.engine import Engine
from correlator.engine.rule import Correlation, Rule
from correlator.pipeline import Pipeline
from correlator.records import as_event
from sensors.clock import ManualClock, parse_rfc3339, rfc3339
from sensors.event import Event, get, put

START = "2026-01-01T00:00:00Z"
EVENTS_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    path: str
    line: int
    rule_id: str
    title: str
    name: str
    wanted: str
    got: int
    ok: bool
    reason: str = ""


def run_tests(paths: Iterable[Path], pipelines: Iterable[Path] = (), cache: Cache | None = None) -> list[Outcome]:
    """The outcomes of all tests in these files, refused rules first."""
    engine = Engine.load(list(paths), list(pipelines) or [shared("rules/pipelines")], cache=cache)
    found = [Outcome(one.path, one.line, one.rule_id, one.title, "", "a rule", 0, False, f"{one.code}: {one.reason}")
             for one in engine.refused]  # fmt: skip
    rules: list[Rule | Correlation] = [*engine.rules, *engine.correlations]
    for rule in rules:
        found += _of_rule(engine, rule)
    return found


def _of_rule(engine: Engine, rule: Rule | Correlation) -> Iterator[Outcome]:
    about = rule.about

    def outcome(name: str, wanted: str, got: int, ok: bool, reason: str = "") -> Outcome:
        return Outcome(about.path, about.line, about.id, about.title, name, wanted, got, ok, reason)

    kinds = set()
    for number, test in enumerate(about.tests):
        if not isinstance(test, dict) or "hit" not in test or not isinstance(test.get("events"), list):
            yield outcome(f"tests[{number}]", "", 0, False, "a test has `name`, `hit` and `events`")
            continue
        wanted = test["hit"]
        kinds.add(bool(wanted))
        name = str(test.get("name") or f"tests[{number}]")
        try:
            got, poison = _count(engine, rule, list(events(test["events"])))
        except (TypeError, ValueError, AttributeError) as error:
            yield outcome(name, str(wanted), 0, False, f"{type(error).__name__}: {error}")
            continue
        ok = (got > 0 if wanted is True else got == int(wanted)) and not poison
        yield outcome(name, str(wanted).lower(), got, ok, poison)
    if kinds != {True, False} and not rule.silent:  # what only correlations read is tested through them
        yield outcome("", "a hit and a near miss", len(about.tests), False, "a rule needs a hit and a near miss")


def _count(engine: Engine, rule: Rule | Correlation, given: Sequence[Event]) -> tuple[int, str]:
    if isinstance(rule, Rule) and rule.silent:
        return sum(match.rule.id == rule.id for event in given for match in engine.match(event)), ""
    pipeline = Pipeline(engine, clock=ManualClock(), lateness_s=float("inf"))
    hits = [*pipeline.feed(given), *pipeline.finish()]
    poison = pipeline.poison[0]["error"] if pipeline.poison else ""
    return sum(hit["rule"]["id"] == rule.id for hit in hits), poison


def events(given: Sequence[Any]) -> Iterator[Event]:
    """The events of a test, written out."""
    now, number = parse_rfc3339(START) or 0.0, 0
    for item in given:
        if not isinstance(item, Mapping):
            raise TypeError("an event is a mapping of fields")
        fields = dict(item)
        times, every = int(fields.pop("repeat", 1)), float(fields.pop("every_s", 1))
        for index in range(times):
            number += 1
            if number > EVENTS_LIMIT:
                raise ValueError(f"over {EVENTS_LIMIT} events")
            event = _event(fields, index)
            stamp = parse_rfc3339(str(event.get("@timestamp"))) if event.get("@timestamp") else None
            now = now + every if stamp is None or index else stamp
            event["@timestamp"] = rfc3339(now)
            if get(event, "event.id") is None:
                put(event, "event.id", f"test-{number}")
            yield event


def _event(fields: Mapping[str, Any], index: int) -> Event:
    event: Event = {}
    for path, value in fields.items():
        _put(event, str(path), value, index)
    return as_event(event) or event


def _put(event: Event, path: str, value: Any, index: int) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _put(event, f"{path}.{key}", inner, index)
        if not value:
            put(event, path, {})
        return
    put(event, path, _value(value, index))


def _value(value: Any, index: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(index))
    if isinstance(value, dt.datetime):  # YAML reads times by itself
        return rfc3339(value if value.tzinfo else value.replace(tzinfo=dt.UTC))
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        return [_value(inner, index) for inner in value]
    return value
