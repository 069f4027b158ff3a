"""The packet role is killed with -9 again and again while captures are dropped: every event once, none missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensors.event import decode
from sensors.packets.replay import replay_capture
from sensors.spool.reader import SpoolReader
from tests.naive.frames import CLIENT, SERVER, frame, udp, write

_RUN = """
import sys
from pathlib import Path
from sensors.config import Config
from sensors.daemon import Daemon
from sensors.roles import packet
sys.exit(packet.run(Config(Path(sys.argv[1])), Daemon("packet", Path(sys.argv[2]))))
"""
ROOT = Path(__file__).parents[2]


def start(config: Path, data: Path) -> subprocess.Popen[bytes]:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, str(config), str(data)], env=environ, stderr=subprocess.DEVNULL
    )


def spooled(data: Path) -> list[dict[str, object]]:
    """Events of captures in the spool, as (ports, ids) later compare; heartbeats are left out."""
    reader = SpoolReader(data / "spool" / "packet")
    found = []
    while items := reader.read(5000, 64 << 20):
        found += [decode(item.event_bytes) for item in items]
        reader.ack(items[-1].position)
    reader.close()
    return [event for event in found if "log" in event]


@pytest.mark.slow
def test_kill_9_at_random_moments_neither_loses_nor_doubles(tmp_path: Path) -> None:
    dice = random.Random(11)
    drop, data = tmp_path / "drop", tmp_path / "data"
    drop.mkdir()
    config = tmp_path / "luytre.toml"
    config.write_text(
        f'[node]\ndata = "{data}"\nobserver = "tap"\n[packet]\npcap_folder = "{drop}"\npcap_settle_s = 0.0\n'
        "heartbeat_s = 0.2\n",
        encoding="utf-8",
    )
    wanted = 0
    for number in range(4):
        frames = [frame(udp(CLIENT, 1024 + n, SERVER, 9999, b"%d" % number), n / 1000) for n in range(6000)]
        path = write(tmp_path / f"{number}.part", frames)
        wanted += sum(1 for _ in replay_capture(path))
        path.rename(drop / f"{number}.pcap")
    for _ in range(8):
        child = start(config, data)
        time.sleep(dice.uniform(0.3, 1.4))
        child.send_signal(signal.SIGKILL)
        child.wait()
    child = start(config, data)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if json.loads((data / "run" / "packet.json").read_text())["pid"] == child.pid and _quiet(data):
                break
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.2)
    child.terminate()
    assert child.wait(20) == 0
    events = spooled(data)
    ids = {event["event"]["id"] for event in events}  # type: ignore[index]
    assert len(events) == wanted
    assert len(ids) == wanted


_last = {"size": -1, "since": 0.0}


def _quiet(data: Path) -> bool:
    """Nothing but heartbeats was written for a second."""
    report = json.loads((data / "run" / "packet.json").read_text())
    if report["received"] != _last["size"]:
        _last["size"], _last["since"] = report["received"], time.monotonic()
    return time.monotonic() - _last["since"] > 1.5
