"""The reading side of a log; what it promises is in log.py.

In:  a position that an earlier batch gave, or None. Out: the items behind it. Any number of readers.
Bound: one record and one batch in memory, one open file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import zstandard

from sensors.durable import watermark
from sensors.durable.files import REAL, File, Files
from sensors.durable.record import SNAPSHOT, START, Head, Position, open_body, open_marks
from sensors.durable.recovery import before
from sensors.durable.segment import Piece, Segment, head_at, listing, walk
from sensors.durable.watermark import Watermark

BATCH_LIMIT_BYTES = 16 << 20


class Batch(NamedTuple):
    """`items` in order; read on from `next`. `lost`: items that are missing before the first of `items`: None = none,
    −1 = some, but nobody knows how many."""

    items: list[tuple[Position, bytes]]
    next: Position
    lost: int | None


class _Moved(Exception):
    """The writer removed or replaced a file under our hands; the folder must be listed again."""


class LogReader:
    def __init__(self, folder: Path, *, files: Files = REAL) -> None:
        """The folder need not exist yet: until it does, the log is empty."""
        self._folder, self._files = folder, files
        self._unpress = zstandard.ZstdDecompressor()
        self._segments: list[Segment] = []
        self._open: tuple[Segment, File] | None = None
        self._mark_file: File | None = None
        self._mark: Watermark | None = None
        self._decoded: tuple[Segment, int, list[bytes]] | None = None
        self._expected: tuple[Position, int] = (START, -1)
        self.damaged = 0  # stretches of damage that were passed

    def read(self, after: Position | None, limit: int, limit_bytes: int = BATCH_LIMIT_BYTES) -> Batch:
        """At most `limit` items after `after` (None: from the oldest kept); none when there is nothing new."""
        for _ in range(8):
            mark = self._watermark()
            self._list(mark)
            try:
                return self._read(after or START, max(1, limit), min(limit_bytes, BATCH_LIMIT_BYTES), mark)
            except _Moved:
                self._segments = []
        return Batch([], after or START, None)

    def end(self) -> Position:
        """Behind the newest item: what is read after it has been appended later."""
        mark = self._watermark()
        if mark is not None:
            return Position(mark.segment, mark.end, -1)
        self._list(None)
        if not self._segments:
            return START
        newest = self._segments[-1]
        end = 0
        for piece in walk(self._file(newest), newest, 0, self._file(newest).size()):
            end = piece.end if piece.body is not None else end
        return Position(newest.number, end, -1)

    def ordinal_end(self) -> int | None:
        """How many items were ever appended, as far as the writer has told."""
        mark = self._watermark()
        return mark.ordinal if mark is not None else None

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        if self._mark_file is not None:
            self._mark_file.close()
            self._mark_file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _read(self, after: Position, limit: int, limit_bytes: int, mark: Watermark | None) -> Batch:
        items: list[tuple[Position, bytes]] = []
        if not self._segments:
            return Batch(items, after, None)
        size, lost, position = 0, None, after
        expected = self._expected[1] if self._expected[0] == after and self._expected[1] >= 0 else None
        broken = False  # something is missing since `position`, and only `expected` can tell how much
        foreign = False  # the file of `after` is gone, or was of another log
        first = next((at for at, segment in enumerate(self._segments) if segment.number >= after.segment), None)
        if first is None and mark is not None and after <= (mark.segment, mark.end, -1):
            return Batch(items, after, None)  # the newest file is lost, and all before it was read
        if first is None:  # a position of a log that is no more (L9)
            first, foreign, expected = 0, True, None
        known = after != START and self._segments[first].number == after.segment
        if after != START and not known and expected is None and not foreign:
            expected = self._expected_behind(self._segments[first], after, mark)
            foreign = expected is None
        for segment in self._segments[first:]:
            skip, begin = 0, 0
            if known and segment.number == after.segment:
                begin = after.offset
                skip = after.index + 1
            for piece in self._pieces(segment, begin, mark):
                head = piece.head
                if skip and piece.offset == begin:
                    if head is not None:
                        skip = min(skip, head.items)
                        expected = head.ordinal + skip if expected is None else expected
                else:
                    skip = 0
                if head is None or (piece.body is None and not self._is_decoded(segment, piece.offset)):
                    if head is not None and expected is None and not broken:
                        expected = head.ordinal
                    if skip == 0 or head is None or skip < head.items:
                        broken = True
                    continue
                base = head.ordinal + skip
                missing = base - expected if expected is not None else -1 if foreign or (broken and base) else 0
                if missing and (foreign or broken or missing > 0):
                    if items:
                        return self._batch(items, position, lost, expected)
                    lost = missing
                    self.damaged += broken
                broken = foreign = False
                expected = base
                if head.items > skip:
                    if items and size + head.payload_bytes > limit_bytes:
                        return self._batch(items, position, lost, expected)
                    for at, item in enumerate(self._items(segment, piece)[skip:], skip):
                        if len(items) >= limit or (items and size + len(item) > limit_bytes):
                            return self._batch(items, position, lost, expected)
                        position = Position(segment.number, piece.offset, at)
                        items.append((position, item))
                        size += len(item)
                        expected += 1
                else:
                    position = Position(segment.number, piece.offset, max(0, head.items - 1))
                if len(items) >= limit:
                    return self._batch(items, position, lost, expected)
        return self._at_end(items, position, lost, expected, broken or foreign, mark)

    def _at_end(
        self,
        items: list[tuple[Position, bytes]],
        position: Position,
        lost: int | None,
        expected: int | None,
        broken: bool,
        mark: Watermark | None,
    ) -> Batch:
        """All that is durable was read. What the watermark counts beyond it was damaged."""
        if mark is None or items or lost is not None or mark.segment < position.segment:
            return self._batch(items, position, lost, expected)
        missing = mark.ordinal - expected if expected is not None else -1 if broken else 0
        if missing > 0 or (broken and missing < 0):
            self.damaged += broken
            return self._batch(items, Position(mark.segment, mark.end, -1), missing, mark.ordinal)
        return self._batch(items, position, lost, expected)

    def _batch(
        self, items: list[tuple[Position, bytes]], position: Position, lost: int | None, expected: int | None
    ) -> Batch:
        self._expected = (position, -1 if expected is None else expected)
        return Batch(items, position, lost)

    def _pieces(self, segment: Segment, begin: int, mark: Watermark | None) -> Iterator[Piece]:
        """The pieces of a file that may be read by now."""
        file = self._file(segment)
        if mark is not None:
            if segment.number > mark.segment:
                return
            end = mark.end if segment.number == mark.segment else file.size()
        else:
            end = file.size()
        decoded = self._decoded
        if decoded is not None and decoded[0] == segment and decoded[1] == begin:
            head = head_at(file, segment, begin, end)  # in the middle of a record that we still have
            if head is not None:
                yield Piece(begin, begin + head.total_bytes, head, None)
                begin += head.total_bytes
        newest = segment == self._segments[-1]
        for piece in walk(file, segment, begin, end):
            if mark is None and newest and piece.body is None and piece.end == end:
                return  # a record that is still being written
            yield piece

    def _is_decoded(self, segment: Segment, offset: int) -> bool:
        return self._decoded is not None and self._decoded[0] == segment and self._decoded[1] == offset

    def _items(self, segment: Segment, piece: Piece) -> list[bytes]:
        if self._decoded is not None and self._decoded[0] == segment and self._decoded[1] == piece.offset:
            return self._decoded[2]
        assert piece.head is not None
        record = open_body(piece.head, piece.body or b"", self._unpress)
        items = record.items if record else []
        self._decoded = (segment, piece.offset, items)
        return items

    def _expected_behind(self, segment: Segment, after: Position, mark: Watermark | None) -> int | None:
        """The file of `after` is gone. When that was the last item before `segment`, nothing was missed."""
        for piece in self._pieces(segment, 0, mark):
            head: Head | None = piece.head
            if head is None or piece.body is None or not head.flags & SNAPSHOT:
                return None
            last, end = before(open_marks(head, piece.body))
            return head.ordinal if last <= after <= end else None
        return None

    def _watermark(self) -> Watermark | None:
        if self._mark_file is None:
            try:
                self._mark_file = self._files.open(self._folder / watermark.LOCK_NAME, "read")
            except FileNotFoundError:
                return self._mark
        for _ in range(4):  # a read may meet a write half-way
            mark = watermark.parse(self._mark_file.read(0, watermark.BYTES))
            if mark is not None:
                self._mark = mark
                break
        return self._mark

    def _list(self, mark: Watermark | None) -> None:
        if mark is None or not self._segments or self._segments[-1].number < mark.segment:
            self._segments = listing(self._folder, self._files)

    def _file(self, segment: Segment) -> File:
        if self._open is not None and self._open[0] == segment:
            return self._open[1]
        if self._open is not None:
            self._open[1].close()
            self._open = None
        try:
            file = self._files.open(self._folder / segment.name, "read")
        except FileNotFoundError:
            raise _Moved from None
        self._open = (segment, file)
        return file
