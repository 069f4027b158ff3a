"""The writing side of a log; what it promises is in log.py.

In:  items and marks. Out: a position, when both are durable.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Self

import zstandard

from sensors.clock import Clock, SystemClock
from sensors.durable import problems, recovery, watermark
from sensors.durable.files import REAL, File, Files
from sensors.durable.record import PAYLOAD_LIMIT_BYTES, SNAPSHOT, Position, payload_size, seal
from sensors.durable.recovery import Recovery
from sensors.durable.segment import Dropped, Segment, SegmentInfo, head_at
from sensors.durable.thin import records, thin
from sensors.durable.watermark import Watermark

_ITEM_LIMIT_BYTES = 8 * 1024 * 1024
_MARKS_LIMIT_BYTES = 4 * 1024 * 1024


class LogWriter:
    def __init__(
        self,
        folder: Path,
        *,
        files: Files = REAL,
        segment_bytes: int = 128 << 20,
        daily: bool = True,
        clock: Clock | None = None,
        record_bytes: int = 8 << 20,
        reserve_bytes: int = 32 << 20,
        random: Callable[[int], bytes] = os.urandom,
        level: int = 1,
    ) -> None:
        """Opens and recovers the log in `folder`, making it when missing. `reserve_bytes` of the disk stay free; an
        append beyond `record_bytes` becomes several records."""
        if record_bytes > _ITEM_LIMIT_BYTES:
            raise ValueError(f"record_bytes is at most {_ITEM_LIMIT_BYTES}")
        self._record_bytes = record_bytes
        self._folder, self._files, self._clock = folder, files, clock or SystemClock()
        self._segment_bytes, self._daily, self._reserve, self._random = segment_bytes, daily, reserve_bytes, random
        self._press = zstandard.ZstdCompressor(level=level)
        self._one_at_a_time = threading.Lock()
        self._file: File | None = None
        self._failure: BaseException | None = None
        files.make_folder(folder)
        self._mark_file = _open_or_create(files, folder / watermark.LOCK_NAME)
        lock = files.lock(folder / watermark.LOCK_NAME)
        if lock is None:
            self._mark_file.close()
            raise problems.held(folder)
        self._lock = lock
        try:
            self._recover()
        except BaseException:
            self.close()
            raise

    @property
    def marks(self) -> Mapping[str, str]:
        """The durable marks."""
        return MappingProxyType(self._marks)

    @property
    def next_ordinal(self) -> int:
        """How many items were ever appended."""
        return self._mark.ordinal

    def append(self, items: Sequence[bytes], marks: Mapping[str, str] | None = None) -> Position:
        """The position of the last item, when items and marks are durable. An empty text removes its mark.

        One record; a long batch becomes several, the marks with the last of them.
        `Full` and ValueError leave everything as it was; any other error is the end of this writer (L7)."""
        with self._one_at_a_time:
            if self._failure is not None:
                raise problems.dead(self._folder) from self._failure
            changed = {key: text for key, text in (marks or {}).items() if self._marks.get(key, "") != text}
            if not items and not changed:
                return self._last
            fresh = self._check(items, changed)
            try:
                self._append(items, changed, fresh=fresh)
            except BaseException as failure:
                self._failure = failure
                raise
            return self._last

    def segments(self) -> list[SegmentInfo]:
        """The files, oldest first."""
        with self._one_at_a_time:
            last = len(self._segments) - 1
            return [
                SegmentInfo(segment.number, segment.day, self._sizes[segment], self._first_ordinal(segment), at == last)
                for at, segment in enumerate(self._segments)
            ]

    def drop_before(self, position: Position) -> Dropped:
        """Delete the segments that lie wholly before `position`."""
        return self.drop_segments(lambda info: info.number < position.segment)

    def drop_segments(self, unwanted: Callable[[SegmentInfo], bool]) -> Dropped:
        """Delete, oldest first, the segments that a named policy of the caller wants gone; never the newest."""
        self._secure_marks()
        infos = self.segments()
        gone = [info for info in infos if unwanted(info) and not info.newest]
        if not gone:
            return Dropped(0, 0, 0)
        ordinals = [info.ordinal for info in infos]
        items = 0
        with self._one_at_a_time:
            for info in gone:
                at = infos.index(info)
                begin, end = ordinals[at], next((o for o in ordinals[at + 1 :] if o is not None), self._mark.ordinal)
                items += end - begin if begin is not None else 0
                segment = next(segment for segment in self._segments if segment.number == info.number)
                self._files.unlink(self._folder / segment.name)
                self._files.sync_folder(self._folder)  # each on its own: a power loss must not leave a hole between
                self._segments.remove(segment)
                del self._sizes[segment]
                self._firsts.pop(segment, None)
        return Dropped(len(gone), items, sum(info.bytes for info in gone))

    def items(self, number: int) -> Iterator[bytes]:
        """What a segment holds, for whoever must decide which of it goes; nothing when the segment is gone."""
        segment = next((segment for segment in self._segments if segment.number == number), None)
        if segment is None:
            return
        file = self._files.open(self._folder / segment.name, "read")
        try:
            for _, record in records(file, segment):
                yield from record.items
        finally:
            file.close()

    def thin_segment(self, number: int, keep: Callable[[bytes], bool]) -> None:
        """Rewrite a segment, not the newest, without the items that `keep` refuses. Its positions are void then."""
        self._secure_marks()
        with self._one_at_a_time:
            segment = next((segment for segment in self._segments[:-1] if segment.number == number), None)
            if segment is None:
                return
            self._sizes[segment] = thin(self._folder, self._files, segment, keep, self._press)
            self._files.sync_folder(self._folder)

    def roll(self) -> None:
        """The next append begins a new segment."""
        with self._one_at_a_time:
            self._close_file()

    def usage_bytes(self) -> int:
        return sum(self._sizes.values())

    def close(self) -> None:
        self._close_file()
        self._mark_file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _recover(self) -> None:
        known = watermark.parse(self._mark_file.read(0, watermark.BYTES))
        found = recovery.recover(self._folder, self._files, known)
        self.recovered: Recovery = found.report
        self._segments, self._marks = found.segments, found.marks
        self._marks_bytes = _size(found.marks)
        self._sizes, self._firsts = found.sizes, dict[Segment, int | None]()
        self._mark, self._last = found.mark, found.last
        self._highest = found.highest
        self._opened_at = found.mark.segment
        whole = bool(found.segments) and found.segments[-1].number == found.mark.segment
        if whole and found.report.clean and not self._full(found.segments[-1], found.mark.end):
            self._file = self._files.open(self._folder / found.segments[-1].name, "write")
        self._publish()

    def _secure_marks(self) -> None:
        """After damage the newest snapshot may be gone, and older files be all that knows the marks: write a new one
        before anything is deleted."""
        with self._one_at_a_time:
            if self._failure is not None:
                raise problems.dead(self._folder) from self._failure
            if self._segments and not self.recovered.clean and self._mark.segment == self._opened_at:
                try:
                    self._append((), {}, fresh=True)
                except BaseException as failure:
                    self._failure = failure
                    raise

    def _check(self, items: Sequence[bytes], changed: Mapping[str, str]) -> bool:
        """True when a new segment must be begun. Raises while nothing has been touched."""
        if "" in changed:
            raise ValueError("a mark needs a name")
        marks_bytes = self._marks_bytes + self._growth(changed)
        longest = max(map(len, items), default=0)
        if marks_bytes > _MARKS_LIMIT_BYTES or longest > _ITEM_LIMIT_BYTES:
            raise ValueError(f"an item of {longest} bytes or marks of {marks_bytes} bytes are too long for a record")
        fresh = self._file is None or self._full(self._segments[-1], self._mark.end)
        need = payload_size(items, marks_bytes)
        if self._files.free_bytes(self._folder) < need + self._reserve:
            raise problems.full(self._folder)
        return fresh

    def _growth(self, changed: Mapping[str, str]) -> int:
        """By how much all marks grow: they must fit one snapshot."""
        old = {key: self._marks[key] for key in changed if key in self._marks}
        return _size({key: text for key, text in changed.items() if text}) - _size(old)

    def _append(self, items: Sequence[bytes], changed: Mapping[str, str], *, fresh: bool) -> None:
        end, ordinal, last = self._mark.end, self._mark.ordinal, self._last
        if fresh:
            end = self._begin()
        assert self._file is not None
        segment = self._segments[-1]
        for part, marks in _parts(items, changed, self._record_bytes):
            data = seal(segment.place(end), ordinal, part, marks, 0, self._press)
            self._file.write(end, data)
            last = Position(segment.number, end, max(0, len(part) - 1))
            end += len(data)
            ordinal += len(part)
            self._file.sync()  # each part: unsynced writes reach the disk in any order, marks before items
        if fresh:
            self._files.sync_folder(self._folder)
        self._marks_bytes += self._growth(changed)
        for key, text in changed.items():
            if text:
                self._marks[key] = text
            else:
                self._marks.pop(key, None)
        self._mark, self._last = Watermark(segment.number, end, ordinal), last
        self._sizes[segment] = end
        self._publish()

    def _begin(self) -> int:
        """A new file with the snapshot of all marks, not durable yet. Its end."""
        self._close_file()
        number = max(self._highest + 1, int(self._clock.now() * 1000))
        segment = Segment(number, self._today(), self._random(8))
        before = f"{self._last} {Position(self._mark.segment, self._mark.end, -1)}"
        marks = {**self._marks, recovery.BEFORE_MARK: before}
        snapshot = seal(segment.place(0), self._mark.ordinal, (), marks, SNAPSHOT, self._press)
        self._file = self._files.open(self._folder / segment.name, "create")
        self._file.write(0, snapshot)
        self._segments.append(segment)
        self._highest = number
        self._firsts[segment] = self._mark.ordinal
        self._sizes[segment] = len(snapshot)
        return len(snapshot)

    def _publish(self) -> None:
        self._mark_file.write(0, self._mark.pack())

    def _full(self, segment: Segment, end: int) -> bool:
        return end >= self._segment_bytes or (self._daily and self._today() > segment.day)

    def _today(self) -> str:
        return datetime.fromtimestamp(max(0.0, self._clock.now()), UTC).strftime("%Y%m%d")

    def _first_ordinal(self, segment: Segment) -> int | None:
        if segment not in self._firsts:
            file = self._files.open(self._folder / segment.name, "read")
            try:
                head = head_at(file, segment, 0, self._sizes[segment])
            finally:
                file.close()
            self._firsts[segment] = head.ordinal if head else None
        return self._firsts[segment]

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _parts(
    items: Sequence[bytes], marks: Mapping[str, str], limit: int
) -> Iterator[tuple[Sequence[bytes], Mapping[str, str]]]:
    """Batches that fit a record; the marks with the last, so that they never run ahead."""
    start = size = 0
    for at, item in enumerate(items):
        if size + len(item) + 4 > limit and at > start:
            yield items[start:at], {}
            start, size = at, 0
        size += len(item) + 4
    yield items[start:], marks


def _size(marks: Mapping[str, str]) -> int:
    return sum(6 * (len(key) + len(text)) + 8 for key, text in marks.items())  # 6: \u0000, the longest in JSON


def _open_or_create(files: Files, path: Path) -> File:
    try:
        return files.open(path, "create")
    except FileExistsError:
        return files.open(path, "write")


assert _ITEM_LIMIT_BYTES + _MARKS_LIMIT_BYTES < PAYLOAD_LIMIT_BYTES
