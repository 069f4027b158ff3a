"""Every event issued is stored exactly once, whatever is killed or cut (F1, F2, F13).

A real sensor process writes to a real spool, the real `luytre-sensor ship` sends through a proxy to a real machine
port; each is killed with -9 at random moments, connections are cut, answers are swallowed after the body was sent.
LUYTRE_TORTURE_ROUNDS sets the number of faults.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from correlator.store import open_reader
from correlator.store.base import Page
from sensors.config import Config
from sensors.event import get
from sensors.spool import SpoolReader
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.machine_port import OBSERVER, ROOT, MachineServer

SEED = 20261122


class Child:
    def __init__(self, log: Path, *command: str, **environment: str) -> None:
        self._command, self._log = command, log
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Child:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", *self._command], cwd=ROOT, stderr=log,
                                             env=self._environment)  # fmt: skip
        return self

    def end(self, number: int) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        self._process.send_signal(number)
        self._process.wait(20)


def numbers(server: MachineServer) -> list[int]:
    reader = open_reader(Config(server.config))
    found: list[int] = []
    cursor = None
    while isinstance(page := reader.tail(cursor, 5000), Page) and page.events:
        found += [get(event, "luytre.test.number") for event in page.events]
        cursor = page.next
    reader.close()
    return found


def torture(tmp_path: Path, rounds: int) -> Counter[str]:
    dice = random.Random(SEED)
    server = MachineServer(tmp_path).start()
    proxy = CuttingProxy(server.port)
    spool = server.data / "spool" / "log"
    writer = Child(tmp_path / "writer.log", "tests.servers.writing_sensor", str(spool), OBSERVER).start()
    ship = Child(tmp_path / "ship.log", "sensors.cli", "ship", "--config", str(server.config),
                 LUYTRE_SHIP_URL=f"https://127.0.0.1:{proxy.port}").start()  # fmt: skip
    done: Counter[str] = Counter()
    try:
        for _ in range(rounds):
            time.sleep(dice.uniform(0.2, 1.0))
            fault = dice.choice(("server", "ship", "writer", "cut", "deaf"))
            done[fault] += 1
            if fault == "server":
                server.kill()
                server.start()
            elif fault == "cut":
                proxy.cut()
            elif fault == "deaf":
                proxy.deaf = True
                time.sleep(dice.uniform(0.05, 0.3))
                proxy.deaf = False
            else:
                child = ship if fault == "ship" else writer
                child.end(signal.SIGKILL)
                child.start()
                time.sleep(0.3)
        time.sleep(0.5)  # the writer must be past its start, or SIGTERM finds no handler
        writer.end(signal.SIGTERM)
        _drain(spool)
    finally:
        ship.end(signal.SIGTERM)
        proxy.close()
        server.kill(signal.SIGTERM)
    found = numbers(server)
    twice = [number for number, times in Counter(found).items() if times > 1]
    lost = set(range(1, max(found) + 1)) - set(found)
    assert not twice
    assert not lost
    assert found == sorted(found)
    with SpoolReader(spool) as reader:
        assert reader.read(1, 1) == []
    print({"events": len(found), "faults": dict(done), "cuts": proxy.cuts})
    done["events"] = len(found)
    return done


def _drain(spool: Path) -> None:
    ends = time.monotonic() + 90
    while time.monotonic() < ends:
        with SpoolReader(spool) as reader:
            if not reader.read(1, 1):
                return
        time.sleep(0.3)
    raise AssertionError("the spool did not drain")


def test_every_event_is_stored_once_through_kills_and_cuts(tmp_path: Path) -> None:
    assert torture(tmp_path, 6)["events"] > 100


@pytest.mark.slow
def test_every_event_is_stored_once_through_many_kills_and_cuts(tmp_path: Path) -> None:
    torture(tmp_path, int(os.environ.get("LUYTRE_TORTURE_ROUNDS", "50")))
