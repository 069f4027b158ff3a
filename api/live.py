"""The live stream: changes, as they are committed, to every screen that may see them.

In:  rows of `live_change` (written with the change), the bell that rings after a commit. Out: per screen an async
     iterator of batches of rows, in order, none twice; a screen that reconnects names the last it saw and goes on from
     there. Each row carries its text for the wire, made once for all screens.
In a storm rows are gathered for GATHER_S, and of several changes of one thing only the last is sent.
Bound: SCREENS in all and PER_USER of one person; QUEUE rows waiting for one screen: a screen that reads too slowly is
     let go, and comes back by itself with its Last-Event-ID.
Rights are read again at most RECHECK_S before anything is delivered: who lost a right hears nothing more.
One task reads the table for all screens; nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from api.auth.sessions import Access
from api.casework import changes
from api.casework.changes import Bell
from api.state.audit import Change
from api.state.base import Database

SCREENS, PER_USER, QUEUE = 500, 10, 2_000
AT_ONCE = 2_000  # rows read together
MANY, GATHER_S = 50, 0.25  # more rows than this at once are a storm; how long it is then gathered
AGAIN_S = 1.0  # after an error of the database
RECHECK_S = 1.0
# What a topic needs: the permission, and whether rows without an agency are for everybody who has it.
TOPICS = {
    "alert": "alerts.read",
    "incident": "incidents.read",
    "clock": "incidents.read",
    "delivery": "incidents.read",
    "raised": "inbox.read",
    "sensor": "sensors.read",
    "notice": "notices.read",
    "inventory": "inventory.read",
    "system": "system.read",
    "service": "services.read",
    "national": "national.read",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A change, and its text in the stream."""

    change: Change
    text: bytes


class Batch:
    """Changes that are told together: what they are about, and their text, found once for all screens."""

    __slots__ = ("about", "sent", "text")

    def __init__(self, sent: Sequence[Sent] = ()) -> None:
        self.sent = sent
        self.about = frozenset((one.change.topic, one.change.agency) for one in sent)
        self.text = b"".join(one.text for one in sent)

    def __iter__(self) -> Iterator[Sent]:
        return iter(self.sent)

    def __len__(self) -> int:
        return len(self.sent)


@dataclass(eq=False, slots=True)
class _Screen:
    user_id: int
    queue: asyncio.Queue[Batch | None] = field(default_factory=asyncio.Queue)
    waiting: int = 0  # rows in the queue


class Live:
    def __init__(self, db: Database, bell: Bell) -> None:
        self._db, self._bell = db, bell
        self._screens: set[_Screen] = set()
        self._rung = asyncio.Event()
        self._at: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._ring: Callable[[], None] | None = None
        self._closed = False

    @property
    def screens(self) -> int:
        return len(self._screens)

    def full(self, user_id: int) -> bool:
        """No room for one more screen of this person."""
        return len(self._screens) >= SCREENS or sum(s.user_id == user_id for s in self._screens) >= PER_USER

    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def ring() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._rung.set)

        self._ring = ring
        self._bell.listen(ring)
        self._at = await run_in_threadpool(self._newest)
        self._task = asyncio.create_task(self._pump())

    async def close(self) -> None:
        """Let every screen go; the server can then stop. A read under way ends first: cancelled, its thread would go on
        in a database that is being closed."""
        self._closed = True
        if self._ring:
            self._bell.leave(self._ring)
        for screen in list(self._screens):
            self._let_go(screen)
        self._rung.set()
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def follow(
        self,
        access: Access,
        recheck: Callable[[], Access | None],
        last: int | None,
        clock: Callable[[], float],
        known: Callable[[], Access | None] = lambda: None,
    ) -> AsyncIterator[Batch | None]:
        """Batches of rows for this person; None: rows were missed, load anew. `recheck` may ask the database, `known`
        answers at once or not at all (api/auth/known.py)."""
        screen = _Screen(access.user_id)
        self._screens.add(screen)
        start = self._at or 0
        if self._closed:
            self._let_go(screen)
        checked = clock()
        try:
            async for batch in self._batches(screen, last, start):
                if batch is None:
                    yield None
                    continue
                if clock() - checked >= RECHECK_S:
                    again = known() or await run_in_threadpool(recheck)
                    if again is None:
                        return
                    access, checked = again, clock()
                if visible := _visible(access, batch):
                    yield visible
        finally:
            self._screens.discard(screen)

    async def _batches(self, screen: _Screen, last: int | None, start: int) -> AsyncIterator[Batch | None]:
        if last is not None:
            if last > start or await run_in_threadpool(self._oldest) > last + 1:
                yield None  # from before a restore, or too long away
            else:
                while last < start:
                    missed = await run_in_threadpool(self._since, last)
                    yield _gathered([change for change in missed if change.id <= start])
                    last = missed[-1].id if missed else start
        while (fresh := await screen.queue.get()) is not None:
            screen.waiting -= len(fresh)
            yield fresh

    async def _pump(self) -> None:
        while not self._closed:
            await self._rung.wait()
            self._rung.clear()
            try:
                while not self._closed and (rows := await run_in_threadpool(self._since, self._at or 0)):
                    batch = _gathered(rows) if self._screens else Batch()
                    for screen in list(self._screens):
                        screen.waiting += len(batch)
                        if screen.waiting > QUEUE:
                            self._let_go(screen)
                        else:
                            screen.queue.put_nowait(batch)
                    self._at = rows[-1].id
                    if len(rows) > MANY:
                        await asyncio.sleep(GATHER_S)
            except SQLAlchemyError:  # the screens wait a second longer; the rows are still there
                await asyncio.sleep(AGAIN_S)
                self._rung.set()

    def _let_go(self, screen: _Screen) -> None:
        self._screens.discard(screen)
        while not screen.queue.empty():
            screen.queue.get_nowait()
        screen.queue.put_nowait(None)

    def _newest(self) -> int:
        with self._db.read() as session:
            return changes.newest(session)

    def _oldest(self) -> int:
        with self._db.read() as session:
            return changes.oldest(session)

    def _since(self, after: int) -> list[Change]:
        with self._db.read() as session:
            return list(changes.since(session, after, AT_ONCE))


def _gathered(rows: Sequence[Change]) -> Batch:
    """Of each thing the last change (and that it was made), in the order of their numbers."""
    last: dict[tuple[str, str | None, str, str], Change] = {}
    for row in rows:
        key = (row.topic, row.agency, row.object_id, row.kind)
        last.pop(key, None)
        last[key] = row
    return Batch([Sent(row, _text(row)) for row in last.values()])


def _text(change: Change) -> bytes:
    told = {"id": change.object_id, "revision": change.revision, "agency": change.agency, "kind": change.kind}
    return f"event: {change.topic}\ndata: {json.dumps(told)}\nid: {change.id}\n\n".encode()


def _visible(access: Access, batch: Batch) -> Batch:
    """What of it this person may see; asked once per topic and agency."""
    may = {about for about in batch.about if may_see(access, *about)}
    if len(may) == len(batch.about):
        return batch
    return Batch([one for one in batch if (one.change.topic, one.change.agency) in may])


def may_see(access: Access, topic: str, agency: str | None) -> bool:
    permission = TOPICS.get(topic)
    if permission is None or permission not in access.permissions:
        return False
    return agency is None or access.scope(permission).sees(agency)
