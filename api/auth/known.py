"""Who asks, as the database last said: a person's session is looked up once while nothing that it rests on has moved.

In:  a cookie's value, the time. Out: the `Access` that `sessions.find` would give, or None: ask the database.
Promise: rights are those that hold now. What was found is kept with the numbers of `Database.moves` that held before it
     was read (of sessions, people, grants, agencies, second factors) and is used only while they are the same: who is
     disabled, signed out or loses a right is refused from the next request on. What ends by time (session, idle limit,
     grant) is compared with the clock at each use; a session that is due to be written as seen is not answered here.
     Only what was let in is kept, by the hash of the cookie.
Bound: KEPT sessions; each at most sessions.TOUCH_S.
Measured 2026-11-22: three queries and a thread for each request before, and one of them a second for each live screen.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from api.auth import sessions
from api.auth.sessions import Access, Limits
from api.state.base import Database
from api.state.people import Agency, Grant, LoginSession, Passkey, Totp, User

KEPT = 1_000
_READ = (LoginSession, User, Grant, Agency, Totp, Passkey)


@dataclass(frozen=True, slots=True)
class _Kept:
    access: Access
    moves: tuple[int, ...]
    limits: Limits
    seen_at: float
    ends_at: float  # of the session, or of the first grant that ends before it


class Known:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self.given = self.asked = 0

    def of(self, token: str, now: float, limits: Limits, address: str) -> Access | None:
        """Without the database; never blocks."""
        kept = self._kept.get(sessions.hash_of(token)) if len(token) <= sessions.TOKEN_LIMIT else None
        if (
            kept is None
            or kept.limits != limits
            or not kept.seen_at <= now < min(kept.ends_at, kept.seen_at + min(limits.idle_s, sessions.TOUCH_S))
            or kept.moves != self._db.moves(*_READ)
        ):
            return None
        self.given += 1
        return replace(kept.access, expires_at=min(kept.access.ends_at, now + limits.idle_s), address=address)

    def find(self, token: str, now: float, limits: Limits, address: str) -> tuple[Access, bool] | None:
        """`sessions.find` in a transaction of its own, and kept."""
        moves = self._db.moves(*_READ)  # before the reading: what moves meanwhile makes it old
        with self._db.read() as session:
            found = sessions.find(session, token, now, limits, address)
        self.asked += 1
        if found is None:
            return None
        access, touch = found
        if not touch:
            untils = [grant.until for grant in access.grants if grant.until is not None]
            row = _Kept(access, moves, limits, access.seen_at, min([access.ends_at, *untils]))
            with self._lock:
                self._kept.pop(access.session_hash, None)
                self._kept[access.session_hash] = row
                while len(self._kept) > KEPT:
                    del self._kept[next(iter(self._kept))]
        return found
