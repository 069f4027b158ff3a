"""How long a node takes from `luytre up` to `/readyz`, and until each of its processes is at work.

The first start makes keys, certificates and database; the second is what a restart costs. "at work" is the first health
file that a process writes; `first event stored` is when the shipper has its first answer from the node. Processor time
(`cpu_s`) is what remains comparable when other programs use the machine.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from sensors.clock import parse_rfc3339
from tests.servers.whole_node import UpNode

NAME = "start"
PROCESSES = ("luytre-api", "index", "correlator", "log", "probe", "packet", "ship")
LIMIT_S = 60.0


def run(quick: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        node = UpNode(Path(folder))
        node.feed()
        try:
            found: dict[str, object] = {"first start": _start(node)}
            again = [_start(node) for _ in range(1 if quick else 3)]
            found["again, best of " + str(len(again))] = min(again, key=lambda one: one["readyz_s"])
            return found
        finally:
            node.close()


def _start(node: UpNode) -> dict[str, float]:
    begin, found = time.time(), {}
    node.launch()

    def note(name: str) -> None:
        found.setdefault(name, round(time.time() - begin, 2))

    while time.time() - begin < LIMIT_S and len(found) < len(PROCESSES) + 4:
        if "readyz_s" not in found and node.ready():
            note("readyz_s")
            spent = node.cpu_s()
            found |= {
                "cpu_s of luytre-api until then": spent["luytre-api"],
                "cpu_s of all": round(sum(spent.values()), 2),
            }
        for name in PROCESSES:
            if f"{name} at work_s" not in found and node.health(name).get("started", 0.0) >= begin:
                note(f"{name} at work_s")
        if (answered := _answered(node, begin)) is not None:
            found.setdefault("first event stored_s", round(answered - begin, 2))
        time.sleep(0.03)
    node.stop()
    return found


def _answered(node: UpNode, begin: float) -> float | None:
    """When the shipper wrote into its log that the node has answered."""
    log = node.data / "log" / "luytre-ship.log"
    for line in log.read_text("utf-8").splitlines() if log.exists() else ():
        said = json.loads(line)
        at = parse_rfc3339(said.get("time", "")) or 0.0
        if said.get("state") == "connected" and at >= begin:
            return at
    return None
