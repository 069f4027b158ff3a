"""What goes into a backup of a running node, and in which order, so that what is put back fits together.

In:  the data folder. Out: (name, opener) pairs; an opener gives the bytes of one part as they are when it is reached.
The order is the consistency. Each thing is read before what it must not be ahead of:
    1. the correlator's checkpoint       never ahead of the journals
    2. a spool's acknowledgement, then the spool    what is acknowledged is in the journals that come later
    3. keys/ (audit.head among them)     never ahead of the audit in the database
    4. the rest of the folder
    5. the database (one snapshot)       its cursors are never ahead of the journals
    6. the journals: whole segments, and of the open one what its writer's watermark says is durable
What a later thing has and an earlier one does not know yet is taken up again at the start, as after any crash.
Left out: cache/ (built from the rules), index/ (built from the journal), indicators/ (from the database), run/, log/,
state/seen.db (built from the journal), lock files, what another program is about to rename (*.new, *.part), backups
that lie inside the folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from api.node.keeping.parts import chunks
from sensors.durable.files import REAL
from sensors.durable.segment import Segment, head_at, listing, walk
from sensors.durable.watermark import BYTES, LOCK_NAME, Watermark, parse

DATABASE = "state/luytre.db"
DUMP = "state/luytre.dump"
CONFIG = "luytre.toml"
SCRATCH = ".keeping"  # our own scratch folder inside the data folder
_OUT_FOLDERS = {"cache", "index", "indicators", "run", "log", "journal", SCRATCH}
_OUT_FILES = {"seen.db", "luytre.db", LOCK_NAME, "backups.json"}
_OUT_ENDINGS = (".new", ".part", ".lock", "-wal", "-shm", ".db-journal")
STREAMS = ("events", "hits")

Bytes = Callable[[], Iterator[bytes]]


class Found(NamedTuple):
    name: str
    bytes: Bytes


class Prefix(NamedTuple):
    """A log as it was: its segments and how much of each."""

    segments: list[tuple[Segment, int]]  # and its bytes

    @property
    def end(self) -> str:
        return f"{self.segments[-1][0].number}:{self.segments[-1][1]}" if self.segments else "0:0"


def before_database(data: Path, config: Path, out: Path | None) -> Iterator[Found]:
    """Steps 1 to 4. `out`: the backups' own folder."""
    for folder in ("correlator", "spool", "keys"):
        if folder == "spool":
            for spool in _folders(data / folder):
                yield from _small(data, spool / "reader")
                yield from log_parts(data, spool, prefix(spool))
        else:
            yield from _files(data, data / folder, out)
    if config.is_file():
        yield Found(CONFIG, _of(config))
    for path in sorted(data.iterdir()):
        if path.is_symlink() or path.name in {*_OUT_FOLDERS, "correlator", "spool", "keys", CONFIG} or path == out:
            continue
        if path.is_dir():
            yield from _files(data, path, out)
        elif _wanted(path):
            yield Found(path.name, _of(path))


def prefix(folder: Path) -> Prefix:
    """How far a log is durable now."""
    try:
        mark = parse((folder / LOCK_NAME).read_bytes()[:BYTES])
    except OSError:
        mark = None
    found: list[tuple[Segment, int]] = []
    for segment in listing(folder, REAL):
        size = _durable(folder, segment, mark)
        if size is not None:
            found.append((segment, size))
    return Prefix(found)


def log_parts(data: Path, folder: Path, what: Prefix) -> Iterator[Found]:
    for segment, size in what.segments:
        path = folder / segment.name
        yield Found(str(path.relative_to(data)), _of(path, size))


def _durable(folder: Path, segment: Segment, mark: Watermark | None) -> int | None:
    """The bytes of a segment that may be copied; None when there are none, or it is gone."""
    try:
        size = (folder / segment.name).stat().st_size
    except FileNotFoundError:
        return None
    if mark is not None and segment.number == mark.segment:
        return min(size, mark.end) or None
    return size if mark is None or segment.number < mark.segment else None


def items_of(folder: Path, segment: Segment, size: int) -> int:
    """How many items are in a segment, from the heads of its records; only damage makes it read the bodies."""
    try:
        file = REAL.open(folder / segment.name, "read")
    except FileNotFoundError:
        return 0
    try:
        offset = items = 0
        while (head := head_at(file, segment, offset, size)) is not None:
            items += head.items
            offset += head.total_bytes
        return items + sum(piece.head.items for piece in walk(file, segment, offset, size) if piece.head)
    finally:
        file.close()


def _files(data: Path, folder: Path, out: Path | None) -> Iterator[Found]:
    if listing(folder, REAL):
        yield from log_parts(data, folder, prefix(folder))
        return
    yield from _small(data, folder)
    for inner in _folders(folder):
        if inner != out:
            yield from _files(data, inner, out)


def _small(data: Path, folder: Path) -> Iterator[Found]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink() and _wanted(path):
            yield Found(str(path.relative_to(data)), _of(path))


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()) if folder.is_dir() else []


def _wanted(path: Path) -> bool:
    return path.name not in _OUT_FILES and not path.name.endswith(_OUT_ENDINGS)


def _of(path: Path, limit: int | None = None) -> Bytes:
    def read() -> Iterator[bytes]:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # deleted meanwhile: expired, or acknowledged
        with os.fdopen(handle, "rb") as file:
            yield from chunks(file, limit)

    return read
