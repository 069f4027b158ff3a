"""Ids that others sent within the last 48 hours, so that what they send again is stored once.

In:  ids of events just stored, after their commit. Out: which of some ids were stored before.
Rule: the journal is the only truth. The file says up to which cursor of each stream it knows the journal; on start what
      lies behind it is read again, so a crash between the journal's fsync and ours forgets nothing, and a file that is
      missing or damaged is made anew. Our own spools' events need no entry: their marks are durable with the batch.
Bound: 48 h; 16 bytes and a time per id. One process, one connection (the commit thread's).
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from correlator.store.base import EventReader, Gap, Stream
from sensors.clock import Clock, parse_rfc3339
from sensors.event import Event, get

KEEP_S = 48 * 3600.0
CURSOR_EVERY_S = 10.0
_PAGE = 2000
_STREAMS: tuple[Stream, ...] = ("events", "hits")


class Seen:
    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
            if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
        except sqlite3.DatabaseError:
            with contextlib.suppress(AttributeError):
                self._db.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            self._db = self._open()
        self._swept = clock.monotonic()
        self._marked = clock.monotonic()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            # NORMAL: what a power cut takes from this file is read from the journal again.
            for line in (
                "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA cache_size=-2000",
                "CREATE TABLE IF NOT EXISTS seen (id BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
                "CREATE INDEX IF NOT EXISTS seen_at ON seen (at)",
                "CREATE TABLE IF NOT EXISTS cursors (stream TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID",
            ):  # fmt: skip
                db.execute(line)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def catch_up(self, reader: EventReader) -> int:
        """Read what the journal has beyond our cursors; returns the number of ids found."""
        cursors = dict(self._db.execute("SELECT stream, cursor FROM cursors"))
        found = 0
        oldest = self._clock.now() - KEEP_S
        for stream in _STREAMS:
            cursor: str | None = cursors.get(stream)
            while True:
                page = reader.tail(cursor, _PAGE, stream)
                if isinstance(page, Gap):
                    cursor = page.next
                    continue
                ids = [identity for event in page.events if (identity := _remembered(event, oldest))]
                found += len(ids)
                self._insert(ids, {stream: page.next})
                if not page.events:
                    break
                cursor = page.next
        return found

    def known(self, identity: str) -> bool:
        """Whether it was stored before."""
        return self._db.execute("SELECT 1 FROM seen WHERE id = ?", (_key(identity),)).fetchone() is not None

    def add(self, ids: Iterable[str], reader: EventReader) -> None:
        """Remember ids whose events are durable. Called by the one who commits, after each commit."""
        now = self._clock.monotonic()
        cursors: dict[Stream, str] = {}
        if now - self._marked >= CURSOR_EVERY_S:
            self._marked = now
            cursors = {stream: reader.end(stream) for stream in _STREAMS}
        self._insert(ids, cursors)
        if now - self._swept > 600:
            self._swept = now
            self._db.execute("DELETE FROM seen WHERE at < ?", (int(self._clock.now() - KEEP_S),))

    def _insert(self, ids: Iterable[str], cursors: dict[Stream, str]) -> None:
        at = int(self._clock.now())
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", [(_key(one), at) for one in ids])
            self._db.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", list(cursors.items()))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


def _remembered(event: Event, oldest: float) -> str | None:
    if get(event, "luytre.ingest.by") != "id":
        return None
    when = parse_rfc3339(str(get(event, "event.ingested") or ""))
    identity = get(event, "luytre.ingest.of") or get(event, "event.id")
    return identity if isinstance(identity, str) and (when is None or when >= oldest) else None


def _key(identity: str) -> bytes:
    return hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=16).digest()
