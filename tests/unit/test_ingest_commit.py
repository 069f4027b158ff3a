"""The committing thread: group commit, dedupe, back-pressure, and what a failing store means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.ingest.commit import Busy, Committer, Job
from api.ingest.dead import DeadLetters, page
from api.ingest.limits import Limits
from api.ingest.seen import Seen
from api.ingest.stamp import Entry
from correlator.store.base import Mark, Stored, Stream
from correlator.store.embedded import EmbeddedReader
from correlator.store.journal import EmbeddedWriter
from sensors.clock import ManualClock, SystemClock
from sensors.errors import Problem, Unavailable

DOWN = Unavailable(Problem("LT-X", "x", "the store is away"))


class Wrapped(EmbeddedWriter):
    """The real writer, with a hook before each append and a mask over its answers."""

    before: Callable[[], None] = staticmethod(lambda: None)
    mask: Mapping[str, int] = {}
    appends = 0

    def append(self, events: Sequence[Any], stream: Stream = "events", marks: Any = None) -> list[Stored]:
        self.appends += 1
        self.before()
        masked = [Stored(self.mask[e["event"]["id"]]) if e["event"]["id"] in self.mask else None for e in events]
        if any(masked):  # as a store does that takes some items and not others: no mark moves
            kept = [e for e, m in zip(events, masked, strict=True) if m is None]
            rest = iter(super().append(kept, stream, None))
            return [m or next(rest) for m in masked]
        return super().append(events, stream, marks)


class Node:
    def __init__(self, path: Path, **limits: Any) -> None:
        self.path = path
        self.writer, self.reader = Wrapped(path), EmbeddedReader(path)
        self.seen = Seen(path / "state" / "seen.db", SystemClock())
        self.seen.catch_up(self.reader)
        self.dead = DeadLetters(path / "dead", SystemClock())
        self.fatal: list[BaseException] = []
        self.committer = Committer(self.writer, self.reader, self.seen, self.dead, Limits(**limits), self.fatal.append)

    def send(self, *entries: Entry, size: int = 10) -> list[int]:
        return [one.status for one in self.committer.submit(Job(list(entries), size, "s", [])).result(5)]

    def ids(self) -> list[str]:
        page = self.reader.tail(None, 1000)
        return [event["event"]["id"] for event in page.events]  # type: ignore[union-attr]

    def close(self) -> None:
        self.committer.close()
        for part in (self.dead, self.seen, self.writer, self.reader):
            part.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.close()


def ours(epoch: int, sequence: int, key: str = "a:s/log") -> Entry:
    event = {"event": {"id": f"{key}{epoch}-{sequence}"}, "luytre": {}, "observer": {}}
    return Entry(event, "events", key, Mark(epoch, sequence))


def foreign(name: str) -> Entry:
    event = {"event": {"id": name, "ingested": "2099-01-01T00:00:00Z"}, "luytre": {"ingest": {"by": "id"}}}
    return Entry({**event, "observer": {}}, "events", by_id=name)


def test_marks_skip_what_was_stored_and_survive_a_restart(node: Node, tmp_path: Path) -> None:
    assert node.send(ours(1, 1), ours(1, 2), ours(1, 2)) == [201, 201, 200]
    assert node.send(ours(1, 2), ours(1, 3), ours(1, 1, "a:s/packet")) == [200, 201, 201]
    node.close()
    again = Node(tmp_path)
    assert again.send(ours(1, 3), ours(1, 4), ours(2, 1)) == [200, 201, 201]
    again.close()


def test_a_lower_epoch_is_stored_once_and_counted_not_lost(node: Node) -> None:
    assert node.send(ours(5, 1)) == [201]
    assert node.send(ours(3, 1), ours(3, 2)) == [201, 201]
    assert node.send(ours(3, 1), ours(3, 2)) == [200, 200]
    assert node.committer.counters["behind_mark"] == 2


@pytest.mark.parametrize("lose", ["nothing", "file", "garbage"])
def test_foreign_ids_are_stored_once_even_if_their_file_is_lost(node: Node, tmp_path: Path, lose: str) -> None:
    assert node.send(foreign("x"), foreign("x"), foreign("y")) == [201, 200, 201]
    node.close()
    database = tmp_path / "state" / "seen.db"
    if lose == "file":
        database.unlink()
    elif lose == "garbage":
        database.write_bytes(b"garbage" * 1000)
    again = Node(tmp_path)
    assert again.send(foreign("y"), foreign("z")) == [200, 201]
    assert again.ids() == ["x", "y", "z"]
    again.close()


def test_foreign_ids_are_forgotten_after_48_hours(tmp_path: Path) -> None:
    clock = ManualClock()
    seen = Seen(tmp_path / "seen.db", clock)
    reader = EmbeddedReader(tmp_path)
    seen.add(["a"], reader)
    clock.move(47 * 3600)
    seen.add(["b"], reader)
    assert seen.known("a")
    clock.move(2 * 3600)
    seen.add([], reader)
    assert not seen.known("a")
    assert seen.known("b")
    seen.close()
    reader.close()


def test_requests_that_wait_share_one_append(node: Node) -> None:
    gate, inside = threading.Event(), threading.Event()

    def before() -> None:
        inside.set()
        gate.wait(5)

    node.writer.before = before  # type: ignore[method-assign]
    jobs = [node.committer.submit(Job([ours(1, 1)], 1, "s", []))]
    inside.wait(5)
    jobs += [node.committer.submit(Job([ours(1, n)], 1, "s", [])) for n in range(2, 20)]
    gate.set()
    assert all(job.result(5)[0].status == 201 for job in jobs)
    assert node.writer.appends == 2


def test_a_full_queue_is_busy_and_drains(tmp_path: Path) -> None:
    node = Node(tmp_path, queue_bytes=100)
    gate, inside = threading.Event(), threading.Event()

    def before() -> None:
        inside.set()
        gate.wait(5)

    node.writer.before = before  # type: ignore[method-assign]
    first = node.committer.submit(Job([ours(1, 1)], 90, "s", []))
    inside.wait(5)
    with pytest.raises(Busy) as error:
        node.send(ours(1, 2), size=20)
    assert error.value.retry_after_s > 0
    gate.set()
    assert first.result(5)[0].status == 201
    assert node.send(ours(1, 2), size=200) == [201]  # alone, even a large one gets in
    node.close()


def test_a_store_that_is_away_is_429_and_nothing_moves(node: Node) -> None:
    def away() -> None:
        raise DOWN

    node.writer.before = away  # type: ignore[method-assign]
    assert node.send(ours(1, 1), foreign("x")) == [429, 429]
    node.writer.before = lambda: None  # type: ignore[method-assign]
    assert node.send(ours(1, 1), foreign("x")) == [201, 201]
    assert node.fatal == []


def test_partly_refused_by_the_store(node: Node, tmp_path: Path) -> None:
    node.writer.mask = {"a:s/log1-2": 429, "bad": 400}
    assert node.send(ours(1, 1), ours(1, 2), foreign("bad"), foreign("good")) == [201, 429, 400, 201]
    node.writer.mask = {}
    assert node.send(ours(1, 1), ours(1, 2), foreign("good")) == [200, 201, 200]
    letters, _ = page(tmp_path / "dead", None, 10)
    assert len(letters) == 1


def test_a_resend_beside_its_first_sending_is_not_acknowledged_when_that_fails(node: Node) -> None:
    gate, inside = threading.Event(), threading.Event()

    def before() -> None:
        inside.set()
        gate.wait(5)

    node.writer.before = before  # type: ignore[method-assign]
    node.committer.submit(Job([ours(9, 1, "a:s/probe")], 1, "s", []))
    inside.wait(5)
    node.writer.mask = {"a:s/log1-1": 429, "x": 429}
    jobs = [node.committer.submit(Job([ours(1, 1), foreign("x")], 1, "s", [])) for _ in range(2)]  # one group
    gate.set()
    assert [[one.status for one in job.result(5)] for job in jobs] == [[429, 429], [429, 429]]
    node.writer.mask = {}
    assert node.send(ours(1, 1), foreign("x")) == [201, 201]


def test_any_other_failure_ends_the_process_and_answers_nothing_as_stored(node: Node) -> None:
    def broken() -> None:
        raise OSError(5, "EIO")

    node.writer.before = broken  # type: ignore[method-assign]
    with pytest.raises(Busy):
        node.send(ours(1, 1))
    assert [type(error) for error in node.fatal] == [OSError]


def test_the_disk_budget_refuses_and_lets_in_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.ingest.commit.BUDGET_EVERY_S", 0.02)
    node = Node(tmp_path)
    node.committer.close()
    used = [1000]
    monkeypatch.setattr(node.writer, "usage_bytes", lambda: used[0])
    node.committer = Committer(node.writer, node.reader, node.seen, node.dead, Limits(), node.fatal.append, 500)
    assert node.send(ours(1, 1)) == [201]
    with pytest.raises(Busy, match="budget"):
        _send_until_refused(node)
    used[0] = 0
    for _ in range(200):
        try:
            assert node.send(ours(2, 1)) == [201]
            break
        except Busy:
            threading.Event().wait(0.02)
    else:
        raise AssertionError("it never let in again")
    node.close()


def _send_until_refused(node: Node) -> None:
    for n in range(2, 200):
        node.send(ours(1, n))
        threading.Event().wait(0.01)
