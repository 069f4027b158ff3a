"""A disk that forgets: the twin of `sensors.durable.files` for tests of power loss, tearing and failing hardware.

Every operation is recorded. `Disk.live(n)` is what a process sees after the first n operations (kill -9);
`Disk.crash(n, loss)` is one of the states in which power loss may leave the disk after them: what was synced is there,
and of the rest whatever `loss` chooses: nothing, everything, any subset of writes in any order, torn at a byte or a
sector, a grown file full of zeros, any subset of directory entries. More cruel than any real file
system is allowed to be.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Operation = tuple[Any, ...]
# ("create", path, inode) ("write", inode, offset, data) ("truncate", inode, size) ("sync", inode)
# ("folder", path) ("sync_folder", path) ("rename", old, new, inode) ("unlink", path) ("note", anything)


@dataclass
class Loss:
    """What happens to what was not synced."""

    random: random.Random
    keep_writes: float = 0.5
    tear: bool = False
    zeros: float = 0.0
    keep_names: float = 0.5


class _File:
    def __init__(self, disk: Disk, inode: int, writable: bool) -> None:
        self._disk, self._inode, self._writable = disk, inode, writable

    def read(self, offset: int, size: int) -> bytes:
        self._disk.maybe_fail("read", None)
        return bytes(self._disk.data[self._inode][offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        assert self._writable
        self._disk.maybe_fail("write", lambda part: self._disk.do(("write", self._inode, offset, data[:part])))
        self._disk.do(("write", self._inode, offset, bytes(data)))

    def truncate(self, size: int) -> None:
        assert self._writable
        self._disk.maybe_fail("truncate", None)
        self._disk.do(("truncate", self._inode, size))

    def sync(self) -> None:
        self._disk.maybe_fail("sync", None)
        self._disk.do(("sync", self._inode))

    def size(self) -> int:
        return len(self._disk.data[self._inode])

    def close(self) -> None:
        pass


class _Lock:
    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk, self._path = disk, path

    def close(self) -> None:
        self._disk.locked.discard(self._path)


@dataclass
class Disk:
    """Implements `Files`."""

    names_of: dict[Path, int] = field(default_factory=dict)
    data: dict[int, bytearray] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=lambda: {Path("/")})
    trace: list[Operation] = field(default_factory=list)
    locked: set[Path] = field(default_factory=set)
    free: int = 1 << 40
    fail: Callable[[str, int], OSError | None] | None = None
    calls: int = 0

    # --- Files ------------------------------------------------------------------------------------------------------

    def open(self, path: Path, mode: str) -> _File:
        if mode == "create":
            if path in self.names_of:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            if path.parent not in self.folders:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            self.maybe_fail("create", None)
            self.do(("create", path, max(self.data, default=0) + 1))
        if path not in self.names_of:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return _File(self, self.names_of[path], mode != "read")

    def make_folder(self, path: Path) -> None:
        if path in self.folders:
            return
        self.make_folder(path.parent)
        self.maybe_fail("folder", None)
        self.do(("folder", path))
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        self.maybe_fail("sync_folder", None)
        self.do(("sync_folder", path))

    def rename(self, old: Path, new: Path) -> None:
        self.maybe_fail("rename", None)
        self.do(("rename", old, new, self.names_of[old]))

    def unlink(self, path: Path) -> None:
        if path not in self.names_of:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self.maybe_fail("unlink", None)
        self.do(("unlink", path))

    def names(self, folder: Path) -> list[str]:
        inside = {path.name for path in self.names_of if path.parent == folder}
        return sorted(inside | {path.name for path in self.folders if path.parent == folder and path != folder})

    def lock(self, path: Path) -> _Lock | None:
        if path in self.locked:
            return None
        self.locked.add(path)
        return _Lock(self, path)

    def free_bytes(self, folder: Path) -> int:
        return self.free

    # --- for tests --------------------------------------------------------------------------------------------------

    def note(self, what: Any) -> None:
        self.do(("note", what))

    def do(self, operation: Operation) -> None:
        self.trace.append(operation)
        _apply(self, operation)

    def maybe_fail(self, kind: str, partly: Callable[[int], None] | None) -> None:
        self.calls += 1
        error = self.fail(kind, self.calls) if self.fail else None
        if error is not None:
            if partly is not None:
                partly(self.calls * 7 % 90)
            raise error

    def copy(self) -> Disk:
        twin = Disk(dict(self.names_of), {inode: bytearray(data) for inode, data in self.data.items()})
        twin.folders = set(self.folders)
        return twin

    def fork(self, count: int) -> Disk:
        """`live`, with the memory of what was not synced."""
        state = Disk()
        for operation in self.trace[:count]:
            state.do(operation)
        return state

    def live(self, count: int) -> Disk:
        state = Disk()
        for operation in self.trace[:count]:
            _apply(state, operation)
        return state

    def crash(self, count: int, loss: Loss) -> Disk:
        """Of the operations before `count`, what was synced and what `loss` leaves of the rest."""
        steps = self.trace[:count]
        synced_at: dict[Any, int] = {}
        for at, step in enumerate(steps):
            if step[0] in {"sync", "sync_folder"}:
                synced_at[step[1]] = at
        state = Disk()
        pending: list[Operation] = []
        for at, step in enumerate(steps):
            kind = step[0]
            if kind in {"write", "truncate"}:
                if at < synced_at.get(step[1], -1):
                    _apply(state, step)
                elif loss.random.random() < loss.keep_writes:
                    pending.append(_torn(step, loss))
            elif kind in {"create", "folder", "unlink", "rename"}:
                if kind == "create":
                    state.data.setdefault(step[2], bytearray())
                if at < synced_at.get(step[1].parent, -1) or loss.random.random() < loss.keep_names:
                    _apply(state, step)
        if loss.keep_writes < 1:
            loss.random.shuffle(pending)
        for step in pending:
            _apply(state, step)
        lost = [path for path in state.names_of if not _reachable(state, path.parent)]
        for path in lost:
            del state.names_of[path]
        state.folders = {path for path in state.folders if _reachable(state, path)}
        return state


def _reachable(disk: Disk, folder: Path) -> bool:
    return folder == Path("/") or (folder in disk.folders and _reachable(disk, folder.parent))


def _torn(step: Operation, loss: Loss) -> Operation:
    if step[0] != "write":
        return step
    _, inode, offset, data = step
    if loss.random.random() < loss.zeros:
        return ("write", inode, offset, bytes(len(data)))  # the length reached the disk before the bytes did
    if not loss.tear:
        return step
    cut = loss.random.randrange(len(data) + 1)
    sector = loss.random.choice((1, 512, 4096))
    cut = max(0, (offset + cut) // sector * sector - offset)
    if loss.random.random() < 0.3:  # the later sectors arrived, the earlier did not
        return ("write", inode, offset + cut, data[cut:])
    return ("write", inode, offset, data[:cut])


def _apply(disk: Disk, step: Operation) -> None:
    kind = step[0]
    if kind == "create":
        disk.names_of[step[1]] = step[2]
        disk.data.setdefault(step[2], bytearray())
    elif kind == "write":
        _, inode, offset, data = step
        content = disk.data.setdefault(inode, bytearray())
        if data and len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
    elif kind == "truncate":
        content = disk.data.setdefault(step[1], bytearray())
        if len(content) < step[2]:
            content.extend(bytes(step[2] - len(content)))
        del content[step[2] :]
    elif kind == "folder":
        disk.folders.add(step[1])
    elif kind == "rename":
        disk.names_of.pop(step[1], None)
        disk.names_of[step[2]] = step[3]
        disk.data.setdefault(step[3], bytearray())
    elif kind == "unlink":
        disk.names_of.pop(step[1], None)
