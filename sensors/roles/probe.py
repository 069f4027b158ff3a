"""The probe role: is each service of the inventory there? → `service.availability` events in `<data>/spool/probe`.

In:  `[probe] services`. Out: an event per check. `down` only after FAILURES in a row; the first failure is `degraded`,
     so a single lost packet wakes nobody.
Bound: WORKERS checks at a time, one per service; a check ends by its own deadline; services LIMIT_SERVICES.
Own scheduling instead of APScheduler: a heap of times is 20 lines and 3.5 MB less (measured, see probes/README.md).
"""

from __future__ import annotations

import heapq
import queue
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import msgspec

from sensors.clock import Clock, SystemClock, rfc3339
from sensors.config import Config, NodeTable, Table
from sensors.daemon import Daemon
from sensors.errors import ConfigError, Place, Problem
from sensors.event import Event, event_id, new_event
from sensors.probes import Outcome, Probe, found
from sensors.spool import SpoolWriter
from sensors.version import version

ROLE = "probe"
FAILURES = 2
WORKERS = 8
LIMIT_SERVICES = 1000
_BATCH = 200


class Service(Table, frozen=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=130)]  # at the centre also "agency/id": see api/services
    name: str = ""
    system: str = ""  # the information system that it belongs to
    kind: str = "http"
    target: str
    every_s: Annotated[float, msgspec.Meta(ge=0.2, le=86_400)] = 60.0
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    slow_ms: Annotated[float, msgspec.Meta(ge=0, le=120_000)] = 0.0  # what takes longer is slow; 0: nothing is


class ProbeTable(Table, frozen=True, kw_only=True):
    services: tuple[Service, ...] = ()
    spool_bytes: int = 64 << 20
    heartbeat_s: float = 30.0


def run(config: Config, daemon: Daemon) -> int:
    node, table = config.table("node", NodeTable), config.table("probe", ProbeTable)
    probes = found()
    check(config.path, table, probes)
    observer = node.observer or socket.gethostname()
    spool = SpoolWriter(node.root / "spool" / ROLE, limit_bytes=table.spool_bytes, observer=observer)
    role = ProbeRole(table, probes, spool, observer, daemon, SystemClock())
    try:
        daemon.ready(f"{len(table.services)} services")
        role.run()
    finally:
        role.close()
        spool.close()
    return 0


def check(path: Path, table: ProbeTable, probes: dict[str, Probe]) -> None:
    """Kinds and targets that cannot be probed refuse to start, all of them named."""
    problems = []
    seen: set[str] = set()
    for at, service in enumerate(table.services):
        key = f"probe.services[{at}]"
        probe = probes.get(service.kind)
        wrong = f"kind: {', '.join(probes)}" if probe is None else probe.accepts(service.target)
        if wrong:
            problems.append(Problem("LT-C0303", f"dịch vụ `{service.id}` không thăm dò được; cần {wrong}",
                                    f"service `{service.id}` cannot be probed; expected {wrong}",
                                    Place(str(path), key=key)))  # fmt: skip
        if service.id in seen:
            problems.append(Problem("LT-C0304", f"trùng mã dịch vụ `{service.id}`", f"service id `{service.id}` twice",
                                    Place(str(path), key=key)))  # fmt: skip
        seen.add(service.id)
    if len(table.services) > LIMIT_SERVICES:
        problems.append(Problem("LT-C0305", f"tối đa {LIMIT_SERVICES} dịch vụ", f"at most {LIMIT_SERVICES} services",
                                Place(str(path), key="probe.services")))  # fmt: skip
    if problems:
        raise ConfigError(*problems)


