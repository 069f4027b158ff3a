"""One directory of the embedded index: `index/<stream>/<day>-<segment>-<random>/`, a tantivy index and its `mark.json`.

A partition covers the journal from `after` (excluded) to `next` (included): the day's segments as they were received,
never by `@timestamp`, so that one writer is open at a time, a sensor's wrong clock opens no directory, and retention
drops the same days here and in the journal. Late events lie in the day that received them; `oldest` and `newest`
(`@timestamp`, microseconds) say which partitions a time range must visit.

Invariants (tests/unit/test_indexer.py has them by number):
 1 the mark moves after tantivy's commit; documents beyond `count` are therefore exactly the next items of the journal;
 2 a partition whose mark is missing, is of another schema, or counts more than the index holds is deleted and rebuilt
   from the journal under a new name: readers never see a directory change its meaning;
 3 a flipped bit is found by `sound` (tantivy's own CRC-32 footers) and by the CRC before each `_source`.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import struct
import zlib
from pathlib import Path

import msgspec
import tantivy

from correlator.store import schema
from sensors.durable.files import read_whole, replace
from sensors.durable.record import START, Position

MARK = "mark.json"
_NAME = re.compile(r"\d{8}-\d{13,18}-[0-9a-f]{8}\Z", re.ASCII)
_MARK_LIMIT_BYTES = 64 * 1024
_FOOTER = struct.Struct("<II")
_FOOTER_MAGIC = 1337  # tantivy src/directory/footer.rs


class Mark(msgspec.Struct, kw_only=True):
    """What is durable: positions as text, times in microseconds."""

    version: str
    day: str
    after: str
    next: str
    base: int  # number of the first item
    until: str = ""  # set: a rebuild that ends here
    sealed: bool = False
    items: int = 0  # journal items passed, indexed or not
    count: int = 0  # documents
    oldest: int = 1 << 62
    newest: int = -(1 << 62)


class Partition:
    """A directory with its mark as last read or written."""

    def __init__(self, folder: Path, mark: Mark) -> None:
        self.folder = folder
        self.mark = mark

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def after(self) -> Position:
        return Position.parse(self.mark.after)

    @property
    def next(self) -> Position:
        return Position.parse(self.mark.next)

    def save(self) -> None:
        replace(self.folder / MARK, msgspec.json.encode(self.mark))

    def open(self) -> tantivy.Index:
        """Raises ValueError when the directory holds no sound index."""
        return schema.prepare(tantivy.Index.open(str(self.folder)))

    def usable(self) -> bool:
        """It opens, holds what its mark says, and every byte of it is what tantivy wrote."""
        try:
            documents = self.open().searcher().num_docs
        except (ValueError, OSError):
            return False
        return documents >= self.mark.count and sound(self.folder)

    def delete(self) -> None:
        """The mark first: what is left after a crash is no partition any more."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / MARK).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def create(stream_folder: Path, day: str, after: Position, base: int, until: Position | None = None) -> Partition:
    folder = stream_folder / f"{day}-{after.segment:013d}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    tantivy.Index(schema.build_schema(), path=str(folder))
    mark = Mark(
        version=schema.VERSION, day=day, after=str(after), next=str(after), base=base,
        until=str(until) if until else "",
    )  # fmt: skip
    partition = Partition(folder, mark)
    partition.save()
    return partition


def load(folder: Path) -> Partition | None:
    """The partition in `folder`, None when it has no usable mark (invariant 2)."""
    try:
        data = read_whole(folder / MARK, _MARK_LIMIT_BYTES)
        mark = msgspec.json.decode(data or b"", type=Mark)
        for text in (mark.after, mark.next, mark.until or str(START)):
            Position.parse(text)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    return Partition(folder, mark) if mark.version == schema.VERSION else None


def folders(stream_folder: Path) -> list[Path]:
    try:
        return sorted(path for path in stream_folder.iterdir() if _NAME.match(path.name) and path.is_dir())
    except FileNotFoundError:
        return []


def sound(folder: Path) -> bool:
    """Every file of the index carries the checksum that tantivy wrote behind it."""
    for path in folder.glob("*.*"):
        if path.suffix == ".json" or path.name.startswith(".") or path.suffix == ".new":
            continue
        try:
            if not _sound_file(path):
                return False
        except FileNotFoundError:
            continue  # merged away meanwhile
    return True


def _sound_file(path: Path) -> bool:
    size = path.stat().st_size
    if size < _FOOTER.size:
        return False
    with path.open("rb") as file:
        file.seek(size - _FOOTER.size)
        length, magic = _FOOTER.unpack(file.read(_FOOTER.size))
        body = size - _FOOTER.size - length
        if magic != _FOOTER_MAGIC or not 0 < length <= 4_096 or body < 0:
            return False
        file.seek(body)
        try:
            crc = msgspec.json.decode(file.read(length))["crc"]
        except (msgspec.MsgspecError, KeyError, TypeError):
            return False
        file.seek(0)
        found = 0
        while body:
            chunk = file.read(min(body, 1 << 20))
            if not chunk:
                return False
            found = zlib.crc32(chunk, found)
            body -= len(chunk)
    return bool(found == crc)
