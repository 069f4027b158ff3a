"""Correlations over the stream: thresholds, windows, groups, lateness, bounds, snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from correlator.engine import Engine
from correlator.engine.correlations import Correlator, Fired
from sensors.event import Event

BASE = """title: Base {0}
name: {0}
id: 51111111-2222-4333-8444-{1:012}
logsource: {{product: luytre, service: unit}}
detection:
  sel: {{kind: {0}}}
  condition: sel
---
"""
RULES = {name: f"51111111-2222-4333-8444-{number:012}" for number, name in enumerate(("fail", "ok", "third"), 1)}


def engine(folder: Path, correlation: str) -> Engine:
    text = "".join(BASE.format(name, number) for number, name in enumerate(RULES, 1))
    text += (
        f"title: The correlation\nid: 61111111-2222-4333-8444-555555555555\nlevel: high\ncorrelation:\n{correlation}"
    )
    (folder / "correlation_rules.yml").write_text(text)
    loaded = Engine.load([folder])
    assert not loaded.refused, loaded.refused
    return loaded


COUNT = "  type: event_count\n  rules: [fail]\n  group-by: [ip]\n  timespan: 60s\n  condition: {gte: 3}\n"
ORDERED = "  type: temporal_ordered\n  rules: [fail, ok]\n  group-by: [ip]\n  timespan: 60s\n"
TEMPORAL = "  type: temporal\n  rules: [fail, ok, third]\n  group-by: [ip]\n  timespan: 60s\n"
VALUES = "  type: value_count\n  rules: [fail]\n  group-by: [ip]\n  timespan: 60s\n  condition: {field: port, gte: 3}\n"


def event(time: float, kind: str = "fail", ip: str | None = "a", number: int = 0, **more: Any) -> tuple[float, Event]:
    fields: Event = {"event": {"dataset": "unit", "id": f"{kind}-{time}-{number}"}, "kind": kind, **more}
    if ip is not None:
        fields["ip"] = ip
    return time, fields


def feed(loaded: Engine, correlator: Correlator, events: Iterable[tuple[float, Event]],
         arrivals: Sequence[float] | None = None) -> list[Fired]:  # fmt: skip
    found: list[Fired] = []
    for number, (time, one) in enumerate(events):
        matched = {match.rule.id: match.view for match in loaded.match(one)}
        found += correlator.feed(one, matched, time, arrivals[number] if arrivals else time)
    return found


def run(folder: Path, correlation: str, events: Iterable[tuple[float, Event]]) -> list[Fired]:
    loaded = engine(folder, correlation)
    return feed(loaded, Correlator(loaded.correlations), events)


def test_the_completing_event_fires_and_the_window_is_used_up(tmp_path: Path) -> None:
    found = run(tmp_path, COUNT, [event(t) for t in (0, 10, 20, 30, 40, 50)])
    assert [fired.event["event"]["id"] for fired in found] == ["fail-20-0", "fail-50-0"]
    assert [fired.count for fired in found] == [3, 3]
    assert found[0].group == {"ip": "a"}


@pytest.mark.parametrize(("last", "fires"), [(60, True), (60.001, False)])
def test_a_window_is_closed_at_both_ends_and_no_border_splits_it(last: float, fires: bool, tmp_path: Path) -> None:
    for start in (0.0, 59.0, 3599.5, 1_770_000_000.9):
        found = run(tmp_path, COUNT, [event(start), event(start + 30), event(start + last)])
        assert bool(found) is fires


def test_groups_are_apart_and_agencies_never_mix(tmp_path: Path) -> None:
    assert not run(tmp_path, COUNT, [event(0), event(1), event(2, ip="b")])
    a, b = {"organization": {"id": "xa-a"}}, {"organization": {"id": "xa-b"}}
    assert not run(tmp_path, COUNT, [event(0, **a), event(1, **a), event(2, **b)])


def test_an_event_without_the_group_field_is_counted_not_grouped(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations)
    assert not feed(loaded, correlator, [event(t, ip=None) for t in range(5)])
    assert next(iter(correlator.counters().values()))["ungrouped"] == 5


def test_values_are_counted_once(tmp_path: Path) -> None:
    assert not run(tmp_path, VALUES, [event(t, port=80) for t in range(10)])
    (fired,) = run(tmp_path, VALUES, [event(0, port=80), event(1, port=80), event(2, port=81), event(3, port=82)])
    assert (fired.values, fired.count) == (3, 4)
    assert not run(tmp_path, VALUES, [event(0, port=80), event(50, port=81), event(100, port=82)])


def test_temporal_in_any_order_ordered_only_in_order(tmp_path: Path) -> None:
    assert run(tmp_path, TEMPORAL, [event(0, "third"), event(5, "ok"), event(9, "fail")])
    assert not run(tmp_path, TEMPORAL, [event(0, "third"), event(5, "ok"), event(61, "fail")])
    assert run(tmp_path, ORDERED, [event(0, "fail"), event(5, "ok")])
    assert not run(tmp_path, ORDERED, [event(0, "ok"), event(5, "fail")])
    # the later event arrives first
    assert run(tmp_path, ORDERED, [event(5, "ok"), event(0, "fail")])


def test_a_correlation_over_a_correlation(tmp_path: Path) -> None:
    chain = (
        COUNT.rstrip()
        + """
