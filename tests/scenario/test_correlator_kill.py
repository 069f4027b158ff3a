"""kill -9 of `luytre-correlator run` (and of the node that takes its hits) at random: no hit lost, none doubled.

Oracle: one undisturbed pipeline over what the store holds in the end.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from correlator.engine import Engine
from correlator.pipeline import Pipeline
from correlator.store import open_reader
from correlator.store.base import Page, Stream
from sensors.clock import rfc3339
from sensors.config import Config
from sensors.event import Event
from sensors.wire import BulkClient, tls_context
from tests.servers.machine_port import ROOT, MachineServer

SEED = 20261122
RULES = """title: Failure
id: b1111111-2222-4333-8444-555555555551
name: failure
level: low
logsource: {product: linux, service: sshd}
detection: {sel: {event.outcome: failure}, condition: sel}
---
title: Seven failures
id: b1111111-2222-4333-8444-555555555552
level: high
correlation: {type: event_count, rules: [failure], group-by: [source.ip], timespan: 10m,
              condition: {gte: 7}, generate: true}
"""


def line(number: int) -> bytes:
    return json.dumps({
        "@timestamp": rfc3339(1_790_000_000 + number), "agent": {"type": "log"}, "luytre": {"spool": {"epoch": 1}},
        "event": {"id": f"e-{number}", "sequence": number, "dataset": "system.auth", "outcome": "failure",
                  "action": "ssh_login"},
        "source": {"ip": f"203.0.113.{number % 11}"}, "process": {"name": "sshd"},
    }).encode()  # fmt: skip


def stored(server: MachineServer, stream: Stream) -> list[Event]:
    reader = open_reader(Config(server.config))
    events: list[Event] = []
    cursor = None
    while isinstance(page := reader.tail(cursor, 5000, stream), Page) and page.events:
        events += page.events
        cursor = page.next
    reader.close()
    return events


def correlator(server: MachineServer) -> subprocess.Popen[bytes]:
    with (server.folder / "run.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "correlator.cli", "run", "--config", str(server.config)],
            cwd=ROOT, stderr=log, stdin=subprocess.DEVNULL, env=os.environ,
        )  # fmt: skip


@pytest.mark.slow
def test_hits_are_stored_once_through_kills(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "failure_rules.yml").write_text(RULES)
    extra = f'[correlator]\nrules = ["{rules}"]\nbatch = 20\n'
    extra += "checkpoint_s = 0.2\npoll_s = 0.05\nreport_s = 0.5\n"
    server = MachineServer(tmp_path, extra).start()
    run = correlator(server)
    sent, killed = 0, Counter[str]()
    try:
        for _ in range(14):
            sensor = BulkClient(server.url, tls_context(server.keys / "ca.pem", server.keys / "sensor.pem",
                                                        server.keys / "sensor.key"))  # fmt: skip
            count = dice.randrange(40, 200)
            assert all(status.stored for status in sensor.send([line(n) for n in range(sent + 1, sent + count + 1)]))
            sensor.close()
            sent += count
            time.sleep(dice.uniform(0.1, 3.0))
            if dice.random() < 0.25:
                server.kill(signal.SIGKILL)
                server.start()
                killed["node"] += 1
            else:
                assert run.poll() is None, (tmp_path / "run.log").read_text()[-2000:]
                run.kill()
                run.wait(10)
                run = correlator(server)
                killed["correlator"] += 1
        events = stored(server, "events")
        pipelines = [ROOT / "rules" / "pipelines"]
        expected = Counter(hit["event"]["id"] for hit in Pipeline(Engine.load([rules], pipelines)).feed(events))
        ends = time.monotonic() + 60
        while time.monotonic() < ends and len(stored(server, "hits")) < len(expected):
            time.sleep(0.3)
        time.sleep(1)  # a doubled hit would come now
        run.terminate()
        assert run.wait(20) == 0
    finally:
        if run.poll() is None:
            run.kill()
            run.wait(10)
        server.kill(signal.SIGTERM)
    hits = stored(server, "hits")
    print({"events": len(events), "hits": len(hits), "killed": dict(killed)})
    assert len(events) == sent
    assert Counter(hit["event"]["id"] for hit in hits) == expected
    assert sum(hit["luytre"]["hit"]["type"] == "correlation" for hit in hits) > 20
