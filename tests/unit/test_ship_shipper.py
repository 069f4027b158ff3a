"""The shipper's promises: order, acknowledgement, what is retried, what is given up, what the link may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from sensors.clock import ManualClock
from sensors.durable.log import LogReader
from sensors.event import new_event
from sensors.roles.ship import is_near
from sensors.ship.backoff import FIRST_S, Backoff
from sensors.ship.budget import Budget
from sensors.ship.dead import DeadLetters
from sensors.ship.shipper import Shipper
from sensors.spool import SpoolReader, SpoolWriter
from sensors.wire import BulkClient, Busy, ItemStatus, NotAllowed, TooLarge

Answer = Callable[[list[dict[str, Any]]], list[ItemStatus]]


def all_stored(events: list[dict[str, Any]]) -> list[ItemStatus]:
    return [ItemStatus(201)] * len(events)


class Peer(BulkClient):
    """A node that answers as the test says; nothing goes over a network."""

    def __init__(self) -> None:
        self.answers: list[Answer | Exception] = []
        self.got: list[list[dict[str, Any]]] = []
        self.connects = 0

    def encode(self, items: Sequence[bytes]) -> bytes:
        return b"\n".join(items)

    def post(self, body: bytes, count: int) -> list[ItemStatus]:
        events = [msgspec.json.decode(line) for line in body.split(b"\n")]
        answer = self.answers.pop(0) if self.answers else all_stored
        if isinstance(answer, Exception):
            raise answer
        self.got.append(events)
        return answer(events)

    def close(self) -> None:
        pass


class Host:
    def __init__(self, path: Path, **more: Any) -> None:
        self.path, self.peer, self.clock = path, Peer(), ManualClock()
        self.options = {"per_second": None, "per_day": None, "items": 100} | more
        self.shipper = self.make()

    def make(self) -> Shipper:
        budget = Budget(
            self.path / "ship" / "budget.json", self.clock, self.options["per_second"], self.options["per_day"]
        )
        return Shipper(
            self.path / "spool", lambda: self.peer, DeadLetters(self.path / "dead", self.clock, 1 << 20), budget,
            Backoff(Random(1)), self.clock, batch_items=self.options["items"], batch_bytes=1 << 20, idle_s=0.5,
        )  # fmt: skip

    def spool(self, role: str, *names: str) -> None:
        with SpoolWriter(self.path / "spool" / role, clock=self.clock) as writer:
            dataset = {"packet": "network.flow", "probe": "service.availability"}.get(role, "x")
            writer.append([new_event(dataset, 0, {"event.id": name, "agent.type": role}) for name in names])

    def left(self, role: str) -> list[str]:
        with SpoolReader(self.path / "spool" / role) as reader:
            return [msgspec.json.decode(item.event_bytes)["event"]["id"] for item in reader.read(100, 1 << 20)]

    def sent(self) -> list[list[str]]:
        return [[event["event"]["id"] for event in events] for events in self.peer.got]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_urgent_spools_go_first_and_none_starves(tmp_path: Path) -> None:
    host = Host(tmp_path, items=1)
    host.spool("packet", "f1", "f2")
    host.spool("log", *(f"l{n}" for n in range(6)))
    host.spool("probe", "p1", "p2")
    assert host.shipper.round() == 0
    assert [ids[0] for ids in host.sent()] == ["p1", "p2", "l0", "l1", "l2", "l3", "f1"]
    host.shipper.round()
    assert host.shipper.round() == 0.5
    assert host.left("packet") == host.left("log") == host.left("probe") == []
    host.shipper.close()


def test_busy_keeps_the_batch_and_waits_as_asked_with_jitter(host: Host) -> None:
    host.spool("log", "a", "b")
    host.peer.answers = [Busy("full", 30.0), Busy("gone")]
    assert 30 <= host.shipper.round() <= 45
    assert host.left("log") == ["a", "b"]
    assert FIRST_S * 2 / 5 <= host.shipper.round() <= FIRST_S * 2
    assert host.shipper.round() == 0
    assert host.sent() == [["a", "b"]]
    host.shipper.close()


def test_an_item_to_send_later_holds_those_behind_it(host: Host) -> None:
    host.spool("log", "a", "b", "c")
    host.peer.answers = [lambda _: [ItemStatus(201), ItemStatus(429, "later"), ItemStatus(201)]]
    assert host.shipper.round() > 0
    assert host.left("log") == ["b", "c"]
    host.shipper.round()
    assert host.sent()[-1] == ["b", "c"]
    assert host.left("log") == []
    host.shipper.close()


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_what_is_refused_for_good_becomes_a_dead_letter_once(host: Host, tmp_path: Path, status: int) -> None:
    host.spool("log", "a", "b", "c")

    def answer(events: list[dict[str, Any]]) -> list[ItemStatus]:
        return [ItemStatus(status, "vì sao") if e["event"]["id"] == "b" else ItemStatus(200) for e in events]

    host.peer.answers = [answer]
    assert host.shipper.round() == 0
    assert host.left("log") == []
    assert host.shipper.health()["spools"]["log"]["refused"] == 1
    host.shipper.close()
    with LogReader(tmp_path / "dead") as log:
        letters = [msgspec.json.decode(item) for _, item in log.read(None, 10).items]
    assert [(letter["status"], letter["reason"]) for letter in letters] == [(status, "vì sao")]
    assert '"id":"b"' in letters[0]["excerpt"]


def test_a_crash_before_the_acknowledgement_doubles_no_dead_letter(host: Host, tmp_path: Path) -> None:
    host.spool("log", "a")
    with SpoolReader(tmp_path / "spool" / "log") as reader:
        item = reader.read(1, 1000)[0]
    for _ in range(2):
        dead = DeadLetters(tmp_path / "dead", host.clock, 1 << 20)
        dead.add("log", [(item, 400, "x")])
        dead.close()
    with LogReader(tmp_path / "dead") as log:
        assert len(log.read(None, 10).items) == 1
    host.shipper.close()


def test_too_large_is_halved_and_a_single_one_given_up(host: Host) -> None:
    host.spool("log", *"abcdefgh")

    class Strict(Peer):
        def post(self, body: bytes, count: int) -> list[ItemStatus]:
            if count > 2 or b'"id":"c"' in body:
                raise TooLarge(413, "too large")
            return super().post(body, count)

    host.peer = Strict()
    for _ in range(30):
        host.shipper.round()
    assert host.left("log") == []
    assert sorted(name for ids in host.sent() for name in ids) == list("abdefgh")
    assert host.shipper.health()["spools"]["log"]["refused"] == 1
    host.shipper.close()


def test_an_unknown_machine_keeps_its_events_and_says_so(host: Host) -> None:
    host.spool("log", "a")
    host.peer.answers = [NotAllowed(403, "revoked")] * 20
    waits = [host.shipper.round() for _ in range(20)]
    assert max(waits) <= 300
    assert max(waits) > 60
    assert "revoked" in host.shipper.health()["state"]
    assert host.left("log") == ["a"]
    host.shipper.reconnect()
    assert host.shipper.round() == 0
    host.shipper.close()


def test_the_second_budget_paces(tmp_path: Path) -> None:
    host = Host(tmp_path, per_second=1000, items=1)
    host.spool("log", "a", "b", "c")
    for _ in range(50):
        wait = host.shipper.round()
        if not host.left("log"):
            break
        host.clock.move(wait)
    assert len(host.sent()) == 3
    sizes = host.shipper.health()["sent_bytes_today"]
    assert host.clock.monotonic() - 1_700_000_000 >= (sizes - sizes / 3) / 1000 * 0.95
    host.shipper.close()


def test_the_day_budget_keeps_a_tenth_for_urgent_events_and_survives_a_restart(tmp_path: Path) -> None:
    host = Host(tmp_path, per_day=65_536, items=1)
    budget = Budget(tmp_path / "ship" / "budget.json", host.clock, None, 65_536)
    budget.spent(60_000)
    budget.save()
    host.shipper = host.make()
    host.spool("log", "l")
    assert host.shipper.round() > 0
    host.spool("probe", "p")
    host.clock.move(10)
    host.shipper.round()
    assert host.sent() == [["p"]]
    host.clock.move(86_400)
    host.shipper.round()
    assert host.left("log") == []
    host.shipper.close()


def test_back_off_spreads_and_is_bounded() -> None:
    waits = [Backoff(Random(seed)).next_s(5.0) for seed in range(200)]
    assert min(waits) >= 5
    assert max(waits) - min(waits) > 2
    backoff = Backoff(Random(0))
    assert max(backoff.next_s() for _ in range(50)) <= 60


def test_a_node_on_this_machine_is_asked_again_soon_for_a_minute() -> None:
    for seed in range(20):
        backoff = Backoff(Random(seed), near=True)
        waits = [backoff.next_s() for _ in range(100)]
        assert max(waits[:20]) <= 2
        assert 40 <= sum(waits[:50]) <= 100
        assert max(waits[70:]) > 20
    assert is_near("https://127.0.0.1:8444")
    assert is_near("https://[::1]:8444")
    assert is_near("https://localhost:8444")
    assert not is_near("https://127.example.vn:8444")
    assert not is_near("https://[::1")
