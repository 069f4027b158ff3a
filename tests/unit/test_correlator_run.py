"""`run`: nothing lost, nothing doubled, whatever stops it; rules change without skipping an event."""

from __future__ import annotations

import json
import os
import random
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from correlator.checkpoint import MAGIC, Checkpoint
from correlator.config import CorrelatorTable, machine_url
from correlator.indicators import table as indicators
from correlator.post import Poster
from correlator.run import Runner
from correlator.store.base import Gap, Page
from sensors.clock import ManualClock, rfc3339
from sensors.config import Config
from sensors.errors import ConfigError
from sensors.event import Event, decode
from sensors.wire import Busy, ItemStatus, NotAllowed, TooLarge

RULES = """title: Failure
id: a1111111-2222-4333-8444-555555555551
name: failure
level: low
logsource: {product: linux, service: sshd}
detection: {sel: {event.outcome: failure}, condition: sel}
---
title: Five failures
id: a1111111-2222-4333-8444-555555555552
level: high
correlation: {type: event_count, rules: [failure], group-by: [source.ip], timespan: 1m,
              condition: {gte: 5}, generate: true}
"""


def failure(number: int) -> Event:
    return {"@timestamp": rfc3339(1_770_000_000 + number), "source": {"ip": f"203.0.113.{number % 3}"},
            "event": {"id": f"e{number}", "dataset": "system.auth", "outcome": "failure",
                      "ingested": rfc3339(1_770_000_000 + number)}, "process": {"name": "sshd"}}  # fmt: skip


class Log:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class FakeDaemon:
    def __init__(self) -> None:
        self.stop = threading.Event()
        self.log = Log()
        self.health: dict[str, Any] = {}

    def report(self, counters: dict[str, Any]) -> None:
        self.health = json.loads(json.dumps(counters))


