"""The embedded store's writing side: a journal (a durable log) per stream, which is the only truth.

In:  batches of events with marks. Out: `Stored` per event, after fsync. Bound: RECENT ids remembered per stream.
An id among the last RECENT of its stream is stored before (200): this catches what is sent again after a crash between
fsync and answer, across a restart too (the mark `@recent` says where to read them again). What is sent again later is
ingest's to know, by (epoch, sequence) and its own memory of 48 hours.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from correlator.store import partition
from correlator.store.base import Expired, Mark, Retention, Stored, Stream
from sensors.clock import Clock, SystemClock, rfc3339
from sensors.durable.log import Full, LogReader, LogWriter, Position
from sensors.event import Event, encode, get

RECENT = 20_000
_RECENT_MARK = "@recent"
_MARK_PREFIX = "s/"
_ITEM_LIMIT_BYTES = 8 * 1024 * 1024
_INDEX_SIZE_FOR_S = 10.0
STREAMS: tuple[Stream, ...] = get_args(Stream)


class _Id(msgspec.Struct):
    id: str = ""


class _OnlyId(msgspec.Struct):
    event: _Id | None = None


_only_id = msgspec.json.Decoder(_OnlyId)


class _Recent:
    """The last ids of one stream, in order of arrival."""

    def __init__(self, journal: Path, log: LogWriter) -> None:
        self._ids: dict[str, None] = {}
        self._since = 0
        self._checkpoints: list[Position] = []
        mark = log.marks.get(_RECENT_MARK)
        reader = LogReader(journal)
        at = Position.parse(mark) if mark else None
        while items := (batch := reader.read(at, 5_000)).items:
            at = batch.next
            for _, data in items:
                try:
                    found = _only_id.decode(data).event
                except msgspec.MsgspecError:
                    continue
                if found and found.id:
                    self.add(found.id)
        reader.close()

    def __contains__(self, identity: str) -> bool:
        return identity in self._ids

    def add(self, identity: str) -> None:
        self._ids[identity] = None
        if len(self._ids) > RECENT:
            del self._ids[next(iter(self._ids))]

    def mark(self, added: int, last: Position | None) -> dict[str, str]:
        """Every RECENT items: the place that has at least RECENT items behind it from now on."""
        self._since += added
        if self._since < RECENT or last is None:
            return {}
        self._since = 0
        self._checkpoints = [*self._checkpoints[-1:], last]
        return {_RECENT_MARK: str(self._checkpoints[0])} if len(self._checkpoints) == 2 else {}


class EmbeddedWriter:
    """`EventWriter` over journals; the process that holds it is the only one (flock)."""

    def __init__(self, data: Path, *, clock: Clock | None = None) -> None:
        self._data, self._clock = data, clock or SystemClock()
        self._logs: dict[Stream, LogWriter] = {}
        self._recent: dict[Stream, _Recent] = {}
        self._last: dict[Stream, Position | None] = {}
        self._lock = threading.Lock()
        self._index_bytes = (float("-inf"), 0)
        try:
            for stream in STREAMS:
                folder = data / "journal" / stream
                self._logs[stream] = LogWriter(folder, clock=self._clock)
                self._recent[stream] = _Recent(folder, self._logs[stream])
                self._last[stream] = None
        except BaseException:
            self.close()
            raise

    def append(
        self, events: Sequence[Event], stream: Stream = "events", marks: Mapping[str, Mark] | None = None
    ) -> list[Stored]:
        with self._lock:
            recent, log = self._recent[stream], self._logs[stream]
            outcome: list[Stored] = []
            items: list[bytes] = []
            ids: dict[str, None] = {}
            for event in events:
                identity = get(event, "event.id")
                if not isinstance(identity, str) or not identity:
                    outcome.append(Stored(400, "event.id missing"))
                elif identity in recent or identity in ids:
                    outcome.append(Stored(200))
                else:
                    data = _encoded(event)
                    if isinstance(data, str):
                        outcome.append(Stored(400, data))
                        continue
                    outcome.append(Stored(201))
                    items.append(data)
                    ids[identity] = None
            texts = {_MARK_PREFIX + key: f"{mark.epoch}:{mark.sequence}" for key, mark in (marks or {}).items()}
            texts |= recent.mark(len(items), self._last[stream])
            try:
                if items or texts:
                    self._last[stream] = log.append(items, texts)
            except Full:
                return [Stored(429, "disk full") if one.status == 201 else one for one in outcome]
            for identity in ids:
                recent.add(identity)
            return outcome

    def marks(self) -> Mapping[str, Mark]:
        found: dict[str, Mark] = {}
        for log in self._logs.values():
            for key, text in log.marks.items():
                if key.startswith(_MARK_PREFIX):
                    epoch, _, sequence = text.partition(":")
                    mark = Mark(int(epoch), int(sequence))
                    known = found.get(key[len(_MARK_PREFIX) :])
                    if known is None or (known.epoch, known.sequence) < (mark.epoch, mark.sequence):
                        found[key[len(_MARK_PREFIX) :]] = mark
        return found

    def expire(self, policy: Retention, stream: Stream = "events") -> Expired:
        """Whole days; the index process drops their partitions within seconds."""
        log = self._logs[stream]
        oldest = rfc3339(self._clock.now() - policy.days * 86_400)[:10].replace("-", "")
        aged = log.drop_segments(lambda info: info.day < oldest)
        events, size, by_budget = aged.items, aged.bytes, 0
        # The budget takes events as long as there are whole files of them; hits are few and worth more.
        first = stream == "events" or all(info.newest for info in self._logs["events"].segments())
        if policy.limit_bytes is not None and first:
            journal = max(1, log.usage_bytes())
            budget = policy.limit_bytes * journal // max(1, self.usage_bytes())
            days: set[str] = set()
            for info in log.segments():
                if journal <= budget:
                    break
                days.add(info.day)
                journal -= info.bytes
            over = log.drop_segments(lambda info: info.day in days)
            events, size, by_budget = events + over.items, size + over.bytes, over.items
        return Expired(events, size, by_budget)

    def usage_bytes(self) -> int:
        now = self._clock.monotonic()
        if now - self._index_bytes[0] >= _INDEX_SIZE_FOR_S:
            total = 0
            for stream in STREAMS:
                for folder in partition.folders(self._data / "index" / stream):
                    total += partition.size_bytes(folder)
            self._index_bytes = (now, total)
        return sum(log.usage_bytes() for log in self._logs.values()) + self._index_bytes[1]

    def close(self) -> None:
        for log in self._logs.values():
            log.close()


def _encoded(event: Event) -> bytes | str:
    """The event's JSON, or why it has none."""
    try:
        data = encode(event)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        return f"not JSON: {type(error).__name__}"
    return data if len(data) <= _ITEM_LIMIT_BYTES else f"longer than {_ITEM_LIMIT_BYTES} bytes"
