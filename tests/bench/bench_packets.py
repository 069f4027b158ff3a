"""Packets a second on one core, frames in memory to events: third-party captures when present, else made ones."""

from __future__ import annotations

import io
import os
import resource
import time
from pathlib import Path

from sensors.event import encode
from sensors.packets.frame import Frame
from sensors.packets.pipeline import Pipeline
from sensors.sources.pcap import CaptureReader
from tests.naive.frames import Conversation, pcap

NAME = "packets"
_DATA = Path(os.environ.get("LUYTRE_CONFORMANCE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def _generated(count: int) -> bytes:
    frames: list[Frame] = []
    for number in range(count):
        course = Conversation(
            20000 + number % 40000, 80, client=f"10.0.{number // 250 % 250}.{number % 250 + 1}"
        ).open()
        course.say(True, b"GET /%d HTTP/1.1\r\nHost: a.vn\r\n\r\n" % number)
        course.send(False, 24, b"HTTP/1.1 200 OK\r\nContent-Length: 7000\r\n\r\n")
        for _ in range(5):
            course.send(False, 24, bytes(1400))
            course.send(True, 16)
        frames += course.close().frames
    return pcap(frames)


def _measure(captures: list[bytes], checksums: bool) -> dict[str, object]:
    packets = events = flows = 0
    started = time.process_time()
    for data in captures:
        pipeline = Pipeline(checksums=checksums)
        for frame in CaptureReader(io.BytesIO(data)):
            for event in pipeline.feed(frame):
                encode(event)
                events += 1
        events += sum(1 for event in pipeline.finish() if encode(event))
        packets += pipeline.counters["packets"]
        flows += pipeline.counters["flows"]
    cpu_s = time.process_time() - started
    return {"packets": packets, "flows": flows, "events": events, "cpu_s": round(cpu_s, 3),
            "packets_per_s": round(packets / max(cpu_s, 1e-6))}  # fmt: skip


def run(quick: bool = False) -> dict[str, object]:
    made = [_generated(100 if quick else 1500)]
    found: dict[str, object] = {"generated": _measure(made, True), "generated, no checksums": _measure(made, False)}
    traces = sorted((_DATA / "zeek" / "traces").rglob("*.pcap*"))
    if traces:
        found["zeek traces"] = _measure([path.read_bytes() for path in traces], True)
    found["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


if __name__ == "__main__":
    import json

    print(json.dumps({"name": NAME, **run()}, indent=1))
