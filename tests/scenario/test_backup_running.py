"""The backup of a node whose API runs: by the job, through the local port; what fails is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.jobs import backup as job
from api.local_port import ask
from api.node.init import make_node
from api.node.keeping import ledger
from api.node.keeping.make import create
from api.node.keeping.prove import prove
from api.node.keeping.sealed import read_key
from api.runtime import Runtime
from sensors.clock import ManualClock
from sensors.config import Config
from sensors.logger import logger

NOW = 1_795_400_000.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "phrase").write_text("cụm mật khẩu dùng để thử\n", "utf-8")
    data = tmp_path / "data"
    make_node({"node": {"data": str(data), "agency": "a", "observer": "nut"},
               "api": {"people": "127.0.0.1:0", "machines": "127.0.0.1:0"}, "store": {"kind": "embedded"},
               "backup": {"target": str(tmp_path / "out"), "key": str(tmp_path / "phrase"), "daily": 2, "weekly": 0},
               })  # fmt: skip
    return data


@pytest.fixture
def running(home: Path) -> Iterator[Path]:
    environ = {**os.environ, "LUYTRE_CONFIG": str(home / "luytre.toml"), "PYTHONSAFEPATH": "1"}
    words = [sys.executable, "-m", "api.serve"]
    child = subprocess.Popen(words, env=environ, cwd=Path(__file__).parents[2],
                             stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        _until(lambda: ask(home, "machines") is not None)
        yield home
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def _until(look: Callable[[], bool], limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def node_of(home: Path, clock: ManualClock) -> Runtime:
    config = Config(home / "luytre.toml", environ={})
    return cast("Runtime", SimpleNamespace(config=config, data=home, clock=clock, log=logger("test")))


def run_job(node: Any) -> str:
    said = job.run(node)
    while said in ("begun", "running"):
        time.sleep(0.05)
        said = job.run(node)
    return said


def test_while_the_api_runs_the_job_makes_one_when_it_is_due_and_keeps_to_the_policy(running: Path) -> None:
    assert create(Config(running / "luytre.toml", environ={}), running.parent / "by-hand",
                  read_key(running.parent / "phrase")).manifest.rows["user_account"] == 1  # fmt: skip
    (running / "state" / "backups.json").unlink()
    clock = ManualClock(time.time())
    node = node_of(running, clock)
    assert run_job(node) == "made"
    made = list((running.parent / "out").glob("*.ltk"))
    assert len(made) == 1
    assert prove(made[0], read_key(running.parent / "phrase")).good
    assert job.run(node) == "", "the next is due in a day"
    clock.move(25 * 3600)
    for day in (1, 2, 3):
        (running.parent / "out" / f"luytre-a-2026010{day}T000000Z.ltk").write_bytes(b"old")
    assert run_job(node) == "made"
    assert len(list((running.parent / "out").glob("*.ltk"))) == 2


def test_a_target_that_cannot_be_written_is_told_and_tried_again_later(home: Path) -> None:
    (home.parent / "out").write_text("a file, not a folder")
    clock = ManualClock(NOW)
    node = node_of(home, clock)
    with pytest.raises(RuntimeError):
        run_job(node)
    assert ledger.load(home)["problem"]["vi"]
    assert ledger.load(home)["last_good_at"] is None
    assert job.run(node) == ""
    clock.move(job.RETRY_S + 1)
    with pytest.raises(RuntimeError):
        run_job(node)


def test_without_a_target_nothing_is_ever_made(home: Path) -> None:
    text = (home / "luytre.toml").read_text("utf-8").replace(f'target = "{home.parent}/out"', 'target = ""')
    (home / "luytre.toml").write_text(text, "utf-8")
    assert job.run(node_of(home, ManualClock(NOW))) == ""
    assert not (home.parent / "out").exists()
