"""The writing side of the store on Elasticsearch.

In:  events → `create` with our `_id` into data streams. Out: 201 means `translog.durability: request`.
Marks are documents of their own and not atomic with the bulk. So the first batch of a stream after start, and every
batch after a failure, asks all backing indices for its ids first; what is sent again is stored once (also behind a
rollover, where `create` alone would not notice).
Statuses: 409 is stored before; what another try may mend (429, 5xx, a full disk's block, a missing right) is 429; a
document that the mapping refuses is stored whole as text (elastic_schema.py); what then is refused is 400 with reason.
Bound: BULK_BYTES a request.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec

from correlator.store import elastic_schema
from correlator.store.base import Expired, Mark, Retention, Stored, Stream
from correlator.store.elastic import ItemStatus, Server, unavailable
from correlator.store.elastic_schema import FOLD, MARKS_INDEX, WHOLE, patterns
from sensors.clock import Clock, SystemClock
from sensors.errors import Unavailable
from sensors.event import Event, encode, get

BULK_BYTES = 8 * 1024 * 1024
ID_LIMIT_BYTES = 512  # Elasticsearch's own
ROLLOVER_DAYS = 30
ROLLOVER_BYTES = 30 << 30
_IDS_AT_ONCE = 1_000
_DAY_MS = 86_400_000
_USAGE_FOR_S = 10.0
_TRY_AGAIN = (401, 403, 408, 429, 500, 502, 503, 504)


class _Line(NamedTuple):
    at: int  # place in the batch
    action: bytes
    document: bytes


class ElasticWriter:
    """`EventWriter`; one per node, as it alone moves the marks."""

    def __init__(
        self, server: Server, *, days: int = 365, clock: Clock | None = None, agencies: Sequence[str] = ()
    ) -> None:
        self._server, self._days, self._clock = server, days, clock or SystemClock()
        self._patterns = patterns(agencies)
        self._lock = threading.Lock()
        self._installed = False
        self._sure: set[str] = set()  # streams of ours whose next batch can't have been stored before
        self._names: set[str] = set()
        self._marks: dict[str, Mark] | None = None
        self._usage = (float("-inf"), 0)

    def append(
        self, events: Sequence[Event], stream: Stream = "events", marks: Mapping[str, Mark] | None = None
    ) -> list[Stored]:
        with self._lock:
            keys = set(marks or {}) or {f"@{stream}"}
            try:
                self._install()
                outcome = self._append(events, stream, known=keys <= self._sure)
                whole = all(one.status != 429 for one in outcome)
                if marks and whole:
                    self._write_marks(marks)
            except Unavailable as error:
                self._sure.clear()
                return [Stored(429, error.problems[0].en)] * len(events)
            self._sure = self._sure | keys if whole else set()
            return outcome

    def marks(self) -> Mapping[str, Mark]:
        with self._lock:
            if self._marks is None:
                self._install()
                self._server.refresh(MARKS_INDEX)
                found = [hit["_source"] for hit in self._server.whole(MARKS_INDEX, {"size": 10_000})]
                self._marks = {one["stream"]: Mark(one["epoch"], one["sequence"]) for one in found}
            return dict(self._marks)

    def expire(self, policy: Retention, stream: Stream = "events") -> Expired:
        """Whole backing indices: those rolled over more than `days` ago, then the oldest while over the budget."""
        self._install()
        pattern, now_ms = self._patterns[stream], self._clock.now() * 1_000
        self._roll(stream, now_ms)
        sizes = self._server.sizes(pattern)
        ended = [
            (sizes[newer].created_ms, older)
            for names in self._server.backing(pattern).values()
            for older, newer in itertools.pairwise(names)
            if older in sizes and newer in sizes
        ]
        total = sum(one.bytes for one in sizes.values())
        gone = Expired(0, 0)
        for ended_ms, name in sorted(ended):
            aged = now_ms - ended_ms >= policy.days * _DAY_MS
            if aged or (policy.limit_bytes is not None and total > policy.limit_bytes):
                self._server.delete(name)
                one = sizes[name]
                total -= one.bytes
                by_budget = gone.by_budget + (0 if aged else one.documents)
                gone = Expired(gone.events + one.documents, gone.bytes + one.bytes, by_budget)
        return gone

    def usage_bytes(self) -> int:
        now = self._clock.monotonic()
        if now - self._usage[0] >= _USAGE_FOR_S:
            total = sum(
                one.bytes for pattern in self._patterns.values() for one in self._server.sizes(pattern).values()
            )
            self._usage = (now, total)
        return self._usage[1]

    def close(self) -> None:
        self._server.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        if not self._installed:
            self._server.install(self._days)
            self._installed = True

    def _append(self, events: Sequence[Event], stream: Stream, *, known: bool) -> list[Stored]:
        outcome: list[Stored | None] = [None] * len(events)
        lines: list[_Line] = []
        ids = [get(event, "event.id") for event in events]
        before = set() if known else self._stored(stream, [one for one in ids if isinstance(one, str) and one])
        for at, (event, identity) in enumerate(zip(events, ids, strict=True)):
            if not isinstance(identity, str) or not 0 < len(identity.encode("utf-8", "replace")) <= ID_LIMIT_BYTES:
                outcome[at] = Stored(400, f"event.id missing or longer than {ID_LIMIT_BYTES} bytes")
            elif identity in before:
                outcome[at] = Stored(200)
            else:
                before.add(identity)
                action = msgspec.json.encode({"create": {"_index": self._index_of(event, stream), "_id": identity}})
                document = _document(event)
                if isinstance(document, str):
                    outcome[at] = Stored(400, document)
                else:
                    lines.append(_Line(at, action, document))
        refused: list[_Line] = []
        for line, one in self._send(lines):
            outcome[line.at] = one
            if one.status == 400:
                whole = encode(elastic_schema.whole_copy(_ours(events[line.at])))
                refused.append(_Line(line.at, line.action, whole))
        for line, one in self._send(refused):
            outcome[line.at] = one if one.status != 400 else outcome[line.at]
        return cast("list[Stored]", outcome)

    def _send(self, lines: list[_Line]) -> Iterator[tuple[_Line, Stored]]:
        for part in _parts(lines):
            yield from zip(part, self._bulk(part), strict=True)

    def _bulk(self, part: list[_Line]) -> list[Stored]:
        statuses = self._server.bulk([text for line in part for text in (line.action, line.document)])
        if len(part) > 1 and all(one.status == 413 for one in statuses):
            half = len(part) // 2
            return self._bulk(part[:half]) + self._bulk(part[half:])
        return [_outcome(one) for one in statuses]

    def _stored(self, stream: Stream, ids: list[str]) -> set[str]:
        """Those of `ids` that any backing index holds."""
        found: set[str] = set()
        self._server.refresh(self._patterns[stream])
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            body = {"query": {"ids": {"values": some}}, "size": 2 * len(some), "source": False}
            found.update(hit["_id"] for hit in self._server.whole(self._patterns[stream], body))
        return found

    def _index_of(self, event: Event, stream: Stream) -> str:
        name = elastic_schema.stream_name(event, stream)
        if name not in self._names:
            if (
                len(self._names) >= elastic_schema.STREAMS_LIMIT
            ):  # strangers' dataset names must not make indices for ever
                return f"logs-generic-{name.rsplit('-', 1)[1]}"
            self._names.add(name)
        return name

    def _write_marks(self, marks: Mapping[str, Mark]) -> None:
        lines = []
        for key, mark in marks.items():
            name = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
            body = {"stream": key, "epoch": mark.epoch, "sequence": mark.sequence}
            lines += [msgspec.json.encode({"index": {"_index": MARKS_INDEX, "_id": name}}), msgspec.json.encode(body)]
        if any(one.status not in (200, 201) for one in self._server.bulk(lines)):
            raise unavailable("marks were not stored")
        if self._marks is not None:
            self._marks.update(marks)

    def _roll(self, stream: Stream, now_ms: float) -> None:
        """Begin a new backing index by month or size, so that whole ones can go."""
        sizes = self._server.sizes(self._patterns[stream])
        for name, indices in self._server.backing(self._patterns[stream]).items():
            one = sizes.get(indices[-1]) if indices else None
            old = one is not None and now_ms - one.created_ms >= ROLLOVER_DAYS * _DAY_MS
            if one is not None and one.documents and (old or one.bytes >= ROLLOVER_BYTES):
                self._server.roll_over(name)


def _ours(event: Event) -> Event:
    """Without what only this store may say."""
    if FOLD in event or WHOLE in event:
        return {key: value for key, value in event.items() if key not in (FOLD, WHOLE)}
    return event


def _document(event: Event) -> bytes | str:
    """The JSON to store, or why there is none."""
    kept = _ours(event)
    try:
        copy = elastic_schema.folded_copy(kept)
        return encode({**kept, FOLD: copy} if copy else kept)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        return f"not JSON: {type(error).__name__}"


def _outcome(one: ItemStatus) -> Stored:
    if one.status in (200, 201):
        return Stored(201)
    if one.status == 409:
        return Stored(200)
    return Stored(429 if one.status in _TRY_AGAIN else 400, f"{one.status} {one.kind}: {one.reason}"[:300])


def _parts(lines: list[_Line]) -> Iterator[list[_Line]]:
    part: list[_Line] = []
    size = 0
    for line in lines:
        if part and size + len(line.document) > BULK_BYTES:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line.action) + len(line.document)
    if part:
        yield part
