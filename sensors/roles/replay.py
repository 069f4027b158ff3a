"""`luytre-sensor replay FILE…`: what a sensor would make of these files, as NDJSON on stdout.

In:  captures, EVTX, text logs, each plain or gzip; the kind by content, a text's format by its lines (or `--format`).
Out: one event a line with `log.file.path` as given; problems on stderr. Exit 0 unless nothing could be read.
A year that a line lacks is the nearest to the file's modification time. Order and ids are the same on every run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from sensors.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from sensors.event import Event, encode, event_id, put
from sensors.formats.chain import Chain, UnknownFormatError, found, prefer
from sensors.formats.format import Context
from sensors.sources import file as files
from sensors.sources.evtx import EvtxReader

_FIRST_LINES = 200
_CAPTURES = "capture"


@dataclass(slots=True)
class Options:
    format: str = ""
    checksums: bool = True
    zone: tzinfo = UTC
    problems: list[str] = field(default_factory=list)
    evtx: EvtxReader = field(default_factory=EvtxReader)
    counters: dict[str, int] = field(default_factory=lambda: {"lines": 0, "packets": 0})


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--format", default="", help="name of the format or its dataset, such as nginx.access")
    parser.add_argument("--zone", default="UTC", help="zone of times without one, such as Asia/Ho_Chi_Minh")
    parser.add_argument("--no-checksums", action="store_true", help="take packets with wrong checksums, as zeek -C")


def run(args: argparse.Namespace) -> int:
    options = from_arguments(args)
    if options is None:
        return EXIT_USAGE
    out = sys.stdout.buffer
    try:
        readable = each(args.files, options, lambda event: out.write(encode(event) + b"\n"))
        out.flush()
    except BrokenPipeError:  # `… | head`: nobody listens any more, which is no fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    finally:
        options.evtx.close()
    return EXIT_OK if readable else EXIT_FAILED


def from_arguments(args: argparse.Namespace) -> Options | None:
    """None, with the reason on stderr, when the words cannot be used."""
    from zoneinfo import ZoneInfo

    try:
        zone: tzinfo = ZoneInfo(args.zone) if args.zone != "UTC" else UTC
        Chain(found(), named=args.format)
    except UnknownFormatError:
        names = sorted({name for one in found().values() for name in (one.dataset, *one.aliases)})
        print(f"không có định dạng / no such format: {args.format}\n  = {', '.join(names)}", file=sys.stderr)
        return None
    except (KeyError, ValueError, OSError):
        print(f"không có múi giờ / no such zone: {args.zone}", file=sys.stderr)
        return None
    return Options(args.format, not args.no_checksums, zone)


def each(paths: Sequence[str], options: Options, take: Callable[[Event], Any]) -> int:
    """Every event of every file into `take`; returns how many files could be read. Prints problems as they come."""
    readable = 0
    for path in paths:
        try:
            for event in events(path, options):
                take(event)
            readable += 1
        except BrokenPipeError:
            raise
        except OSError as error:
            options.problems.append(str(error) if error.filename is None else f"{path}: {error.strerror}")
        for problem in options.problems:
            print(problem, file=sys.stderr)
        options.problems.clear()
    return readable


def events(path: str, options: Options) -> Iterator[Event]:
    """The events of one file, `log.file.path` as given. OSError when it cannot be read."""
    what, packed = files.kind(Path(path))
    if what == "text":
        found_events = _text(path, options)
    elif not packed:
        found_events = _binary(path, Path(path), what, options)
    else:
        found_events = _unpacked(path, what, options)
    for event in found_events:
        put(event, "log.file.path", path)
        yield event


def _unpacked(path: str, what: files.Kind, options: Options) -> Iterator[Event]:
    with tempfile.NamedTemporaryFile(prefix="luytre-replay-") as plain:
        files.copy_plain(Path(path), plain)
        yield from _binary(path, Path(plain.name), what, options)


def _binary(path: str, plain: Path, what: files.Kind, options: Options) -> Iterator[Event]:
    if what == _CAPTURES:
        from sensors.packets.pipeline import Pipeline
        from sensors.packets.replay import replay_capture

        pipeline = Pipeline(checksums=options.checksums)
        for number, event in enumerate(replay_capture(plain, problems=options.problems, pipeline=pipeline)):
            event["event"]["id"] = event_id("replay", f"file:{path}", str(number))
            yield event
        options.counters["packets"] += pipeline.counters["packets"]
        return
    chain, context = Chain(found()), _context(plain, options)
    for record in options.evtx.read(plain):
        options.counters["lines"] += 1
        if record.payload is None:
            options.problems.append(f"{path}: record {record.number}: {record.problem}")
            continue
        event = chain.payload(record.payload, context)
        event["event"]["id"] = event_id("replay", f"file:{path}", str(record.number))
        yield event


def _text(path: str, options: Options) -> Iterator[Event]:
    context = _context(Path(path), options)
    every = files.lines(Path(path))
    first = list(itertools.islice(every, _FIRST_LINES))
    preferred = prefer((line.data for line in first), found(), path, context) if not options.format else ""
    chain = Chain(found(), named=options.format, prefer=preferred)
    for line in itertools.chain(first, every):
        options.counters["lines"] += 1
        if not line.data.strip():
            continue
        event = chain.event(line.data, context)
        event["event"]["id"] = event_id("replay", f"file:{path}", str(line.offset))
        put(event, "log.offset", line.offset)
        if line.cut:
            put(event, "luytre.truncated", True)
        yield event


def _context(path: Path, options: Options) -> Context:
    return Context(path.stat().st_mtime, options.zone)