name: many
---
title: Many failures, then a success
id: 71111111-2222-4333-8444-555555555555
level: critical
correlation:
  type: temporal_ordered
  rules: [many, ok]
  group-by: [ip]
  timespan: 5m
"""
    )
    loaded = engine(tmp_path, chain)
    assert [made.silent for made in loaded.correlations] == [True, False]
    found = feed(loaded, Correlator(loaded.correlations), [event(0), event(1), event(2), event(9, "ok")])
    assert [fired.correlation.about.level for fired in found] == ["high", "critical"]
    assert not list(feed(loaded, Correlator(loaded.correlations), [event(0), event(1), event(9, "ok")]))


def test_aliases_join_different_fields(tmp_path: Path) -> None:
    text = """  type: temporal
  rules: [fail, ok]
  group-by: [who]
  timespan: 10s
  aliases:
    who: {fail: from_ip, ok: to_ip}
"""
    assert run(tmp_path, text, [event(0, "fail", from_ip="x", to_ip="y"), event(1, "ok", from_ip="z", to_ip="x")])
    assert not run(tmp_path, text, [event(0, "fail", from_ip="x"), event(1, "ok", from_ip="x", to_ip="z")])


@pytest.mark.parametrize(("condition", "count", "fires"), [
    ("{gt: 2}", 3, True), ("{gt: 3}", 3, False), ("{gt: 1, lte: 3}", 3, True), ("{gt: 1, lte: 3}", 4, False),
    ("{lt: 3}", 2, True), ("{lt: 3}", 3, False), ("{eq: 2}", 2, True), ("{eq: 2}", 3, False), ("{neq: 2}", 3, True),
])  # fmt: skip
def test_conditions_with_an_upper_bound_are_judged_when_the_window_is_over(condition: str, count: int, fires: bool,
                                                                           tmp_path: Path) -> None:  # fmt: skip
    loaded = engine(tmp_path, COUNT.replace("{gte: 3}", condition))
    correlator = Correlator(loaded.correlations, lateness_s=10)
    found = feed(loaded, correlator, [event(t) for t in range(count)])
    found += correlator.tick(60)
    early = len(found)
    found += correlator.tick(200)
    assert bool(found) is fires
    if "l" in condition or "eq" in condition:
        assert early == 0
    assert not correlator.tick(400)


def test_a_backlog_that_arrives_hours_later_is_not_lost(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations, lateness_s=300)
    now = [event(100_000 + t, ip="b") for t in range(50)]
    late = [event(10 * t) for t in range(3)]
    found = feed(loaded, correlator, now + late, [100_000.0 + n for n in range(53)])
    assert any(fired.group == {"ip": "a"} for fired in found)


def test_an_event_from_the_future_does_not_push_the_others_out(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations, lateness_s=60)
    events = [event(0), event(1), event(4e9), event(2)]
    assert feed(loaded, correlator, events, [0.0, 1.0, 2.0, 3.0])


def test_memory_is_bounded_and_evictions_are_counted(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations, groups_limit=100)
    feed(loaded, correlator, [event(t / 1000, ip=f"ip-{t}") for t in range(1000)])
    counters = next(iter(correlator.counters().values()))
    assert counters["groups"] <= 100
    assert counters["entries"] <= 100
    assert counters["evicted"] >= 900


def test_idle_groups_are_forgotten(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations, lateness_s=60)
    feed(loaded, correlator, [event(t, ip=f"ip-{t}") for t in range(10)])
    correlator.tick(9 + 60 + 60)
    assert next(iter(correlator.counters().values()))["groups"] == 1
    correlator.tick(1000)
    assert next(iter(correlator.counters().values()))["groups"] == 0


def test_a_snapshot_is_taken_over_only_by_the_same_correlation(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    first = Correlator(loaded.correlations)
    feed(loaded, first, [event(0), event(1)])
    second = Correlator(loaded.correlations)
    second.restore(first.snapshot())
    assert feed(loaded, second, [event(2)])
    other = engine(tmp_path, COUNT.replace("60s", "90s"))
    third = Correlator(other.correlations)
    third.restore(first.snapshot())
    assert not feed(other, third, [event(2)])
