"""Rules over stored events, in the order in which they happened.

In:  an `EventReader`, whose events may be seen (`Scope`: required), the chosen rules, a time. Out: `Report`.
How: the store says how many events of each day pass the prefilter (prefilter.py); they are read day by day, oldest
first, and go through the same engine and correlations as live. Where more pass than `Limits.events`, the quick
prefilter is tried (unless `exact`), then the oldest days are left out: `covered_since` says from when on it is.
Correlations read from one span before `since`, so that their windows are full; what fires before `since` isn't counted.
A window that is not over by `until` has not fired, as live.
Bound: `Limits.events` read, `Limits.time_s` by the clock, one page of PAGE events in memory; see tally.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from correlator.backtest.choose import Chosen
from correlator.backtest.prefilter import narrow
from correlator.backtest.tally import DAY_S, Report, Tally, day_start, filled
from correlator.exceptions import Exceptions
from correlator.pipeline import Pipeline
from correlator.store.base import EventReader, Query, Scope
from sensors.clock import Clock, SystemClock, parse_rfc3339, rfc3339
from sensors.event import Event, get

PAGE = 1_000
DAYS_LIMIT = 400
# Events come in the order of their time and are taken to have arrived then: nothing is late.
LATENESS_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    events: int = 1_000_000
    time_s: float = 300.0
    sample: int = 10


Progress = Callable[[int, int], None]  # events read, events to read


def backtest(
    reader: EventReader,
    scope: Scope,
    chosen: Chosen,
    since: float,
    until: float,
    *,
    limits: Limits = Limits(),
    clock: Clock | None = None,
    exact: bool = False,
    progress: Progress | None = None,
    on_hit: Callable[[Event, Event], None] | None = None,
    exceptions: Exceptions | None = None,
) -> Report:
    """`exceptions`: what is left out, as live (correlator/exceptions.py); none unless given.
    `on_hit(hit, completing event)` sees each hit that is counted, for what a caller wants to know besides."""
    clock = clock or SystemClock()
    begun = clock.monotonic()
    until = max(since, until)
    since = max(since, until - DAYS_LIMIT * DAY_S)
    first = since - chosen.span_s
    plan = _Plan(reader, scope, chosen, first, until, limits.events, exact=exact)
    tally = Tally(limits.sample)
    pipeline = Pipeline(chosen.engine, clock=clock, lateness_s=LATENESS_S, exceptions=exceptions)
    read, stopped, reached = 0, "", until

    def counted(hits: list[Event], event: Event) -> None:
        for hit in hits:
            if hit["rule"]["id"] not in chosen.ids or _time(hit, until) < begins:
                continue
            # A window that ended meanwhile is of other events than the one just read.
            mine = event if get(event, "event.id") in hit["luytre"]["hit"]["event_ids"] else {}
            tally.add(hit, mine)
            if on_hit is not None:
                on_hit(hit, mine)

    begins = max(since, plan.since)
    event: Event = {}
    for low, high in plan.days():
        after: str | None = None
        while not stopped:
            room = max(1, min(PAGE, limits.events - read))
            found = reader.search(scope, Query(plan.where, rfc3339(low), rfc3339(high), newest_first=False, size=room,
                                               after=after))  # fmt: skip
            plan.partial = plan.partial or found.partial
            for event in found.events:
                counted(pipeline.feed((_arrived(event),)), event)
            read += len(found.events)
            if progress is not None:
                progress(read, plan.total)
            after = found.next
            if read >= limits.events and (after is not None or high < until):
                stopped = "events"
            elif clock.monotonic() - begun >= limits.time_s and (after is not None or high < until):
                stopped = "time"
            if stopped:
                reached = high if after is None or not event else _time(event, high)
            if after is None:
                break
        if stopped:
            break
    counted(pipeline.tick(reached), {})
    return Report(
        tuple(sorted(chosen.ids)), rfc3339(since), rfc3339(until), rfc3339(begins), rfc3339(reached),
        plan.stored, read, plan.quick, tally.hits, tally.alerts,
        filled(tally.by_day, begins, reached), dict(tally.by_rule), dict(tally.by_level),
        tally.noisiest(), tally.others, tuple(tally.samples), pipeline.poisoned, _evicted(pipeline),
        stopped or ("events" if plan.since > since else ""), plan.partial, round(clock.monotonic() - begun, 3),
    )  # fmt: skip


class _Plan:
    """Which events are asked for, from when on."""

    def __init__(self, reader: EventReader, scope: Scope, chosen: Chosen, since: float, until: float, limit: int, *,
                 exact: bool) -> None:  # fmt: skip
        self._reader, self._scope = reader, scope
        self.since, self.until, self.partial, self.quick = since, until, "", False
        rules, sources = chosen.engine.rules, chosen.sources
        self.stored = self._reader.search(scope, Query(since=rfc3339(since), until=rfc3339(until), size=0)).total
        self.where = narrow(rules, sources)
        by_day = self._by_day()
        if sum(by_day.values()) > limit and not exact:
            where = narrow(rules, sources, quick=True)
            if where != self.where:
                self.where, self.quick = where, True
                by_day = self._by_day()
        self.total = 0
        for day in sorted(by_day, reverse=True):
            if self.total and self.total + by_day[day] > limit:
                self.since = day + DAY_S
                break
            self.total += by_day[day]

    def days(self) -> list[tuple[float, float]]:
        """(low, high) of each day, the first and last cut."""
        first, number = day_start(self.since), math.ceil((self.until - day_start(self.since)) / DAY_S)
        cuts = [first + DAY_S * index for index in range(number + 1)]
        return [(max(self.since, low), min(self.until, high)) for low, high in itertools.pairwise(cuts)]

    def _by_day(self) -> dict[float, int]:
        aggs: dict[str, Any] = {"days": {"date_histogram": {
            "field": "@timestamp", "fixed_interval": "1d", "time_zone": "+07:00", "min_doc_count": 1}}}  # fmt: skip
        found = self._reader.search(
            self._scope, Query(self.where, rfc3339(self.since), rfc3339(self.until), size=0, aggs=aggs)
        )
        self.partial = self.partial or found.partial
        buckets = found.aggs.get("days", {}).get("buckets", ())
        return {bucket["key"] / 1_000: int(bucket["doc_count"]) for bucket in buckets if bucket["doc_count"]}


def _arrived(event: Event) -> Event:
    """The event as if it had arrived when it happened: a backlog's windows are those of its own time."""
    inner = event.get("event")
    if not isinstance(inner, dict) or "@timestamp" not in event:
        return event
    return {**event, "event": {**inner, "ingested": event["@timestamp"]}}


def _time(event: Event, otherwise: float) -> float:
    return parse_rfc3339(str(get(event, "@timestamp") or "")) or otherwise


def _evicted(pipeline: Pipeline) -> int:
    return sum(int(one.get("evicted", 0)) for one in pipeline.counters()["correlations"].values())
