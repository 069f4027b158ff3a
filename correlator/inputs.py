"""Files → events, each with `log.file.path` as given: what `scan` and `bench` read.

In:  paths. Out: (path, event) file by file; problems go to stderr. JSON files whose first record is an event (ours,
Winlogbeat's, a Windows event as JSON) are read here; all else by one `luytre-sensor replay` child, so that this process
needs neither the sensors' parsers nor scapy.
Bound: one line ≤ `LINE_LIMIT_BYTES`; a JSON file that is not lines ≤ `WHOLE_LIMIT_BYTES`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from correlator.records import as_event
from sensors.event import Event, event_id, get, put

SUFFIXES = (".json", ".jsonl", ".ndjson")
LINE_LIMIT_BYTES = 4 * 1024 * 1024
WHOLE_LIMIT_BYTES = 64 * 1024 * 1024
ARGUMENTS_LIMIT_BYTES = 100_000  # of file names in one call

_decode = msgspec.json.Decoder().decode


class Inputs:
    def __init__(self, files: Sequence[str], words: Sequence[str] = ()) -> None:
        """`words`: options handed to `luytre-sensor replay`."""
        self._files, self._words = files, words
        self.read_files = 0
        self.problems = 0

    def __iter__(self) -> Iterator[tuple[str, Event]]:
        rest: list[str] = []
        for name in dict.fromkeys(self._files):
            direct = name.endswith(SUFFIXES) and "--format" not in self._words
            events = _events(Path(name)) if direct else None
            if events is None:
                rest.append(name)
                continue
            self.read_files += 1
            for number, event in enumerate(events):
                _finish(event, name, number)
                yield name, event
        for names in _chunks(rest):
            yield from self._replay(names)

    def _replay(self, names: Sequence[str]) -> Iterator[tuple[str, Event]]:
        command = [sys.executable, "-P", "-m", "sensors.cli", "replay", *self._words, "--", *names]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            try:
                while line := child.stdout.readline(LINE_LIMIT_BYTES):
                    try:
                        event = _decode(line)
                    except (msgspec.DecodeError, RecursionError):
                        self.problems += 1
                        continue
                    yield str(get(event, "log.file.path") or ""), event
            finally:
                if child.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(2)
                if child.poll() is None:
                    child.kill()
        if child.returncode == 0:
            self.read_files += len(names)


def _events(path: Path) -> Iterator[Event] | None:
    """The events of a JSON file, or None when it does not hold events."""
    try:
        with path.open("rb") as file:
            first = file.readline(LINE_LIMIT_BYTES).strip()
    except OSError:
        return None  # the child says what is wrong with it
    try:
        if as_event(_decode(first)) is not None:
            return _lines(path)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        return None
    whole = _whole(path)
    return iter(whole) if whole else None


def _lines(path: Path) -> Iterator[Event]:
    with path.open("rb") as file:
        while line := file.readline(LINE_LIMIT_BYTES):
            if not line.strip():
                continue
            try:
                event = as_event(_decode(line))
            except (msgspec.DecodeError, RecursionError) as error:
                print(f"{path}: {error}"[:300], file=sys.stderr)
                continue
            if event is not None:
                yield event


def _whole(path: Path) -> list[Event]:
    """One object over several lines, or a list of them."""
    if path.stat().st_size > WHOLE_LIMIT_BYTES:
        return []
    try:
        value: Any = _decode(path.read_bytes())
    except (msgspec.DecodeError, RecursionError):
        return []
    return [event for record in (value if isinstance(value, list) else [value])
            if (event := as_event(record)) is not None]  # fmt: skip


def _finish(event: Event, name: str, number: int) -> None:
    if get(event, "event.id") is None:
        put(event, "event.id", event_id("scan", name, str(number)))
    put(event, "log.file.path", name)


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for name in names:
        if chunk and size + len(name) > ARGUMENTS_LIMIT_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(name)
        size += len(name) + 1
    if chunk:
        yield chunk
