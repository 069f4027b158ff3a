"""A capture file to events: what `luytre-sensor replay` prints for .pcap and .pcapng.

In:  a path; `checksums` as Zeek (False = `zeek -C`). Out: events, in the order in which they became complete; the order
and the number are the same on every run, so that (file, ordinal) names an event. Problems go to `problems`.
No exception leaves the iteration but OSError of opening or reading the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sensors.event import Event
from sensors.packets.pipeline import Pipeline
from sensors.sources.pcap import CaptureReader


def replay_capture(path: Path | str, *, checksums: bool = True, problems: list[str] | None = None,
                   pipeline: Pipeline | None = None) -> Iterator[Event]:  # fmt: skip
    """`pipeline`: one made by the caller, to read its counters afterwards."""
    pipeline = pipeline or Pipeline(checksums=checksums)
    with Path(path).open("rb") as file:
        reader = CaptureReader(file)
        for frame in reader:
            yield from pipeline.feed(frame)
        yield from pipeline.finish()
        if reader.problem and problems is not None:
            problems.append(f"{path}: {reader.problem} after {reader.frames} frames")
