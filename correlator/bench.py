"""`luytre-correlator bench [--rules PATH]… FILE…`: what `scan` does, without printing the alerts, on one core.

In:  as scan; with `--lines`, files of events as they lie in the journal, one JSON object a line. Out: as last line one
     JSON object: rules, events, matches, cpu_s, events_per_s, load_s, rss_mb. Reading files is not measured; decoding
     each event from its JSON line, routing, matching and correlating is. `--repeat N`: the same events N times.

`--lines` measures the engine alone and says more: `steady_per_s` (after the first `WARM_EVENTS`: what is built when an
event of a kind first comes is behind it), `without_decode_per_s`, and what is remembered. `--limit-rules N` takes N
rules, spread evenly over all: how the cost grows with rules.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from correlator import scan
from correlator.engine import Engine
from correlator.engine.load import Loaded
from correlator.inputs import Inputs
from correlator.pipeline import Pipeline
from sensors.errors import EXIT_FAILED, EXIT_OK
from sensors.event import decode, encode

WARM_EVENTS = 20_000
BATCH_LINES = 500


def arguments(parser: argparse.ArgumentParser) -> None:
    scan.arguments(parser)
    parser.add_argument("--repeat", type=int, default=1, metavar="N")
    parser.add_argument("--lines", action="store_true", help="the files hold one event a line, as in the journal")
    parser.add_argument("--limit-rules", type=int, default=0, metavar="N", help="N rules, spread evenly over all")


def run(args: argparse.Namespace) -> int:
    started = time.process_time()
    engine = scan.load(args, _spread(args.limit_rules) if args.limit_rules > 0 else None)
    load_s = time.process_time() - started
    measured, ok = _lines(engine, args) if args.lines else _events(engine, args)
    print(json.dumps({
        "rules": len(engine.rules) + len(engine.correlations), **measured, "load_s": round(load_s, 3),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))  # fmt: skip
    return EXIT_OK if ok else EXIT_FAILED


def _spread(count: int) -> Callable[[Loaded], None]:
    def choose(loaded: Loaded) -> None:
        total = len(loaded.rules)
        if count < total:
            loaded.rules = [loaded.rules[at * total // count] for at in range(count)]

    return choose


def _events(engine: Engine, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    inputs = Inputs(args.files, ["--format", args.format] if args.format else [])
    lines = [encode(event) for _, event in inputs]
    pipeline = Pipeline(engine, lateness_s=300.0)
    matches = 0
    started = time.process_time()
    for _ in range(max(1, args.repeat)):
        for line in lines:
            matches += len(pipeline.feed((decode(line),)))
    cpu_s = time.process_time() - started
    events = len(lines) * max(1, args.repeat)
    return {"events": events, "matches": matches, "cpu_s": round(cpu_s, 3), "events_per_s": _rate(events, cpu_s)}, (
        inputs.read_files
    )


def _lines(engine: Engine, args: argparse.Namespace) -> tuple[dict[str, Any], int]:
    events = matches = read = warm_events = 0
    cpu_s = decode_s = warm_s = 0.0
    for _ in range(max(1, args.repeat)):
        for name in args.files:
            try:
                batches = _batches(Path(name))
                for batch in batches:
                    started = time.process_time()
                    found = engine.match_lines(batch)
                    cpu_s += time.process_time() - started
                    matches += sum(map(len, found))
                    events += len(batch)
                    decode_s += _decoding(batch)
                    if events <= WARM_EVENTS:
                        warm_events, warm_s = events, cpu_s
                read += 1
            except OSError as error:
                print(f"{name}: {error.strerror}", file=sys.stderr)
    remembered = engine.remembered()
    return {
        "events": events, "matches": matches, "cpu_s": round(cpu_s, 3), "events_per_s": _rate(events, cpu_s),
        "steady_per_s": _rate(events - warm_events, cpu_s - warm_s),
        "without_decode_per_s": _rate(events, cpu_s - decode_s), "remembered": remembered,
    }, read  # fmt: skip


def _batches(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while batch := list(islice(file, BATCH_LINES)):
            yield batch


def _decoding(lines: Sequence[bytes]) -> float:
    """What decoding alone takes, measured beside."""
    started = time.process_time()
    for line in lines:
        try:
            decode(line)
        except (msgspec.DecodeError, RecursionError):
            continue
    return time.process_time() - started


def _rate(events: int, seconds: float) -> int:
    return round(events / seconds) if seconds > 0 and events > 0 else 0
