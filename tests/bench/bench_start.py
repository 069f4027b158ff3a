"""How long a node takes from `luytre up` to `/readyz`, and until each of its processes is at work.

The first start makes keys, certificates and database; the second is what a restart costs. "at work" is the first health
file that a process writes; `first event stored` is when the shipper has its first answer from the node.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

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

    while time.time() - begin < LIMIT_S and len(found) < len(PROCESSES) + 2:
        if "readyz_s" not in found and node.ready():
            note("readyz_s")
        for name in PROCESSES:
            if f"{name} at work_s" not in found and node.health(name).get("started", 0.0) >= begin:
                note(f"{name} at work_s")
        contact = node.health("ship").get("contact_at") or 0.0
        if contact >= begin:
            found.setdefault("first event stored_s", round(contact - begin, 2))
        time.sleep(0.03)
    node.stop()
    return found
