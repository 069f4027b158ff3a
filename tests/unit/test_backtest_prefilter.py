"""The prefilter never asks what an event that the rule matches could fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.casework import fold
from correlator.backtest import tally
from correlator.backtest.prefilter import PART_LIMIT, TERMS_LIMIT, narrow, size
from correlator.engine import Engine
from correlator.engine.sources import load, read
from correlator.store.base import All, And, Exists, Is, Node, Or, Range
from correlator.store.query import check

PIPELINE = """name: t
priority: 10
defaults:
  prefixes: [winlog.event_data.]
  fields: {EventID: winlog.event_id, Level: [log.level], Both: {all: [user.name, user.domain]}}
  values: {Level: {high: High}}
sources:
  - {name: w, when: {winlog.channel: System}, logsource: {product: windows, category: file_event}}
"""
ROUTE = Is("winlog.channel", "system")
ID = Or((Is("winlog.event_id", "1"), Is("winlog.event_id", "1.0"), Is("winlog.event_data.EventID", "1"),
         Is("EventID", "1")))  # fmt: skip


def asked(
    folder: Path, detection: str, source: str = "{product: windows, category: file_event}", *, quick: bool = False
) -> Node:
    (folder / "p.yaml").write_text(PIPELINE)
    (folder / "r.yml").write_text("title: Rule\nid: e5555555-2222-4333-8444-555555555555\nlevel: low\n"
                                  f"logsource: {source}\ndetection: {detection}\n")  # fmt: skip
    engine = Engine.load([folder / "r.yml"], [folder / "p.yaml"])
    assert not engine.refused
    found = narrow(engine.rules, load(read([folder / "p.yaml"])), quick=quick)
    check(found)  # the stores take it
    return found


@pytest.mark.parametrize(("detection", "sure", "quick"), [
    ("{s: {EventID: 1}, condition: s}", And((ROUTE, ID)), And((ROUTE, ID))),
    ("{s: {EventID: 1}, f: {EventID: 2}, condition: s and not f}", And((ROUTE, ID)), And((ROUTE, ID))),
    ("{f: {EventID: 2}, condition: not f}", ROUTE, ROUTE),
    ("{s: {Level: High}, condition: s}", ROUTE, ROUTE),  # translated: another word stands there
    ("{s: {Both: a}, condition: s}", ROUTE, ROUTE),  # of two places
    ("{s: {Image: 'C:\\\\Đường'}, condition: s}", ROUTE, None),  # case outside ASCII differs between programs
    ("{s: {Image: null}, condition: s}", ROUTE, ROUTE),
    ("{s: {Image|re: 'a.*'}, condition: s}", ROUTE, None),
    ("{s: {ScriptBlockText|contains: iex}, condition: s}", ROUTE, ROUTE),  # longer than an index keeps
    ("{s: [word], condition: s}", ROUTE, ROUTE),
    ("{s: {Image|fieldref: Other}, condition: s}", ROUTE, ROUTE),
    ("{s: {EventID: 1}, t: {Image|contains: x}, condition: s or t}", ROUTE, None),
])  # fmt: skip
def test_what_is_asked(detection: str, sure: Node, quick: Node | None, tmp_path: Path) -> None:
    assert asked(tmp_path, detection) == sure
    if quick is not None:
        assert asked(tmp_path, detection, quick=True) == quick


def test_quick_asks_patterns_and_presence(tmp_path: Path) -> None:
    found = asked(tmp_path, "{s: {Image|endswith: '\\\\a*b?.exe'}, condition: s}", quick=True)
    paths = ("winlog.event_data.Image", "Image")
    assert found == And((ROUTE, Or(tuple(Is(path, "*\\\\a*b?.exe", wildcard=True) for path in paths))))
    found = asked(tmp_path, "{s: {user.name|exists: true}, condition: s}", "{product: luytre, service: X}", quick=True)
    assert found == And((Is("event.dataset", "x"), Exists("user.name")))


@pytest.mark.parametrize(("test", "wanted"), [
    ("source.port|gte: 5", Range("source.port", low=5)), ("source.port|lt: 5", Range("source.port", high=6)),
    ("source.ip|cidr: 10.0.0.0/8", Is("source.ip", "10.0.0.0/8")), ("source.ip: nonsense", None),
    ("source.port: x", None), ("source.port: 80", Is("source.port", 80)), ("message: hello", None),
    ("source.port|neq: 5", None),
])  # fmt: skip
def test_kinds_of_fields(test: str, wanted: Node | None, tmp_path: Path) -> None:
    found = asked(tmp_path, f"{{s: {{{test}}}, condition: s}}", "{product: luytre, service: x}")
    assert found == (And((Is("event.dataset", "x"), wanted)) if wanted else Is("event.dataset", "x"))


def test_it_stays_within_what_the_stores_take(tmp_path: Path) -> None:
    many = ", ".join(f"'v{number}'" for number in range(PART_LIMIT + 1))
    assert asked(tmp_path, f"{{s: {{user.name: [{many}]}}, condition: s}}", "{product: luytre, service: x}") == Is(
        "event.dataset", "x")  # fmt: skip
    some = ", ".join(f"'v{number}'" for number in range(90))
    parts = ", ".join(f"s{n}: {{user.name: [{some}], host.name: [{some}]}}" for n in range(6))
    found = asked(tmp_path, f"{{{parts}, condition: all of s*}}", "{product: luytre, service: x}")
    assert size(found) <= TERMS_LIMIT
    assert asked(tmp_path, "{s: {user.name: a}, condition: s}", "{category: nothing_known}") == All()


def test_an_alert_is_what_casework_makes_of_hits() -> None:
    assert tally.QUIET_S == fold.QUIET_S