class Store:
    """The stream in memory; cursor = index."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = list(events)
        self.expired_before = 0

    def tail(self, cursor: str | None, limit: int, stream: str = "events") -> Page | Gap:
        start = int(cursor or 0)
        if start < self.expired_before:
            return Gap(self.expired_before - start, str(self.expired_before))
        page = self.events[start : start + limit]
        return Page(page, str(start + len(page)))


class Node:
    """Stores hits by id, as ingest does, and may fail."""

    def __init__(self) -> None:
        self.hits: dict[str, Event] = {}
        self.answers: list[Any] = []

    def send(self, items: Sequence[bytes]) -> list[ItemStatus]:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        statuses = []
        for number, item in enumerate(items):
            hit = decode(item)
            status = answer[number % len(answer)] if answer else 200 if hit["event"]["id"] in self.hits else 201
            if status in (200, 201):
                self.hits[hit["event"]["id"]] = hit
            statuses.append(ItemStatus(status))
        return statuses


class Setting:
    def __init__(self, folder: Path, events: Sequence[Event], **table: Any) -> None:
        self.folder, self.store, self.node, self.clock = folder, Store(events), Node(), ManualClock(1_770_000_000)
        self.rules = folder / "rules"
        self.rules.mkdir(exist_ok=True)
        (self.rules / "failure_rules.yml").write_text(RULES)
        self.pipeline = folder / "pipeline.yml"
        self.pipeline.write_text(
            "name: test\nsources:\n  - when: {event.dataset: system.auth}\n"
            "    logsource: {product: linux, service: sshd}\n"
        )
        path = folder / "luytre.toml"
        path.write_text(f'[node]\ndata = "{folder}"\n')
        self.config = Config(path, {})
        self.table = CorrelatorTable(**{"rules": (str(self.rules),), "batch": 7, "checkpoint_s": 1e-9, **table})

    def start(self) -> Runner:
        self.daemon = FakeDaemon()
        environ = {"LUYTRE_CORRELATOR_RULES": json.dumps([str(self.rules)]),
                   "LUYTRE_CORRELATOR_PIPELINES": json.dumps([str(self.pipeline)])}  # fmt: skip
        config = Config(self.folder / "luytre.toml", environ)
        poster = Poster(self.node.send, self.daemon, self.clock)  # type: ignore[arg-type]
        daemon: Any = self.daemon
        store: Any = self.store
        return Runner(config, self.table, self.folder, daemon, self.clock, store, poster)


def finish(runner: Runner) -> None:
    while runner.step():
        pass


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, Event]:
    setting = Setting(tmp_path, [failure(number) for number in range(100)])
    finish(setting.start())
    assert sum(hit["luytre"]["hit"]["type"] == "correlation" for hit in setting.node.hits.values()) >= 15
    return setting.node.hits


def test_the_same_hits_whatever_stops_it(expected: dict[str, Event], tmp_path: Path) -> None:
    for seed in range(25):
        chance = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        setting = Setting(folder, [failure(number) for number in range(100)], checkpoint_s=chance.choice([1e-9, 0.9]))
        for _ in range(12):  # killed at random points: a new process knows only its checkpoint
            runner = setting.start()
            if chance.random() < 0.5:
                setting.node.answers = [Busy("down"), None, Busy("down")]
            for _ in range(chance.randrange(4)):
                setting.clock.move(0.5)
                runner.step()
            if chance.random() < 0.3:  # stopped while hits could not be posted
                setting.daemon.stop.set()
                runner.loop()
        finish(setting.start())
        assert dict(setting.node.hits.items()) == expected


def test_the_cursor_never_passes_a_hit_that_is_not_stored(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(20)])
    runner = setting.start()
    setting.node.answers = [NotAllowed(401, "revoked")] * 3
    setting.daemon.stop.set()
    assert runner.step() == -1
    runner.loop()
    assert Checkpoint(tmp_path / "correlator").saved is None
    finish(setting.start())
    assert len(setting.node.hits) >= 20


def test_every_answer_of_the_node_is_understood(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(7)])
    setting.node.answers = [TooLarge(413, "big"), Busy("x", 2.0), [201, 429], NotAllowed(403, "not yet"), [400, 201]]
    runner = setting.start()
    finish(runner)
    runner._report()
    assert setting.daemon.health["posted"] + setting.daemon.health["hits_refused"] == 7
    assert setting.daemon.health["hits_refused"] >= 1
    assert setting.daemon.health["posting"] == "ok"


def test_a_gap_is_counted_and_passed(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(30)])
    setting.store.expired_before = 11
    runner = setting.start()
    assert runner.step() == 0
    finish(runner)
    assert (runner.gaps, runner.lost) == (1, 11)


def test_rules_reload_between_pages_and_broken_ones_keep_running(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(21)])
    runner = setting.start()
    runner.step()
    path = setting.rules / "failure_rules.yml"
    path.write_text("title: [broken")
    os.utime(path, (1, 1))
    setting.clock.move(10)
    runner._look_at_rules()
    states = {(rule["state"], rule["title"].get("en")) for rule in setting.daemon.health["rules"]}
    assert ("running", "Failure") in states
    assert any(state == "refused" for state, _ in states)
    finish(runner)
    assert sum(hit["rule"]["name"] == "Failure" for hit in setting.node.hits.values()) == 21


def test_a_start_and_a_reload_read_only_the_rules_that_changed(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [])
    runner = setting.start()
    assert runner._cache.used.kept == 0 < runner._cache.used.read
    assert (tmp_path / "cache" / "rules").stat().st_mode & 0o777 == 0o600
    again = setting.start()
    assert again._cache.used.read == 0 < again._cache.used.kept
    (setting.rules / "new.yml").write_text(RULES.replace("title: Failure", "title: Another"))
    again.ask_reload()
    again._look_at_rules()
    assert again.reloads == 1
    assert again._cache.used.read == 1
    for one in (runner, again):
        finish(one)


def test_health_tells_each_rule_and_whether_its_data_is_there(tmp_path: Path) -> None:
    setting = Setting(tmp_path, [failure(number) for number in range(5)])
    runner = setting.start()
    finish(runner)
    runner._report()
    rules = {rule["id"]: rule for rule in setting.daemon.health["rules"] if rule["state"] == "running"}
    assert rules["a1111111-2222-4333-8444-555555555551"]["hits"] == 5
    assert rules["a1111111-2222-4333-8444-555555555551"]["data_last_seen"] == rfc3339(1_770_000_004)
    assert rules["a1111111-2222-4333-8444-555555555552"]["kind"] == "correlation"
    assert {rule["kind"] for rule in rules.values()} == {"sigma", "correlation", "detector"}


def test_an_unknown_detector_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Setting(tmp_path, [], detectors=("nonsense",)).start()


@pytest.mark.parametrize("cut", [0, 3, 6, 12, 20, 1000])
def test_a_torn_checkpoint_falls_back_to_the_one_before(cut: int, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.write("1", b"one" * 100)
    checkpoint.write("2", b"two" * 100)
    path = tmp_path / "checkpoint"
    path.write_bytes(path.read_bytes()[:cut] + (b"\0" if cut == 1000 else b""))
    again = Checkpoint(tmp_path)
    assert again.saved is not None
    assert (again.saved.cursor, again.saved.snapshot, again.damaged) == ("1", b"one" * 100, 1)
    again.write("3", b"")
    assert Checkpoint(tmp_path).saved == (2, "3", b"")


def test_a_checkpoint_of_other_content_is_damaged_not_a_crash(tmp_path: Path) -> None:
    body = b"\x01"
    data = MAGIC + zlib.crc32(body).to_bytes(4, "big") + len(body).to_bytes(8, "big") + body
    (tmp_path / "checkpoint").write_bytes(data)
    assert Checkpoint(tmp_path).saved is None


@pytest.mark.parametrize(("toml", "url"), [
    ("", "https://127.0.0.1:8444"), ('[api]\nmachines = "0.0.0.0:9444"', "https://127.0.0.1:9444"),
    ('[correlator]\nurl = "https://node:1"', "https://node:1"),
])  # fmt: skip
def test_hits_go_to_this_machines_own_port(toml: str, url: str, tmp_path: Path) -> None:
    path = tmp_path / "luytre.toml"
    path.write_text(toml)
    assert machine_url(Config(path, {})) == url


def test_it_reads_the_embedded_store(tmp_path: Path) -> None:
    from correlator.store import open_reader, open_writer

    setting = Setting(tmp_path, [])
    writer, reader = open_writer(setting.config), open_reader(setting.config)
    setting.store = reader  # type: ignore[assignment]
    try:
        runner = setting.start()
        finish(runner)
        for start in (0, 10):
            writer.append([failure(number) for number in range(start, start + 10)])
            setting.clock.move(1)
            finish(runner)
        assert len([hit for hit in setting.node.hits.values() if hit["luytre"]["hit"]["type"] == "sigma"]) == 20
        before = dict(setting.node.hits)
        assert isinstance(reader.tail(None, 1).items[0], bytes)  # type: ignore[union-attr]
        again = setting.start()  # its checkpoint may lie behind: the hits are the same
        finish(again)
        assert again._cursor == runner._cursor
        assert setting.node.hits == before
    finally:
        reader.close()
        writer.close()


def test_indicators_change_while_it_runs_and_a_damaged_set_leaves_the_old(tmp_path: Path) -> None:
    events = [failure(number) for number in range(30)]
    setting = Setting(tmp_path, events, batch=5)
    runner = setting.start()
    runner.step()
    assert not any(hit["luytre"]["hit"]["type"] == "indicator" for hit in setting.node.hits.values())
    path = indicators.table_path(tmp_path, "")
    indicators.write(path, [indicators.Row("ip", "203.0.113.1", 1, 90)], {1: "CERT"}, 1.0)
    runner._look_at_indicators()
    runner.step()
    met = [hit for hit in setting.node.hits.values() if hit["luytre"]["hit"]["type"] == "indicator"]
    assert [hit["luytre"]["hit"]["group"]["threat.indicator.name"] for hit in met] == ["203.0.113.1"]
    path.write_bytes(b"damaged")
    runner._look_at_indicators()
    runner._report()
    assert setting.daemon.health["indicators"]["count"] == 1
    assert "not a set" in setting.daemon.health["indicators_error"]
    indicators.write(path, [indicators.Row("ip", "203.0.113.2", 1, 90)], {1: "CERT"}, 2.0)
    runner._look_at_indicators()
    finish(runner)
    runner._report()
    assert setting.daemon.health["indicators_error"] == ""
    assert any("203.0.113.2" in hit["luytre"]["hit"]["group_key"] for hit in setting.node.hits.values())
