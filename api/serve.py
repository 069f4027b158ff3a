"""`luytre-api serve`: the one process that serves people and machines, writes the journal and writes the database.

    people's port ──┐                        ┌── casework: hits → alerts (a thread)
    machine port  ──┼── one Database,        ├── jobs (APScheduler, two threads)
    local socket  ──┘   EventWriter, Reader  └── run/luytre-api.json every few seconds

One event loop carries the three servers; what blocks (SQL, argon2, the event store) runs in threads. SIGTERM stops
accepting, lets answers end, then closes the log. kill -9 is a normal way to stop: the start recovers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn

from api import local_port, people_port
from api.app import create_app
from api.audit import Audit
from api.auth import users
from api.casework.fold import Casework
from api.config import ApiTable
from api.federation.config import settings
from api.federation.raising import policy_of
from api.jobs._scheduler import Scheduler
from api.live import Live
from api.machine import machine_app
from api.notices import matters
from api.runtime import Runtime
from api.state.base import Database
from api.state.migrate import migrate
from correlator.store import open_reader, open_writer
from correlator.store.config import StoreTable
from sensors.clock import SystemClock
from sensors.config import Config, NodeTable
from sensors.daemon import Daemon
from sensors.errors import EXIT_INTERRUPTED, EXIT_OK, LuytreError
from sensors.logger import Logger

REPORT_S = 5.0
POLL_S = 0.25  # how often casework looks for new hits when there were none
# Many hits that are not yet a full page: each page has a price of its own (its statements, its sync, kept pages of the
# queue that are made anew, a text to each screen), so in a storm two a second are folded instead of four.
MANY, STORM_S = 50, 0.5
PAUSE_S = 2.0  # after an error of the store, before casework tries again
# Answers wait for the interpreter behind casework and ingest, several times each: a fifth of Python's own 5 ms.
SWITCH_S = 0.001


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="luytre-api")
    parser.add_argument("command", nargs="?", choices=("serve",), default="serve")
    parser.add_argument("--config", type=Path, help="luytre.toml; default: LUYTRE_CONFIG, /etc/luytre/luytre.toml")
    wanted = parser.parse_args(argv)
    try:
        return serve(Config(wanted.config))
    except LuytreError as error:
        print(error.show(), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def serve(config: Config) -> int:
    node_table, api_table = config.table("node", NodeTable), config.table("api", ApiTable)
    config.table("store", StoreTable)  # all tables are looked at before anything is opened
    tls = people_port.wants_tls(api_table)
    machine_host, machine_port = people_port.listen_at(api_table.machines, "api.machines")
    sys.setswitchinterval(SWITCH_S)
    daemon = Daemon("luytre-api", node_table.root)
    config.keep(node_table.root, "luytre-api")
    _route_logs(daemon.log)
    with contextlib.ExitStack() as opened:
        clock = SystemClock()
        db = Database(api_table.database or node_table.root / "state" / "luytre.db")
        opened.callback(db.close)
        migrate(db)
        with db.write() as session:
            users.ensure_agency(session, node_table.agency, node_table.name, clock.now())
        writer = open_writer(config)
        opened.callback(writer.close)
        reader = open_reader(config)
        opened.callback(reader.close)
        node = Runtime(
            config=config, node=node_table, api=api_table, db=db, reader=reader, writer=writer,
            audit=Audit(node_table.root / "keys" / "audit.head", clock.now), log=daemon.log, clock=clock, tls=tls,
        )  # fmt: skip
        machines = machine_app(node)
        opened.callback(machines.close)
        app = create_app(node)
        policy = policy_of(settings(config), node.bell, node.audit, exercise=node_table.exercise)
        casework = Casework(db, reader, clock, node.bell, node_table.agency, matters.policy_of(policy))
        app.state.casework = casework
        node.counters["casework"] = lambda: asdict(casework.counters) | {"lag_s": casework.lag_s()}
        context = people_port.tls_context(api_table, node_table.root / "keys") if tls else None
        assert node.machines is not None  # the machine port has set it
        local = local_port.Node(node_table, db, node.audit, node.machines, clock, api_table.refused_passwords)
        machines.start()
        scheduler = Scheduler(node)
        scheduler.start()
        opened.callback(scheduler.close)
        thread = threading.Thread(target=_fold, args=(casework, daemon), name="casework", daemon=True)
        thread.start()
        opened.callback(thread.join, 10)
        opened.callback(daemon.stop.set)
        socket = local_port.listen(node_table.root)
        opened.callback(socket.close)
        people = _Server(people_port.uvicorn_config(app, api_table, context))
        machine = _Server(machines.server(machine_host, machine_port, api_table.connections))
        local_server = _Server(
            uvicorn.Config(
                local_port.local_app(local), http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
                timeout_graceful_shutdown=people_port.STOP_S,
            )
        )  # fmt: skip
        asyncio.run(_run(daemon, node, app.state.live, people, machine, local_server, socket))
    return EXIT_OK


class _Server(uvicorn.Server):
    """uvicorn's, with signals left to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(
    daemon: Daemon, node: Runtime, live: Live, people: _Server, machine: _Server, local_server: _Server, socket: Any
) -> None:
    tasks = [
        asyncio.create_task(people.serve()),
        asyncio.create_task(machine.serve()),
        asyncio.create_task(local_server.serve(sockets=[socket])),
    ]
    servers = (people, machine, local_server)
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks):
            break
        await asyncio.sleep(0.02)
    else:
        daemon.ready(f"people {node.api.people}, machines {node.api.machines}")
        node.log.info("serving", people=node.api.people, machines=node.api.machines, tls=node.tls)
    report = asyncio.create_task(_report(daemon, node))
    stop = asyncio.create_task(_until(daemon.stop))
    await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    node.log.info("stopping")
    daemon.stop.set()
    await live.close()  # open streams would keep the server waiting
    for server in servers:
        server.should_exit = True
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    report.cancel()
    stop.cancel()
    await asyncio.gather(report, stop, return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error


async def _until(stop: threading.Event) -> None:
    while not stop.is_set():  # noqa: ASYNC110  # set by a signal or the watch on our parent, outside the loop
        await asyncio.sleep(0.1)


async def _report(daemon: Daemon, node: Runtime) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        try:
            counters = {name: count() for name, count in list(node.counters.items())}
            await asyncio.to_thread(daemon.report, counters)
        except OSError as error:
            node.log.error("cannot report", error=str(error))


def _fold(casework: Casework, daemon: Daemon) -> None:
    """Casework's thread: page after page; an error is told once and tried again, the place has not moved."""
    troubled = False
    while not daemon.stop.is_set():
        try:
            read = casework.step()
            if troubled:
                troubled = False
                daemon.log.info("casework goes on")
        except Exception as error:
            if not troubled:
                daemon.log.exception("casework stopped", error=type(error).__name__)
            troubled, read = True, 0
            daemon.stop.wait(PAUSE_S)
        if not read:
            daemon.stop.wait(POLL_S)
        elif read >= MANY and not casework.counters.behind:
            daemon.stop.wait(STORM_S)


class _IntoOurLog(logging.Handler):
    """Libraries' log lines in our form: JSON, one line each."""

    def __init__(self, log: Logger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self._log.error(record.getMessage()[:1000], source=record.name, exc_info=record.exc_info)
        else:
            self._log.warning(record.getMessage()[:1000], source=record.name)


def _route_logs(log: Logger) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_IntoOurLog(log)]
    root.setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
