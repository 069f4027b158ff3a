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


MANY = (
    COUNT.rstrip()
    + """
name: many
---
title: Again and again
id: 71111111-2222-4333-8444-555555555555
correlation: {type: event_count, rules: [many], group-by: [ip], timespan: 1h, condition: {gte: 2}}
"""
)


def test_late_events_move_what_the_correlations_above_are_told(tmp_path: Path) -> None:
    loaded = engine(tmp_path, MANY)
    first = Correlator(loaded.correlations)
    # 10, 11, 12 is one; then 8, 9, 10 is it, and 11, 12 wait for a third
    found = feed(loaded, first, [event(t) for t in (10, 11, 12, 9, 8)], [20.0] * 5)
    assert [fired.correlation.about.title for fired in found] == ["The correlation"]
    second = Correlator(loaded.correlations)
    second.restore(first.snapshot())
    found = feed(loaded, second, [event(7), event(13)], [20.0] * 2)
    assert [fired.correlation.about.title for fired in found] == ["The correlation", "Again and again"]
    assert found[0].event_ids == ["fail-7-0", "fail-8-0", "fail-9-0"]


def test_a_late_success_is_still_after_the_failures_that_came_before_it(tmp_path: Path) -> None:
    """Out of order, the third failure known is the last; what is told then would be after the success."""
    login = MANY.replace("type: event_count, rules: [many]", "type: temporal_ordered, rules: [many, ok]")
    login = login.replace(", condition: {gte: 2}}", "}")
    loaded = engine(tmp_path, login)
    order = [event(5, "ok"), event(9), event(8), event(7), event(3), event(2), event(1)]
    found = feed(loaded, Correlator(loaded.correlations), order, [20.0] * 7)
    assert [fired.correlation.about.title for fired in found] == ["The correlation", "The correlation",
                                                                  "Again and again"]  # fmt: skip


def test_what_waits_for_a_correlation_that_is_judged_late_is_kept_as_long(tmp_path: Path) -> None:
    text = """  type: value_avg
  rules: [fail]
  group-by: [ip]
  timespan: 10m
  condition: {field: size, gte: 1}
name: high
---
title: Then a success
correlation: {type: temporal_ordered, rules: [high, ok], group-by: [ip], timespan: 10s}
"""
    loaded = engine(tmp_path, text)
    correlator = Correlator(loaded.correlations, lateness_s=10)
    found = feed(loaded, correlator, [event(0, size=1), event(5, size=1), event(7, "ok")])
    assert not [*found, *correlator.tick(300)]
    assert [fired.correlation.about.title for fired in correlator.tick(700)] == ["The correlation", "Then a success"]


def test_a_window_that_fired_is_let_go_as_a_whole(tmp_path: Path) -> None:
    """Half of it gone, one more late event would make the rest of it count again, or spoil the next one."""
    loaded = engine(tmp_path, COUNT.replace("gte: 3", "gte: 70"))
    correlator = Correlator(loaded.correlations, lateness_s=10)
    given = [event(t * 0.85, number=t) for t in range(70)]
    given += [event(60 + t * 0.27, number=t) for t in range(60)]
    assert len(feed(loaded, correlator, given)) == 1
    (counters,) = correlator.counters().values()
    assert counters["entries"] == 130
    found = feed(loaded, correlator, [event(20.1), *(event(77 + t / 10, number=t) for t in range(10))],
                 [77.0 + t / 10 for t in range(11)])  # fmt: skip
    assert len(found) == 1


def test_more_than_a_group_may_hold_lets_windows_go_that_have_fired(tmp_path: Path) -> None:
    loaded = engine(tmp_path, COUNT)
    correlator = Correlator(loaded.correlations)
    found = feed(loaded, correlator, [event(t / 1000, number=t) for t in range(12_001)])
    assert len(found) == 4000
    (counters,) = correlator.counters().values()
    assert (counters["dropped"], counters["settled"] + counters["entries"]) == (0, 12_001)
    assert counters["entries"] <= 4_200
    assert len(feed(loaded, correlator, [event(11.9), event(12.1)])) == 1


def test_a_negative_number_is_made_up_for(tmp_path: Path) -> None:
    """100 fired and was taken back by what came late: the next 100 in its place are the same alert."""
    text = VALUES.replace("value_count", "value_sum").replace("field: port, gte: 3", "field: size, gte: 100")
    loaded = engine(tmp_path, text)
    correlator = Correlator(loaded.correlations)
    order = [event(10, size=60), event(20, size=40), event(5, size=-50), event(30, size=50)]
    assert [fired.time for fired in feed(loaded, correlator, order, [40.0] * 4)] == [20]
    assert [fired.time for fired in feed(loaded, correlator, [event(40, size=100)])] == [40]


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
