"""One file of a log: its name, and the walk over its records that steps over damage.

In:  a folder, an open file. Out: `Segment`s in order, `Piece`s that cover every byte between two offsets exactly once.
Bound: one record in memory; looking for the next record behind damage reads the file once, in pieces of 1 MiB.

The name says all that a reader must know before it trusts any byte inside (number, UTC day, salt), so that no damaged
byte can take more than its own record: `1795323000123-20261122-a1b2c3d4e5f60718.lt1`. The suffix is the version of the
format; a folder with a newer one is refused, since an older program would take what it cannot read for damage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sensors.durable.files import File, Files
from sensors.durable.problems import newer
from sensors.durable.record import HEAD_BYTES, MAGIC, Head, Place, intact, read_head

SUFFIX = ".lt1"
_NAME = re.compile(r"(\d{13,18})-(\d{8})-([0-9a-f]{16})\.lt(\d+)", re.ASCII)
_STEP_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    number: int
    day: str  # UTC, YYYYMMDD, when the file was begun
    salt: bytes

    @property
    def name(self) -> str:
        return f"{self.number:013d}-{self.day}-{self.salt.hex()}{SUFFIX}"

    def place(self, offset: int) -> Place:
        return Place(self.salt, self.number, offset)


class Piece(NamedTuple):
    """Bytes offset…end: a sound record (head and body), a record whose body is damaged or cut short (head only), or
    bytes that are no record (neither)."""

    offset: int
    end: int
    head: Head | None
    body: bytes | None


class SegmentInfo(NamedTuple):
    number: int
    day: str
    bytes: int
    ordinal: int | None  # items before it since the log began; None when its first record is damaged
    newest: bool


class Dropped(NamedTuple):
    segments: int
    items: int
    bytes: int


def listing(folder: Path, files: Files) -> list[Segment]:
    """The log's files, oldest first. Other files are nobody's business here and stay as they are."""
    found = []
    for name in files.names(folder):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        if match[4] != SUFFIX[3:]:
            raise newer(folder / name)
        found.append(Segment(int(match[1]), match[2], bytes.fromhex(match[3])))
    return sorted(found, key=lambda segment: segment.number)


def head_at(file: File, segment: Segment, offset: int, end: int) -> Head | None:
    """The head at `offset`, None when there is none before `end`."""
    return read_head(file.read(offset, min(HEAD_BYTES, max(0, end - offset))), segment.place(offset))


def walk(file: File, segment: Segment, offset: int, end: int) -> Iterator[Piece]:
    while offset < end:
        head = head_at(file, segment, offset, end)
        if head is not None and offset + head.total_bytes <= end:
            after = offset + head.total_bytes
            body = file.read(offset + HEAD_BYTES, head.body_bytes)
            yield Piece(offset, after, head, body if intact(head, body) else None)
        else:
            after = _next_head(file, segment, offset + 1, end)
            yield Piece(offset, after, head, None)
        offset = after


def _next_head(file: File, segment: Segment, offset: int, end: int) -> int:
    """Where the next record begins, or `end`."""
    while offset < end:
        step = file.read(offset, min(_STEP_BYTES, end - offset))
        at = step.find(MAGIC)
        while at >= 0:
            if head_at(file, segment, offset + at, end) is not None:
                return offset + at
            at = step.find(MAGIC, at + 1)
        if len(step) < len(MAGIC):
            break
        offset += len(step) - (len(MAGIC) - 1)  # a magic may lie across two steps
        if offset + HEAD_BYTES > end:
            break
    return end
