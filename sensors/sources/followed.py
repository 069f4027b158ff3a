"""One text file that is being followed: its identity, where it stands, and its next lines. `tail.py` minds many.

Bound: `CHUNK_BYTES` read at once; a line is cut at 64 KiB and the rest of it skipped.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from sensors.formats.format import LINE_LIMIT_BYTES

CHUNK_BYTES = 256 * 1024
FIRST_BYTES, TAIL_BYTES = 1024, 64
_NOT_TEXT = re.compile(r"\\udc([89a-f][0-9a-f])")


class Line(NamedTuple):
    path: str
    pattern: int  # which of the patterns found the file
    source: str  # the file's id
    offset: int
    data: bytes
    cut: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A stored position: `skipping` means that the rest of an overlong line is still to be skipped.

    A file's name may be any bytes: what is not UTF-8 is stored as `\\udcNN`, because a position is text."""

    offset: int
    sight: str
    skipping: bool
    tail: str
    path: str

    def __str__(self) -> str:
        path = self.path.encode("utf-8", "backslashreplace").decode("utf-8")
        return f"{self.offset}:{self.sight}:{int(self.skipping)}:{self.tail}:{path}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        try:
            offset, sight, skipping, tail, path = text.split(":", 4)
            path = _NOT_TEXT.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)
            return cls(int(offset), sight, skipping == "1", tail, path) if offset.isdigit() else None
        except ValueError:
            return None


@dataclass(slots=True)
class Followed:
    fd: int
    inode: str
    path: str
    pattern: int
    sight: str = ""
    first: str = ""  # hash of the first line; "" while there is none
    offset: int = 0
    tail: bytes = b""
    skipping: bool = False
    active: float = 0.0  # monotonic seconds of the last growth
    gone: bool = False  # no pattern finds it any more

    @property
    def key(self) -> str:
        return f"file:{self.inode}-{self.first}"

    @property
    def source(self) -> str:
        return f"{self.key}@{self.sight}"

    def place(self) -> Place:
        return Place(self.offset, self.sight, self.skipping, hash_of(self.tail), self.path)

    def go_on(self, place: Place) -> bool:
        """Stand at a stored place, when the bytes before it are still those."""
        tail = os.pread(self.fd, min(TAIL_BYTES, place.offset), max(0, place.offset - TAIL_BYTES))
        if len(tail) != min(TAIL_BYTES, place.offset) or hash_of(tail) != place.tail:
            return False
        self.offset, self.tail, self.skipping, self.sight = place.offset, tail, place.skipping, place.sight
        return True

    def stand_at_end(self, size: int) -> None:
        """Behind the last newline of what is there now (looked for within the last chunk)."""
        start = max(0, size - CHUNK_BYTES)
        found = os.pread(self.fd, size - start, start).rfind(b"\n")
        self.offset = start + found + 1 if found >= 0 else start
        self.tail = os.pread(self.fd, min(TAIL_BYTES, self.offset), max(0, self.offset - TAIL_BYTES))

    def lines(self, room: int, now: float, *, unfinished: bool) -> list[Line] | None:
        """At most `room` next lines; None when the file was emptied or rewritten. `unfinished`: a last line without
        its newline is taken as it is."""
        before = len(self.tail)
        data = os.pread(self.fd, before + CHUNK_BYTES, self.offset - before)
        if data[:before] != self.tail:
            return None
        chunk, start = data[before:], 0
        out: list[Line] = []
        while len(out) < room:
            end = chunk.find(b"\n", start)
            if end < 0:
                start = self._rest(chunk, start, out, unfinished=unfinished)
                break
            if self.skipping:
                self.skipping = False
            else:
                out.append(self._line(start, chunk[start:end], cut=end - start > LINE_LIMIT_BYTES))
            start = end + 1
        if start:
            self.offset += start
            self.tail = data[: before + start][-TAIL_BYTES:]
            self.active = now
        return out

    def _rest(self, chunk: bytes, start: int, out: list[Line], *, unfinished: bool) -> int:
        """What has no newline yet. Returns how far of the chunk is taken."""
        rest = len(chunk) - start
        if not rest:
            return start
        if self.skipping:
            return len(chunk)
        if rest > LINE_LIMIT_BYTES:
            out.append(self._line(start, chunk[start:], cut=True))
            self.skipping = True
            return len(chunk)
        if unfinished and len(chunk) < CHUNK_BYTES:
            out.append(self._line(start, chunk[start:], cut=False))
            return len(chunk)
        return start

    def _line(self, start: int, data: bytes, *, cut: bool) -> Line:
        text = data[:LINE_LIMIT_BYTES].rstrip(b"\r")
        return Line(self.path, self.pattern, self.source, self.offset + start, text, cut)


def hash_of(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
