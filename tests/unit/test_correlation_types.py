"""What each correlation type reads, accepts and refuses, and that no value of a stranger can break it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from correlator.engine import Engine
from correlator.engine.correlate.kinds import KINDS
from correlator.engine.correlations import Correlator, Fired
from correlator.pipeline import Pipeline
from sensors.clock import ManualClock
from sensors.event import Event
from tests.unit.test_correlations_stream import BASE, RULES, engine, event, feed

HEAD = "  rules: [fail]\n  group-by: [ip]\n  timespan: 60s\n"


def run(folder: Path, text: str, given: Sequence[tuple[float, Event]]) -> list[Fired]:
    loaded = engine(folder, text)
    correlator = Correlator(loaded.correlations)
    return feed(loaded, correlator, given) + correlator.finish()


def numbers(*values: Any) -> list[tuple[float, Event]]:
    return [event(place, size=value) for place, value in enumerate(values)]


@pytest.mark.parametrize(("kind", "condition", "values", "shown"), [
    ("value_sum", "gt: 100", [40, 60], None),
    ("value_sum", "gt: 100", [40, 60, 0.5], 100.5),
    ("value_sum", "gte: 100", ["40", 60], 100),
    ("value_sum", "gte: 0.3", [0.1, 0.1, 0.1], 0.3),
    ("value_sum", "gte: 100", [[40, 60]], 100),
    ("value_sum", "gte: 10, lt: 20", [15], 15),
    ("value_sum", "gte: 10, lt: 20", [15, 15], None),
    ("value_avg", "gt: 500", [400, 700], 550),
    ("value_avg", "gt: 500", [400, 600], None),
    ("value_avg", "lt: 0.5", [0.25, 0.5], 0.375),
    ("value_median", "gte: 3", [1, 3, 100], 3),
    ("value_median", "eq: 2.5", [1, 2, 3, 4], 2.5),
    ("value_percentile", "percentile: 95, gt: 90", list(range(1, 101)), 95.05),
    ("value_percentile", "percentile: 95, gt: 96", list(range(1, 101)), None),
    ("value_percentile", "percentile: 0, eq: 1", [3, 1, 2], 1),
    ("value_percentile", "percentile: 100, eq: 3", [3, 1, 2], 3),
])  # fmt: skip
def test_figures(kind: str, condition: str, values: list[Any], shown: float | None, tmp_path: Path) -> None:
    found = run(tmp_path, f"  type: {kind}\n{HEAD}  condition: {{field: size, {condition}}}\n",
                [event(place / 10, size=value) for place, value in enumerate(values)])  # fmt: skip
    assert [fired.value for fired in found] == ([] if shown is None else [shown])


def test_a_share_names_the_rare_values(tmp_path: Path) -> None:
    text = f"  type: value_percentile\n{HEAD}  condition: {{field: image, lte: 1}}\n"
    common = [event(place / 10, image="svchost", number=place) for place in range(199)]
    (fired,) = run(tmp_path, text, [*common, event(30, image="odd")])
    assert (fired.which, fired.value, fired.count, fired.event_ids) == (("odd",), 0.5, 1, ["fail-30-0"])
    assert not run(tmp_path, text, [*common[:50], event(30, image="odd")])


def test_several_fields_are_counted_together(tmp_path: Path) -> None:
    text = f"  type: value_count\n{HEAD}  condition: {{field: [host, port], gte: 3}}\n"
    pairs = [("a", 1), ("a", 2), ("b", 1), ("b", None)]
    (fired,) = run(tmp_path, text, [event(t, host=host, port=port) for t, (host, port) in enumerate(pairs)])
    assert fired.values == 3
    assert not run(tmp_path, text, [event(t, host=host, port=1) for t, host in enumerate("abab")])


def test_each_member_of_a_list_is_a_value(tmp_path: Path) -> None:
    text = f"  type: value_count\n{HEAD}  condition: {{field: port, gte: 3}}\n"
    (fired,) = run(tmp_path, text, [event(0, port=[80, 81]), event(1, port=[81, "82"])])
    assert fired.values == 3


@pytest.mark.parametrize(("condition", "kinds", "fires"), [
    ("fail and ok", "ok fail", True), ("fail and ok", "fail fail", False), ("fail or ok", "ok", True),
    ("fail and not ok", "fail", True), ("fail and not ok", "fail ok", False), ("fail and not ok", "ok fail", False),
    ("not ok and fail", "third fail", True), ("(fail or third) and ok", "ok third", True),
    ("not (fail or ok) and third", "third ok", False), ("FAIL and ok", "", None), ("fail and", "", None),
    ("not fail and not ok", "", None), ("fail ok", "", None), ("fail and not fail", "", None),
])  # fmt: skip
def test_extended_conditions(condition: str, kinds: str, fires: bool | None, tmp_path: Path) -> None:
    text = f"  type: temporal\n  group-by: [ip]\n  timespan: 60s\n  condition: {condition}\n"
    if fires is None:
        assert refused(tmp_path, text)
        return
    assert bool(run(tmp_path, text, [event(t, kind) for t, kind in enumerate(kinds.split())])) is fires


@pytest.mark.parametrize(("condition", "kinds", "fires"), [
    ("fail and ok", "ok fail", False), ("fail and ok", "fail third ok", True),
    ("fail and not ok", "ok fail", True), ("fail and not ok", "fail ok", False),
    ("fail and (ok or third)", "fail third", True), ("{gte: 2}", "fail third", True), ("{gte: 2}", "third ok", False),
    ("{gt: 1, lt: 3}", "fail ok", True), ("{gt: 1, lt: 3}", "fail ok third", False),
])  # fmt: skip
def test_ordered_conditions(condition: str, kinds: str, fires: bool, tmp_path: Path) -> None:
    names = "" if condition[0] != "{" else "  rules: [fail, ok, third]\n"
    text = f"  type: temporal_ordered\n{names}  group-by: [ip]\n  timespan: 60s\n  condition: {condition}\n"
    assert bool(run(tmp_path, text, [event(t, kind) for t, kind in enumerate(kinds.split())])) is fires


def test_one_event_can_not_follow_itself(tmp_path: Path) -> None:
    """It matches both rules; only a second one completes the order."""
    rules = BASE.format("first_one", 8).replace("kind: first_one", "kind: x")
    rules += BASE.format("second_one", 9).replace("kind: second_one", "kind: x")
    (tmp_path / "both.yml").write_text(rules + "title: C\ncorrelation:\n  type: temporal_ordered\n  timespan: 1m\n"
                                       "  rules: [first_one, second_one]\n")  # fmt: skip
    loaded = Engine.load([tmp_path])
    assert not loaded.refused
    assert not feed(loaded, Correlator(loaded.correlations), [event(0, "x")])
    (fired,) = feed(loaded, Correlator(loaded.correlations), [event(0, "x"), event(0, "x", number=1)])
    assert fired.count == 2


def test_a_window_that_is_over_feeds_the_correlation_above(tmp_path: Path) -> None:
    chain = f"""  type: value_avg
{HEAD}  condition: {{field: size, gt: 10}}
name: high
---
title: Above
id: 71111111-2222-4333-8444-555555555555
correlation: {{type: event_count, rules: [high], group-by: [ip], timespan: 1h, condition: {{gte: 2}}}}
"""
    found = run(tmp_path, chain, [event(t, size=20) for t in (0, 30, 700, 720)])
    assert [fired.correlation.about.title for fired in found] == ["The correlation", "The correlation", "Above"]
    assert found[-1].group == {"ip": "a"}


def test_chains_of_any_depth_and_diamonds_end(tmp_path: Path) -> None:
    text = f"  type: event_count\n{HEAD}  condition: {{gte: 1}}\nname: c0\n"
    for level in range(1, 60):
        for side in "lr":
            below = "c0" if level == 1 else f"c{level - 1}l, c{level - 1}r"
            text += f"""---
