"""rsyslog and syslog-ng, unmodified, deliver into ingest: every line once, through a kill -9 of the node.

What design.md says of the wire is tried with programs that know nothing of us: they speak Elasticsearch's `_bulk`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from correlator.store import open_reader
from correlator.store.base import Page
from sensors.config import Config
from sensors.event import Event, get
from sensors.ship.enrol import enrol
from tests.servers import third_party
from tests.servers.machine_port import AGENCY, MachineServer
from tests.servers.third_party import Shipper, Upstream

LINES = 600
WAIT_S = 90.0
Starts = Callable[[Path, Upstream], AbstractContextManager[Shipper]]


def stored(server: MachineServer) -> list[Event]:
    reader = open_reader(Config(server.config))
    events: list[Event] = []
    cursor = None
    while isinstance(page := reader.tail(cursor, 1000, "events"), Page) and page.events:
        events += page.events
        cursor = page.next
    reader.close()
    return events


def numbers(server: MachineServer) -> Counter[int]:
    words = [str(get(event, "message") or "").split() for event in stored(server)]
    return Counter(int(said[1]) for said in words if len(said) > 1 and said[0] == "dòng")


def until(server: MachineServer, count: int, shipper: Shipper) -> Counter[int]:
    end = time.monotonic() + WAIT_S
    while len(found := numbers(server)) < count:
        if time.monotonic() > end:
            pytest.fail(f"{len(found)} of {count}: {shipper.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("start", [third_party.rsyslog, third_party.syslog_ng])
def test_every_line_arrives_once_through_a_kill(tmp_path: Path, start: Starts) -> None:
    (tmp_path / "node").mkdir()
    server = MachineServer(tmp_path / "node").start()
    try:
        token, fingerprint = server.ask("token", "may-nhat-ky", "sensor")
        keys = tmp_path / "keys"
        enrol(server.url, token, fingerprint, keys)
        upstream = Upstream(server.port, keys / "ca.pem", keys / "sensor.pem", keys / "sensor.key")
        with start(tmp_path / "shipper", upstream) as shipper:
            line = "<38>Nov 22 08:00:00 may-01 thu[1]: dòng {} của Đà Nẵng".format
            shipper.send([line(number) for number in range(LINES // 2)])
            until(server, LINES // 4, shipper)
            server.kill()
            shipper.send([line(number) for number in range(LINES // 2, LINES)])
            server.start()
            found = until(server, LINES, shipper)
        assert sorted(found) == list(range(LINES))
        assert set(found.values()) == {1}
        events = stored(server)
        assert {get(event, "organization.id") for event in events} == {AGENCY}
        assert {get(event, "observer.name") for event in events} == {"may-nhat-ky"}
    finally:
        server.kill(15)
