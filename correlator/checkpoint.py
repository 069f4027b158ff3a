"""Where `run` goes on: the store's cursor and the pipeline's snapshot, in one file, written atomically.

In:  cursor and snapshot. Out: the last pair that was completely written; None when there is none.
Two files take turns: while the one is written, the other stands. A file is magic, CRC-32, length, msgpack; what does
not check is passed over, never guessed at.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from sensors.durable.files import Files, RealFiles

MAGIC = b"LTCP1\n"
LIMIT_BYTES = 1 << 30
_NAMES = ("checkpoint", "checkpoint.before")


class Saved(NamedTuple):
    number: int
    cursor: str | None
    snapshot: bytes


class Checkpoint:
    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self._folder, self._files = folder, files or RealFiles()
        self._files.make_folder(folder)
        self.damaged = 0
        self.last_bytes = 0
        saved = self._read()
        self._number = saved.number if saved else 0
        self.saved = saved

    def write(self, cursor: str | None, snapshot: bytes) -> None:
        """Durable when it returns."""
        self._number += 1
        body = msgspec.msgpack.encode([self._number, cursor, snapshot])
        data = MAGIC + zlib.crc32(body).to_bytes(4, "big") + len(body).to_bytes(8, "big") + body
        new, name, before = (self._folder / part for part in ("checkpoint.new", *_NAMES))
        present = self._files.names(self._folder)
        if new.name in present:
            self._files.unlink(new)
        file = self._files.open(new, "create")
        try:
            file.write(0, data)
            file.sync()
        finally:
            file.close()
        if name.name in present:
            self._files.rename(name, before)
        self._files.rename(new, name)
        self._files.sync_folder(self._folder)
        self.last_bytes = len(data)

    def _read(self) -> Saved | None:
        present = self._files.names(self._folder)
        found = [saved for name in _NAMES if name in present and (saved := self._one(self._folder / name))]
        return max(found, key=lambda saved: saved.number, default=None)

    def _one(self, path: Path) -> Saved | None:
        file = self._files.open(path, "read")
        try:
            data = file.read(0, min(file.size(), LIMIT_BYTES))
        finally:
            file.close()
        head = len(MAGIC) + 12
        body = data[head:]
        checked = (
            data.startswith(MAGIC)
            and int.from_bytes(data[len(MAGIC) + 4 : head], "big") == len(body)
            and int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "big") == zlib.crc32(body)
        )
        try:
            if checked:
                number, cursor, snapshot = msgspec.msgpack.decode(body)
                return Saved(number, cursor, snapshot)
        except (msgspec.DecodeError, ValueError, TypeError):
            pass
        self.damaged += 1
        return None
