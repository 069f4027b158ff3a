"""The streaming correlations equal their slow twin on any events, in any order of arrival within the lateness."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.engine.conditions import MISSING
from correlator.engine.correlations import Correlator
from correlator.engine.rule import About, Correlation
from tests.naive.correlation import must_fire

LATENESS_S = 40.0
RULES = ("r1", "r2", "r3")


class Fields:
    """A view of a plain dict."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def value(self, name: str) -> object:
        return self._fields.get(name, MISSING)

    def words(self) -> object:
        return iter(())


def make(kind: str, least: int, rules: tuple[str, ...]) -> Correlation:
    return Correlation(About("c", "", "c", "low"), kind, rules, ("g",), 30, (("gte", least),), ("v",))


events = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from("xy"), st.sampled_from("abcd"), st.sampled_from(RULES),
              st.floats(0, LATENESS_S - 1)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(events, st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"]), st.integers(1, 5),
       st.randoms(use_true_random=False), st.integers(0, 40))  # fmt: skip
def test_fires_for_the_groups_for_which_the_twin_does(
    given_events: list[tuple[int, str, str, str, float]], kind: str, least: int, chance: random.Random, cut: int
) -> None:
    temporal = kind.startswith("temporal")
    rules = RULES if temporal else ("r1",)
    least = len(rules) if kind == "temporal_ordered" else min(least, len(rules)) if temporal else least
    correlation = make(kind, least, rules)
    stream = sorted(enumerate(given_events), key=lambda item: (item[1][0] + item[1][4], chance.random()))
    correlator = Correlator([correlation], lateness_s=LATENESS_S)
    fired = set()
    for place, (number, (time, group, value, rule, delay)) in enumerate(stream):
        if place == cut:  # a restart in the middle changes nothing
            kept = msgspec.msgpack.decode(msgspec.msgpack.encode(correlator.snapshot()))
            correlator = Correlator([correlation], lateness_s=LATENESS_S)
            correlator.restore(kept)
        view = Fields({"g": group, "v": value})
        event = {"event": {"id": f"e{number}"}}
        matched = {rule if temporal else "r1": view}
        for found in correlator.feed(event, matched, float(time), time + delay):
            fired.add(found.group["g"])
            times = [float(given_events[int(one[1:])][0]) for one in found.event_ids]
            assert max(times) - min(times) <= 30
        correlator.tick(time + delay)
    expected = set()
    for group in "xy":
        mine = [(float(time), rule if temporal else value) for time, of, value, rule, _ in given_events if of == group]
        if must_fire(kind, mine, 30, least, rules):
            expected.add(group)
    assert fired == expected
