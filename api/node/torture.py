"""`luytre torture`: kill -9 each process in turn, at random moments, under load; then account for everything.

    manifest of what was issued   = events in the store          (sensors, spool, ship, ingest, journal)
    rules over the stored events  = hits in the store            (correlator, its checkpoint, deduplication)
    hits by rule and entity       = counts of alerts             (casework's cursor)
    items the agency delivered    = items in the national inbox  (outbox, sequence, receipts)
0 lost and 0 doubled in each, or exit 1. The seed makes the order and the moments repeatable, not the machine's speed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from api.node.exercise.account import Account, account_for
from api.node.exercise.load import Load
from api.node.exercise.world import Site, World
from sensors.errors import EXIT_FAILED

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PAUSE_S = (0.05, 1.5)  # between two kills: shorter and longer than a process needs to start
SETTLE_LIMIT_S = 240.0


@app.command()
def torture(
    kills: Annotated[int, typer.Option(help="số lần giết tiến trình")] = 1000,
    seed: Annotated[int, typer.Option(help="hạt giống ngẫu nhiên")] = 2026,
    agencies: Annotated[int, typer.Option(help="1 | 2")] = 1,
    keep: Annotated[Path | None, typer.Option(help="giữ lại dữ liệu ở thư mục này")] = None,
) -> None:
    """luytre torture --kills 50 --seed 7"""
    folder = keep or Path(tempfile.mkdtemp(prefix="luytre-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder, agencies=agencies, raise_level="medium")
    try:
        world.start()
        loads = [Load(site, number) for number, site in enumerate(world.agencies, 20)]
        for load in loads:
            load.start()
        _kill(world, kills, random.Random(seed))  # noqa: S311  (repeatable on purpose)
        for load in loads:
            load.stop()
        accounts = [account_for(site, world.centre, SETTLE_LIMIT_S) for site in world.agencies]
    finally:
        world.stop()
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    for account in accounts:
        print(account.show(), flush=True)
    print(f"{kills} kills: {_verdict(accounts)}", flush=True)
    if not all(account.clean for account in accounts):
        raise SystemExit(EXIT_FAILED)


def _verdict(accounts: list[Account]) -> str:
    return "0 lost, 0 doubled" if all(account.clean for account in accounts) else "NOT clean"


def _kill(world: World, kills: int, chance: random.Random) -> None:
    """Each process of each node in turn, over and over, wherever it happens to be."""
    targets = [(site, name) for site in world.sites for name in site.supervisor.names()]
    for number in range(kills):
        if number % len(targets) == 0:
            chance.shuffle(targets)
        site, name = targets[number % len(targets)]
        _kill_one(site, name)
        time.sleep(chance.uniform(*PAUSE_S))
        if sys.stderr.isatty() or number % 50 == 49:
            print(f"\r{number + 1}/{kills}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _kill_one(site: Site, name: str) -> None:
    """Wait until the process is there (its supervisor started it moments ago at the latest), then end it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pid = site.supervisor.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.02)
    raise SystemExit(f"{site.code}/{name} did not come back: {site.supervisor.last_words([name])}")
