"""A backup's parts become files in an empty folder, each checked by its hash before the next begins.

In:  the file, the key, a folder that is new. Out: the `Manifest`. Files are 0600, folders 0700, all durable at the end.
Damaged: raises with the part's name; the folder is then worth nothing and the caller removes it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from api.node.keeping.parts import Manifest, Taken, read_parts
from api.node.keeping.sealed import Key
from sensors.errors import LuytreError, Problem


def unpack(file: Path, key: Key, into: Path) -> Manifest:
    if not key.may_open:
        raise LuytreError(Problem("LT-N0520", "đây là khóa công khai: chỉ khóa bí mật mở được bản sao lưu",
                                  "this is the public key: only the secret one opens a backup"))  # fmt: skip
    into.mkdir(parents=True, exist_ok=False, mode=0o700)
    place = _Place(into)
    try:
        with file.open("rb") as opened:
            manifest = read_parts(opened, key, place)
    except OSError as error:
        words = error.strerror or str(error)
        raise LuytreError(Problem("LT-N0522", f"không bung được bản sao lưu: {words}",
                                  f"the backup cannot be unpacked: {words}")) from None  # fmt: skip
    finally:
        place.close()
    for folder, _, _ in os.walk(into):
        sync(Path(folder))
    return manifest


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Place:
    def __init__(self, into: Path) -> None:
        self._into = into
        self._file: BinaryIO | None = None

    def __call__(self, taken: Taken) -> None:
        if taken.ended:
            self.close()
        elif self._file is None:
            path = self._into / taken.name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(handle, "wb")
        else:
            self._file.write(taken.data)

    def close(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
