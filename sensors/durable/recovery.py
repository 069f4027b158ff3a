"""What a writer does before its first append: find the end of the log, cut a torn tail, collect the marks.

In:  the folder and the watermark that the last writer left, if any. Out: `Found`, with a `Recovery` report for people.
Bound: reads the newest file once (128 MB: about 0.3 s), older ones only as far back as the marks need.
Deletes nothing but a newest file without a single record; what it cuts is copied to `quarantine/` first, at most
`QUARANTINE_LIMIT_BYTES` in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sensors.durable.files import File, Files
from sensors.durable.record import SNAPSHOT, START, Head, Position, open_marks
from sensors.durable.segment import Piece, Segment, listing, walk
from sensors.durable.watermark import Watermark

BEFORE_MARK = ""  # in a snapshot: the last item before this segment and the end of what was before, as two positions
QUARANTINE_LIMIT_BYTES = 64 << 20
_STEP_BYTES = 1 << 20


class Recovery(NamedTuple):
    """`cut_bytes` of a torn tail; `damaged` records (or stretches of bytes) elsewhere in the newest file, still there;
    `clean`: the newest file ends with a sound record, and nothing in it is damaged."""

    cut_bytes: int = 0
    damaged: int = 0
    clean: bool = True


@dataclass(slots=True)
class Found:
    segments: list[Segment] = field(default_factory=list)
    sizes: dict[Segment, int] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    highest: int = 0
    mark: Watermark = field(default_factory=lambda: Watermark(0, 0, 0))
    last: Position = START
    report: Recovery = field(default_factory=Recovery)


class _Seen(NamedTuple):
    """One file, walked over."""

    size: int
    end: int  # behind the last sound record
    last: Position | None
    ordinal: int | None
    damaged: int
    whole: bool  # begins with a snapshot: no older file is needed for the marks
    changes: list[dict[str, str]]


def recover(folder: Path, files: Files, known: Watermark | None) -> Found:
    found = Found(segments=listing(folder, files))
    if known is not None:
        found.mark, found.highest = known, known.segment
    if not found.segments:
        return found
    found.highest = max(found.highest, found.segments[-1].number)
    seen = _look(folder, files, found.segments)
    newest = found.segments[-1]
    end, size = seen[newest].end, seen[newest].size
    if end < size:
        _cut(folder, files, newest, end, size)
    else:
        _sync(folder, files, newest)  # a killed writer's last record may still be in the page cache only
    files.sync_folder(folder)
    found.report = Recovery(size - end, seen[newest].damaged, end == size and end > 0 and not seen[newest].damaged)
    for segment in found.segments:
        found.sizes[segment] = seen[segment].end if segment in seen else _size(folder, files, segment)
    for segment in sorted(seen, key=lambda segment: segment.number):
        for changes in seen[segment].changes:
            found.marks.update(changes)
    found.marks = {key: text for key, text in found.marks.items() if text and key != BEFORE_MARK}
    ordinal = 0
    for segment in seen:  # newest first
        if seen[segment].ordinal is not None:
            ordinal = seen[segment].ordinal or 0
            found.last = seen[segment].last or START
            break
    if end == 0 and (known is None or known.segment < newest.number):
        files.unlink(folder / newest.name)
        files.sync_folder(folder)
        found.segments.pop()
        del found.sizes[newest]
    if found.segments:
        here = Watermark(found.segments[-1].number, found.sizes[found.segments[-1]], ordinal)
        # what the old watermark knows to have been there and is not: readers must see the gap, and nothing but a gap
        found.mark = found.mark if here.segment < found.mark.segment else here
        found.mark = found.mark._replace(ordinal=max(ordinal, known.ordinal if known else 0))
    return found


def _look(folder: Path, files: Files, segments: list[Segment]) -> dict[Segment, _Seen]:
    """Newest first, back to the file whose snapshot is sound and that, with those behind it, holds an item's place."""
    seen: dict[Segment, _Seen] = {}
    for segment in reversed(segments):
        file = files.open(folder / segment.name, "read")
        try:
            seen[segment] = _walk(file, segment)
        finally:
            file.close()
        if seen[segment].whole:
            break
    return seen


def _walk(file: File, segment: Segment) -> _Seen:
    size = file.size()
    end, damaged, bad = 0, 0, 0
    last: Position | None = None
    ordinal: int | None = None
    whole = False
    changes: list[dict[str, str]] = []
    for piece in walk(file, segment, 0, size):
        if piece.head is None or piece.body is None:
            bad += 1
            continue
        marks = open_marks(piece.head, piece.body)
        if piece.head.flags & SNAPSHOT:
            whole, changes = True, [marks]
            last = before(marks)[0] if last is None else last
        elif marks:
            changes.append(marks)
        end, damaged = piece.end, bad
        ordinal = piece.head.ordinal + piece.head.items
        last = _place(segment, piece, piece.head) or last
    return _Seen(size, end, last, ordinal, damaged, whole, changes)


def _place(segment: Segment, piece: Piece, head: Head) -> Position | None:
    return Position(segment.number, piece.offset, head.items - 1) if head.items else None


def before(marks: dict[str, str]) -> tuple[Position, Position]:
    """What a snapshot tells about the end of the segments before its own; nothing: START."""
    last, _, end = marks.get(BEFORE_MARK, "").partition(" ")
    try:
        return Position.parse(last), Position.parse(end)
    except ValueError:
        return START, START


def _size(folder: Path, files: Files, segment: Segment) -> int:
    file = files.open(folder / segment.name, "read")
    try:
        return file.size()
    finally:
        file.close()


def _sync(folder: Path, files: Files, segment: Segment) -> None:
    file = files.open(folder / segment.name, "write")
    try:
        file.sync()
    finally:
        file.close()


def _cut(folder: Path, files: Files, segment: Segment, end: int, size: int) -> None:
    file = files.open(folder / segment.name, "write")
    try:
        _set_aside(folder / "quarantine", files, f"{segment.number}-{end}.bad", file, end, size)
        file.truncate(end)
        file.sync()
    finally:
        file.close()


def _set_aside(quarantine: Path, files: Files, name: str, source: File, begin: int, end: int) -> None:
    """A copy for people to look at; best effort, because a full disk must not keep the log from opening."""
    try:
        files.make_folder(quarantine)
        used = sum(_named_size(quarantine / other, files) for other in files.names(quarantine))
        if used + end - begin > QUARANTINE_LIMIT_BYTES:
            return
        copy = files.open(quarantine / name, "create")
    except OSError:
        return
    try:
        for offset in range(begin, end, _STEP_BYTES):
            copy.write(offset - begin, source.read(offset, min(_STEP_BYTES, end - offset)))
        copy.sync()
    except OSError:
        return
    finally:
        copy.close()


def _named_size(path: Path, files: Files) -> int:
    file = files.open(path, "read")
    try:
        return file.size()
    finally:
        file.close()
