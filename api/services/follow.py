"""Following: the probes' results become services, their minutes and their outages. Each result is counted once.

In:  pages of dataset `service.availability` by `EventReader.tail`. Out: rows of api/state/services.py.
Promise: the tail's place and everything that a page changed move in ONE transaction; a crash before replays the page.
     A result that is not newer than its vantage point's last changes nothing, so a page that comes twice is harmless.
Cost: the tail moves over every event of the store; those of other datasets are told by their bytes (README.md).
Bound: PAGE records a transaction; SERVICES of an agency; VANTAGES of a service; what is over is counted, never silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework import ids
from api.casework.changes import Bell, changed
from api.casework.folding import search_text
from api.services import sketch, systems, windows
from api.services.judge import lives, shown, step
from api.services.minutes import NOBODY, Span, combine, day_of, day_start, paint, touched
from api.services.results import DATASET, Seen, read
from api.state.base import Database
from api.state.cases import Place
from api.state.people import Agency
from api.state.services import Day, Hour, Outage, Service, Vantage
from correlator.store.base import EventReader, Gap
from sensors.clock import Clock

READER = "services"
PAGE = 5_000
SERVICES, VANTAGES = 2_000, 8
HOURS_DAYS = 92  # minutes are kept as long; days for longer (care.py)
SETTLE_S = 300.0  # up for that long and the outage is over; down again before: the same outage
WORDS = {".": "unknown", "o": "up", "s": "slow", "?": "suspect", "d": "down"}


@dataclass(slots=True)
class Counters:
    results: int = 0
    unreadable: int = 0
    over: int = 0  # of a service or vantage point too many
    late: int = 0
    gaps: int = 0


@dataclass(slots=True)
class _Page:
    """What a page touches, looked up once."""

    services: dict[tuple[str, str], Service | None] = field(default_factory=dict)
    views: dict[str, dict[str, Vantage]] = field(default_factory=dict)
    spans: dict[tuple[str, str], list[Span]] = field(default_factory=dict)
    latencies: dict[tuple[str, str, int], sketch.Sketch] = field(default_factory=dict)
    told: dict[str, bool] = field(default_factory=dict)  # service → whether it is new


class Follower:
    def __init__(self, db: Database, reader: EventReader, clock: Clock, bell: Bell, agency: str, *,
                 centre: bool = False) -> None:  # fmt: skip
        self._db, self._reader, self._clock, self._bell = db, reader, clock, bell
        self._agency, self._centre = agency, centre
        self.counters = Counters()

    def run(self, pages: int) -> int:
        """Up to so many pages; the number of results."""
        before = self.counters.results
        for _ in range(pages):
            if not self.step():
                break
        return self.counters.results - before

    def step(self) -> bool:
        """One page; whether there may be more."""
        with self._db.read() as session:
            place = session.get(Place, READER)
            cursor = place.cursor if place else None
            agencies = set(session.scalars(select(Agency.code))) if self._centre else set()
        page = self._reader.tail(cursor, PAGE, "events", DATASET)
        now = self._clock.now()
        if isinstance(page, Gap):
            with self._db.write() as session:
                place = _move(session, page.next, now)
                place.gaps += 1
                place.lost += page.lost or 0
            self.counters.gaps += 1
            return True
        if page.next == cursor:
            return False
        found = [
            read(event, agency=self._agency, now=now, foreign=lambda code: code != self._agency and code in agencies)
            for event in page.events
        ]
        seen = [one for one in found if one is not None and one.result.at > now - HOURS_DAYS * 86_400]
        with self._db.write() as session:
            self.take(session, seen, now)
            _move(session, page.next, now)
        self.counters.unreadable += len(found) - len(seen)
        return True

    def take(self, session: Session, seen: Iterable[Seen], now: float) -> None:
        page = _Page()
        for one in seen:
            self._one(session, page, one, now)
        _write_hours(session, page)
        for service_id, new in page.told.items():
            service = session.get_one(Service, service_id)
            service.revision += 1
            changed(session, self._bell, "service", service_id, agency=service.agency, revision=service.revision,
                    now=now, created=new)  # fmt: skip

    def _one(self, session: Session, page: _Page, seen: Seen, now: float) -> None:
        service = self._service(session, page, seen, now)
        view = self._view(session, page, service, seen) if service else None
        if service is None or view is None:
            self.counters.over += 1
            return
        result = seen.result
        if result.at <= view.last_at:
            self.counters.late += 1
            return
        self.counters.results += 1
        page.spans.setdefault((service.id, view.name), []).extend(step(view, result))
        if result.latency_ms is not None:
            key = (service.id, view.name, int(result.at // 3600))
            sketch.add(page.latencies.setdefault(key, {}), result.latency_ms)
        if result.at >= service.checked_at:
            _describe(service, seen)
        if service.retired_at is not None:
            service.retired_at = None  # watched again
            page.told.setdefault(service.id, False)
        if settle(session, service, page.views[service.id].values(), result.at):
            page.told.setdefault(service.id, False)

    def _service(self, session: Session, page: _Page, seen: Seen, now: float) -> Service | None:
        key = (seen.agency, seen.key)
        if key not in page.services:
            found = session.scalar(select(Service).where(Service.agency == seen.agency, Service.key == seen.key))
            if found is None:
                there = select(func.count()).select_from(Service).where(Service.agency == seen.agency)
                if (session.scalar(there) or 0) < SERVICES:
                    found = _new_service(session, seen, now)
                    page.told[found.id] = True
            page.services[key] = found
            if found is not None:
                rows = session.scalars(select(Vantage).where(Vantage.service_id == found.id))
                page.views[found.id] = {row.name: row for row in rows}
        return page.services[key]

    def _view(self, session: Session, page: _Page, service: Service, seen: Seen) -> Vantage | None:
        views = page.views[service.id]
        view = views.get(seen.vantage)
        if view is None:
            silent = [name for name, row in views.items() if not lives(row, seen.result.at)]
            if len(views) >= VANTAGES:
                if not silent:
                    return None
                oldest = min(silent, key=lambda name: views[name].last_at)
                session.delete(views.pop(oldest))  # its minutes stay
            view = Vantage(service_id=service.id, name=seen.vantage, state=".", since=seen.result.at, run="",
                           run_since=0.0, run_count=0, painted=seen.result.at, last_at=0.0,
                           every_s=seen.result.every_s, reason="", latency_ms=None)  # fmt: skip
            views[seen.vantage] = view
            session.add(view)
        return view


def settle(session: Session, service: Service, views: Iterable[Vantage], at: float) -> bool:
    """What the vantage points that live at `at` say together; whether that is news."""
    living = [view for view in views if lives(view, at)]
    mark = combine(shown(view) for view in living)
    state = WORDS[mark]
    speaking = next((view for view in living if shown(view) in (mark, "d") and view.reason), None)
    service.reason = speaking.reason if speaking and mark != "o" else ""
    latencies = [view.latency_ms for view in living if view.latency_ms is not None and view.state != "d"]
    service.latency_ms = min(latencies) if latencies else None
    if state == service.state:
        return False
    since = _since(service, living, mark, at)
    before, service.state, service.since = service.state, state, since
    if state == "down":
        _begins(session, service, since)
    elif before in ("down", "unknown") and state != "unknown":
        _ends(session, service, since)
    return True


def _since(service: Service, living: list[Vantage], mark: str, at: float) -> float:
    if mark == ".":
        return service.checked_at
    if mark == "?":
        return max((view.run_since for view in living if view.run == "d"), default=at)
    if mark == "d":  # from when all of them agreed
        return max(view.since for view in living)
    return max((view.since for view in living), default=at)


def _begins(session: Session, service: Service, since: float) -> None:
    last = session.scalar(
        select(Outage).where(Outage.service_id == service.id, Outage.settled_at.is_(None)).order_by(Outage.since.desc())
    )
    if last is not None and last.until is None:
        return  # silence lay between: it has been down all along, as far as anybody knows
    if last is not None and last.until is not None:
        if since - last.until < SETTLE_S:
            last.until, last.flaps = None, last.flaps + 1
            return
        last.settled_at = last.until + SETTLE_S
    session.add(Outage(service_id=service.id, agency=service.agency, since=since, reason=service.reason, flaps=0,
                       told=False, undone=False, related=[]))  # fmt: skip
    session.flush()


def _ends(session: Session, service: Service, until: float) -> None:
    open_one = session.scalar(select(Outage).where(Outage.service_id == service.id, Outage.until.is_(None)))
    if open_one is not None:
        open_one.until = max(until, open_one.since)


def _new_service(session: Session, seen: Seen, now: float) -> Service:
    system = systems.find(session, seen.agency, seen.system_word, seen.host, seen.address, seen.result.at)
    service = Service(
        id=ids.next_id(session, "DV", now), agency=seen.agency, key=seen.key, name=seen.name, kind=seen.kind,
        state="unknown", since=seen.result.at, first_at=seen.result.at, checked_at=seen.result.at, revision=0,
        system_id=system.id if system else None, grade=system.grade if system else None, maintenance=False,
    )  # fmt: skip
    _describe(service, seen)
    service.maintenance = windows.covers(windows.of(session, [service.id], now, now + 1), service.id, now)
    session.add(service)
    session.flush()
    return service


def _describe(service: Service, seen: Seen) -> None:
    """What the newest result says of the service itself."""
    service.name, service.kind, service.slow_ms = seen.name, seen.kind, seen.slow_ms
    service.host, service.system_word = seen.host or service.host, seen.system_word
    service.address = seen.address or service.address
    service.checked_at = seen.result.at
    if seen.certificate_days is not None:
        ends = seen.result.at + 86_400.0 * (seen.certificate_days + 1)
        known = service.certificate_expires_at
        if known is None or abs(ends - known) > 1.5 * 86_400:  # days are whole: the same certificate wanders by one
            service.certificate_expires_at, service.certificate_told = ends, None
    words = search_text([service.id, service.key, service.name, service.host, service.agency, service.system_word])
    if words != service.search_text:
        service.search_text = words


def _write_hours(session: Session, page: _Page) -> None:
    wanted: dict[tuple[str, str], set[int]] = {}
    for (service_id, name), spans in page.spans.items():
        hours = wanted.setdefault((service_id, name), set())
        for span in spans:
            minutes = touched(span)
            hours.update(range(minutes.start // 60, (minutes.stop - 1) // 60 + 1))
    for service_id, name, hour in page.latencies:
        wanted.setdefault((service_id, name), set()).add(hour)
    days: dict[str, set[int]] = {}
    for (service_id, name), hours in wanted.items():
        rows = {
            row.hour: row
            for row in session.scalars(
                select(Hour).where(Hour.service_id == service_id, Hour.vantage == name, Hour.hour.in_(hours))
            )
        }
        marks = paint(page.spans.get((service_id, name), ()), {hour: row.minutes for hour, row in rows.items()})
        for hour in sorted(hours):
            row = rows.get(hour)
            if row is None:
                row = Hour(service_id=service_id, vantage=name, hour=hour, minutes=NOBODY, sketch={})
                session.add(row)
            row.minutes = marks.get(hour, row.minutes)
            if more := page.latencies.get((service_id, name, hour)):
                whole = dict(row.sketch)
                sketch.merge(whole, more)
                row.sketch = whole
            days.setdefault(service_id, set()).add(day_of(hour * 3600))
    for service_id, found in days.items():
        stale(session, service_id, found)


def stale(session: Session, service_id: str, days: Iterable[int]) -> None:
    """These days are to be counted again."""
    wanted = set(days)
    there = {
        row.day: row for row in session.scalars(select(Day).where(Day.service_id == service_id, Day.day.in_(wanted)))
    }
    for day in wanted:
        if day in there:
            there[day].stale = True
        else:
            session.add(Day(service_id=service_id, day=day, ok=0, slow=0, suspect=0, down=0, maintenance=0, stale=True))


def day_hours(day: int) -> range:
    """The epoch hours of a day (UTC+7 is a whole number of hours)."""
    first = int(day_start(day) // 3600)
    return range(first, first + 24)


def _move(session: Session, cursor: str | None, now: float) -> Place:
    place = session.get(Place, READER)
    if place is None:
        place = Place(reader=READER, lost=0, gaps=0, moved_at=now)
        session.add(place)
    place.cursor, place.moved_at = cursor, now
    return place
