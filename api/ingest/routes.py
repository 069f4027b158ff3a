"""`POST /_bulk`: who → how much → inflate, parse, check, stamp (in a worker thread) → commit → answer per item.

In:  a `Call` of an authenticated machine. Out: a `Reply` in Elasticsearch's shape. A per-item 201 is answered only
     after the commit thread says that it is durable. Nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from api.auth.ca import Name
from api.auth.machines import Machines, Traffic
from api.ingest import answer, body, bulk
from api.ingest.check import check
from api.ingest.commit import Busy, Committer, Job
from api.ingest.dead import Letter
from api.ingest.limits import Limits
from api.ingest.stamp import Entry, Stamp
from api.machine_call import Call, Reply
from correlator.store.base import Stored
from sensors.clock import Clock, parse_rfc3339
from sensors.event import get

WORKERS = 2
_GZIP_ABOVE_BYTES = 1024


@dataclass(slots=True)
class _Parsed:
    docs: list[bulk.Doc]
    refused: dict[int, str]  # index of doc → reason
    entries: list[Entry]
    letters: list[Letter]
    size_bytes: int


class Ingest:
    """What `_bulk` needs; `counters` for /metrics."""

    def __init__(self, machines: Machines, committer: Committer, limits: Limits, clock: Clock) -> None:
        self._machines, self._committer, self._limits, self._clock = machines, committer, limits, clock
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="ingest")
        self.requests: Counter[str] = Counter()

    async def bulk(self, call: Call) -> Reply:
        started = time.perf_counter()
        try:
            coding = body.coding_of(call.headers)
            data = await call.body()
            loop = asyncio.get_running_loop()
            parsed = await loop.run_in_executor(self._pool, self._parse, data, coding, call.name, call.index)
            del data
            job = Job(parsed.entries, parsed.size_bytes, call.name.id, parsed.letters)
            stored = await asyncio.wrap_future(self._committer.submit(job))
        except bulk.BulkRefused as error:
            self.requests[f"status_{error.status}"] += 1
            return Reply(error.status, answer.error(error.status, error.reason))
        except Busy as error:
            self.requests["status_429"] += 1
            return Reply(429, answer.error(429, error.reason), {"retry-after": str(error.retry_after_s)})
        self._count(call.name, parsed, stored)
        outcomes, ids = _in_order(parsed, stored)
        if outcomes and all(outcome.status == 429 for outcome in outcomes):
            self.requests["status_429"] += 1
            return Reply(429, answer.error(429, outcomes[0].reason), {"retry-after": "5"})
        took_ms = int((time.perf_counter() - started) * 1000)
        data = answer.bulk(parsed.docs, outcomes, ids, took_ms, slim=b"filter_path=" in call.query)
        self.requests["status_200"] += 1
        headers = {}
        if len(data) > _GZIP_ABOVE_BYTES and b"gzip" in call.headers.get(b"accept-encoding", b""):
            data, headers = gzip.compress(data, 1, mtime=0), {"content-encoding": "gzip"}
        return Reply(200, data, headers)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _parse(self, data: bytes, coding: str, name: Name, index: str) -> _Parsed:
        limits = self._limits
        plain = body.inflate(data, coding, limits.inflated_bytes)
        docs = bulk.parse(plain, limits, index)
        stamp = Stamp(name, self._clock.now(), self._committer.streams_of(name.agency, name.name))
        parsed = _Parsed(docs, {}, [], [], len(plain))
        claims: Counter[str] = Counter()
        for at, doc in enumerate(docs):
            found = doc.error or check(doc.source, limits)
            if isinstance(found, str):
                parsed.refused[at] = found
                parsed.letters.append(Letter(name.id, 400, found, doc.source))
                continue
            entry = stamp(found, doc.id, doc.source)
            if entry.claim:
                claims[entry.claim] += 1
            parsed.entries.append(entry)
        for claim, times in claims.items():
            self._machines.claimed(name, claim, times)
        return parsed

    def _count(self, name: Name, parsed: _Parsed, stored: list[Stored]) -> None:
        streams: dict[str, Traffic] = {}
        for entry, outcome in zip(parsed.entries, stored, strict=True):
            traffic = streams.setdefault(entry.source, Traffic())
            if outcome.status == 201:
                traffic.stored += 1
                if get(entry.event, "event.dataset") == "luytre.heartbeat":
                    now = self._clock.now()
                    traffic.heartbeat = _heartbeat(entry, now)
                    traffic.beat_lag_s = now - (parse_rfc3339(entry.event["@timestamp"]) or now)
                    traffic.version = str(get(entry.event, "agent.version") or "")[:32]
                else:
                    traffic.real += 1
                    traffic.last_event_at = parse_rfc3339(entry.event["@timestamp"])
            elif outcome.status == 200:
                traffic.noop += 1
            else:
                traffic.refused += outcome.status == 400
        if parsed.refused:
            streams.setdefault("", Traffic()).refused += len(parsed.refused)
        for stream, traffic in streams.items():
            self._machines.saw(name, stream, traffic)


def _in_order(parsed: _Parsed, stored: list[Stored]) -> tuple[list[Stored], list[str]]:
    """The outcome and id of every doc, refused ones among them."""
    outcomes: list[Stored] = []
    ids: list[str] = []
    rest = iter(zip(parsed.entries, stored, strict=True))
    for at in range(len(parsed.docs)):
        reason = parsed.refused.get(at)
        if reason is not None:
            outcomes.append(Stored(400, reason))
            ids.append("")
        else:
            entry, outcome = next(rest)
            outcomes.append(outcome)
            ids.append(str(get(entry.event, "event.id") or ""))
    return outcomes, ids


def _heartbeat(entry: Entry, now: float) -> tuple[float, int | None, int | None, int | None]:
    beat = get(entry.event, "luytre.heartbeat")
    numbers: list[int | None] = [None, None, None]
    if isinstance(beat, dict):
        numbers = [_number(beat.get(key)) for key in ("received", "spooled", "dropped")]
    return (now, *numbers)  # type: ignore[return-value]


def _number(value: Any) -> int | None:
    """A counter; a dropped-by-reason table counts as its sum."""
    if isinstance(value, dict):
        value = sum(number for number in value.values() if type(number) is int)
    with contextlib.suppress(OverflowError):
        return value if type(value) is int and 0 <= value < 2**53 else None
    return None
