"""The one reader of a spool (the ship role, another process than the writer).

In:  the spool's folder. Out: items in order, each with the position to acknowledge. At least once: what was read and
not acknowledged comes again after a restart or `rewind`.
Bound: one batch; the positions of items that are read and not yet acknowledged (16 bytes of numbers each).
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import NamedTuple, Self

from sensors.durable.files import REAL, Files
from sensors.durable.log import LogReader, Position
from sensors.durable.segment import listing
from sensors.spool import ack as acknowledged
from sensors.spool.item import SpoolItem, SpoolPosition, unframe

_STEP_ITEMS = 2000


class Backlog(NamedTuple):
    """What is not acknowledged: `items` at most (what the drop policy took is still counted), `bytes` of the files that
    hold them, `oldest` = epoch seconds when the oldest was spooled."""

    items: int
    bytes: int
    oldest: int | None


class SpoolReader:
    def __init__(self, folder: Path, *, files: Files = REAL) -> None:
        self._folder, self._files = folder, files
        self._log = LogReader(folder, files=files)
        self._ack = acknowledged.load(folder, files)
        self._place: Position | None = None
        self._ahead: deque[SpoolItem] = deque()
        self._waiting: deque[tuple[SpoolPosition, int]] = deque()
        self.missing = 0  # items that the drop policy or damage took from what has been read
        self.rewind()

    def read(self, limit_items: int, limit_bytes: int) -> list[SpoolItem]:
        """The next items behind those that were read before; at least one when there is one, whatever its size."""
        items: list[SpoolItem] = []
        size = 0
        while len(items) < limit_items:
            if not self._ahead and not self._fill():
                break
            size += len(self._ahead[0].event_bytes)
            if items and size > limit_bytes:
                break
            items.append(self._ahead.popleft())
        self._waiting.extend((item.position, item.spooled) for item in items)
        return items

    def ack(self, position: SpoolPosition) -> None:
        """Everything up to `position` has been stored by the receiver. Durable when it returns."""
        if self._ack is not None and position[:2] <= self._ack[:2]:
            return
        acknowledged.store(self._folder, position, self._files)
        self._ack = position
        while self._waiting and self._waiting[0][0][:2] <= position[:2]:
            self._waiting.popleft()

    def rewind(self) -> None:
        """Read again from the last acknowledged item on: after a failed or unanswered request."""
        self._log.close()  # the drop policy may have rewritten the file that is open
        self._log = LogReader(self._folder, files=self._files)
        self._ahead.clear()
        self._waiting.clear()
        self._place = Position(self._ack.segment, 0, -1) if self._ack is not None else None

    def backlog(self) -> Backlog:
        if not self._ahead:
            self._fill()
        first = self._waiting[0][1] if self._waiting else self._ahead[0].spooled if self._ahead else None
        if first is None:
            return Backlog(0, 0, None)
        last = self._log.ordinal_end()
        known = self._ack.sequence if self._ack is not None else 0
        items = last - known if last is not None else 0
        return Backlog(max(items, len(self._waiting) + len(self._ahead)), self._bytes(), first)

    def close(self) -> None:
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self) -> bool:
        """Read a step ahead; False when there is nothing new."""
        while True:
            batch = self._log.read(self._place, _STEP_ITEMS, 4 << 20)
            if batch.next == self._place and not batch.items:
                return False
            self._place = batch.next
            if batch.lost is not None and batch.lost > 0:
                self.missing += batch.lost
            for position, data in batch.items:
                item = unframe(data, position.segment)
                if item is not None and (self._ack is None or item.position[:2] > self._ack[:2]):
                    self._ahead.append(item)
            if self._ahead:
                return True
            if not batch.items and batch.lost is None:
                return False

    def _bytes(self) -> int:
        least = self._ack.segment if self._ack is not None else 0
        total = 0
        for segment in listing(self._folder, self._files):
            if segment.number >= least:
                try:
                    file = self._files.open(self._folder / segment.name, "read")
                except FileNotFoundError:
                    continue  # deleted meanwhile
                total += file.size()
                file.close()
        return total
