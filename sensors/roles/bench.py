"""`luytre-sensor bench FILE…`: `replay` without printing; how fast, and with how much memory.

Out: one JSON object as last line: {packets | lines, flows, events, cpu_s, per_s, rss_mb}; CPU time of this process and
the EVTX reader's, work on one core. What is imported before the first event is not counted, what the file's format
needs to be loaded for is.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

from sensors.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from sensors.event import Event, encode
from sensors.roles import replay


def arguments(parser: argparse.ArgumentParser) -> None:
    replay.arguments(parser)


def run(args: argparse.Namespace) -> int:
    options = replay.from_arguments(args)
    if options is None:
        return EXIT_USAGE
    seen = {"events": 0, "flows": 0}

    def take(event: Event) -> None:
        encode(event)  # a sensor writes what it has parsed
        seen["events"] += 1
        seen["flows"] += event["event"]["dataset"] == "network.flow"

    started = time.process_time()
    readable = replay.each(args.files, options, take)
    options.evtx.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = time.process_time() - started + children.ru_utime + children.ru_stime
    unit = "packets" if options.counters["packets"] else "lines"
    number = options.counters[unit]
    rss_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {unit: number, **seen, "cpu_s": round(cpu_s, 3), "per_s": round(number / max(cpu_s, 1e-6)),
               "rss_mb": round(rss_kb / 1024, 1)}  # fmt: skip
    print(json.dumps(figures))
    return EXIT_OK if readable else EXIT_FAILED
