"""Memory of a whole idle node, as `luytre up` starts it with every sensor, and of each of its processes.

Input: 200 log lines, one capture, one probed service; then rest, long enough that the index has given its heaps back.
The packet sensor reads a folder in the node; what it takes while it listens is measured apart, on loopback, where this
user may (on that interface it would hear the node itself, which then is not idle).
Resident memory (RSS) as `ps` shows it, summed: libraries that processes share are counted for each; `shared counted
once` is the proportional sum (PSS). Processor time at rest is the share of one core, all processes together.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from api.node.programs import may_capture
from tests.servers.whole_node import UpNode, kilobytes

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
                "rss_mb": {name: round(size, 1) for name, size in rss.items()} | _listening(Path(folder) / "live"),
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


def _listening(folder: Path) -> dict[str, float]:
    """The packet sensor alone, capturing live."""
    if not may_capture():
        return {}
    folder.mkdir()
    config = folder / "luytre.toml"
    config.write_text(f'[node]\ndata = "{folder}"\n[packet]\ninterfaces = ["lo"]\n', encoding="utf-8")
    words = [sys.executable, "-m", "sensors.cli", "packet", "--config", str(config)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        time.sleep(5.0)
        found = kilobytes(process.pid, "VmRSS") / 1024
        process.terminate()
    return {"luytre-packet, listening": round(found, 1)}
