"""Events per second from a client over TLS through ingest into the synced journal, with the answers' times.

A child process with the real machine port; the client is this process, on the same machine.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from sensors.event import event_id
from sensors.wire import BulkClient, tls_context
from tests.servers.machine_port import OBSERVER, MachineServer

NAME = "ingest"
BATCH = 500
_LINE = "Nov 22 01:02:03 may1 sshd[123]: Failed password for root from 10.0.0.1 port 22 ssh2"


def run(quick: bool) -> dict[str, object]:
    count = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        server = MachineServer(Path(folder)).start()
        try:
            tls = tls_context(server.keys / "ca.pem", server.keys / "sensor.pem", server.keys / "sensor.key")
            client = BulkClient(server.url, tls)
            batches = [[_event(n) for n in range(at, at + BATCH)] for at in range(1, count, BATCH)]
            idle_mb = server.rss_mb
            took: list[float] = []
            started = time.perf_counter()
            for batch in batches:
                sent = time.perf_counter()
                assert all(status.status == 201 for status in client.send(batch))
                took.append((time.perf_counter() - sent) * 1000)
            seconds = time.perf_counter() - started
            client.close()
            return {
                "name": NAME, "events": count, "event_bytes": len(batches[0][0]), "batch": BATCH,
                "events_per_s": round(count / seconds), "p50_ms": round(statistics.median(took), 1),
                "p99_ms": round(sorted(took)[int(len(took) * 0.99) - 1], 1), "idle_rss_mb": idle_mb,
                "rss_mb": server.rss_mb, "cpus": os.cpu_count(),
            }  # fmt: skip
        finally:
            server.kill(15)


def _event(number: int) -> bytes:
    return msgspec.json.encode({
        "@timestamp": "2026-11-22T01:02:03Z", "message": _LINE,
        "event": {"id": event_id(OBSERVER, "bench", str(number)), "sequence": number, "dataset": "system.auth",
                  "action": "ssh_login", "outcome": "failure", "category": ["authentication"]},
        "source": {"ip": "10.0.0.1", "port": 5555}, "user": {"name": "root"}, "host": {"name": "may1"},
        "agent": {"type": "log"}, "luytre": {"spool": {"epoch": 1}},
    })  # fmt: skip


if __name__ == "__main__":
    print(run(quick=True))
