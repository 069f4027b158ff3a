"""Fifty people at the queue while 500 hits a second arrive, half of which open an alert: how long answers take.

Input: a node with 20,000 alerts; then 60 s (quick: 15 s) of hits through ingest, as the correlator posts them, with 50
browsers over real HTTP (tests/servers/queue_load.py): queue, head, changed rows, stream, acts. Afterwards the database
is compared with what everybody was told.
Times are the browsers': they share the machine's processors with the node and with the feeder. What else the machine
did meanwhile stands beside them ("others"), and how late the browsers' own loop was: on cores that are at work
elsewhere the times are the scheduler's, and only processor time says something of the node.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path

from tests.servers.queue_load import Storm, percentiles

NAME = "queue"
PEOPLE, RATE_PER_S, FRESH = 50, 500.0, 0.5


def run(quick: bool, *, database: str = "", seconds: float = 0.0) -> dict[str, object]:
    seconds = seconds or (15.0 if quick else 60.0)
    before = 4_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(Path(folder), people=PEOPLE, database=database).start()
        try:
            begun, cpu = time.monotonic(), storm.cpu_s()
            storm.feed(before, 0.0, 1.0, 1).wait()
            storm.fed(1)
            storm.settle()
            filling = {"hits per s": round(before / (time.monotonic() - begun)),
                       "cpu ms per hit": round(1000 * (storm.cpu_s()["all"] - cpu["all"]) / before, 2)}  # fmt: skip
            cpu, begun, busy = storm.cpu_s(), time.monotonic(), _busy_s()
            lags: list[int] = []
            done = threading.Event()
            watch = threading.Thread(target=_behind, args=(storm, before, begun, done, lags))
            feeder = storm.feed(int(RATE_PER_S * seconds), RATE_PER_S, FRESH, 1_000_000)
            watch.start()
            own = time.process_time()
            storm.run(seconds)
            own = time.process_time() - own
            feeder.wait()
            done.set()
            watch.join()
            fed = storm.fed(1_000_000)
            storm.settle()
            took, spent, busy = time.monotonic() - begun, storm.cpu_s(), _busy_s() - busy
            rss = storm.rss_mb()
        finally:
            storm.stop()
        told = storm.told
        checked = storm.check()
        ours = spent["all"] - cpu["all"] + own + fed["cpu_s"]
        asked = sum(map(len, told.took_ms.values()))
        return {
            "seconds": round(took, 1), "fill": filling, "hits per s": round(fed["stored"] / fed["seconds"]),
            "feeder late s": fed["late_s"],
            "ms": {name: percentiles(values) for name, values in sorted(told.took_ms.items())},
            "browsers' own loop late ms": percentiles(told.late_ms), "resent": told.resent,
            "requests per s": round(asked / seconds),
            "hits not yet folded": percentiles([float(n) for n in lags]),
            "stream": {"events per s": round(told.events / seconds), "reloads": told.reloads,
                       "reconnects": told.reconnects},
            "cpu % of a core": {
                "api": round(100 * (spent["all"] - cpu["all"]) / took),
                "api, event loop": round(100 * (spent["loop"] - cpu["loop"]) / took),
                "browsers": round(100 * own / took), "feeder": round(100 * fed["cpu_s"] / took),
                "others": round(100 * max(0.0, busy - ours) / took),
            },
            "rss_mb": round(rss), "checked": checked, "refused acts": {str(k): n for k, n in told.refused.items()},
        }  # fmt: skip


def _busy_s() -> float:
    """Processor time that the whole machine has spent, all cores together."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _behind(storm: Storm, before: int, begun: float, done: threading.Event, found: list[int]) -> None:
    """How many hits wait to be folded, by what should have been posted by now."""
    while not done.wait(1.0):
        due = before + int((time.monotonic() - begun - 1.5) * RATE_PER_S)  # the feeder takes that long to start
        found.append(max(0, due - storm.folded()))
