"""`luytre-correlator bench [--rules PATH]… FILE…`: what `scan` does, without printing the alerts, on one core.

In:  as scan. Out: as last line one JSON object: rules, events, matches, cpu_s, events_per_s, load_s, rss_mb. Reading
files is not measured; decoding each event from its JSON line, routing, matching and correlating is. `--repeat N` goes
over the same events N times.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

from correlator import scan
from correlator.inputs import Inputs
from correlator.pipeline import Pipeline
from sensors.errors import EXIT_FAILED, EXIT_OK
from sensors.event import decode, encode


def arguments(parser: argparse.ArgumentParser) -> None:
    scan.arguments(parser)
    parser.add_argument("--repeat", type=int, default=1, metavar="N")


def run(args: argparse.Namespace) -> int:
    started = time.process_time()
    engine = scan.load(args)
    load_s = time.process_time() - started
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
    print(json.dumps({
        "rules": len(engine.rules) + len(engine.correlations), "events": events, "matches": matches,
        "cpu_s": round(cpu_s, 3), "events_per_s": round(events / cpu_s) if cpu_s else 0, "load_s": round(load_s, 3),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))  # fmt: skip
    return EXIT_OK if inputs.read_files else EXIT_FAILED
