"""Hunts as rows: asked for by a person, worked on in slices by the job, stopped or finished; a restart goes on.

Bound: WAITING hunts of an agency at a time; VALUES of one that isn't of a source; DAYS back; TOTAL_S of work, by the
sum of its slices, is not limited, but one slice is (SLICE_S), and only one hunt is worked on at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.errors import Invalid
from api.indicators.importing import DAY_S
from api.state.base import Database
from api.state.indicators import IndicatorHunt, IndicatorSource, ListedIndicator
from correlator.indicators.hunt import FOUND_LIMIT, Hunt, Place, Trace, merged
from correlator.indicators.kinds import normal_of
from correlator.indicators.table import Row
from correlator.store.base import EventReader, Scope
from sensors.clock import Clock

WAITING = 5
VALUES = 500
DAYS = 400
SLICE_S = 5.0
OPEN = ("waiting", "running")


def ask(
    session: Session, *, agency: str, source: IndicatorSource | None, values: Iterable[str], days: float, now: float,
    who: str,
) -> IndicatorHunt:  # fmt: skip
    """Raises Invalid in words."""
    wanted: list[list[str]] = []
    for text in values:
        found = normal_of("", text)
        if found is None:
            raise Invalid("values", f"Không nhận ra “{text[:80]}”.", f"“{text[:80]}” is not recognised.")
        wanted.append(list(found))
    if (source is None) == (not wanted) or len(wanted) > VALUES:
        raise Invalid("values", f"Cần một nguồn, hoặc từ 1 đến {VALUES} giá trị.",
                      f"Either a source, or 1 to {VALUES} values.")  # fmt: skip
    waiting = session.scalar(select(func.count()).where(IndicatorHunt.agency == agency, IndicatorHunt.state.in_(OPEN)))
    if waiting and waiting >= WAITING:
        raise Invalid("values", f"Đang có {waiting} lượt rà soát chưa xong.", f"{waiting} sweeps are not finished yet.")
    what = source.name if source else ", ".join(value for _, value in wanted)
    hunt = IndicatorHunt(
        agency=agency, source_id=source.id if source else None, what=what[:256], values=wanted, state="waiting",
        asked_at=now, asked_by=who, since=now - min(days, DAYS) * DAY_S, until=now, place={}, found=[],
    )  # fmt: skip
    session.add(hunt)
    session.flush()
    return hunt


def stop(hunt: IndicatorHunt, now: float) -> None:
    if hunt.state in OPEN:
        hunt.state, hunt.ended_at = "stopped", now


class Hunter:
    """Works on the oldest open hunt; keeps its questions between slices."""

    def __init__(self, db: Database, reader: EventReader, clock: Clock) -> None:
        self._db, self._reader, self._clock = db, reader, clock
        self._hunt: tuple[int, Hunt] | None = None

    def run(self, slice_s: float = SLICE_S) -> bool:
        """One slice; False when there is nothing to do."""
        with self._db.read() as session:
            row = session.scalars(select(IndicatorHunt).where(IndicatorHunt.state.in_(OPEN)).order_by(
                IndicatorHunt.id).limit(1)).first()  # fmt: skip
            if row is None:
                self._hunt = None
                return False
            if self._hunt is None or self._hunt[0] != row.id:
                scope = Scope(frozenset({row.agency}))
                rows = _rows(session, row)
                self._hunt = (row.id, Hunt(self._reader, scope, rows, row.since, row.until, clock=self._clock))
            place, number = Place(**row.place), row.id
        hunt = self._hunt[1]
        try:
            found = hunt.run(place, slice_s)
        except Exception as error:
            with self._db.write() as session:
                row = session.get_one(IndicatorHunt, number)
                row.state, row.told, row.ended_at = (
                    "failed",
                    f"{type(error).__name__}: {error}"[:500],
                    self._clock.now(),
                )
            self._hunt = None
            raise
        with self._db.write() as session:
            row = session.get_one(IndicatorHunt, number)
            if row.state not in OPEN:  # stopped meanwhile
                return True
            row.state, row.total, row.done = "running", hunt.total, found.place.step
            row.events, row.place = row.events + found.events, asdict(found.place)
            traces = {one["key"]: Trace(**one) for one in row.found}
            known = len(traces)
            merged(traces, found.traces)
            row.found_total += len(traces) - known
            row.found = [asdict(trace) for trace in traces.values()][:FOUND_LIMIT]
            row.told = row.told or found.told[:500]
            if found.over:
                row.state, row.ended_at = "done", self._clock.now()
                self._hunt = None
        return True


def _rows(session: Session, hunt: IndicatorHunt) -> list[Row]:
    if hunt.source_id is None:
        return [Row(kind, value) for kind, value in hunt.values]
    query = select(ListedIndicator.kind, ListedIndicator.value).where(ListedIndicator.source_id == hunt.source_id)
    return [Row(kind, value) for kind, value in session.execute(query)]


def shown(hunt: IndicatorHunt) -> dict[str, Any]:
    return {"total": hunt.total, "done": hunt.done, "events": hunt.events}
