"""The reading side of a log; what it promises is in log.py.

In:  a position that an earlier batch gave, or None. Out: the items behind it. Any number of readers.
Bound: one record and one batch in memory, one open file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import zstandard

from sensors.durable import watermark
from sensors.durable.batch import Batch, Gathering
from sensors.durable.files import REAL, File, Files
from sensors.durable.record import SNAPSHOT, START, Head, Position, open_body, open_marks
from sensors.durable.recovery import before
from sensors.durable.segment import Piece, Segment, head_at, listing, walk
from sensors.durable.watermark import Watermark

BATCH_LIMIT_BYTES = 16 << 20


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
        self._expected: tuple[Position, int | None] = (START, None)
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
        known = self._expected[1] if self._expected[0] == after else None
        found = Gathering(after, limit, limit_bytes, known)
        if not self._segments:
            return found.batch()
        first = next((at for at, segment in enumerate(self._segments) if segment.number >= after.segment), None)
        if first is None and mark is not None and after <= (mark.segment, mark.end, -1):
            return found.batch()  # the newest file is lost, and all before it was read
        if first is None:  # a position of a log that is no more (L9)
            first, found.foreign, found.expected = 0, True, None
        elif after != START and self._segments[first].number != after.segment and found.expected is None:
            found.expected = self._expected_behind(self._segments[first], after, mark)
            found.foreign = found.expected is None
        if all(self._gather(found, segment, after, mark) for segment in self._segments[first:]):
            self._count_the_end(found, mark)
        self._expected = (found.next, found.expected)
        return found.batch()

    def _gather(self, found: Gathering, segment: Segment, after: Position, mark: Watermark | None) -> bool:
        """What one file gives. False: the batch is complete."""
        here = segment.number == after.segment
        begin, read_before = (after.offset, after.index + 1) if here else (0, 0)
        for piece in self._pieces(segment, begin, mark, read_before):
            head = piece.head
            skip = min(read_before, head.items) if head and piece.offset == begin else 0
            if head is None or piece.body is None:
                found.damaged(head, skip)
                continue
            if skip and found.expected is None:
                found.expected = head.ordinal + skip
            broken = found.broken
            if not found.meet(head.ordinal + skip):
                return False
            self.damaged += broken
            if head.items <= skip:
                found.next = Position(segment.number, piece.offset, max(0, head.items - 1))
            elif not found.has_room(head.payload_bytes if found.items else 0) or not found.take(
                segment.number, piece.offset, self._items(segment, piece), skip
            ):
                return False
        return True

    def _count_the_end(self, found: Gathering, mark: Watermark | None) -> None:
        """All that is durable was read. What the watermark counts beyond it was damaged."""
        if mark is None or found.items or found.lost is not None or mark.segment < found.next.segment:
            return
        missing = found.missing(mark.ordinal)
        if missing:
            self.damaged += found.broken
            found.lost, found.next, found.expected = missing, Position(mark.segment, mark.end, -1), mark.ordinal

    def _pieces(self, segment: Segment, begin: int, mark: Watermark | None, skip: int) -> Iterator[Piece]:
        """The pieces of a file that may be read by now. Of the first, only the head when its body is not needed: a poll
        that finds nothing new must cost nothing."""
        file = self._file(segment)
        if mark is not None:
            if segment.number > mark.segment:
                return
            end = mark.end if segment.number == mark.segment else file.size()
        else:
            end = file.size()
        if skip or self._is_decoded(segment, begin):
            head = head_at(file, segment, begin, end)
            known = head is not None and (skip >= head.items or self._is_decoded(segment, begin))
            if head is not None and known and begin + head.total_bytes <= end:
                yield Piece(begin, begin + head.total_bytes, head, b"")
                begin += head.total_bytes
        newest = segment == self._segments[-1]
        for piece in walk(file, segment, begin, end):
            if mark is None and newest and piece.body is None and piece.end == end:
                return  # a record that is still being written
            yield piece

    def _is_decoded(self, segment: Segment, offset: int) -> bool:
        return self._decoded is not None and self._decoded[0] == segment and self._decoded[1] == offset

    def _items(self, segment: Segment, piece: Piece) -> list[bytes]:
        if self._decoded is not None and self._is_decoded(segment, piece.offset):
            return self._decoded[2]
        assert piece.head is not None
        record = open_body(piece.head, piece.body or b"", self._unpress)
        items = record.items if record else []
        self._decoded = (segment, piece.offset, items)
        return items

    def _expected_behind(self, segment: Segment, after: Position, mark: Watermark | None) -> int | None:
        """The file of `after` is gone. When that was the last item before `segment`, nothing was missed."""
        for piece in self._pieces(segment, 0, mark, 0):
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
