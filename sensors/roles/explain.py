"""`luytre-sensor explain [LINE… | FILE]`: how a line is read: the formats tried, what each took, how long it needed.

In:  lines as words, one a line on stdin or in a file; `--format` names a format as the configuration would.
Out: text for people.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sensors.clock import SystemClock
from sensors.errors import EXIT_OK, EXIT_USAGE
from sensors.event import flatten
from sensors.formats.chain import Chain, Step, found
from sensors.formats.format import LINE_LIMIT_BYTES, Context
from sensors.formats.grammar.text import visible
from sensors.roles import replay

_LINES_LIMIT = 1000
_VERDICTS = {
    "read": "đọc được / read",
    "matched, not read": "giống nhưng không đọc được / looked alike, not read",
    "no match": "không khớp / no match",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lines", nargs="*", metavar="LINE", help="or a file of lines; default: lines of stdin")
    parser.add_argument("--format", default="", help="name of the format or its dataset")
    parser.add_argument("--zone", default="UTC", help="zone of times without one")
    parser.set_defaults(no_checksums=False)


def run(args: argparse.Namespace) -> int:
    options = replay.from_arguments(args)
    if options is None:
        return EXIT_USAGE
    chain = Chain(found(), named=options.format)
    for line in _lines(args.lines):
        steps: list[Step] = []
        started = time.perf_counter()
        event = chain.event(line, Context(SystemClock().now(), options.zone), steps)
        took = time.perf_counter() - started
        text = visible(line.rstrip(b"\r\n").decode("utf-8", "backslashreplace"))
        out = [f"dòng / line: {text[:200]}"]
        for step in steps:
            out.append(f"  {step.name:<16} {_VERDICTS[step.verdict]}  {step.seconds * 1e6:.0f} µs")
            if step.parsed is not None and step.parsed.payload is not None:
                inner = step.parsed.payload
                shown = inner if isinstance(inner, str) else msgspec.json.encode(inner).decode()
                out.append(f"  {'':<16} → {step.parsed.program or '?'}: {shown[:120]}")
        out.append(f"kết quả / result: {event['event']['dataset']}  {took * 1e6:.0f} µs")
        for name, value in sorted(flatten(event)):
            if name != "event.original":
                shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                out.append(f"  {name:<36} {visible(shown)[:200]}")
        print("\n".join(out))
    return EXIT_OK


def _lines(given: list[str]) -> Iterable[bytes]:
    if len(given) == 1 and (path := Path(given[0])).is_file():
        with path.open("rb") as file:
            return [line for _ in range(_LINES_LIMIT) if (line := file.readline(LINE_LIMIT_BYTES + 2)).strip()]
    if given:
        return [line.encode("utf-8", "surrogateescape") for line in given]
    stream = sys.stdin.buffer
    lines = (stream.readline(LINE_LIMIT_BYTES + 2) for _ in range(_LINES_LIMIT))
    return (line for line in lines if line.strip())
