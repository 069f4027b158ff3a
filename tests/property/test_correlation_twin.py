"""The streaming correlations equal their slow twin: in order, in any order within the lateness, through restarts."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.engine.conditions import MISSING
from correlator.engine.correlate.expression import Wrong, terms
from correlator.engine.correlations import Correlator, Fired
from correlator.engine.rule import About, Correlation
from correlator.engine.values import compare
from tests.naive.correlation import Seen, alerts, enough, figure, follow, judged, most, stretch_of

SPAN_S = 30
LATENESS_S = 40.0
RULES = ("r1", "r2", "r3")
RISING = ("event_count", "value_count", "temporal", "temporal_ordered", "value_sum")
NUMBERS = ("value_sum", "value_avg", "value_median", "value_percentile")
OVER = ("event_count", "value_count", "value_sum", "value_avg", "value_median", "value_percentile")


class Fields:
    """A view of a plain dict."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    def value(self, name: str) -> object:
        return self._fields.get(name, MISSING)

    def words(self) -> object:
        return iter(())


def make(kind: str, *condition: tuple[str, float], percentile: float | None = None, text: str = "") -> Correlation:
    rules = RULES if kind.startswith("temporal") else ("r1",)
    ways, rules = terms(text) if text else ((), rules)
    return Correlation(About("c", "", "c", "low"), kind, rules, ("g",), SPAN_S, condition, ("v",),
                       percentile=percentile, terms=ways)  # fmt: skip


class One(msgspec.Struct, frozen=True):
    time: float
    group: str
    value: str
    number: float
    rule: str
    also: str  # another rule that it matches, or the same
    delay: float

    def seen(self, kind: str, event: int = 0) -> list[Seen]:
        if kind in NUMBERS:
            whats: list[str | float] = [self.number]
        else:
            whats = [self.rule, self.also] if kind.startswith("temporal") else [self.value]
        return [Seen(self.time, what, event) for what in dict.fromkeys(whats)]


def all_seen(given_events: Sequence[One], kind: str, group: str) -> list[Seen]:
    return [seen for place, one in enumerate(given_events) if one.group == group for seen in one.seen(kind, place)]


def made(seed: int, size: int, length_s: int) -> list[One]:
    """Dense enough for windows to overlap: lists that hypothesis draws element by element are mostly too thin."""
    dice = random.Random(seed)
    late = LATENESS_S - 1
    groups = "x" if size < 10 else "xxxy"
    found = []
    for _ in range(size):
        rule = dice.choice(RULES)
        also = dice.choice(RULES) if dice.random() < 0.1 else rule
        found.append(One(float(dice.randrange(length_s)), dice.choice(groups), dice.choice("abcdef"),
                         dice.choice([0.0, 0.1, 0.25, 3.0, 7.5]), rule, also,
                         dice.choice([0.0, 0.0, late, dice.uniform(0, late)])))  # fmt: skip
    return found


# Many events; or so few that one window decides, which an evaluator that misses a kind of window gets wrong.
events = (st.builds(made, st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([20, 100, 400]))
          | st.builds(made, st.integers(0, 2**32), st.integers(3, 7), st.sampled_from([45, 60, 75])))  # fmt: skip


def stream(correlation: Correlation, given_events: Sequence[One], cut: int, *above: Correlation) -> list[Fired]:
    """Fed in the order given; a restart before event number `cut` changes nothing."""
    correlations = [correlation, *above]
    correlator = Correlator(correlations, lateness_s=LATENESS_S)
    fired: list[Fired] = []
    for place, one in enumerate(given_events):
        if place == cut:
            kept = msgspec.msgpack.decode(msgspec.msgpack.encode(correlator.snapshot()))
            before = correlator.counters()
            correlator = Correlator(correlations, lateness_s=LATENESS_S)
            correlator.restore(kept)
            assert correlator.counters() == before
        view = Fields({"g": one.group, "v": one.number if correlation.type in NUMBERS else one.value})
        rules = (one.rule, one.also) if above or correlation.type.startswith("temporal") else ("r1",)
        event = {"event": {"id": f"e{place}"}}
        matched = dict.fromkeys(rules, view)
        fired += correlator.feed(event, matched, one.time, one.time + one.delay)  # type: ignore[arg-type]
        if place % 5 == 0:
            fired += correlator.tick(one.time + one.delay)
    counters = correlator.counters()["c"]
    if counters["groups"] == 0:
        assert counters["bytes"] == counters["entries"] == 0
    return fired + correlator.finish()


