"""The writing side of a spool: one per sensor process.

In:  events, and where their sources stand. Out: nothing but durability: when `append` returns, the events and the
positions of their sources survive kill -9 and power loss together, so that a source goes on exactly there.
Bound: `limit_bytes` on disk (less when the disk has less). Over it, what was acknowledged goes first; then whole levels
of priority.py, lowest first, oldest first, counted exactly in `dropped` and in `luytre.gap` events in the stream.
A drop is announced before it is done: gap events and plan are one durable record, and a plan that a crash interrupted
is carried out at the next start. What the reader holds just then may be delivered and counted: never lost uncounted.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec

from sensors.clock import Clock, SystemClock, rfc3339
from sensors.durable.files import REAL, Files
from sensors.durable.log import LogWriter, Position
from sensors.event import ONE_EVENT_LIMIT_BYTES, Event, encode, event_id, get, new_event, put
from sensors.spool import ack as acknowledged
from sensors.spool.budget import Budget, Plan
from sensors.spool.item import SpoolPosition, frame
from sensors.spool.priority import POLICY, priority

_EPOCH, _PLAN, _SOURCE = "epoch", "plan", "at."
_CLEAN_EVERY_S = 5.0
_GAP_EVENTS_LIMIT = 16  # datasets named in one drop; the rest is summed
_OTHERS = "(others)"
_SHRINK = 4  # events shrink by at least this much in practice; only used to see the budget coming


class SpoolWriter:
    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int = 1 << 30,
        clock: Clock | None = None,
        files: Files = REAL,
        reserve_bytes: int = 32 << 20,
        observer: str = "",
    ) -> None:
        """`folder` is <data>/spool/<role>: its name is the role. Opens, recovers, finishes an interrupted drop."""
        self._folder, self._files, self._clock = folder, files, clock or SystemClock()
        self._limit, self._reserve = limit_bytes, reserve_bytes
        self._observer = observer or socket.gethostname()
        self._segment_bytes = min(max(limit_bytes // 16, 4 << 10), 8 << 20)
        self._log = LogWriter(
            folder, files=files, clock=self._clock, segment_bytes=self._segment_bytes, reserve_bytes=0
        )
        try:
            self._budget = Budget(self._log)
            self._dropped: Counter[str] = Counter()
            self._cleaned = self._clock.monotonic()
            ack = acknowledged.load(folder, files)
            self.epoch = self._choose_epoch(ack)
            plan = _read_plan(self._log.marks.get(_PLAN, ""))
            if plan:
                self._budget.carry_out(plan, ack)
        except BaseException:
            self._log.close()
            raise

    @property
    def next_sequence(self) -> int:
        return self._log.next_ordinal + 1

    @property
    def positions(self) -> Mapping[str, str]:
        """Where each source stood with the last durable batch. An empty text in `append` forgets a source."""
        marks = self._log.marks
        return {key[len(_SOURCE) :]: text for key, text in marks.items() if key.startswith(_SOURCE)}

    @property
    def dropped(self) -> Mapping[str, int]:
        """Events that were dropped since this process started, by dataset."""
        return MappingProxyType(self._dropped)

    def usage_bytes(self) -> int:
        return self._log.usage_bytes()

    def append(self, events: Sequence[Event], positions: Mapping[str, str] | None = None) -> None:
        """Stamps `event.sequence` and `luytre.spool.epoch`; durable with `positions` when it returns. An event that is
        no JSON or longer than `ONE_EVENT_LIMIT_BYTES` is dropped, counted and named in a gap event."""
        lost: Counter[tuple[str, str]] = Counter()
        items: list[bytes] = []
        for event in events:
            data = self._frame(event, len(items))
            if isinstance(data, str):
                lost[str(get(event, "event.dataset")), data] += 1
            else:
                items.append(data)
        plan, ack = self._make_room(sum(map(len, items)), lost)
        for event in self._gap_events(lost, len(items)):
            data = self._frame(event, len(items))
            if isinstance(data, bytes):
                items.append(data)
        marks = {_SOURCE + source: position for source, position in (positions or {}).items()}
        marks[_EPOCH] = str(self.epoch)
        marks[_PLAN] = msgspec.json.encode(plan).decode() if plan else ""
        self._log.append(items, marks)
        for (dataset, _), count in lost.items():
            self._dropped[dataset] += count
        if plan:
            self._budget.carry_out(plan, ack)

    def close(self) -> None:
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _choose_epoch(self, ack: SpoolPosition | None) -> int:
        """A new one when the spool is new, or when its end was damaged, or when the receiver has more than the spool
        knows of (an old copy was put back): then sequences would come a second time, and the receiver would take the
        new events for old ones."""
        try:
            old = int(self._log.marks.get(_EPOCH, "0"))
        except ValueError:
            old = 0
        known = ack is None or ack[:2] <= (old, self._log.next_ordinal)
        if old and known and self._log.recovered.clean:
            return old
        return max(old + 1, ack.epoch + 1 if ack else 0, int(self._clock.now() * 1000))

    def _frame(self, event: Event, at: int) -> bytes | str:
        """The item `at` places behind the end, or why the event cannot be one."""
        sequence = self.next_sequence + at
        put(event, "event.sequence", sequence)
        put(event, "luytre.spool.epoch", self.epoch)
        try:
            data = encode(event)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return "not-json"
        if len(data) > ONE_EVENT_LIMIT_BYTES:
            return "event-too-long"
        return frame(self.epoch, sequence, self._clock.now(), priority(event), data)

    def _gap_events(self, lost: Counter[tuple[str, str]], at: int) -> Iterator[Event]:
        named = lost.most_common(_GAP_EVENTS_LIMIT)
        rest = sum(lost.values()) - sum(count for _, count in named)
        if rest:
            named.append(((_OTHERS, POLICY), rest))
        now, role = self._clock.now(), self._folder.name
        for more, ((source, reason), count) in enumerate(named):
            position = f"{self.epoch}:{self.next_sequence + at + more}"
            yield new_event(
                "luytre.gap",
                now,
                {
                    "event.id": event_id(self._observer, f"spool:{role}", position),
                    "event.kind": "event",
                    "event.created": rfc3339(now),
                    "agent.type": role,
                    "luytre.gap": {"source": source, "reason": reason, "count": count},
                },
            )

    def _make_room(self, size: int, lost: Counter[tuple[str, str]]) -> tuple[Plan, SpoolPosition | None]:
        free = self._files.free_bytes(self._folder) - self._reserve
        over = self._log.usage_bytes() + size // _SHRINK - min(self._limit, self._log.usage_bytes() + free)
        now = self._clock.monotonic()
        if over <= 0 and now - self._cleaned < _CLEAN_EVERY_S:
            return {}, None
        self._cleaned = now
        ack = acknowledged.load(self._folder, self._files)
        if ack is not None:
            over -= self._log.drop_before(Position(ack.segment, 0, -1)).bytes
        if over <= 0:
            return {}, ack
        self._log.roll()
        plan, counts = self._budget.choose(over + self._segment_bytes, ack)
        lost.update({(dataset, POLICY): count for dataset, count in counts.items()})
        return plan, ack


def _read_plan(text: str) -> Plan:
    try:
        return msgspec.json.decode(text, type=Plan) if text else {}
    except msgspec.MsgspecError:
        return {}
