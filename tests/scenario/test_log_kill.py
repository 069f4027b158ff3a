"""kill -9 of the real log role at random moments, while its files are written and rotated: every line once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from sensors.durable.log import LogReader
from sensors.spool.item import unframe

REPOSITORY = Path(__file__).resolve().parents[2]


def start(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sensors.cli", "log", "--config", str(config)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def spooled(folder: Path) -> list[dict[str, object]]:
    reader, events, after = LogReader(folder), [], None
    while True:
        batch = reader.read(after, 5000)
        for _, item in batch.items:
            found = unframe(item, 0)
            assert found
            events.append(json.loads(found.event_bytes))
        if batch.next == after:
            return events
        after = batch.next


def write(folder: Path, seed: int, stop: threading.Event, written: list[str]) -> None:
    """Like a busy daemon under logrotate: numbered lines, sometimes half a line, renamed away now and then."""
    chance, number, rotation = random.Random(seed), 0, 0
    path = folder / "app.log"
    file = path.open("ab", buffering=0)
    while not stop.is_set():
        for _ in range(chance.randrange(1, 40)):
            line = f"2026-11-22T05:00:00Z h app[1]: line {number} {'x' * chance.randrange(60)}"
            cut = chance.randrange(len(line))
            file.write(line[:cut].encode())
            file.write(line[cut:].encode() + b"\n")
            written.append(line)
            number += 1
        if chance.random() < 0.04:
            rotation += 1
            path.rename(folder / f"app.log.{rotation}")
            if chance.random() < 0.5:  # a writer that has not reopened yet
                written.append(f"late {number}")
                file.write(f"late {number}\n".encode())
                number += 1
            file.close()
            file = path.open("ab", buffering=0)
        time.sleep(chance.random() * 0.01)
    file.close()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_every_line_is_spooled_once(tmp_path: Path, seed: int) -> None:
    logs, data = tmp_path / "logs", tmp_path / "data"
    logs.mkdir()
    config = tmp_path / "luytre.toml"
    config.write_text(
        f'[node]\ndata = "{data}"\n[log]\nfiles = [{{path = "{logs}/app.log*"}}]\npoll_s = 0.05\nheartbeat_s = 0.5\n',
        encoding="utf-8",
    )
    written: list[str] = []
    stop = threading.Event()
    writer = threading.Thread(target=write, args=(logs, seed, stop, written))
    writer.start()
    chance = random.Random(seed + 100)
    for _ in range(8 if seed == 1 else 40):
        process = start(config)
        time.sleep(0.25 + chance.random() * 0.6)
        process.kill()
        process.wait()
    stop.set()
    writer.join()
    process = start(config)
    try:
        ends = time.monotonic() + 30
        while time.monotonic() < ends and len(lines(data)) < len(written):
            time.sleep(0.3)
        time.sleep(0.5)
    finally:
        process.terminate()
        assert process.wait(10) == 0
    got = Counter(lines(data))
    assert [line for line in written if not got[line]] == []
    assert [line for line, count in got.items() if count > 1] == []
    events = spooled(data / "spool" / "log")
    ids = Counter(str(event["event"]["id"]) for event in events)  # type: ignore[index]
    assert max(ids.values()) == 1
    sequences = [event["event"]["sequence"] for event in events]  # type: ignore[index]
    assert sequences == sorted(sequences)
    assert len({event["luytre"]["spool"]["epoch"] for event in events}) == 1  # type: ignore[index]


def lines(data: Path) -> list[str]:
    if not (data / "spool" / "log").is_dir():
        return []
    events = spooled(data / "spool" / "log")
    return [str(event["event"]["original"]) for event in events if "original" in event["event"]]  # type: ignore[index,operator]
