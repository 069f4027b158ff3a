"""Pages of the queue as they were last shown: fifty people who look at one queue cost one reading of it.

In:  a key (the scope and everything that was asked for) and how to make the page. Out: its JSON.
Promise: what is given is what the database said when it was asked for, or later. A page is kept together with the
     numbers of `Database.moves` that held before it was read, and is used while they are still the same; who has just
     written reads what they wrote. Who waits while a page is made takes it if it holds all that was written when they
     asked: in a storm something has moved again by then, and each of those who wait would make one more.
     The scope is part of the key: nobody is shown a page that was made for others.
Bound: PAGES pages; none older than AGE_S (its `as_of`, and the hours of its sparklines).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from api.state.base import Database
from api.state.cases import Alert, AlertEntity, AlertHour
from api.state.inventory import System
from api.state.people import User
from sensors.clock import Clock

PAGES = 64
AGE_S = 20.0
_READ = (Alert, AlertEntity, AlertHour, System, User)


@dataclass(frozen=True, slots=True)
class _Found:
    """A page, and when it held; one value, so that it is replaced whole."""

    body: bytes = b""
    moves: tuple[int, ...] = ()
    made_at: float = 0.0


@dataclass(slots=True)
class _Page:
    making: threading.Lock = field(default_factory=threading.Lock)
    found: _Found = _Found()


class Shown:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._lock = threading.Lock()
        self._pages: dict[Hashable, _Page] = {}
        self.made = self.given = 0

    def kept(self, key: Hashable) -> bytes | None:
        """The page, when there is one that holds; never blocks (the event loop asks)."""
        page = self._pages.get(key)
        if page is None or not self._holds(page.found):
            return None
        self.given += 1
        return page.found.body

    def page(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            page = self._pages.pop(key, None) or _Page()
            self._pages[key] = page  # the last used stands last
            while len(self._pages) > PAGES:
                del self._pages[next(iter(self._pages))]
            self.given += 1
        asked = self._db.moves(*_READ)
        with page.making:
            found = page.found
            later = bool(found.body) and all(read >= wanted for read, wanted in zip(found.moves, asked, strict=True))
            if not (later and self._clock.monotonic() - found.made_at < AGE_S):
                moves, now = self._db.moves(*_READ), self._clock.monotonic()
                found = page.found = _Found(make(), moves, now)
                self.made += 1
            return found.body

    def _holds(self, found: _Found) -> bool:
        return (
            bool(found.body)
            and self._clock.monotonic() - found.made_at < AGE_S
            and found.moves == self._db.moves(*_READ)
        )
