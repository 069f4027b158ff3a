"""`luytre-correlator scan [--rules PATH]… FILE…`: rules, correlations and detectors over files, each on its own.

In:  what `luytre-sensor replay` reads, and JSON events. Out: NDJSON, one alert a detection; refused rules and
unreadable files on stderr. Exit 0 unless nothing could be read. Without --rules: the shipped rules and the detectors.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from correlator.config import shared
from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.engine.cache import ABSENT, Cache
from correlator.engine.load import Loaded
from correlator.inputs import Inputs
from correlator.pipeline import Pipeline
from sensors.errors import EXIT_FAILED, EXIT_OK
from sensors.event import Event, encode, put

# A file's own order may be any: nothing is late in it.
LATENESS_S = float("inf")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--rules", type=Path, action="append", default=[], metavar="PATH",
                        help="rule file or folder (may be repeated; default: the shipped rules)")  # fmt: skip
    parser.add_argument("--pipelines", type=Path, action="append", default=[], metavar="PATH",
                        help="pipeline file or folder (default: the shipped ones)")  # fmt: skip
    parser.add_argument("--cache", type=Path, metavar="DIR",
                        help="keep compiled rules here: the next start is faster (default: nowhere)")  # fmt: skip
    parser.add_argument("--format", default="", help="the files' format, as for luytre-sensor replay")


def run(args: argparse.Namespace) -> int:
    engine = load(args)
    inputs = Inputs(args.files, ["--format", args.format] if args.format else [])
    out = sys.stdout.buffer
    try:
        for hit in alerts(inputs, engine, with_detectors=not args.rules):
            out.write(encode(hit) + b"\n")
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return EXIT_OK if inputs.read_files else EXIT_FAILED


def load(args: argparse.Namespace, adjust: Callable[[Loaded], None] | None = None, *, quiet: bool = False) -> Engine:
    pipelines = args.pipelines or [shared("rules/pipelines")]
    cache = Cache(args.cache) if args.cache else None
    engine = Engine.load(args.rules or [shared("rules")], pipelines, adjust=adjust, cache=cache)
    if quiet:
        return engine
    if cache and cache.used.why and cache.used.why != ABSENT:
        print(f"{args.cache}: {cache.used.why}", file=sys.stderr)
    for path, line, code, reason, *_ in engine.refused:
        print(f"{path}:{line}: {code}: {reason}", file=sys.stderr)
    if engine.waiting:
        names = sorted({name for one in engine.waiting for name in one.needs})
        print(f"{len(engine.waiting)} rules wait for values of placeholders: {', '.join(names)}", file=sys.stderr)
    if engine.refused:
        print(f"{len(engine.rules) + len(engine.correlations)} rules run, {len(engine.refused)} refused",
              file=sys.stderr)  # fmt: skip
    return engine


def alerts(inputs: Inputs, engine: Engine, *, with_detectors: bool) -> Iterator[Event]:
    """The alerts of each file, in the order of its detections; a new file begins with a new state."""
    detectors = found_detectors() if with_detectors else {}
    current, pipeline = "", Pipeline(engine, detectors, lateness_s=LATENESS_S)
    for path, event in inputs:
        if path != current:
            yield from (as_alert(hit, current) for hit in _end(pipeline))
            current, pipeline = path, Pipeline(engine, detectors, lateness_s=LATENESS_S)
        yield from (as_alert(hit, path) for hit in pipeline.feed((event,)))
    yield from (as_alert(hit, current) for hit in _end(pipeline))


def _end(pipeline: Pipeline) -> list[Event]:
    for poison in pipeline.poison:
        print(f"{poison['event.id']}: {poison['error']}", file=sys.stderr)
    return pipeline.finish()


def as_alert(hit: Event, path: str) -> Event:
    inner = hit["luytre"].pop("hit")
    hit["luytre"]["alert"] = {
        "level": inner["level"], "event_count": inner["count"], "type": inner["type"], "group_key": inner["group_key"],
        "title": inner["title"], "reason": inner["reason"], "event_ids": inner["event_ids"],
    }  # fmt: skip
    if path:
        put(hit, "log.file.path", path)
    return hit
