"""A sensor's machine is put back from a snapshot, or cloned: no event that differs is swallowed, none is doubled.

Real spools and the real committer; the network between is a function that hands over the spool's bytes. The snapshot is
a copy of the spool's folder, as a hypervisor takes it: epoch, sequences and acknowledgement all go back.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.auth.ca import Name
from api.ingest.check import check
from api.ingest.commit import Committer, Job
from api.ingest.dead import DeadLetters
from api.ingest.limits import LIMITS
from api.ingest.seen import Seen
from api.ingest.stamp import Entry, Stamp
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from correlator.store.journal import EmbeddedWriter
from sensors.clock import SystemClock
from sensors.event import event_id, get, new_event
from sensors.spool import SpoolReader, SpoolWriter

WEB = Name("so-y-te", "sensor", "web-1")


class Node:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer, self.reader = EmbeddedWriter(path), EmbeddedReader(path)
        self.seen = Seen(path / "state" / "seen.db", SystemClock())
        self.seen.catch_up(self.reader)
        self.dead = DeadLetters(path / "dead", SystemClock())
        self.committer = Committer(self.writer, self.reader, self.seen, self.dead, LIMITS, pytest.fail)

    def take(self, bodies: list[bytes], name: Name = WEB) -> list[int]:
        stamp = Stamp(name, SystemClock().now(), self.committer.streams_of(name.agency, name.name))
        entries: list[Entry] = []
        for body in bodies:
            event = check(body, LIMITS)
            assert isinstance(event, dict), event
            entries.append(stamp(event, None, body))
        return [one.status for one in self.committer.submit(Job(entries, 1, name.id, [])).result(10)]

    def messages(self) -> Counter[str]:
        page = self.reader.tail(None, 10_000)
        return Counter(get(event, "message") for event in page.events)  # type: ignore[union-attr]

    def close(self) -> None:
        self.committer.close()
        for part in (self.dead, self.seen, self.writer, self.reader):
            part.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "node")
    yield made
    made.close()


def write(folder: Path, *messages: str) -> None:
    """What a sensor does after its start: the events' own ids are places in a file, so they repeat after a restore."""
    with SpoolWriter(folder, observer="web-1") as spool:
        at = int(spool.positions.get("file", "0"))
        events = [
            new_event("test", 1_795_000_000.0 + at + n, {"event.id": event_id("web-1", "file", str(at + n)),
                                                         "agent.type": "log", "message": message})
            for n, message in enumerate(messages)
        ]  # fmt: skip
        spool.append(events, {"file": str(at + len(messages))})


def ship(folder: Path, node: Node, *, lose_answer: bool = False) -> list[int]:
    with SpoolReader(folder) as reader:
        items = reader.read(1000, 1 << 20)
        if not items:
            return []
        answers = node.take([item.event_bytes for item in items])
        if not lose_answer:
            reader.ack(items[-1].position)
        return answers


def test_a_machine_put_back_from_a_snapshot_loses_nothing_and_doubles_nothing(node: Node, tmp_path: Path) -> None:
    spool, snapshot = tmp_path / "spool" / "log", tmp_path / "snapshot"
    write(spool, "một", "hai")
    assert ship(spool, node) == [201, 201]
    write(spool, "ba, chưa gửi khi chụp")
    shutil.copytree(spool, snapshot)
    assert ship(spool, node) == [201]
    write(spool, "bốn", "năm", "sáu")
    assert ship(spool, node) == [201, 201, 201]

    shutil.rmtree(spool)
    shutil.copytree(snapshot, spool)  # the hypervisor's "revert"
    assert ship(spool, node) == [200], "what was in the snapshot and had been stored is known again"
    write(spool, "bốn khác", "năm khác")
    assert ship(spool, node, lose_answer=True) == [201, 201], "other events under numbers that were used before"
    assert ship(spool, node) == [200, 200], "and they too are stored once"
    write(spool, "sáu khác", "bảy khác", "tám khác")
    assert ship(spool, node) == [201, 201, 201]
    assert set(node.messages().values()) == {1}
    assert len(node.messages()) == 11
    assert node.committer.counters["behind_mark"] == 3


def test_a_clone_that_runs_beside_the_original_is_heard(node: Node, tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "log", tmp_path / "two" / "log"
    write(one, "chung")
    ship(one, node)
    shutil.copytree(one, two)
    for turn in range(5):
        write(one, f"gốc {turn}")
        write(two, f"bản sao {turn}")
        assert ship(one, node) == [201]
        assert ship(two, node) == [201]
    assert set(node.messages().values()) == {1}
    assert len(node.messages()) == 11


def test_a_lost_acknowledgement_sends_everything_again_and_nothing_is_doubled_behind_the_memory(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole spool comes again; of the newest ids only a few are in memory: the rest is found in the index."""
    monkeypatch.setattr("correlator.store.journal.RECENT", 5)
    spool = tmp_path / "spool" / "log"
    write(spool, *(f"dòng {n}" for n in range(40)))
    assert set(ship(spool, node)) == {201}
    indexer = StreamIndexer(node.path / "journal" / "events", node.path / "index" / "events")
    while indexer.step():
        pass
    indexer.flush()
    indexer.close()
    (spool / "reader" / "ack").unlink()
    assert set(ship(spool, node)) == {200}
    assert len(node.messages()) == 40


def test_a_sensor_cannot_take_the_id_of_anothers_next_event(node: Node, tmp_path: Path) -> None:
    spool = tmp_path / "spool" / "log"
    write(spool, "đăng nhập sai")
    with SpoolReader(spool) as reader:
        body = reader.read(1, 1 << 20)[0].event_bytes
    assert node.take([body], Name("so-y-te", "sensor", "bi-chiem")) == [201]
    assert ship(spool, node) == [201]
    assert node.messages() == {"đăng nhập sai": 2}


def test_what_the_release_before_stored_under_the_sensors_own_id_is_known_again(node: Node, tmp_path: Path) -> None:
    """An upgrade between the node's fsync and the sensor's acknowledgement: one batch comes again under new ids."""
    spool = tmp_path / "spool" / "log"
    write(spool, "trước nâng cấp")
    with SpoolReader(spool) as reader:
        body = reader.read(1, 1 << 20)[0].event_bytes
    old = check(body, LIMITS)
    assert isinstance(old, dict)
    entry = Stamp(WEB, SystemClock().now(), set())(old, None, body)
    entry.event["event"]["id"] = entry.claimed_id
    assert entry.mark is not None
    node.writer.append([entry.event], "events", {entry.key: entry.mark})
    node.close()
    indexer = StreamIndexer(node.path / "journal" / "events", node.path / "index" / "events")
    while indexer.step():
        pass
    indexer.flush()
    indexer.close()
    again = Node(node.path)
    assert ship(spool, again) == [200]
    again.close()
    node.__init__(node.path)  # type: ignore[misc]  # the fixture closes it
