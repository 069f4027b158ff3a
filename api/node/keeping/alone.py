"""The lock of a node's database, held by whoever works on it while no luytre-api runs; raises when one does."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sensors.errors import LuytreError, Place, Problem


class alone:  # noqa: N801  # reads as a phrase
    """Holds the lock that luytre-api would hold; raises when one does."""

    def __init__(self, data: Path) -> None:
        self._path, self._handle = data / "state" / "luytre.db.lock", -1

    def __enter__(self) -> None:
        if not self._path.exists():
            return
        self._handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            self._handle = -1
            raise LuytreError(Problem(
                "LT-N0525", "nút đang chạy trong thư mục này: hãy dừng nó trước", "a node is running in this folder: "
                "stop it first", Place(str(self._path.parent.parent)), ("systemctl stop luytre.target",),
            )) from None  # fmt: skip

    def __exit__(self, *_: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)