class ProbeRole:
    def __init__(self, table: ProbeTable, probes: dict[str, Probe], spool: SpoolWriter, observer: str, daemon: Daemon,
                 clock: Clock) -> None:  # fmt: skip
        self._table, self._probes, self._spool = table, probes, spool
        self._observer, self._daemon, self._clock = observer, daemon, clock
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="probe")
        self._done: queue.SimpleQueue[tuple[Service, float, Outcome]] = queue.SimpleQueue()
        now = clock.monotonic()
        # Spread over the first interval (at most 5 s), so that a thousand services are not asked in one moment.
        dice = random.Random(0)  # noqa: S311
        self._due = [(now + dice.uniform(0, min(one.every_s, 5.0)), at) for at, one in enumerate(table.services)]
        heapq.heapify(self._due)
        self._failures: dict[str, int] = {}
        self._life = f"{time.time_ns()}"
        self._count = self._received = 0
        self._heartbeat_at = now

    def run(self) -> None:
        while not self._daemon.stop.is_set():
            now = self._clock.monotonic()
            while self._due and self._due[0][0] <= now:
                service = self._table.services[heapq.heappop(self._due)[1]]
                self._pool.submit(self._one, service)
            events = self._take()
            if now >= self._heartbeat_at:
                self._heartbeat_at = now + self._table.heartbeat_s
                events.append(self._heartbeat())
                down = sum(failures >= FAILURES for failures in self._failures.values())
                self._daemon.report({"checks": self._received, "down": down, "dropped": dict(self._spool.dropped)})
            if events:
                self._spool.append(events)
            self._clock.wait(self._daemon.stop, 0.1)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, service: Service) -> None:
        at = self._clock.now()
        try:
            outcome = self._probes[service.kind].check(service.target, service.timeout_s)
        except Exception as error:  # a probe that breaks must not end the others
            self._daemon.log.error("probe failed", service=service.id, error=repr(error)[:200])
            outcome = Outcome("degraded", "probe-error")
        self._done.put((service, at, outcome))

    def _take(self) -> list[Event]:
        events: list[Event] = []
        while len(events) < _BATCH:
            try:
                service, at, outcome = self._done.get_nowait()
            except queue.Empty:
                break
            events.append(self._event(service, at, outcome))
            # From when the check began, and never twice at a time: a slow target is asked less often.
            again = self._clock.monotonic() + max(0.0, service.every_s - (self._clock.now() - at))
            heapq.heappush(self._due, (again, self._table.services.index(service)))
        return events

    def _event(self, service: Service, at: float, outcome: Outcome) -> Event:
        self._received += 1
        failures = self._failures.get(service.id, 0) + 1 if outcome.state == "down" else 0
        self._failures[service.id] = failures
        state = "degraded" if 0 < failures < FAILURES else outcome.state
        latency = outcome.latency_ms
        fields = {
            "event.kind": "event", "event.category": ["network"], "event.type": ["info"],
            "event.outcome": "failure" if outcome.state == "down" else "success",
            "event.duration": int(latency * 1e6) if latency is not None else None,
            "service.id": service.id, "service.name": service.name or service.id, "service.type": service.kind,
            "service.state": state, "luytre.probe.kind": service.kind, "luytre.probe.system": service.system or None,
            "luytre.probe.latency_ms": latency, "luytre.probe.reason": outcome.reason or None,
            "luytre.probe.failures": failures, "luytre.probe.every_s": service.every_s,
            "luytre.probe.slow_ms": service.slow_ms or None, **outcome.fields,
        }  # fmt: skip
        return self._finish(new_event("service.availability", at, fields), f"probe:{service.id}")

    def _heartbeat(self) -> Event:
        fields = {
            "event.kind": "event",
            "agent.version": version(),
            "luytre.heartbeat.sources": [f"{one.kind}:{one.id}" for one in self._table.services[:100]],
            "luytre.heartbeat.received": self._received,
            "luytre.heartbeat.spooled": self._spool.next_sequence - 1,
            "luytre.heartbeat.dropped": sum(self._spool.dropped.values()),
        }
        return self._finish(new_event("luytre.heartbeat", self._clock.now(), fields), "luytre.heartbeat:probe")

    def _finish(self, event: Event, source: str) -> Event:
        self._count += 1
        event["event"]["id"] = event_id(self._observer, source, f"{self._life}:{self._count}")
        event["event"]["created"] = rfc3339(self._clock.now())
        event["agent"] = {**event.get("agent", {}), "type": ROLE}
        return event
