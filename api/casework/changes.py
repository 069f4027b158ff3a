"""What the live stream will tell: a row written with the change itself, and a wake-up when it is durable.

Bound: KEEP rows; whoever was away longer reloads (the stream says so with a `system` event).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, delete, func, insert, select
from sqlalchemy.orm import Session

from api.state.audit import Change
from api.state.base import after_commit

KEEP = 20_000


class Bell:
    """Wakes the live stream of this process after each commit that changed something to see."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, call: Callable[[], None]) -> None:
        with self._lock:
            self._listeners.append(call)

    def leave(self, call: Callable[[], None]) -> None:
        with self._lock:
            if call in self._listeners:
                self._listeners.remove(call)

    def ring(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for call in listeners:
            call()


def changed(
    session: Session,
    bell: Bell,
    topic: str,
    object_id: str,
    *,
    agency: str | None,
    revision: int,
    now: float,
    created: bool = False,
) -> None:
    session.add(
        Change(
            at=now,
            topic=topic,
            object_id=object_id[:128],
            agency=agency,
            revision=revision,
            kind="created" if created else "changed",
        )
    )
    after_commit(session, bell.ring)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that changed, of many told together."""

    topic: str
    object_id: str
    agency: str | None
    revision: int
    created: bool = False


def changed_all(session: Session, bell: Bell, several: Sequence[Told], now: float) -> None:
    """`changed` for each, in one statement."""
    if not several:
        return
    session.execute(insert(cast("Table", Change.__table__)), [
        {"at": now, "topic": told.topic, "object_id": told.object_id[:128], "agency": told.agency,
         "revision": told.revision, "kind": "created" if told.created else "changed"} for told in several
    ])  # fmt: skip
    after_commit(session, bell.ring)


def newest(session: Session) -> int:
    return session.scalar(select(func.max(Change.id))) or 0


def oldest(session: Session) -> int:
    return session.scalar(select(func.min(Change.id))) or 0


def since(session: Session, after: int, limit: int = 500) -> Sequence[Change]:
    return session.scalars(select(Change).where(Change.id > after).order_by(Change.id).limit(limit)).all()


def clean(session: Session) -> int:
    gone = session.execute(delete(Change).where(Change.id <= newest(session) - KEEP))
    return int(getattr(gone, "rowcount", 0))
