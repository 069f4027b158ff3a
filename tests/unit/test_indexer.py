"""The indexer keeps the index equal to the journal, whatever happens to either (numbers: partition.py's invariants)."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from correlator.store import partition
from correlator.store.base import EVERYTHING, Query, Retention
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from correlator.store.journal import EmbeddedWriter
from correlator.store.query import parse
from sensors.clock import ManualClock

DAY_S = 86_400


def event(number):
    return {
        "@timestamp": f"2026-11-22T00:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "event": {"id": f"id-{number}", "original": f"dòng số {number}"},
        "organization": {"id": "a"},
    }


class Node:
    def __init__(self, data: Path) -> None:
        self.data, self.clock = data, ManualClock(1_795_000_000.0)
        self.writer = EmbeddedWriter(data, clock=self.clock)
        self.reader = EmbeddedReader(data)
        self.indexer = self.begin()

    def begin(self):
        return StreamIndexer(
            self.data / "journal" / "events", self.data / "index" / "events", heap_bytes=15_000_000, clock=self.clock
        )

    def write(self, *numbers, batch=50):
        for start in range(0, len(numbers), batch):
            self.writer.append([event(number) for number in numbers[start : start + batch]])

    def write_days(self, days, each=30):
        for day in range(days):
            self.write(*range(day * each, (day + 1) * each))
            self.clock.move(DAY_S)

    def catch_up(self):
        while True:
            while self.indexer.step():
                pass
            self.indexer.flush()
            if not self.indexer.step():
                return

    def crash(self):
        """As kill -9 between two calls: what was not committed is gone, nothing is closed in order."""
        here = self.indexer._open
        if here is not None:
            here.writer.rollback()
            here.writer.wait_merging_threads()
        self.indexer._open = None
        self.indexer.close()
        self.indexer = self.begin()

    def found(self, text="*"):
        answer = self.reader.search(EVERYTHING, Query(parse(text), size=1000))
        assert answer.total == len(answer.events)
        return sorted(int(one["event"]["id"][3:]) for one in answer.events), answer.partial

    def close(self):
        self.indexer.close()
        self.reader.close()
        self.writer.close()


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.close()


def folders(node):
    return partition.folders(node.data / "index" / "events")


def test_days_of_the_journal_are_directories(node):
    node.write_days(3)
    node.catch_up()
    assert [path.name[:8] for path in folders(node)] == ["20261118", "20261119", "20261120"]
    assert node.found() == (list(range(90)), "")
    assert [partition.load(path).mark.sealed for path in folders(node)] == [True, True, False]


def test_1_a_crash_between_commit_and_mark_doubles_nothing(node, monkeypatch):
    node.write(*range(100))
    node.catch_up()
    node.write(*range(100, 300))
    with monkeypatch.context() as broken:
        broken.setattr(partition.Partition, "save", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            node.catch_up()
    node.crash()
    node.write(*range(300, 350))
    node.catch_up()
    assert node.found() == (list(range(350)), "")
    node.crash()
    node.catch_up()
    assert node.found() == (list(range(350)), "")


@pytest.mark.parametrize("seed", range(12))
def test_1_crashes_anywhere_leave_index_equal_to_journal(node, monkeypatch, seed):
    chance = random.Random(seed)
    save = partition.Partition.save
    written = 0

    def unsure(self):
        if chance.random() < 0.3:
            raise KeyboardInterrupt
        save(self)

    with monkeypatch.context() as broken:
        broken.setattr(partition.Partition, "save", unsure)
        for _ in range(25):
            count = chance.randrange(1, 60)
            node.write(*range(written, written + count))
            written += count
            node.clock.move(chance.choice([0.1, 1, 60, DAY_S]))
            try:
                for _ in range(chance.randrange(4)):
                    node.indexer.step()
            except KeyboardInterrupt:
                while True:
                    try:
                        node.crash()
                        break
                    except KeyboardInterrupt:
                        continue
            if chance.random() < 0.2:
                node.crash()
    node.catch_up()
    assert node.found() == (list(range(written)), "")


@pytest.mark.parametrize(
    "damage", ["mark missing", "mark garbage", "older schema", "files gone", "directory gone", "meta"]
)
def test_2_a_partition_that_is_not_usable_is_rebuilt(node, damage):
    node.write_days(4)
    node.catch_up()
    node.indexer.close()
    for place in (0, 2, 3):
        folder = folders(node)[place]
        mark = folder / partition.MARK
        match damage:
            case "mark missing":
                mark.unlink()
            case "mark garbage":
                mark.write_bytes(os.urandom(200))
            case "older schema":
                mark.write_text(json.dumps(json.loads(mark.read_text()) | {"version": "0"}))
            case "files gone":
                for path in folder.glob("*.store"):
                    path.unlink()
            case "directory gone":
                shutil.rmtree(folder)
                break
            case "meta":
                (folder / "meta.json").write_text("{")
    node.indexer = node.begin()
    node.indexer.scrub()
    node.catch_up()
    assert node.found() == (list(range(120)), "")
    assert node.found("dong") == (list(range(120)), "")


def test_2_an_index_that_is_gone_is_rebuilt_and_said_to_be_missing(node):
    node.write_days(2)
    node.catch_up()
    node.indexer.close()
    shutil.rmtree(node.data / "index")
    found, partial = node.found()
    assert found == []
    assert partial
    node.indexer = node.begin()
    node.catch_up()
    assert node.found() == (list(range(60)), "")


def test_2_an_index_ahead_of_a_restored_journal_is_rebuilt(node):
    node.write(*range(50))
    shutil.copytree(node.data / "journal", node.data / "backup")
    node.write(*range(50, 80))
    node.catch_up()
    node.indexer.close()
    node.writer.close()
    shutil.rmtree(node.data / "journal")
    (node.data / "backup").rename(node.data / "journal")
    node.writer = EmbeddedWriter(node.data, clock=node.clock)
    node.indexer = node.begin()
    node.catch_up()
    node.reader.close()
    node.reader = EmbeddedReader(node.data)
    assert node.found() == (list(range(50)), "")


def test_3_a_flipped_bit_is_never_served_and_is_repaired(node):
    node.write_days(2, each=20)
    node.catch_up()
    node.indexer.close()
    chance = random.Random(3)
    originals = {f"id-{number}": event(number) for number in range(40)}
    files = [path for folder in folders(node) for path in folder.glob("*.*") if path.suffix not in (".json", ".lock")]
    for path in files:
        whole = path.read_bytes()
        for _ in range(2):
            at = chance.randrange(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"))  # before tantivy's footer
            broken = bytearray(whole)
            broken[at] ^= 1 << chance.randrange(8)
            path.write_bytes(broken)
            assert not partition.sound(path.parent), f"{path.name} at {at} of {len(whole)}"
            path.write_bytes(whole)
    store = max((path for path in files if path.suffix == ".store"), key=lambda path: path.stat().st_size)
    data = bytearray(store.read_bytes())
    data[len(data) // 3] ^= 0x10
    store.write_bytes(data)
    reader = EmbeddedReader(node.data)
    answer = reader.search(EVERYTHING, Query(size=1000))
    assert all(one == originals[one["event"]["id"]] for one in answer.events)
    assert len(answer.events) == 40 or answer.partial
    reader.close()
    node.indexer = node.begin()
    assert node.indexer.scrub() == 1
    node.catch_up()
    assert node.found() == (list(range(40)), "")


def test_retention_drops_the_same_days_in_index_and_journal(node):
    node.write_days(5)
    node.catch_up()
    removed = node.writer.expire(Retention(days=2))
    assert removed.events == 90
    assert node.indexer.expire() == 3
    assert node.found() == (list(range(90, 150)), "")
    node.indexer.close()
    node.indexer = node.begin()
    node.catch_up()
    assert node.found() == (list(range(90, 150)), "")


def test_an_idle_indexer_commits_nothing_and_gives_its_heap_back(node):
    node.write(*range(10))
    node.catch_up()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folders(node)[0].iterdir())
    for _ in range(50):
        node.clock.move(1)
        assert node.indexer.step() == 0
    assert node.indexer._open is None
    after = sorted((path.name, path.stat().st_mtime_ns) for path in folders(node)[0].iterdir())
    assert [one for one in after if not one[0].startswith(".")] == [one for one in before if not one[0].startswith(".")]


def test_a_reader_that_lags_says_so(node):
    node.write(*range(10))
    node.catch_up()
    old = time.time() - 60
    os.utime(folders(node)[0] / partition.MARK, (old, old))
    node.write(*range(10, 20))
    found, partial = node.found()
    assert found == list(range(10))
    assert "chưa theo kịp" in partial


PROGRAM = """
import sys
from pathlib import Path
from correlator.index import run
from sensors.config import Config
from sensors.daemon import Daemon
sys.exit(run(Config(Path(sys.argv[1])), Daemon("index", Path(sys.argv[2]))))
"""


@pytest.mark.slow
def test_the_process_survives_kill_9_and_is_quick(tmp_path):
    config = tmp_path / "luytre.toml"
    config.write_text(f'[node]\ndata = "{tmp_path}"\n[store]\nheap_bytes = 15_000_000\n')
    writer, reader = EmbeddedWriter(tmp_path), EmbeddedReader(tmp_path)
    chance = random.Random(1)
    written = 0

    def start():
        return subprocess.Popen([sys.executable, "-c", PROGRAM, config, tmp_path], cwd=Path(__file__).parents[2])

    process = start()
    for _ in range(8):
        for _ in range(chance.randrange(1, 6)):
            writer.append([event(number) for number in range(written, written + 400)])
            written += 400
            time.sleep(chance.random() / 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = start()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        answer = reader.search(EVERYTHING, Query(size=0))
        if answer.total >= written:
            break
        time.sleep(0.1)
    seen, after = [], None
    while True:
        page = reader.search(EVERYTHING, Query(size=1000, after=after))
        seen += [one["event"]["id"] for one in page.events]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(f"id-{number}" for number in range(written))
    begun = time.monotonic()
    writer.append([event(written)])
    while not reader.fetch(EVERYTHING, [f"id-{written}"]):
        assert time.monotonic() - begun < 5
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    reader.close()
    writer.close()
