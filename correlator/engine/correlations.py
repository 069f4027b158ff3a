"""Sigma correlations over the stream of matches: all types of the specification, chained to any depth.

In:  an event and the rules that it matched. Out: `Fired`: a correlation, its group, count, ids of the window's events.
Bound: per correlation `GROUPS_LIMIT` groups and `LIMIT_BYTES`, over all of them `TOTAL_BYTES`; the group touched
longest ago goes first, counted in `evicted`: a window may only count less. README.md has the measured bytes.
Source: Sigma correlation rules specification 2.1.0.

Time is the event's. Windows are [t, t + timespan], closed, and begin at any event: no border can split an attack. An
entry stays joinable until timespan + `lateness_s` after it arrived, whatever the clocks of others say: an agency that
was cut off for hours and then sends its backlog is correlated as if it had been on time. Arrival is `event.ingested`,
so a replay after a crash decides the same. An event's time can't lie further in the future than `FUTURE_S` after its
arrival.

Conditions that more events can only bring nearer (gt, gte of counts and sums, extended ones without `not`) fire at the
completing event; its window is then used up, so an attack that goes on fires again each time the number is reached. In
whatever order events arrive within the lateness, each group fires as often: correlate/packing.py says what that means,
why it holds and where it ends. All other conditions can only be judged when the window, from its first event, is over:
they fire then. One that holds too much is used up; of one that holds too little only the first event is, because a
window that begins later may hold enough. Groups of different agencies never mix. An event without one of the group-by
fields belongs to no group: it is counted in `ungrouped`.

A correlation that fires is itself an event for those that refer to it, with its group's values and the completing
event's fields, at the moment its window is complete; late events may bring that forward, and it is told again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from correlator.engine.conditions import MISSING, View
from correlator.engine.correlate import rows, saving
from correlator.engine.correlate.state import GROUPS_LIMIT, LIMIT_BYTES, Fired, State, Told
from correlator.engine.rule import Correlation
from sensors.event import Event, get

__all__ = ["GROUPS_LIMIT", "LIMIT_BYTES", "TOTAL_BYTES", "Correlator", "Fired"]

TOTAL_BYTES = 384 * 1024 * 1024
FUTURE_S = 300.0
TIME_LIMIT_S = 1e12  # the year 33658
CHAIN_LIMIT = 1000  # alerts that one event may set off in correlations of correlations: diamonds of them are 2^depth
_TICK_EVERY = 1024  # events: how often idle groups are freed and the total is looked at


class Correlator:
    def __init__(self, correlations: Sequence[Correlation], *, lateness_s: float = 300.0,
                 groups_limit: int = GROUPS_LIMIT, limit_bytes: int = LIMIT_BYTES,
                 total_bytes: int = TOTAL_BYTES) -> None:  # fmt: skip
        self.lateness_s, self._total_bytes = lateness_s, total_bytes
        referred = {name for correlation in correlations for name in correlation.rules}
        self._states: list[State] = []
        waits: dict[str, float] = {}  # how long after an event a correlation may still speak of it
        for one in correlations:  # what they refer to comes before them
            wait = max((waits.get(name, 0.0) for name in one.rules), default=0.0)
            tells, number = one.id in referred, len(self._states)
            state = State(number, one, lateness_s + wait, groups_limit, limit_bytes, tells=tells)
            waits[one.id] = wait if state.rising else wait + lateness_s + one.timespan_s
            self._states.append(state)
        self._readers: dict[str, list[State]] = {}  # rule or correlation → those that refer to it
        for state in self._states:
            for name in state.rule.rules:
                self._readers.setdefault(name, []).append(state)
        self._judged = [state for state in self._states if not state.rising]
        self._due = float("inf")  # when the first window is over that is judged then
        self._now = 0.0  # the latest arrival
        self._since_tick = 0

    def feed(self, event: Event, matched: Mapping[str, View], time: float, arrival: float) -> list[Fired]:
        """`matched`: rule id → view, of every rule that the event matched."""
        if not (0.0 < arrival < TIME_LIMIT_S and -TIME_LIMIT_S < time <= arrival + FUTURE_S):
            time, arrival = _credible(time, arrival)
        if arrival > self._now:  # noqa: PLR1730 - a call costs more than the rest of the line
            self._now = arrival
        fired: list[Fired] = []
        if self._due < self._now:
            fired += self._close(self._now)
        above = self._give(event, matched, time, arrival, self._now, fired)
        if above:
            self._rise(above, fired)
        self._since_tick += 1
        if self._since_tick >= _TICK_EVERY:
            fired += self.tick(self._now)
        return fired

    def tick(self, now: float) -> list[Fired]:
        """Judge and forget windows that are over by the clock of arrivals."""
        self._since_tick = 0
        self._now = max(self._now, now)
        fired = self._close(self._now)
        for state in self._states:
            state.forget_idle(self._now)
        while sum(state.bytes for state in self._states) > self._total_bytes:
            max(self._states, key=lambda state: state.bytes).evict_one()
        return fired

    def finish(self) -> list[Fired]:
        """The input is over: every window is."""
        return self._close(float("inf"), 0.0)

    def _rise(self, above: deque[tuple[State, Told]], fired: list[Fired]) -> None:
        """Tell the correlations above, and what these say to the ones above them."""
        steps = 0
        while above:
            state, told = above.popleft()
            steps += 1
            if steps > CHAIN_LIMIT:
                state.cut += 1
                continue
            seen = {state.rule.id: _Chained(told.group, told.view or _Standing(told.event))}
            if told.holds:
                above += self._give(told.event, seen, told.time, told.arrival, told.now, fired) or ()
                continue
            for reader in self._readers[state.rule.id]:
                reader.withdraw(told, seen)
                above += _said(reader)

    def _give(self, event: Event, matched: Mapping[str, View], time: float, arrival: float, now: float,
              fired: list[Fired]) -> deque[tuple[State, Told]] | None:  # fmt: skip
        """Give the event to each correlation that refers to a rule it matched; what those say that have readers."""
        above: deque[tuple[State, Told]] | None = None
        todo: Sequence[State]
        if len(matched) == 1:
            (name,) = matched
            todo = self._readers.get(name, ())
        else:
            read = {state.number: state for name in matched for state in self._readers.get(name, ())}
            todo = [read[number] for number in sorted(read)]
        if not todo:
            return above
        row, long = rows.row(arrival, rows.event_id(event))
        for state in todo:
            refs = matched
            if len(matched) > 1:
                refs = {name: matched[name] for name in state.rule.rules if name in matched}
            found = state.add(event, row, long, refs, time, arrival, now)
            if found:
                fired += found
            if state.told:
                above = above or deque()
                above += _said(state)
            if not state.rising:
                self._due = min(self._due, state.due)
        return above

    def _close(self, now: float, lateness_s: float | None = None) -> list[Fired]:
        fired: list[Fired] = []
        for state in self._judged:
            fired += state.close(now, lateness_s)
            if state.told:
                self._rise(deque(_said(state)), fired)
        self._due = min((state.due for state in self._judged), default=float("inf"))
        return fired

    def counters(self) -> dict[str, dict[str, int]]:
        return {
            state.rule.id: {
                "groups": len(state.groups),
                "entries": sum(len(group.times) for group in state.groups.values()),
                "bytes": state.bytes,
                "evicted": state.evicted,
                "dropped": state.dropped,
                "settled": state.settled,
                "cut": state.cut,
                "ungrouped": state.ungrouped,
                "unreadable": state.reader.unreadable,
            }
            for state in self._states
        }

    def snapshot(self) -> dict[str, Any]:
        return {"now": self._now, "since": self._since_tick,
                "states": {state.rule.id: saving.snapshot(state) for state in self._states}}  # fmt: skip

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over the state of correlations that are still the same; others begin anew."""
        self._now = max(self._now, snapshot["now"])
        self._since_tick = snapshot.get("since", 0)
        for state in self._states:
            saved = snapshot["states"].get(state.rule.id)
            if saved is not None:
                saving.restore(state, saved)
        self._due = min((state.due for state in self._judged), default=float("inf"))


def _credible(time: float, arrival: float) -> tuple[float, float]:
    if not -TIME_LIMIT_S < arrival < TIME_LIMIT_S:  # nor is NaN
        arrival = 0.0
    if not -TIME_LIMIT_S < time < TIME_LIMIT_S:
        time = arrival
    return (min(time, arrival + FUTURE_S), arrival) if arrival else (time, time)


def _said(state: State) -> list[tuple[State, Told]]:
    told = [(state, one) for one in state.told]
    state.told.clear()
    return told


class _Chained:
    """A correlation as seen by one that refers to it: its group's values, then the completing event."""

    __slots__ = ("_group", "_view")

    def __init__(self, group: Mapping[str, str], view: View) -> None:
        self._group, self._view = group, view

    def value(self, name: str) -> Any:
        return self._group[name] if name in self._group else self._view.value(name)

    def words(self) -> Iterator[Any]:
        return self._view.words()


class _Standing:
    """The event that stands in for a window that was judged when it was over."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def value(self, name: str) -> Any:
        found = get(self._event, name)
        return MISSING if found is None else found

    def words(self) -> Iterator[Any]:
        return iter(())