title: Level {level}{side}
name: c{level}{side}
correlation: {{type: event_count, rules: [{below}], group-by: [ip], timespan: 60s, condition: {{gte: 1}}}}
"""
    loaded = engine(tmp_path, text)
    correlator = Correlator(loaded.correlations)
    found = feed(loaded, correlator, [event(0)])
    assert len(found) < 3000
    assert sum(counted["cut"] for counted in correlator.counters().values()) > 0


HOSTILE: list[Any] = [
    float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 10**400, -(10**400), "nan", "inf", "1e999", "12abc", "",
    None, [], {}, [[]], [None, "x"], True, "9" * 5000, {"a": 1}, "\x00", "\ud800",
    [float("nan")] * 1000, "x" * 1_000_000,
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_hostile_values_are_passed_over_and_lose_nothing(kind: str, tmp_path: Path) -> None:
    field = "field: size, " if KINDS[kind].field else ""
    names = "[fail, ok]" if not KINDS[kind].condition else "[fail]"
    head = HEAD.replace("[fail]", names)
    text = f"  type: {kind}\n{head}  condition: {{{field}gte: 1}}\n"
    loaded = engine(tmp_path, text)
    correlator = Correlator(loaded.correlations)
    for place, value in enumerate(HOSTILE):
        for time, one in (event(place, size=value, number=place), event(place, ip=value, size=1, number=place)):
            matched = {match.rule.id: match.view for match in loaded.match(one)}
            for odd in (time, float("nan"), float("inf"), -1e18, 4e9):
                correlator.feed(one, matched, odd, time)
            correlator.feed(one, matched, time, float("nan"))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(correlator.snapshot()))
    again = Correlator(loaded.correlations)
    again.restore(state)
    assert again.counters() == correlator.counters()
    correlator.finish()
    (counters,) = correlator.counters().values()
    if KINDS[kind].field and kind not in ("value_count", "value_percentile"):
        assert counters["unreadable"] > 5
    assert counters["bytes"] < 4_000_000


def test_a_huge_number_leaves_nothing_behind(tmp_path: Path) -> None:
    """Taken out of a running sum of floats, 1e300 takes the small ones with it."""
    text = f"  type: value_sum\n{HEAD}  condition: {{field: size, gte: 100}}\n"
    given = [event(0, size=-1e300), *(event(t, size=30) for t in (40, 50, 61, 62))]
    (fired,) = run(tmp_path, text, given)
    assert fired.value == 120


def test_long_values_that_begin_alike_stay_apart(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    text = f"  type: event_count\n{HEAD}  condition: {{gte: 2}}\n"
    assert not run(tmp_path, text, [event(0, ip=long + "a"), event(1, ip=long + "b")])
    (fired,) = run(tmp_path, text, [event(0, ip=long), event(1, ip=long)])
    assert len(fired.group["ip"]) <= 300


@pytest.mark.parametrize("name", ["0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789abcdef", "kurz",
                                  "01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789ABCDEF",
                                  "ế" * 5, "ế" * 6, "a-long-identifier-of-someone-else:12345678", "x" * 32,
                                  "-" * 36])  # fmt: skip
def test_event_ids_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    loaded = engine(tmp_path, f"  type: event_count\n{HEAD}  condition: {{gte: 2}}\n")
    correlator = Correlator(loaded.correlations)
    one, two = event(0), event(1)
    one[1]["event"]["id"] = name
    feed(loaded, correlator, [one])
    again = Correlator(loaded.correlations)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(correlator.snapshot())))
    (fired,) = feed(loaded, again, [two])
    assert list(fired.event_ids) == [name, "fail-1-0"]


def test_a_hit_names_first_and_last_ids_and_the_true_count(tmp_path: Path) -> None:
    (fired,) = run(tmp_path, f"  type: event_count\n{HEAD}  condition: {{gte: 500}}\n",
                   [event(t / 10, number=t) for t in range(500)])  # fmt: skip
    assert (fired.count, len(fired.event_ids), fired.event_ids[0], fired.event_ids[-1]) == (
        500, 100, "fail-0.0-0", "fail-49.9-499")  # fmt: skip


def test_bytes_bound_a_rule_and_the_total_all_of_them(tmp_path: Path) -> None:
    loaded = engine(tmp_path, f"  type: event_count\n{HEAD}  condition: {{gte: 99}}\n")
    many = [event(t / 1000, ip=f"ip-{t}") for t in range(3000)]
    for limits in ({"limit_bytes": 100_000}, {"total_bytes": 100_000}):
        correlator = Correlator(loaded.correlations, **limits)
        feed(loaded, correlator, many)
        correlator.tick(3)
        (counters,) = correlator.counters().values()
        assert counters["bytes"] <= 100_000
        assert counters["evicted"] + counters["groups"] == 3000


def test_entries_of_one_group_are_bounded_and_the_newest_count(tmp_path: Path) -> None:
    loaded = engine(tmp_path, f"  type: value_count\n{HEAD}  condition: {{field: port, gte: 3}}\n")
    correlator = Correlator(loaded.correlations)
    feed(loaded, correlator, [event(1 + t / 1000, port=t % 2, number=t) for t in range(12_000)])
    (counters,) = correlator.counters().values()
    assert counters["entries"] <= 10_100
    assert counters["dropped"] + counters["entries"] == 12_000
    assert feed(loaded, correlator, [event(13.1, port=7)])


def test_the_reason_shows_the_figure(tmp_path: Path) -> None:
    (tmp_path / "sum.yml").write_text(
        BASE.format("fail", 1)
        + f"title: Sum\ncorrelation:\n  type: value_sum\n{HEAD}  condition: {{field: size, gt: 9}}\n"
        "luytre:\n  reason: {vi: 'Tổng {value} của {ip}', en: 'Sum {value} of {ip}, {count} events'}\n")  # fmt: skip
    pipeline = Pipeline(Engine.load([tmp_path]), clock=ManualClock())
    (hit,) = pipeline.feed([one for _, one in numbers(4, 6)])
    assert hit["luytre"]["hit"]["reason"] == {"vi": "Tổng 10 của a", "en": "Sum 10 of a, 2 events"}
    assert hit["luytre"]["hit"]["count"] == 2


def refused(folder: Path, text: str) -> str:
    bases = "".join(BASE.format(name, number) for number, name in enumerate(RULES, 1))
    (folder / "refused.yml").write_text(f"{bases}title: The correlation\ncorrelation:\n{text}")
    loaded = Engine.load([folder])
    if loaded.correlations:
        return ""
    (why,) = loaded.refused
    assert why.line > 1
    return why.reason


@pytest.mark.parametrize(("text", "words"), [
    (f"  type: value_sum\n{HEAD}  condition: {{gte: 1}}\n", "field"),
    (f"  type: value_avg\n{HEAD}  condition: {{field: [a, b], gte: 1}}\n", "one field"),
    (f"  type: event_count\n{HEAD}", "condition"),
    (f"  type: event_count\n{HEAD}  condition: {{field: a}}\n", "one of gt"),
    (f"  type: event_count\n{HEAD}  condition: {{gte: many}}\n", "number"),
    (f"  type: event_count\n{HEAD}  condition: {{gte: .nan}}\n", "number"),
    (f"  type: event_count\n{HEAD}  condition: {{gte: 2000000}}\n", "never"),
    (f"  type: event_count\n{HEAD}  condition: fail and ok\n", "temporal"),
    (f"  type: event_count\n{HEAD}  condition: {{gte: 1, unless: 2}}\n", "unless"),
    (f"  type: event_sum\n{HEAD}  condition: {{gte: 1}}\n", "value_percentile"),
    (f"  type: value_percentile\n{HEAD}  condition: {{field: a, gt: 500}}\n", "percentile"),
    (f"  type: value_percentile\n{HEAD}  condition: {{field: a, percentile: 101, gt: 1}}\n", "0 to 100"),
    (f"  type: event_count\n{HEAD}  groupby: [a]\n  condition: {{gte: 1}}\n", "groupby"),
    ("  type: event_count\n  rules: [fail]\n  timespan: 1h30m\n  condition: {gte: 1}\n", "timespan"),
    ("  type: event_count\n  rules: [fail]\n  timespan: 0s\n  condition: {gte: 1}\n", "timespan"),
    ("  type: event_count\n  rules: [fail]\n  timespan: 2y\n  condition: {gte: 1}\n", "366 days"),
    ("  type: temporal\n  rules: [fail, ok]\n  timespan: 1h\n  condition: {gte: 3}\n", "never"),
    ("  type: temporal\n  rules: [fail, ok]\n  timespan: 1h\n  condition: fail\n", "not in the condition"),
    ("  type: temporal\n  rules: [fail]\n  timespan: 1h\n  condition: fail and ok\n", "not among"),
    ("  type: temporal\n  timespan: 1h\n", "rules"),
    ("  type: temporal\n  timespan: 1h\n  condition: " + "(" * 300 + "\n", "200 words"),
    ("  type: temporal\n  timespan: 1h\n  condition: " + " and ".join(f"(a{n} or b{n})" for n in range(30)) + "\n",
     "ways to hold"),
])  # fmt: skip
def test_what_can_not_run_says_why(text: str, words: str, tmp_path: Path) -> None:
    assert words in refused(tmp_path, text)


@pytest.mark.parametrize("text", [
    "  type: event_count\n  rules: fail\n  timespan: 1M\n  condition: {gte: '3'}\n  group-by: ip\n",
    "  type: event_count\n  rules: [fail]\n  timespan: 1y\n  condition: {gt: 100, lte: 200}\n",
    "  type: value_avg\n  rules: [fail]\n  timespan: 2w\n  condition: {field: a, gte: 0.5}\n",
    "  type: temporal_ordered\n  rules: [fail, ok]\n  timespan: 1d\n  condition: {eq: 2}\n",
    "  type: temporal_extended\n  timespan: 1d\n  condition: fail and not 51111111-2222-4333-8444-000000000002\n",
])  # fmt: skip
def test_what_pysigma_refuses_and_the_specification_or_use_allows(text: str, tmp_path: Path) -> None:
    assert not refused(tmp_path, text)
