"""A folder into which someone puts .evtx files: each record of each finished file once.

In:  glob patterns and stored positions. Out: records with their place, and the positions to store with their events.
A file is finished when it has not changed for `settle_s`. Its id is device, inode and a hash of its first record's
head (number and time, which stay when the file grows); a position says how many records were taken and at which size
and time of the file, so that a file that grew is read on and one that did not is not opened again.
"""

from __future__ import annotations

import glob
import stat
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from sensors.clock import Clock, SystemClock
from sensors.sources.evtx import EvtxReader, Record

FILES_LIMIT = 10_000
_FIRST_RECORD = 4096 + 512  # behind the file header and the first chunk's


class EvtxBatch(NamedTuple):
    """`positions` become durable with exactly the events of `records`."""

    path: str
    source: str
    records: list[Record]
    positions: dict[str, str]


class EvtxFolder:
    def __init__(
        self,
        patterns: Sequence[str],
        positions: Mapping[str, str],
        *,
        clock: Clock | None = None,
        settle_s: float = 2.0,
        reader: EvtxReader | None = None,
    ) -> None:
        self._patterns = patterns
        self._done = {key: text for key, text in positions.items() if key.startswith("evtx:")}
        self._clock, self._settle_s = clock or SystemClock(), settle_s
        self._reader = reader or EvtxReader()
        self.problems: dict[str, str] = {}

    def close(self) -> None:
        self._reader.close()

    def batches(self, limit: int = 500) -> Iterator[EvtxBatch]:
        """All that is new since the stored positions."""
        seen = set()
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern))[:FILES_LIMIT]:  # noqa: PTH207
                try:
                    key = self._key(Path(path))
                    if key not in seen:
                        seen.add(key)
                        yield from self._file(Path(path), key, limit)
                except OSError as error:
                    self.problems[path] = error.strerror or str(error)
        gone = {key: "" for key in self._done if key not in seen}
        if gone:
            for key in gone:
                del self._done[key]
            yield EvtxBatch("", "", [], gone)

    def _key(self, path: Path) -> str:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its writer
            raise OSError(0, "not a regular file")
        with path.open("rb") as file:
            file.seek(_FIRST_RECORD)
            digest = blake2b(file.read(24), digest_size=8).hexdigest()
        return f"evtx:{found.st_dev:x}.{found.st_ino:x}-{digest}"

    def _file(self, path: Path, key: str, limit: int) -> Iterator[EvtxBatch]:
        found = path.stat()
        state = f"{found.st_size}:{found.st_mtime_ns}"
        taken, _, before = self._done.get(key, "0:").partition(":")
        if before == state or self._clock.now() - found.st_mtime < self._settle_s:
            return
        done = int(taken) if taken.isdigit() else 0
        records: list[Record] = []
        number = done
        for record in self._reader.read(path):
            number = max(number, record.number)
            if record.number <= done:
                continue
            records.append(record)
            if len(records) >= limit:
                self._done[key] = f"{number}:"
                yield EvtxBatch(str(path), key, records, {key: self._done[key]})
                records = []
        self._done[key] = f"{number}:{state}"
        yield EvtxBatch(str(path), key, records, {key: self._done[key]})
