"""What only the embedded store must promise: its writer may be killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from correlator.store.base import Mark, Page, Retention
from correlator.store.embedded import EmbeddedReader
from correlator.store.journal import RECENT, EmbeddedWriter
from sensors.clock import ManualClock

PROGRAM = """
import sys
from pathlib import Path
from correlator.store.base import Mark
from correlator.store.journal import EmbeddedWriter
writer, sequence = EmbeddedWriter(Path(sys.argv[1])), int(sys.argv[2])
while True:
    events = [{"@timestamp": "2026-11-22T00:00:00Z", "event": {"id": f"id-{n}"}, "x": "y" * 300}
              for n in range(sequence, sequence + 70)]
    sequence += 70
    outcome = writer.append(events, marks={"may/log": Mark(1, sequence)})
    print(sequence, *{one.status for one in outcome}, flush=True)
"""


def events(numbers):
    return [{"@timestamp": "2026-11-22T00:00:00Z", "event": {"id": f"id-{n}"}} for n in numbers]


def tail(data):
    reader, cursor, seen = EmbeddedReader(data), None, []
    while True:
        page = reader.tail(cursor, 5_000)
        assert isinstance(page, Page)
        if not page.events:
            reader.close()
            return seen
        seen += [int(one["event"]["id"][3:]) for one in page.events]
        cursor = page.next


def test_kill_9_of_the_writer_loses_and_doubles_nothing(tmp_path):
    chance = random.Random(8)
    acknowledged = 0
    for _ in range(6):
        start = max(0, acknowledged - 140)  # a shipper that missed the last answers sends again
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, tmp_path, str(start)],
            cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout
        first = child.stdout.readline()
        assert set(first.split()[1:]) <= {"200", "201"}
        time.sleep(chance.random() / 4)
        child.send_signal(signal.SIGKILL)
        for line in [first, *child.stdout.readlines()]:
            if line.endswith("\n"):
                acknowledged = max(acknowledged, int(line.split()[0]))
        child.stdout.close()
        child.wait()
        assert set(range(acknowledged)) <= set(tail(tmp_path))  # before anyone repairs anything
        writer = EmbeddedWriter(tmp_path)
        seen = tail(tmp_path)
        assert seen == list(range(len(seen)))
        assert writer.marks()["may/log"] == Mark(1, len(seen))  # as far as the items, never ahead of them
        writer.close()


def test_ids_are_remembered_across_a_restart_even_after_many_more(tmp_path):
    writer = EmbeddedWriter(tmp_path)
    for start in range(0, 5 * RECENT // 2, 1_000):
        writer.append(events(range(start, start + 1_000)))
    writer.close()
    last = 5 * RECENT // 2
    writer = EmbeddedWriter(tmp_path)
    again = writer.append(events(range(last - RECENT + 1_000, last + 10)))
    assert [one.status for one in again].count(201) == 10
    writer.close()


def test_a_full_disk_is_try_again(tmp_path, monkeypatch):
    from sensors.durable import files

    writer = EmbeddedWriter(tmp_path)
    monkeypatch.setattr(files.RealFiles, "free_bytes", lambda self, folder: 1_000)
    assert [one.status for one in writer.append(events(range(2)))] == [429, 429]
    monkeypatch.undo()
    assert [one.status for one in writer.append(events(range(2)))] == [201, 201]
    writer.close()


def test_the_budget_takes_events_before_hits(tmp_path):
    clock = ManualClock(1_795_000_000.0)
    writer = EmbeddedWriter(tmp_path, clock=clock)
    for day in range(4):
        for stream in ("events", "hits"):
            writer.append(events(range(day * 10, day * 10 + 10)), stream)
        clock.move(86_400)
    policy = Retention(days=3650, limit_bytes=1)
    assert writer.expire(policy, "hits").events == 0
    assert writer.expire(policy, "events").by_budget == 30
    assert writer.expire(policy, "hits").by_budget == 30
    writer.close()
