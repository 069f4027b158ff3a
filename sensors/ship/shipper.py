"""Spools in, `_bulk` out: each event is acknowledged in its spool only after the node has said that it is stored.

In:  every folder under <data>/spool. Out: `round()` sends at most a few batches of each and says how long to wait.
Order: within a spool strictly as spooled (the node's dedupe is a mark per spool). Between spools the urgent ones first:
     RANK says which, TURNS how many batches each may send before the others get theirs, so that none starves.
Crash: kill -9 at any point resends what was not acknowledged; the node stores it once.
Answers: 201/200/409 → acknowledged; 429/503 → that item and all behind it again; other → dead letter, acknowledged.
     The whole body refused as too large (413/400) → halves; a single item that is too large → dead letter.
     401/403 for the whole request is about us, not about the events: they stay.
Bound: one batch per spool in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensors.clock import Clock
from sensors.durable.files import REAL, Files
from sensors.ship.backoff import LIMIT_S, NOT_ALLOWED_LIMIT_S, Backoff
from sensors.ship.budget import Budget
from sensors.ship.dead import DeadLetters
from sensors.spool import SpoolItem, SpoolReader
from sensors.spool.priority import URGENT
from sensors.wire import BulkClient, Busy, ItemStatus, NotAllowed, TooLarge

RANK = {"probe": 0, "log": 1, "packet": 2}
TURNS = {0: 8, 1: 4, 2: 1}
_OTHERS = 1
DISCOVER_EVERY_S = 1.0  # a sensor that starts after us has its spool seen soon; it is one look into a folder


@dataclass(slots=True)
class Lane:
    """One spool."""

    name: str
    reader: SpoolReader
    rank: int
    batch: list[SpoolItem] = field(default_factory=list)  # read and not yet answered
    most: int = 0  # items at a time, after a 413; grows again
    sent: int = 0
    refused: int = 0


class Shipper:
    def __init__(self, spools: Path, connect: Callable[[], BulkClient], dead: DeadLetters, budget: Budget,
                 backoff: Backoff, clock: Clock, *, batch_items: int, batch_bytes: int, idle_s: float,
                 files: Files = REAL) -> None:  # fmt: skip
        self._spools, self._connect, self._dead, self._budget = spools, connect, dead, budget
        self._backoff, self._clock, self._files = backoff, clock, files
        self._items, self._bytes, self._idle_s = batch_items, batch_bytes, idle_s
        self._client: BulkClient | None = None
        self._lanes: dict[str, Lane] = {}
        self._discovered = float("-inf")
        self.state = "starting"  # "connected", or why not
        self.contact_at: float | None = None

    def round(self) -> float:
        """Send what is due; seconds to wait before the next round (0: there is more)."""
        self._discover()
        more = False
        for lane in sorted(self._lanes.values(), key=lambda lane: (lane.rank, lane.name)):
            for _ in range(TURNS[lane.rank]):
                wait = self._turn(lane)
                if wait is None:
                    break  # nothing there
                if wait > 0:
                    return wait
                more = True
        return 0.0 if more else self._idle_s

    def reconnect(self) -> None:
        """The certificate changed."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._backoff.clear()

    def health(self) -> dict[str, Any]:
        now = self._clock.now()
        lanes = {}
        for lane in self._lanes.values():
            backlog = lane.reader.backlog()
            lanes[lane.name] = {
                "sent": lane.sent, "refused": lane.refused, "backlog": backlog.items, "backlog_bytes": backlog.bytes,
                "oldest_s": round(now - backlog.oldest, 1) if backlog.oldest is not None else None,
            }  # fmt: skip
        return {"state": self.state, "contact_at": self.contact_at, "tries": self._backoff.tries, "spools": lanes,
                "sent_bytes_today": self._budget.used_today}  # fmt: skip

    def close(self) -> None:
        self.reconnect()
        for lane in self._lanes.values():
            lane.reader.close()
        self._lanes.clear()
        self._dead.close()
        self._budget.save()

    def _discover(self) -> None:
        now = self._clock.monotonic()
        if now - self._discovered < DISCOVER_EVERY_S:
            return
        self._discovered = now
        names = sorted(path.name for path in self._spools.iterdir() if path.is_dir()) if self._spools.is_dir() else []
        for name in names:
            if name not in self._lanes:
                reader = SpoolReader(self._spools / name, files=self._files)
                self._lanes[name] = Lane(name, reader, RANK.get(name, _OTHERS), most=self._items)

    def _turn(self, lane: Lane) -> float | None:
        """One batch of a lane. None: it has nothing; 0: sent; else seconds to wait before anything may be sent."""
        if not lane.batch:
            lane.batch = lane.reader.read(lane.most, self._budget.batch_bytes(self._bytes))
            if not lane.batch:
                return None
        try:
            if self._client is None:
                self._client = self._connect()
            return self._send(lane, self._client)
        except TooLarge as error:
            self._halve(lane, error)
            return 0.0
        except NotAllowed as error:
            self.state = error.problems[0].en
            return self._backoff.next_s(limit_s=NOT_ALLOWED_LIMIT_S)
        except Busy as error:
            self.state = error.problems[0].en
            return self._backoff.next_s(error.retry_after_s, LIMIT_S)

    def _send(self, lane: Lane, client: BulkClient) -> float:
        part = lane.batch[: lane.most]
        body = client.encode([item.event_bytes for item in part])
        urgent = lane.rank == 0 or all(item.priority == URGENT for item in part)
        wait = self._budget.wait_s(len(body), urgent=urgent)
        if wait > 0:
            self.state = "waiting for the byte budget"
            return min(wait, 30.0)
        try:
            statuses = client.post(body, len(part))
        finally:
            self._budget.spent(len(body))
        self.contact_at, self.state = self._clock.now(), "connected"
        done = self._settle(lane, part, statuses)
        if done < len(part):
            return self._backoff.next_s()
        lane.most = min(self._items, lane.most * 2)
        self._backoff.clear()
        return 0.0

    def _settle(self, lane: Lane, part: list[SpoolItem], statuses: list[ItemStatus]) -> int:
        """Acknowledge the items up to the first that must come again."""
        letters = []
        done = 0
        for item, status in zip(part, statuses, strict=True):
            if status.again:
                self.state = f"the node asks to send later: {status.reason}"
                break
            if not status.stored:
                letters.append((item, status.status, status.reason))
            done += 1
        lane.refused += self._dead.add(lane.name, letters)
        if done:
            lane.reader.ack(part[done - 1].position)
            lane.sent += done - len(letters)
            del lane.batch[:done]
        return done

    def _halve(self, lane: Lane, error: TooLarge) -> None:
        count = min(len(lane.batch), lane.most)
        if count > 1:
            lane.most = count // 2
            return
        item = lane.batch.pop(0)
        lane.refused += self._dead.add(lane.name, [(item, error.status, error.problems[0].en)])
        lane.reader.ack(item.position)
