"""The one module that does file I/O for logs, spools and checkpoints: a test can record, reorder, tear and fail it.

In:  paths and bytes. Out: bytes, or an `OSError` as the system gave it. Nothing is retried here: after a failed sync
the kernel may have forgotten the dirty pages, so the only safe answer is to die and recover (vector#14455).
What is durable when: bytes after `File.sync`; a name (created, renamed, removed) after `sync_folder` of its folder.
`tests/naive/disk.py` is the twin that loses everything else.
Source: fsync(2), "Files are hard" (ALICE, OSDI'14).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Literal, Protocol

Mode = Literal["read", "write", "create"]

_FLAGS: dict[str, int] = {
    "read": os.O_RDONLY,
    "write": os.O_RDWR,
    "create": os.O_RDWR | os.O_CREAT | os.O_EXCL,  # EXCL: a name of ours is never written twice by mistake
}
_sync = getattr(os, "fdatasync", os.fsync)  # fdatasync flushes the size too, which is the metadata that reading needs


class File(Protocol):
    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`; fewer only where the file ends."""

    def write(self, offset: int, data: bytes) -> None:
        """All of `data`, or an OSError after which an unknown part of it is there."""

    def truncate(self, size: int) -> None: ...

    def sync(self) -> None:
        """Returns when every byte written so far is durable."""

    def size(self) -> int: ...

    def close(self) -> None: ...


class Lock(Protocol):
    def close(self) -> None: ...


class Files(Protocol):
    def open(self, path: Path, mode: Mode) -> File:
        """`create` fails when the name exists; the others when it does not."""

    def make_folder(self, path: Path) -> None:
        """The folder and its parents, durable; nothing happens when it is there."""

    def sync_folder(self, path: Path) -> None: ...

    def rename(self, old: Path, new: Path) -> None:
        """Within one folder; takes the place of `new`."""

    def unlink(self, path: Path) -> None: ...

    def names(self, folder: Path) -> list[str]:
        """Sorted; empty when the folder is missing."""

    def lock(self, path: Path) -> Lock | None:
        """An exclusive lock on an existing file until closed or the process dies; None when another holds it."""

    def free_bytes(self, folder: Path) -> int: ...


class _RealFile:
    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._fd, size, offset)
        if len(data) == size or not data:
            return data
        parts = [data]
        have = len(data)
        while have < size and (data := os.pread(self._fd, size - have, offset + have)):
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        done = os.pwrite(self._fd, data, offset)
        while done < len(data):  # a short write comes before ENOSPC; the next call tells
            done += os.pwrite(self._fd, memoryview(data)[done:], offset + done)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def sync(self) -> None:
        _sync(self._fd)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class RealFiles:
    """The operating system's files, for owner and group (a spool's reader may be another user), not for others."""

    def open(self, path: Path, mode: Mode) -> File:
        return _RealFile(os.open(path, _FLAGS[mode] | os.O_CLOEXEC, 0o660))

    def make_folder(self, path: Path) -> None:
        if path.is_dir():
            return
        self.make_folder(path.parent)
        try:
            path.mkdir(mode=0o770)
        except FileExistsError:
            if not path.is_dir():
                raise
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def names(self, folder: Path) -> list[str]:
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, not paths
        except FileNotFoundError:
            return []

    def lock(self, path: Path) -> Lock | None:
        file = _RealFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        try:
            fcntl.flock(file._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def free_bytes(self, folder: Path) -> int:
        free = os.statvfs(folder)
        return free.f_bavail * free.f_frsize


REAL = RealFiles()


def read_whole(path: Path, limit: int, files: Files = REAL) -> bytes | None:
    """The content of a small file, None when it is missing or longer than `limit`."""
    try:
        file = files.open(path, "read")
    except FileNotFoundError:
        return None
    try:
        data = file.read(0, limit + 1)
    finally:
        file.close()
    return data if len(data) <= limit else None


def replace(path: Path, data: bytes, files: Files = REAL) -> None:
    """Put `data` in the place of `path`, durable when it returns: a reader, and a power loss, sees the old content or
    the new. One writer per path."""
    fresh = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        files.unlink(fresh)  # left by a crash
    file = files.open(fresh, "create")
    try:
        file.write(0, data)
        file.sync()
    finally:
        file.close()
    files.rename(fresh, path)
    files.sync_folder(path.parent)
