"""A closed segment without some of its items: how a spool gives up the least important events and keeps the rest.

In:  a segment, and for each item whether it stays. Out: the new size; the file takes the old one's place in one step.
Bound: one record in memory. Ordinals stay, so a reader sees how many items are missing and where.
Positions inside the segment are void afterwards: its reader must go by what the items say (sensors/spool). A reader
that has the file open goes on with the old one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from sensors.durable.files import File, Files
from sensors.durable.record import Record, open_body, seal
from sensors.durable.segment import Piece, Segment, walk

FRESH_SUFFIX = ".new"


def records(file: File, segment: Segment) -> Iterator[tuple[Piece, Record]]:
    """The sound records of a closed segment."""
    unpress = zstandard.ZstdDecompressor()
    for piece in walk(file, segment, 0, file.size()):
        record = open_body(piece.head, piece.body, unpress) if piece.head and piece.body is not None else None
        if record is not None:
            yield piece, record


def thin(
    folder: Path, files: Files, segment: Segment, keep: Callable[[bytes], bool], press: zstandard.ZstdCompressor
) -> int:
    fresh = folder / (segment.name + FRESH_SUFFIX)
    with contextlib.suppress(FileNotFoundError):
        files.unlink(fresh)  # left by a crash
    old = files.open(folder / segment.name, "read")
    try:
        new = files.open(fresh, "create")
        try:
            end = 0
            for piece, record in records(old, segment):
                assert piece.head is not None
                kept = [item for item in record.items if keep(item)]
                if kept or record.marks:
                    head = piece.head
                    data = seal(segment.place(end), head.ordinal, kept, record.marks, head.flags, press)
                    new.write(end, data)
                    end += len(data)
            new.sync()
        finally:
            new.close()
    finally:
        old.close()
    files.rename(fresh, folder / segment.name)
    return end