def least_of(kind: str, least: int) -> int:
    return min(least, len(RULES)) if kind.startswith("temporal") else least


@settings(max_examples=120, deadline=None)
@given(events, st.sampled_from(RISING), st.integers(1, 6), st.integers(0, 60))
def test_in_order_each_alert_is_the_twins(given_events: list[One], kind: str, least: int, cut: int) -> None:
    least = least_of(kind, least)
    ordered = sorted(given_events, key=lambda one: one.time)
    ordered = [msgspec.structs.replace(one, delay=1.0) for one in ordered]
    fired = stream(make(kind, ("gte", least)), ordered, cut)
    for group in "xy":
        seen = all_seen(ordered, kind, group)
        places = alerts(seen, SPAN_S, enough(kind, least, RULES), moments=kind != "event_count")
        expected = [f"e{seen[place].event}" for place in places]
        assert [one.event["event"]["id"] for one in fired if one.group["g"] == group] == expected


@settings(max_examples=400, deadline=None)
@given(events, st.sampled_from(RISING), st.integers(1, 6), st.randoms(use_true_random=False), st.integers(0, 40))
def test_in_any_order_each_stretch_fires_as_often(given_events: list[One], kind: str, least: int,
                                                  chance: random.Random, cut: int) -> None:  # fmt: skip
    least = least_of(kind, least)
    shuffled = sorted(given_events, key=lambda one: (one.time + one.delay, chance.random()))
    fired = stream(make(kind, ("gte", least)), shuffled, cut)
    for group in "xy":
        seen = all_seen(given_events, kind, group)
        of = stretch_of([one.time for one in seen], SPAN_S)
        mine = [one for one in fired if one.group["g"] == group]
        expected = most(seen, SPAN_S, enough(kind, least, RULES), moments=kind != "event_count")
        assert Counter(of[one.time] for one in mine) == expected
        for one in mine:
            named = [(shuffled[int(name[1:])], int(name[1:])) for name in one.event_ids]
            inside = [seen for found, place in named for seen in found.seen(kind, place)]
            assert max(inside).time - min(inside).time <= SPAN_S
            assert enough(kind, least, RULES)(inside)
            assert one.event["event"]["id"] in one.event_ids
        completing = [one.event["event"]["id"] for one in mine]
        assert len(completing) == len(set(completing))  # or the store would take two hits for one


@settings(max_examples=150, deadline=None)
@given(events, st.sampled_from(OVER), st.integers(0, 5), st.integers(0, 4), st.sampled_from([0, 10, 50, 95, 100]),
       st.randoms(use_true_random=False), st.integers(0, 40))  # fmt: skip
def test_windows_that_are_over_are_judged_alike_in_any_order(
    given_events: list[One], kind: str, low: int, more: int, percentile: int, chance: random.Random, cut: int
) -> None:
    condition = (("gte", low), ("lt", low + more + 1))
    whole = kind in ("value_avg", "value_median", "value_percentile")

    def verdict(inside: Sequence[Seen]) -> str:
        number = figure(kind, inside, percentile)
        if all(compare(number, operator, wanted) for operator, wanted in condition):
            return "holds"
        return "short" if number < low and not whole else "spent"

    shuffled = sorted(given_events, key=lambda one: (one.time + one.delay, chance.random()))
    correlation = make(kind, *condition, percentile=percentile if kind == "value_percentile" else None)
    fired = stream(correlation, shuffled, cut)
    for group in "xy":
        seen = all_seen(given_events, kind, group)
        expected = [(inside[-1].time, len(inside)) for inside in judged(seen, SPAN_S, verdict)]
        assert sorted((one.time, one.count) for one in fired if one.group["g"] == group) == expected


