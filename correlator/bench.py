"""`luytre-correlator bench [--rules PATH]… FILE…`: what `scan` does, without printing the alerts, on one core.

In:  as scan; with `--lines`, files of events as they lie in the journal, one JSON object a line. Out: as last line one
     JSON object, all seconds processor time:
     rules, events, matches, cpu_s, events_per_s  from each event's JSON line to its matches: decoding, routing,
                           matching and (without `--lines`) correlating; not: reading files
     without_decode_per_s  the same events, decoded before, through a second engine that remembers nothing
     load_s, load_warm_s   rules from their files; from the cache of compiled rules (with `--cache DIR`: `load_s` alone,
                           from what is there)
     rss_mb                the most memory until the first pass was over
     rsigma                with `--rsigma`, where it is on PATH: the same events (peer.py)
`--repeat N`: the same events N times.

`--lines` measures the engine alone and says more: `steady_per_s` (after the first `WARM_EVENTS`: what is built when an
event of a kind first comes is behind it), and what is remembered. `--limit-rules N` takes N rules, spread evenly over
all: how the cost grows with rules.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from correlator import peer, scan
from correlator.config import shared
from correlator.engine import Engine
from correlator.engine.load import Loaded
from correlator.inputs import Inputs
from correlator.pipeline import Pipeline
from sensors.errors import EXIT_FAILED, EXIT_OK
from sensors.event import Event, decode, encode

WARM_EVENTS = 20_000
BATCH_LINES = 500
LATENESS_S = 300.0

Batches = Callable[[], Iterator[list[bytes]]]


def arguments(parser: argparse.ArgumentParser) -> None:
    scan.arguments(parser)
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--lines", action="store_true", help="the files hold one event a line, as in the journal")
    parser.add_argument("--limit-rules", type=int, default=0, metavar="N", help="N rules, spread evenly over all")
    parser.add_argument("--rsigma", action="store_true", help="weigh RSigma beside, where it is on PATH")


@dataclass(slots=True)
class Pass:
    """All events once through an engine."""

    events: int = 0
    matches: int = 0
    cpu_s: float = 0.0
    warm_events: int = 0
    warm_s: float = 0.0

    def add(self, events: int, matches: int, cpu_s: float) -> None:
        self.events += events
        self.matches += matches
        self.cpu_s += cpu_s
        if self.events <= WARM_EVENTS:
            self.warm_events, self.warm_s = self.events, self.cpu_s


def run(args: argparse.Namespace) -> int:
    engine, again, load = _loaded(args)
    source = _Lines(args) if args.lines else _Events(args)
    first = Pass()
    with_decode = engine.match_lines if args.lines else _correlating(engine)
    for batch in source.batches():
        started = time.process_time()
        found = with_decode(batch)
        spent = time.process_time() - started
        first.add(len(batch), sum(map(len, found)), spent)
    rss_mb = peer.peak_mb(os.getpid())
    second = _decoded(again(), source.batches(), args.lines)
    told: dict[str, Any] = {
        "rules": len(engine.rules) + len(engine.correlations), "events": first.events, "matches": first.matches,
        "cpu_s": round(first.cpu_s, 3), "events_per_s": _rate(first.events, first.cpu_s),
        "without_decode_per_s": _rate(second.events, second.cpu_s), **load, "rss_mb": rss_mb,
    }  # fmt: skip
    if args.lines:
        told["steady_per_s"] = _rate(first.events - first.warm_events, first.cpu_s - first.warm_s)
        told["remembered"] = engine.remembered()
    ok = bool(source.read_files)
    if first.matches != second.matches:
        print(f"{first.matches} matches of lines, {second.matches} of decoded events: a fault of ours", file=sys.stderr)
        ok = False
    if args.rsigma:
        told["rsigma"] = _beside(args, source.batches)
    print(json.dumps(told))
    return EXIT_OK if ok else EXIT_FAILED


def _loaded(args: argparse.Namespace) -> tuple[Engine, Callable[[], Engine], dict[str, float]]:
    """(an engine, one more like it, what loading took)"""
    adjust = _spread(args.limit_rules) if args.limit_rules > 0 else None

    def timed() -> tuple[Engine, float]:
        started = time.process_time()
        engine = scan.load(args, adjust)
        return engine, round(time.process_time() - started, 3)

    if args.cache:
        engine, load_s = timed()
        return engine, lambda: scan.load(args, adjust, quiet=True), {"load_s": load_s}
    with tempfile.TemporaryDirectory() as folder:
        args.cache = Path(folder) / "cache"
        _, load_s = timed()
        started = time.process_time()
        engine = scan.load(args, adjust, quiet=True)
        warm_s = round(time.process_time() - started, 3)
    args.cache = None
    return engine, lambda: scan.load(args, adjust, quiet=True), {"load_s": load_s, "load_warm_s": warm_s}


def _spread(count: int) -> Callable[[Loaded], None]:
    def choose(loaded: Loaded) -> None:
        total = len(loaded.rules)
        if count < total:
            loaded.rules = [loaded.rules[at * total // count] for at in range(count)]

    return choose


class _Events:
    """What the sensors' parsing makes of the files, as lines."""

    def __init__(self, args: argparse.Namespace) -> None:
        inputs = Inputs(args.files, ["--format", args.format] if args.format else [])
        self._lines = [encode(event) for _, event in inputs]
        self._repeat = max(1, args.repeat)
        self.read_files = inputs.read_files

    def batches(self) -> Iterator[list[bytes]]:
        for _ in range(self._repeat):
            for at in range(0, len(self._lines), BATCH_LINES):
                yield self._lines[at : at + BATCH_LINES]


class _Lines:
    """Files of events, a batch at a time."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._files = [Path(name) for name in args.files]
        self._repeat = max(1, args.repeat)
        self.read_files = 0

    def batches(self) -> Iterator[list[bytes]]:
        self.read_files = 0
        for path in self._files * self._repeat:
            try:
                with path.open("rb") as file:
                    while batch := list(islice(file, BATCH_LINES)):
                        yield batch
                self.read_files += 1
            except OSError as error:
                print(f"{path}: {error.strerror}", file=sys.stderr)


def _correlating(engine: Engine) -> Callable[[Sequence[bytes]], Sequence[Sequence[Any]]]:
    """As the running correlator does: a page of lines together."""
    pipeline = Pipeline(engine, lateness_s=LATENESS_S)
    return lambda batch: [pipeline.feed(batch)]


def _decoded(engine: Engine, batches: Iterator[list[bytes]], alone: bool) -> Pass:
    """The same work, begun with events."""
    pipeline = Pipeline(engine, lateness_s=LATENESS_S)
    found = Pass()
    for batch in batches:
        events = [event for line in batch if (event := _event(line)) is not None]
        started = time.process_time()
        matches = [engine.match(event) if alone else pipeline.feed((event,)) for event in events]
        spent = time.process_time() - started
        found.add(len(batch), sum(map(len, matches)), spent)
    return found


def _event(line: bytes) -> Event | None:
    try:
        return decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _beside(args: argparse.Namespace, batches: Batches) -> dict[str, Any] | None:
    program = peer.rsigma()
    if program is None:
        print("rsigma is not on PATH", file=sys.stderr)
        return None
    lines = (line for batch in batches() for line in batch)
    return peer.beside(program, args.rules or [shared("rules")], args.pipelines or [shared("rules/pipelines")], lines)


def _rate(events: int, seconds: float) -> int:
    return round(events / seconds) if seconds > 0 and events > 0 else 0
