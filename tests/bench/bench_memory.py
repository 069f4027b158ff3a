"""Memory of a whole idle node, as `luytre up` starts it with every sensor, and of each of its processes.

Input: 200 log lines, one capture, one probed service; then rest, long enough that the index has given its heaps back.
Resident memory (RSS) as `ps` shows it, summed: libraries that processes share are counted for each; `shared counted
once` is the proportional sum (PSS). Processor time at rest is the share of one core, all processes together.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.servers.whole_node import UpNode

NAME = "memory"
REST_S = 25.0  # the index gives its heaps back after 20 s of rest
AIM_MB = {"sum": 600, "luytre-packet": 110, "luytre-log": 60, "luytre-probe": 60, "luytre-ship": 60}


def run(quick: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        node = UpNode(Path(folder))
        try:
            node.start()
            node.feed()
            time.sleep(8.0 if quick else REST_S)
            cpu, begin = node.cpu_s(), time.perf_counter()
            time.sleep(4.0 if quick else 15.0)
            seconds = time.perf_counter() - begin
            used = {name: spent - cpu.get(name, 0.0) for name, spent in node.cpu_s().items()}
            rss = node.rss_mb()
            sent = sum(lane["sent"] for lane in node.health("ship").get("spools", {}).values())
            return {
                "rss_mb": {name: round(size, 1) for name, size in rss.items()},
                "sum_mb": round(sum(rss.values())), "shared counted once mb": round(node.pss_mb()),
                "idle cpu %": {name: round(100 * spent / seconds, 1) for name, spent in used.items()},
                "idle cpu sum %": round(100 * sum(used.values()) / seconds, 1),
                "events": sent,
                "over the aim": [
                    name for name, aim in AIM_MB.items() if (sum(rss.values()) if name == "sum" else rss[name]) >= aim
                ],
            }  # fmt: skip
        finally:
            node.close()
