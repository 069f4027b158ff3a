"""The packet role: interfaces and a drop folder of captures → events → this role's spool.

In:  [packet] of luytre.toml. Out: events in `<data>/spool/packet`, health in `<data>/run/`. No upstream connection, no
keys; only this role's process imports scapy, and only when it captures live.
After kill -9 the drop folder goes on exactly where the spool ends; of a live capture the flows that were open are lost
(they are in memory), all events that were spooled are kept. SIGTERM writes open flows out.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensors.clock import Clock, SystemClock, rfc3339
from sensors.config import Config, NodeTable, Table
from sensors.daemon import Daemon
from sensors.errors import EXIT_OK, ConfigError, Place, Problem
from sensors.event import Event, event_id, new_event, put
from sensors.packets.licence import guard
from sensors.version import version

NAME = "packet"
_BATCH_EVENTS = 1000


class PacketTable(Table, frozen=True, kw_only=True):
    """[packet]"""

    interfaces: tuple[str, ...] = ()
    bpf: str = ""
    promiscuous: bool = True
    pcap_folder: str = ""
    pcap_settle_s: float = 2.0
    checksums: bool = False  # hosts that capture their own traffic see wrong ones: the card fills them in later
    limit_flows: int = 100_000
    spool_limit_bytes: int = 1 << 30
    heartbeat_s: float = 30.0
    flush_s: float = 1.0
    memory_limit_mb: int = 768  # above it, older flows are no longer read for their protocol; counted


def run(config: Config, daemon: Daemon) -> int:
    guard()
    node, table = config.table("node", NodeTable), config.table(NAME, PacketTable)
    if not table.interfaces and not table.pcap_folder:
        raise ConfigError(
            Problem(
                "LT-C0302",
                "[packet] cần `interfaces` hoặc `pcap_folder`",
                "[packet] needs `interfaces` or `pcap_folder`",
                Place(str(config.path), key="packet"),
            )
        )
    from sensors.spool.writer import SpoolWriter

    observer = node.observer or socket.gethostname()
    spool = SpoolWriter(node.root / "spool" / NAME, limit_bytes=table.spool_limit_bytes)
    try:
        return _Role(table, daemon, spool, observer, SystemClock()).run()
    finally:
        spool.close()


class _Role:
    def __init__(self, table: PacketTable, daemon: Daemon, spool: Any, observer: str, clock: Clock) -> None:
        from sensors.packets.pipeline import Pipeline
        from sensors.sources.pcap_folder import PcapFolder

        self._table, self._daemon, self._spool = table, daemon, spool
        self._observer, self._clock = observer, clock
        self._pipeline = Pipeline(checksums=table.checksums, limit_flows=table.limit_flows)
        self._live: Any = None
        if table.interfaces:
            from sensors.sources.live import LiveCapture

            self._live = LiveCapture(table.interfaces, table.bpf, promiscuous=table.promiscuous)
        self._folder: PcapFolder | None = None
        if table.pcap_folder:
            Path(table.pcap_folder).mkdir(parents=True, exist_ok=True)
            self._folder = PcapFolder(Path(table.pcap_folder), spool.positions, settle_s=table.pcap_settle_s,
                                      checksums=table.checksums, limit_flows=table.limit_flows)  # fmt: skip
        self._run = f"{time.time_ns()}"  # names this life of the process in the ids of live events
        self._ordinal = 0
        self._waiting: list[Event] = []
        self._received = self._spooled = self._faulty = 0
        self._next_flush = self._next_heartbeat = 0.0

    def run(self) -> int:
        self._daemon.ready("bắt gói tin" if self._live else "đọc thư mục pcap")
        try:
            while not self._daemon.stop.is_set():
                self._turn()
        finally:
            if self._live:
                self._live.close()
        self._keep(self._pipeline.finish())
        self._flush()
        self._report()
        return EXIT_OK

    def _turn(self) -> None:
        """One round: frames, a step of the drop folder, what is due by time."""
        busy = False
        if self._folder:
            batch = self._folder.step()
            if batch is not None:
                self._store(batch.events, batch.source, batch.first, batch.positions, batch.path)
            busy = batch is not None or self._folder.busy
            for problem in self._folder.problems:
                self._faulty += 1
                self._daemon.log.warning("capture", problem=problem)
            self._folder.problems.clear()
        if self._live:
            frames = self._live.read(0.0 if busy else 0.2)
            self._received += len(frames)
            for frame in frames:
                self._keep(self._pipeline.feed(frame))
            if not frames:
                self._keep(self._pipeline.advance(time.time_ns()))
        elif not busy:
            self._clock.wait(self._daemon.stop, 0.2)
        now = self._clock.monotonic()
        if now >= self._next_flush or len(self._waiting) >= _BATCH_EVENTS:
            self._flush()
            self._next_flush = now + self._table.flush_s
            self._watch_memory()
        if now >= self._next_heartbeat:
            self._heartbeat()
            self._report()
            self._next_heartbeat = now + self._table.heartbeat_s

    def _keep(self, events: Sequence[Event]) -> None:
        self._waiting.extend(events)

    def _flush(self) -> None:
        if self._waiting:
            events, self._waiting = self._waiting, []
            self._store(events, f"live:{self._run}", self._ordinal, {}, None)
            self._ordinal += len(events)

    def _store(self, events: Sequence[Event], source: str, first: int, positions: Any, path: Path | None) -> None:
        created = rfc3339(self._clock.now())
        for ordinal, event in enumerate(events, first):
            event["event"]["id"] = event_id(self._observer, source, str(ordinal))
            event["event"]["created"] = created
            put(event, "agent.type", NAME)
            if path is not None:
                put(event, "log.file.path", str(path))
        self._spool.append(events, positions)
        self._spooled += len(events)

    def _watch_memory(self) -> None:
        """Each parser has its bound, but an attacker may fill very many at once."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        if pages * resource.getpagesize() > self._table.memory_limit_mb << 20:
            self._pipeline.shed()
            self._daemon.log.warning("memory", limit_mb=self._table.memory_limit_mb)

    def _heartbeat(self) -> None:
        sources = list(self._table.interfaces) + ([self._table.pcap_folder] if self._folder else [])
        counts = self._counts()
        beat = new_event(
            "luytre.heartbeat",
            self._clock.now(),
            {
                "event.kind": "metric",
                "agent.version": version(),
                "luytre.heartbeat.sources": sources,
                "luytre.heartbeat.received": counts["received"],
                "luytre.heartbeat.spooled": counts["spooled"],
                "luytre.heartbeat.dropped": counts["dropped"],
            },
        )
        self._store([beat], f"heartbeat:{self._run}", round(self._clock.monotonic() * 1000), {}, None)

    def _counts(self) -> dict[str, int]:
        dropped = sum(self._spool.dropped.values()) + self._pipeline.evicted
        if self._live:
            dropped += self._live.count_drops()
        received = self._received + (self._folder.packets if self._folder else 0)
        return {"received": received, "spooled": self._spooled, "dropped": dropped}

    def _report(self) -> None:
        folder = self._folder
        self._daemon.report(
            {
                **self._counts(),
                "flows_open": self._pipeline.flows,
                "flows_evicted": self._pipeline.evicted,
                "captures_read": folder.files_done if folder else 0,
                "captures_faulty": self._faulty,  # passed over or read only in part; the log says which and why
                "reasons": dict(self._pipeline.counters),
            }
        )
