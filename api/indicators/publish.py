"""The set files for the correlator, made of the rows in force: one for each agency, one for all.

A set is made anew when its sources have other revisions than it was made of (never by the clock, which may be set
back), or when a row of it has ended since. Looked at by
the job every few seconds; a million rows take some ten seconds of processor time, so the next look at the same set
waits REST times as long as the last making took: a feed that changes every minute doesn't eat the node.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from api.indicators.importing import active
from api.state.base import Database
from api.state.indicators import IndicatorSource, ListedIndicator
from correlator.indicators.table import ROWS_LIMIT, IndicatorTable, Row, table_path, write

PAGE = 5_000
REST = 10.0


class Publisher:
    def __init__(self, db: Database, root: Path) -> None:
        self._db, self._root = db, root
        self._made: dict[str, tuple[int, float]] = {}  # agency → (state of its sources, made at)
        self._again: dict[str, float] = {}  # monotonic: not before

    def run(self, now: float, *, force: bool = False) -> dict[str, int]:
        """Agency → how many indicators its new set has."""
        with self._db.read() as session:
            query = select(IndicatorSource.agency, func.sum(IndicatorSource.revision)).group_by(IndicatorSource.agency)
            states = {agency: int(state) for agency, state in session.execute(query)}
        done = {}
        for agency, state in sorted(states.items()):
            made, at = self._of(agency)
            if state == made and not self._ended_since(agency, at, now):
                continue
            if not force and time.monotonic() < self._again.get(agency, 0.0):
                continue
            done[agency] = self._make(agency, state, now)
        return done

    def _make(self, agency: str, state: int, now: float) -> int:
        begun = time.process_time()
        with self._db.read() as session:
            query = select(IndicatorSource.id, IndicatorSource.name).where(IndicatorSource.agency == agency)
            sources = {number: name for number, name in session.execute(query) if number < 1 << 16}
        count = write(table_path(self._root, agency), self._rows(agency, now), sources, now, agency, state)
        self._made[agency] = (state, now)
        self._again[agency] = time.monotonic() + REST * (time.process_time() - begun)
        return count

    def _rows(self, agency: str, now: float) -> Iterator[Row]:
        """Page by page, no transaction held: a row that changes meanwhile changes its source again."""
        last = 0
        given = 0
        while given < ROWS_LIMIT:
            with self._db.read() as session:
                query = (
                    select(ListedIndicator.id, ListedIndicator.kind, ListedIndicator.value, ListedIndicator.source_id,
                           ListedIndicator.confidence, ListedIndicator.tlp, ListedIndicator.expires_at)
                    .where(ListedIndicator.agency == agency, ListedIndicator.id > last, active(now))
                    .order_by(ListedIndicator.id).limit(PAGE)
                )  # fmt: skip
                rows = session.execute(query).all()
            if not rows:
                return
            last = rows[-1][0]
            given += len(rows)
            for _, kind, value, source, confidence, tlp, expires in rows:
                yield Row(kind, value, source if source < 1 << 16 else 0, confidence, tlp, expires)

    def _of(self, agency: str) -> tuple[int, float]:
        if agency not in self._made:
            try:
                table = IndicatorTable(table_path(self._root, agency))
            except ValueError:  # none yet, or damaged: made anew
                return -1, 0.0
            self._made[agency] = (table.state, table.made_at)
        return self._made[agency]

    def _ended_since(self, agency: str, made: float, now: float) -> bool:
        with self._db.read() as session:
            query = select(ListedIndicator.id).where(
                ListedIndicator.agency == agency, ListedIndicator.expires_at > made, ListedIndicator.expires_at <= now
            )
            return session.execute(query.limit(1)).first() is not None
