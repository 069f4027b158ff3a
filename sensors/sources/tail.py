"""Follows text files: every line once, through rotation, truncation and kill -9.

In:  glob patterns and the positions stored with the last durable batch. Out: lines with their place, and the positions
     to store with the events made of them.
File id: device, inode, hash of the first line (at most 1,024 bytes), and which sight of it this is, so that an inode
     used again, or a file emptied and filled anew, is another file. A position is the offset behind the last taken
     line, with a hash of the 64 bytes before it: when those are other bytes, the file was rewritten, and is read anew.
Rotation: a renamed file is kept open and read on until it was silent for `linger_s`; after a restart it is found again
     by its inode among the files of its folder. A copy of what was read (logrotate's copytruncate, a restored backup)
     goes on where the original stood. Packed files (.gz, .xz, …) are never read: they are what was read before.
A last line without its newline waits for it; when the file is rotated away or deleted and silent for `partial_s`, it is
taken as it is. A line over 64 KiB is cut, marked, and the rest of it skipped.
Bound: `FILES_LIMIT` open files, `CHUNK_BYTES` read at once, one batch.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from sensors.clock import Clock, SystemClock
from sensors.sources.followed import FIRST_BYTES, Followed, Line, Place, hash_of

FILES_LIMIT = 1024
COPY_FROM_BYTES = 1024  # two different files may well begin with the same few lines, hardly with the same kilobyte
PACKED = (".gz", ".xz", ".bz2", ".zst", ".Z", ".zip", ".lz4")


@dataclass(slots=True)
class Batch:
    lines: list[Line] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)


class Tailer:
    def __init__(
        self,
        patterns: Sequence[str],
        positions: Mapping[str, str],
        *,
        clock: Clock | None = None,
        at_end: Sequence[bool] = (),
        partial_s: float = 5.0,
        linger_s: float = 60.0,
        life: str = "",
    ) -> None:
        """`life` tells this start from all others, clocks being set back; default: random.
        `at_end[i]`: files of pattern i that exist at the very first start are followed from their end."""
        self._patterns = list(patterns)
        self._at_end = [*at_end, *([False] * (len(self._patterns) - len(at_end)))]
        self._clock = clock or SystemClock()
        self._partial_s, self._linger_s = partial_s, linger_s
        self._stored = {key: place for key, text in positions.items()
                        if key.startswith("file:") and (place := Place.parse(text))}  # fmt: skip
        self._fresh = not self._stored
        self._files: dict[str, Followed] = {}
        self._changed: dict[str, str] = {}
        self._emptied: deque[tuple[str, Place]] = deque(maxlen=16)
        self._life, self._sights = life or secrets.token_hex(5), 0
        self._next = 0
        self.problems: dict[str, str] = {}  # path → why it is not read now
        self.vanished = 0  # files that were not read to their end and are gone

    @property
    def paths(self) -> list[str]:
        return sorted({file.path for file in self._files.values() if not file.gone})

    @property
    def folders(self) -> set[str]:
        """Where something may change: for the watcher."""
        found = {os.path.dirname(file.path) for file in self._files.values()}  # noqa: PTH120
        for pattern in self._patterns:
            folder = os.path.dirname(pattern) or "."  # noqa: PTH120
            found |= set(islice(glob.iglob(folder), 64)) if glob.has_magic(folder) else {folder}  # noqa: PTH207
        return {folder for folder in found if os.path.isdir(folder)}  # noqa: PTH112

    def scan(self) -> None:
        """Find new files, notice those that are gone; open and close accordingly. Cheap enough for every second."""
        self.problems = {}
        seen: set[str] = set()
        for number, pattern in enumerate(self._patterns):
            for path in sorted(glob.glob(pattern)):  # noqa: PTH207  # a pattern is text, not a Path
                if path.endswith(PACKED):
                    continue
                inode = self._look(path, number)
                if inode:
                    seen.add(inode)
        for inode, file in list(self._files.items()):
            file.gone = inode not in seen
            if file.gone and self._clock.monotonic() - file.active > self._linger_s:
                self._close(file)
        for key, place in list(self._stored.items()):  # read before, found under no pattern now
            del self._stored[key]
            self._find_again(key, place)
        self._fresh = False

    def read(self, limit_lines: int = 2000, limit_bytes: int = 1 << 20) -> Batch:
        """New lines, files taking turns. Empty when there is nothing new."""
        batch = Batch(positions=self._changed)
        self._changed = {}
        files = list(self._files.values())
        self._next += 1
        for at in range(len(files)):
            room = min(limit_lines - len(batch.lines), limit_bytes // 64)
            if room <= 0 or limit_bytes <= 0:
                break
            file = files[(at + self._next) % len(files)]
            before, number = file.offset, len(batch.lines)
            key = file.key
            try:
                self._read(file, batch, room)
            except OSError as error:
                self.problems[file.path] = error.strerror or str(error)
                continue
            if file.key != key and key in batch.positions:
                batch.positions[key] = ""
            if file.offset != before:
                batch.positions[file.key] = str(file.place())
                limit_bytes -= sum(len(line.data) for line in batch.lines[number:])
        return batch

    def close(self) -> None:
        for file in self._files.values():
            os.close(file.fd)
        self._files.clear()

    def _look(self, path: str, pattern: int) -> str:
        """The inode's name when `path` is a file that we follow now."""
        try:
            found = os.stat(path)  # noqa: PTH116
            if not stat.S_ISREG(found.st_mode):
                return ""
            inode = f"{found.st_dev:x}.{found.st_ino:x}"
            known = self._files.get(inode)
            if known:
                known.path, known.pattern = path, pattern
                return inode
            if len(self._files) >= FILES_LIMIT:
                self.problems[path] = f"over {FILES_LIMIT} files"
                return ""
            return self._open(path, pattern)
        except OSError as error:
            self.problems[path] = error.strerror or str(error)
            return ""

    def _open(self, path: str, pattern: int) -> str:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(fd)
        inode = f"{found.st_dev:x}.{found.st_ino:x}"
        if inode in self._files or not stat.S_ISREG(found.st_mode):  # renamed while we looked
            os.close(fd)
            return inode if inode in self._files else ""
        file = Followed(fd, inode, path, pattern, active=self._clock.monotonic())
        self._files[inode] = file
        self._identify(file)
        if self._fresh and self._at_end[pattern] and found.st_size:
            file.stand_at_end(found.st_size)
            if file.first:
                self._changed[file.key] = str(file.place())
        return inode

    def _identify(self, file: Followed) -> bool:
        """Once its first line is there a file has a name, and maybe a stored position."""
        if file.first:
            return True
        start = os.pread(file.fd, FIRST_BYTES, 0)
        end = start.find(b"\n") + 1
        silent = file.gone and self._clock.monotonic() - file.active > self._partial_s
        if not end and len(start) < FIRST_BYTES and not (silent and start):
            return False
        file.first = hash_of(start[: end or FIRST_BYTES])
        file.sight = self._new_sight()
        place = self._stored.pop(file.key, None)
        if place is not None:
            file.go_on(place)
        elif self._copy_of(file) == "not yet":
            file.first = ""
            return False
        return True

    def _copy_of(self, file: Followed) -> Literal["another", "copy", "not yet"]:
        """Whether this new file is a copy of one that was read: then it goes on where the original stood."""
        others = [(other.key, other.place()) for other in self._files.values() if other is not file and other.first]
        for key, place in [*others, *self._emptied, *self._stored.items()]:
            alike = key.rpartition("-")[2] == file.first and place.offset >= COPY_FROM_BYTES
            near = os.path.dirname(place.path) == os.path.dirname(file.path) and (  # noqa: PTH120
                os.path.basename(file.path).startswith(os.path.basename(place.path))  # noqa: PTH119
            )
            if not alike or not near:
                continue
            found = os.fstat(file.fd)
            if found.st_size < place.offset and self._clock.now() - found.st_mtime < self._partial_s:
                return "not yet"  # still being copied
            sight = file.sight
            if file.go_on(place):
                file.sight = sight
                self._changed[file.key] = str(file.place())
                return "copy"
        return "another"

    def _find_again(self, key: str, place: Place) -> None:
        """After a restart: the file may have been renamed while nobody watched."""
        inode = key.removeprefix("file:").rpartition("-")[0]
        if inode in self._files:
            if self._files[inode].first:  # the inode holds another file now
                self._forget(key)
            else:
                self._stored[key] = place  # its first line is not there yet
            return
        folder = os.path.dirname(place.path) or "."  # noqa: PTH120
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in islice(entries, 10_000):
                if not inode.endswith(f".{entry.inode():x}"):
                    continue
                self._stored[key] = place
                opened = self._open(entry.path, 0)
                if self._stored.pop(key, None) is None and opened == inode:  # its name and its bytes are the same
                    file = self._files[inode]
                    file.gone, file.path = True, place.path
                    file.pattern = self._pattern_of(place.path)
                    return
                if opened in self._files:
                    self._close(self._files[opened])
        self.vanished += 1
        self._forget(key)

    def _pattern_of(self, path: str) -> int:
        return next((at for at, pattern in enumerate(self._patterns) if Path(path).match(pattern)), 0)

    def _read(self, file: Followed, batch: Batch, room: int) -> None:
        if not self._identify(file):
            return
        now = self._clock.monotonic()
        lines = file.lines(room, now, unfinished=file.gone and now - file.active > self._partial_s)
        if lines is None:
            self._anew(file)
        else:
            batch.lines += lines

    def _anew(self, file: Followed) -> None:
        """Emptied or rewritten: from the beginning, as another file."""
        self._forget(file.key)
        self._emptied.append((file.key, file.place()))
        file.first, file.offset, file.tail, file.skipping = "", 0, b"", False
        file.active = self._clock.monotonic()

    def _close(self, file: Followed) -> None:
        os.close(file.fd)
        del self._files[file.inode]
        if file.first:
            self._forget(file.key)

    def _forget(self, key: str) -> None:
        self._changed[key] = ""

    def _new_sight(self) -> str:
        self._sights += 1
        return f"{self._life}.{self._sights:x}"