@settings(max_examples=100, deadline=None)
@given(events, st.randoms(use_true_random=False), st.integers(0, 40))
def test_absence_within_the_timespan(given_events: list[One], chance: random.Random, cut: int) -> None:
    def verdict(inside: Sequence[Seen]) -> str:
        whats = {one.what for one in inside}
        return "short" if "r1" not in whats else "spent" if "r2" in whats else "holds"

    shuffled = sorted(given_events, key=lambda one: (one.time + one.delay, chance.random()))
    fired = stream(make("temporal", text="(r1 and not r2) and (r1 or r3)"), shuffled, cut)
    for group in "xy":
        seen = all_seen(given_events, "temporal", group)
        expected = [inside[-1].time for inside in judged(seen, SPAN_S, verdict)]
        assert sorted(one.time for one in fired if one.group["g"] == group) == expected


@settings(max_examples=150, deadline=None)
@given(events, st.booleans(), st.randoms(use_true_random=False), st.integers(0, 40))
def test_either_of_two_ways_in_any_order(given_events: list[One], ordered: bool, chance: random.Random,
                                         cut: int) -> None:  # fmt: skip
    ways = [("r1", "r2"), ("r1", "r3")]

    def holds(inside: Sequence[Seen]) -> bool:
        if ordered:
            return any(follow(inside, way) for way in ways)
        return any({one.what for one in inside}.issuperset(way) for way in ways)

    shuffled = sorted(given_events, key=lambda one: (one.time + one.delay, chance.random()))
    kind = "temporal_ordered" if ordered else "temporal"
    fired = stream(make(kind, text="r1 and (r2 or r3)"), shuffled, cut)
    for group in "xy":
        seen = all_seen(given_events, kind, group)
        of = stretch_of([one.time for one in seen], SPAN_S)
        mine = Counter(of[one.time] for one in fired if one.group["g"] == group)
        assert mine == most(seen, SPAN_S, holds, moments=True)


def above(kind: str, least: int, span_s: int) -> Correlation:
    rules = ("c", "r2") if kind.startswith("temporal") else ("c",)
    return Correlation(About("above", "", "above", "low"), kind, rules, ("g",), span_s, (("gte", least),), ("g",))


@settings(max_examples=300, deadline=None)
@given(events, st.sampled_from(["event_count", "value_count", "value_sum", "value_avg"]), st.integers(1, 4),
       st.sampled_from(["event_count", "temporal", "temporal_ordered"]), st.integers(1, 2),
       st.sampled_from([10, 45, 10_000]), st.randoms(use_true_random=False), st.integers(0, 40))  # fmt: skip
def test_no_order_hides_what_a_correlation_of_correlations_finds(
    given_events: list[One], kind: str, least: int, upper: str, upper_least: int, span_s: int, chance: random.Random,
    cut: int,
) -> None:  # fmt: skip
    lower, over = make(kind, ("gte", least)), above(upper, 2 if upper != "event_count" else upper_least, span_s)
    ordered = [msgspec.structs.replace(one, delay=0.0) for one in sorted(given_events, key=lambda one: one.time)]
    shuffled = sorted(given_events, key=lambda one: (one.time + one.delay, chance.random()))
    found, expected = (
        Counter((one.correlation.id, one.group["g"]) for one in stream(lower, order, cut, over))
        for order in (shuffled, ordered)
    )
    for key, count in expected.items():
        assert found[key] == count if key[0] == "c" else found[key] >= count
    if upper == "event_count" and span_s == 10_000:
        assert found == expected


words = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: st.one_of(inner.map(lambda text: f"not {text}" if " " not in text else f"not ({text})"),
                            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
                                lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})")),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(words, st.sets(st.sampled_from("abcd")))
def test_an_expression_means_what_python_says(text: str, there: set[str]) -> None:
    names = {name: name in there for name in "abcd"}
    expected = eval(text, {"__builtins__": {}}, names)
    try:
        ways, _ = terms(text)
    except Wrong:  # silence alone, or a contradiction
        if not eval(text, {"__builtins__": {}}, dict.fromkeys("abcd", False)):
            assert not expected
        return
    assert expected == any(there >= set(way.present) and there.isdisjoint(way.absent) for way in ways)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    ways, named = (), ("said why",)
    with contextlib.suppress(Wrong):
        ways, named = terms(text)
        assert ways
    assert named
