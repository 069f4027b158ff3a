"""How fast the log and the spool take events, by batch size, on this disk and on one whose sync takes 5 ms.

Prints one line per case; the figures depend on the disk: a virtual one may not really flush.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sensors.durable.files import File, Mode, RealFiles
from sensors.durable.log import LogReader, LogWriter
from sensors.event import Event, encode, event_id, new_event
from sensors.spool import SpoolWriter

NAME = "durable"


class SlowFiles(RealFiles):
    """Real files whose sync takes `seconds` longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def open(self, path: Path, mode: Mode) -> File:
        file = super().open(path, mode)
        sync = file.sync

        class Slow:
            read, write, truncate, size, close = file.read, file.write, file.truncate, file.size, file.close

            def sync(_self) -> None:  # noqa: N805
                time.sleep(self._seconds)
                sync()

        return Slow()  # type: ignore[return-value]


def events(count: int) -> list[Event]:
    return [
        new_event(
            "nginx.access",
            1_795_323_000 + at / 100,
            {
                "event.id": event_id("s1", "file:1", str(at)),
                "event.created": "2026-11-22T05:00:00Z",
                "agent.type": "log",
                "source.ip": f"203.0.113.{at % 254 + 1}",
                "http.request.method": "GET",
                "url.original": f"/tra-cuu/ho-so?ma={at * 7919 % 10**9}",
                "http.response.status_code": 200,
                "http.response.body.bytes": at * 31 % 50_000,
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            },
        )
        for at in range(count)
    ]


def run(quick: bool) -> dict[str, object]:
    seconds = 0.5 if quick else 3.0
    results: dict[str, Any] = {}
    lines = [encode(event) for event in events(1000)]
    results["event_bytes"] = sum(map(len, lines)) // len(lines)
    for delay in (0.0, 0.005):
        files = SlowFiles(delay) if delay else RealFiles()
        for size in (1, 100, 1000):
            with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, LogWriter(Path(folder), files=files) as log:
                batch = lines[:size]
                rate, worst = _rate(lambda log=log, batch=batch: log.append(batch), seconds)  # type: ignore[misc]
                key = f"log batch {size} sync +{delay * 1000:g} ms"
                results[key] = {
                    "appends_per_s": round(rate),
                    "events_per_s": round(rate * size),
                    "worst_ms": round(worst * 1000, 1),
                    "bytes_per_event": round(log.usage_bytes() / max(1, log.next_ordinal)),
                }
                print(key, results[key])
                if size == 1000 and not delay:
                    results["log read events_per_s"] = _read_rate(Path(folder))
                    started = time.perf_counter()
                    log.close()
                    LogWriter(Path(folder)).close()
                    results["log open_s"] = round(time.perf_counter() - started, 3)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, SpoolWriter(Path(folder)) as spool:
        some = events(1000)
        cpu = time.process_time()
        rate, _ = _rate(lambda: spool.append(some, {"file": "1"}), seconds)
        results["spool cpu_us_per_event"] = round((time.process_time() - cpu) * 1e6 / spool.next_sequence, 1)
        results["spool batch 1000 events_per_s"] = round(rate * 1000)
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        SpoolWriter(Path(folder), limit_bytes=256 << 10) as spool,
    ):
        cpu = time.process_time()
        rate, worst = _rate(lambda: spool.append(some), seconds)
        results["spool over budget cpu_us_per_event"] = round(
            (time.process_time() - cpu) * 1e6 / spool.next_sequence, 1
        )
        results["spool over budget 1000 events_per_s"] = round(rate * 1000)
        results["spool over budget worst_ms"] = round(worst * 1000)
        results["spool over budget dropped"] = sum(spool.dropped.values())
    results["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return results


def _rate(action: Callable[[], object], seconds: float) -> tuple[float, float]:
    count, worst = 0, 0.0
    begin = last = time.perf_counter()
    while last - begin < seconds:
        action()
        now = time.perf_counter()
        worst = max(worst, now - last)
        last = now
        count += 1
    return count / (last - begin), worst


def _read_rate(folder: Path) -> int:
    begin, count, after = time.perf_counter(), 0, None
    with LogReader(folder) as reader:
        while batch := reader.read(after, 1000).items:
            count += len(batch)
            after = batch[-1][0]
    return round(count / (time.perf_counter() - begin))


if __name__ == "__main__":
    print(json.dumps(run(quick=True), indent=1))
