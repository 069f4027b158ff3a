"""The probe role over a real spool: down only after two failures in a row, and what the configuration may say."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from sensors.config import Config
from sensors.daemon import Daemon
from sensors.errors import ConfigError
from sensors.event import decode, get
from sensors.probes import Outcome, Probe, found
from sensors.roles import probe as role
from sensors.spool import SpoolReader

PROBES = found()


def config(path: Path, services: str) -> Config:
    file = path / "luytre.toml"
    file.write_text(f'[node]\ndata = "{path}"\nobserver = "m"\n[probe]\nheartbeat_s = 0.2\nservices = [{services}]\n')
    return Config(file)


def test_down_comes_after_two_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = ["up", "down", "up", "down", "down", "down", "up"]
    rest, done = iter(states), threading.Event()

    def check(target: str, timeout_s: float) -> Outcome:
        state: Any = next(rest, None)
        if state is None:
            done.set()
            state = "up"
        return Outcome(state, "timeout" if state == "down" else "", 1.5 if state == "up" else None)

    monkeypatch.setattr(role, "found", lambda: {"http": Probe("http", lambda _: None, check, ())})
    daemon = Daemon("probe", tmp_path)
    service = '{id="a", name="Cổng", system="s", kind="http", target="http://x/", every_s=0.2, timeout_s=1}'
    thread = threading.Thread(target=role.run, args=(config(tmp_path, service), daemon))
    thread.start()
    assert done.wait(15)
    daemon.stop.set()
    thread.join(10)
    with SpoolReader(tmp_path / "spool" / "probe") as reader:
        events = [decode(item.event_bytes) for item in reader.read(1000, 1 << 20)]
    checks = [event for event in events if get(event, "event.dataset") == "service.availability"]
    got = [(get(e, "service.state"), get(e, "event.outcome")) for e in checks[: len(states)]]
    assert got == [
        ("up", "success"), ("degraded", "failure"), ("up", "success"), ("degraded", "failure"), ("down", "failure"),
        ("down", "failure"), ("up", "success"),
    ]  # fmt: skip
    assert get(checks[0], "event.duration") == 1_500_000
    assert get(checks[0], "service.name") == "Cổng"
    assert any(get(event, "event.dataset") == "luytre.heartbeat" for event in events)
    assert len({get(event, "event.id") for event in events}) == len(events)


@pytest.mark.parametrize(
    ("services", "wrong"),
    [
        ('{id="a", target="x"}', "services[0]"),
        ('{id="a", kind="gopher", target="x"}', "kind: http, tcp, tls"),
        ('{id="a", target="http://x/"}, {id="a", target="http://y/"}', "twice"),
        ('{id="a", target="http://x/", evry_s=1}', "evry_s"),
        ('{id="a", target="http://x/", every_s=0}', "every_s"),
    ],
)
def test_what_cannot_be_probed_refuses_to_start(tmp_path: Path, services: str, wrong: str) -> None:
    loaded = config(tmp_path, services)

    def load() -> None:
        role.check(loaded.path, loaded.table("probe", role.ProbeTable), PROBES)

    with pytest.raises(ConfigError) as error:
        load()
    assert wrong in error.value.show("en")
