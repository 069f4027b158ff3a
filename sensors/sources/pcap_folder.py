"""A folder into which captures are dropped: each finished file is read once, from where the last run stopped.

In:  the folder, and what is known of its files (`positions`, durable with the events that were made of them).
Out: `Batch`es of events with the position after each; the same file gives the same events in the same order, so after
kill -9 exactly the missing ones follow. Position = number of events given out, "done" after the last.
A file is known by its name, size and first bytes: the same capture under another name is another drop.
A file is finished when it was not written to for `settle_s` (writers that rename into place are safe at once).
Bound: FILES names a look; one file at a time is open; EVENTS a batch, FRAMES frames a step.
"""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sensors.event import Event
from sensors.packets.pipeline import Pipeline
from sensors.sources.pcap import CaptureReader

SUFFIXES = (".pcap", ".pcapng", ".cap")
FILES, EVENTS, FRAMES = 10_000, 500, 2000
DONE = "done"
_PREFIX = "pcap:"


class Batch(NamedTuple):
    source: str  # "pcap:<file id>"; "" for a batch that only forgets files that are gone
    first: int  # ordinal of the first event
    events: list[Event]
    positions: Mapping[str, str]
    path: Path | None


class PcapFolder:
    def __init__(self, folder: Path, positions: Mapping[str, str], *, settle_s: float = 2.0, checksums: bool = False,
                 limit_flows: int = 100_000) -> None:  # fmt: skip
        self.problems: list[str] = []  # of files read so far; the caller empties it
        self.files_done = 0
        self.packets = 0
        self._folder = folder
        self._known = {key: value for key, value in positions.items() if key.startswith(_PREFIX)}
        self._settle_s = settle_s
        self._checksums = checksums
        self._limit_flows = limit_flows
        self._open: Generator[Batch | None, None, None] | None = None
        self._seen: dict[tuple[str, int, int], str] = {}  # (name, size, mtime) → source: hashes each file once
        self._failed: dict[str, float] = {}
        self._odd: dict[str, str] = {}  # name → why it is passed over; told once

    def step(self) -> Batch | None:
        """A little work: a batch that must be stored before the next step, or None (nothing new right now)."""
        if self._open is None:
            forgotten, found = self._look()
            if forgotten:
                for source in forgotten:
                    self._known.pop(source, None)
                return Batch("", 0, [], dict.fromkeys(forgotten, ""), None)
            if found is None:
                return None
            self._open = self._read(*found)
        try:
            batch = next(self._open)
        except StopIteration:
            self._open = None
            return None
        if batch is not None:
            self._known.update(batch.positions)
        return batch

    @property
    def busy(self) -> bool:
        """Whether a file is being read: no reason to wait before the next step."""
        return self._open is not None

    def _look(self) -> tuple[list[str], tuple[str, Path] | None]:
        """Files that are gone (their positions can be forgotten), and the oldest finished file that is not done."""
        waiting: list[tuple[float, str, Path]] = []
        here: set[str] = set()
        odd: dict[str, str] = {}
        now = time.time()
        try:
            entries = sorted(self._folder.iterdir())[:FILES]
        except OSError as error:
            self.problems.append(f"{self._folder}: {error.strerror}")
            return [], None
        for path in entries:
            if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
                continue
            try:
                status = path.stat()
                if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
                    odd[path.name] = "not a regular file"
                    continue
                key = (path.name, status.st_size, status.st_mtime_ns)
                source = self._seen.get(key) or _identify(path, status.st_size)
            except OSError as error:
                odd[path.name] = error.strerror or type(error).__name__
                continue
            self._seen[key] = source
            here.add(source)
            if now - status.st_mtime < self._settle_s and now >= status.st_mtime:
                continue
            if self._known.get(source) != DONE and self._failed.get(source, 0.0) <= now:
                waiting.append((status.st_mtime, source, path))
        self.problems += [f"{self._folder / name}: {why}" for name, why in odd.items() if self._odd.get(name) != why]
        self._odd = odd
        self._seen = {key: source for key, source in self._seen.items() if source in here}
        gone = [source for source in self._known if source not in here] if len(entries) < FILES else []
        return gone, (min(waiting)[1:] if waiting else None)

    def _read(self, source: str, path: Path) -> Generator[Batch | None, None, None]:
        known = self._known.get(source, "0")
        skip = int(known) if known.isdecimal() else 0
        count, events = 0, list[Event]()
        try:
            for event in self._events(path):
                if event is None:
                    if not events:
                        yield None  # let others work
                    continue
                count += 1
                if count > skip:
                    events.append(event)
                if len(events) >= EVENTS:
                    yield Batch(source, count - len(events), events, {source: str(count)}, path)
                    events = []
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            self._failed[source] = time.time() + 60.0
            if events:
                yield Batch(source, count - len(events), events, {source: str(count)}, path)
            return
        self.files_done += 1
        yield Batch(source, count - len(events), events, {source: DONE}, path)

    def _events(self, path: Path) -> Iterator[Event | None]:
        """Events of a file; None after every FRAMES frames, so that one big file does not hold the process."""
        pipeline = Pipeline(checksums=self._checksums, limit_flows=self._limit_flows)
        with path.open("rb") as file:
            reader = CaptureReader(file)
            for number, frame in enumerate(reader):
                yield from pipeline.feed(frame)
                if number % FRAMES == FRAMES - 1:
                    yield None
            yield from pipeline.finish()
            self.packets += reader.frames
            if reader.problem:
                self.problems.append(f"{path}: {reader.problem} after {reader.frames} frames")


def _identify(path: Path, size: int) -> str:
    with path.open("rb") as file:
        head = file.read(65536)
    name = path.name.encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(b"%d\0%s\0" % (size, name) + head, digest_size=12)
    return _PREFIX + digest.hexdigest()
