"""Looking backwards: which stored events met an indicator. In slices, so that nobody waits and a stop loses nothing.

In:  an `EventReader`, whose events may be seen (`Scope`: required), indicators in normal form, a time, a `Place` (where
     to go on). Out: the next place and what was met, judged by the live stage itself: the store's answer only chooses
     which events are looked at.
Two ways. Up to ASKED_LIMIT indicators the store is asked for their values, TERMS_LIMIT leaves a question, only in
fields that its index holds whole; what nobody met costs one question for many. With more, every stored event of the
time is read (`Place.step` then counts pages).
Bound: a slice ends after `time_s` by the clock, or EVENTS_LIMIT events read for one question (then `told` says so).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from correlator.indicators.kinds import all_kinds
from correlator.indicators.live import Indicators
from correlator.indicators.seam import Kind
from correlator.indicators.table import IndicatorTable, Row, build
from correlator.store.base import All, EventReader, Is, Node, Or, Query, Scope
from correlator.store.columns import KINDS
from sensors.clock import Clock, SystemClock, parse_rfc3339, rfc3339
from sensors.event import Event, get

ASKED_LIMIT = 20_000
TERMS_LIMIT = 250  # leaves of one question: as many as people may type
PAGE = 500
EVENTS_LIMIT = 20_000  # of one question
HOSTS = 20
EVENT_IDS = 20
FOUND_LIMIT = 200  # indicators of one hunt that are told one by one


@dataclass(frozen=True, slots=True)
class Place:
    step: int = 0  # questions asked; of a reading, pages read
    after: str | None = None
    read: int = 0  # events of the question that goes on


@dataclass(slots=True)
class Trace:
    """What is stored of one indicator."""

    kind: str
    value: str
    key: str
    count: int = 0
    first: str = ""
    last: str = ""
    hosts: dict[str, int] = field(default_factory=dict)
    event_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Slice:
    place: Place
    over: bool
    events: int
    traces: dict[str, Trace]
    told: str = ""  # what was not searched, in the store's words


class Hunt:
    """One look backwards; `total` questions (0: as many as there are pages)."""

    def __init__(self, reader: EventReader, scope: Scope, rows: Sequence[Row], since: float, until: float, *,
                 clock: Clock | None = None) -> None:  # fmt: skip
        self._reader, self._scope, self._clock = reader, scope, clock or SystemClock()
        self._since, self._until = rfc3339(since), rfc3339(until)
        lasting = [replace(row, expires=None) for row in rows]  # what has ended since was in force then
        self._stage = Indicators(IndicatorTable(b"".join(build(lasting, {}, 0.0)[0])))
        self._questions = questions(rows) if len(rows) <= ASKED_LIMIT else [All()]
        self.total = len(self._questions) if len(rows) <= ASKED_LIMIT else 0

    def run(self, place: Place, time_s: float) -> Slice:
        """Questions from `place` on, until they end or the time does."""
        begun = self._clock.monotonic()
        found = Slice(place, over=False, events=0, traces={})
        while found.place.step < len(self._questions):
            here = found.place
            page = self._reader.search(self._scope, Query(
                self._questions[here.step], self._since, self._until, size=PAGE, after=here.after))  # fmt: skip
            found.told = found.told or page.partial
            for event in page.events:
                self._look(event, found.traces)
            found.events += len(page.events)
            read = here.read + len(page.events)
            if page.next is None or (self.total and read >= EVENTS_LIMIT):
                if page.next is not None:
                    found.told = found.told or f"> {EVENTS_LIMIT}"
                found.place = Place(here.step + 1)
            else:
                found.place = Place(here.step, page.next, read)
            if self._clock.monotonic() - begun >= time_s:
                break
        found.over = found.place.step >= len(self._questions)
        return found

    def _look(self, event: Event, traces: dict[str, Trace]) -> None:
        stamp = str(event.get("@timestamp") or "")
        for met in self._stage.look(event, parse_rfc3339(stamp) or 0.0):
            trace = traces.setdefault(met.known.key, Trace(met.known.kind.name, met.known.value, met.known.key))
            add(trace, stamp, str(get(event, "event.id") or ""), _host(event))


def add(trace: Trace, stamp: str, event_id: str, host: str) -> None:
    trace.count += 1
    trace.first = min(trace.first or stamp, stamp)
    trace.last = max(trace.last, stamp)
    if host and (host in trace.hosts or len(trace.hosts) < HOSTS):
        trace.hosts[host] = trace.hosts.get(host, 0) + 1
    if event_id and len(trace.event_ids) < EVENT_IDS:
        trace.event_ids.append(event_id)


def merged(into: dict[str, Trace], more: Mapping[str, Trace]) -> None:
    for key, trace in more.items():
        there = into.get(key)
        if there is None:
            into[key] = trace
            continue
        there.count += trace.count
        there.first, there.last = min(there.first, trace.first), max(there.last, trace.last)
        for host, count in trace.hosts.items():
            if host in there.hosts or len(there.hosts) < HOSTS:
                there.hosts[host] = there.hosts.get(host, 0) + count
        there.event_ids = (there.event_ids + trace.event_ids)[:EVENT_IDS]


def _host(event: Event) -> str:
    return next((str(value) for path in ("host.name", "source.ip", "observer.name") if (value := get(event, path))), "")


def questions(rows: Sequence[Row]) -> list[Node]:
    """Nodes that find every event which meets one of `rows`, TERMS_LIMIT leaves each."""
    kinds = all_kinds()
    leaves: dict[Node, None] = {}
    for row in rows:
        leaves.update(dict.fromkeys(leaves_of(kinds[row.kind], row.value)))
    ordered = list(leaves)
    return [
        Or(tuple(some)) if len(some) > 1 else some[0]
        for some in (ordered[start : start + TERMS_LIMIT] for start in range(0, len(ordered), TERMS_LIMIT))
    ]


def leaves_of(kind: Kind, value: str) -> list[Node]:
    found: list[Node] = []
    for path in kind.fields:
        if kind.networks and KINDS.get(path) != "ip":
            continue  # a keyword is no address: answers of the DNS are found by their own fields alone
        if path in kind.hunted:
            found.append(Is(path, kind.hunted[path](value), wildcard=True))
            continue
        found.append(Is(path, value))
        if kind.below:
            found.append(Is(path, "*." + value, wildcard=True))
    if kind.made:
        found += _pieces(value)
    return found


def _pieces(url: str) -> list[Node]:
    """A URL that a log holds in pieces is found by its host; the stage then compares the whole."""
    host = urlsplit(url).hostname or ""
    return [Is("url.domain", host), Is("url.full", f"*://{host}*", wildcard=True),
            Is("url.original", f"*://{host}*", wildcard=True)]  # fmt: skip
