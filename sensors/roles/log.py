"""The log role: files, syslog and EVTX into the spool `<data>/spool/log`.

In:  table [log]. Out: events, each with an id made of where it came from; a heartbeat every `heartbeat_s`.
What was read and where each file stands become durable together, so that after kill -9 every line is there once. syslog
has no positions: what the inbox held is lost with the process, as RFC 3164's transports allow; what was refused before
is counted and shown as a gap.
Bound: a batch of 2,000 lines or a MiB; the inbox; the tailer's files; the spool's budget.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from sensors.clock import Clock, SystemClock, rfc3339
from sensors.config import Config, NodeTable, Table
from sensors.daemon import Daemon
from sensors.errors import ConfigError, Place, Problem
from sensors.event import Event, event_id, new_event, put
from sensors.formats.chain import Chain, UnknownFormatError, found, prefer
from sensors.formats.format import Context
from sensors.sources import selftest
from sensors.sources.evtx_folder import EvtxBatch, EvtxFolder
from sensors.sources.followed import Line
from sensors.sources.inbox import Inbox, Message
from sensors.sources.syslog_tcp import SyslogTcp
from sensors.sources.syslog_udp import SyslogUdp, split
from sensors.sources.tail import Tailer
from sensors.sources.waker import Waker
from sensors.spool import SpoolWriter
from sensors.version import version

ROLE = "log"
BATCH_LINES = 2000


class LogFile(Table, frozen=True, kw_only=True):
    path: str  # a glob pattern
    format: str = ""  # a format's or dataset's name; default: found out line by line
    from_end: bool = False  # at the very first start, leave out what is in the files already


class LogTable(Table, frozen=True, kw_only=True):
    """[log]"""

    files: tuple[LogFile, ...] = ()
    evtx: tuple[str, ...] = ()  # glob patterns of Windows event log files that someone puts there
    syslog_udp: str = ""  # host:port
    syslog_tcp: str = ""
    zone: str = ""  # of times without one, such as Asia/Ho_Chi_Minh; default: this machine's
    spool_bytes: int = 1 << 30
    heartbeat_s: float = 30.0
    poll_s: float = 1.0  # how often to look where the file system gives no notice


def run(config: Config, daemon: Daemon) -> int:
    node, table = config.table("node", NodeTable), config.table("log", LogTable)
    check(config, table)
    role = LogRole(node, table, daemon)
    try:
        role.run()
    finally:
        role.close()
    return 0


def check(config: Config, table: LogTable) -> None:
    """What the Struct cannot say: formats, zone and addresses exist. Raises ConfigError with all problems."""
    problems = []

    def problem(key: str, vi: str, en: str) -> None:
        problems.append(Problem("LT-C0301", vi, en, Place(str(config.path), key=f"log.{key}")))

    for number, file in enumerate(table.files):
        try:
            Chain(found(), named=file.format)
        except UnknownFormatError:
            names = ", ".join(sorted({one.dataset for one in found().values()}))
            problem(f"files[{number}].format", f"không có định dạng `{file.format}`; có: {names}",
                    f"no such format `{file.format}`; there are: {names}")  # fmt: skip
        if not Path(file.path).is_absolute():
            problem(f"files[{number}].path", f"`{file.path}` phải là đường dẫn tuyệt đối",
                    f"`{file.path}` must be an absolute path")  # fmt: skip
    for key, where in (("syslog_udp", table.syslog_udp), ("syslog_tcp", table.syslog_tcp)):
        try:
            split(where or "x:1")
        except ValueError:
            problem(key, f"`{where}` không phải máy:cổng", f"`{where}` is not host:port")
    try:
        local_zone(table.zone)
    except (KeyError, ValueError, OSError):
        problem("zone", f"không có múi giờ `{table.zone}`", f"no such time zone `{table.zone}`")
    if problems:
        raise ConfigError(*problems)


def local_zone(name: str) -> tzinfo:
    """The zone of that name; "" is this machine's."""
    if name:
        return ZoneInfo(name)
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


class LogRole:
    def __init__(self, node: NodeTable, table: LogTable, daemon: Daemon, clock: Clock | None = None) -> None:
        self._table, self._daemon, self._clock = table, daemon, clock or SystemClock()
        self._data = node.root
        self._observer = node.observer or socket.gethostname()
        self._zone = local_zone(table.zone)
        self._wake = threading.Event()
        self._counters: Counter[str] = Counter()
        self._lost_reported = 0
        self._spool = SpoolWriter(node.root / "spool" / ROLE, limit_bytes=table.spool_bytes, clock=self._clock,
                                  observer=self._observer)  # fmt: skip
        self._tailer = Tailer([file.path for file in table.files], self._spool.positions, clock=self._clock,
                              at_end=[file.from_end for file in table.files])  # fmt: skip
        self._evtx = EvtxFolder(table.evtx, self._spool.positions, clock=self._clock)
        self._evtx_round: Iterator[EvtxBatch] | None = None
        self._inbox = Inbox(self._wake)
        self._udp = SyslogUdp(table.syslog_udp, self._inbox, self._clock) if table.syslog_udp else None
        self._tcp = SyslogTcp(table.syslog_tcp, self._inbox, self._clock) if table.syslog_tcp else None
        self._waker = Waker(self._wake)
        self._syslog = Chain(found())
        self._chains: dict[tuple[str, str], Chain] = {}
        self._told: dict[str, str] = {}
        self._next_scan = self._next_heartbeat = self._next_report = 0.0

    @property
    def listening(self) -> dict[str, tuple[str, int]]:
        return {name: one.address for name, one in (("udp", self._udp), ("tcp", self._tcp)) if one}

    def run(self) -> None:
        self.step()
        self._daemon.ready("reading")
        while not self._daemon.stop.is_set():
            if not self.step():
                self._wake.wait(self._table.poll_s)
                self._wake.clear()

    def step(self) -> int:
        """One round: look for files when it is time, take what is there. Returns how many events were made."""
        now = self._clock.monotonic()
        made = 0
        if now >= self._next_scan or self._wake.is_set():
            self._next_scan = now + self._table.poll_s
            self._tailer.scan()
            self._waker.watch(self._tailer.folders if self._table.files else ())
            self._evtx_round = self._evtx_round or self._evtx.batches()
            self._take_selftests()
            self._tell(self._tailer.problems | self._evtx.problems)
        made += self._take_lines() + self._take_messages() + self._take_evtx()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + self._table.heartbeat_s
            self._heartbeat()
        if now >= self._next_report:
            self._next_report = now + min(5.0, self._table.heartbeat_s)
            self._report()
        return made

    def close(self) -> None:
        self._waker.close()
        for listener in (self._udp, self._tcp):
            if listener:
                listener.close()
        self._take_messages()
        self._tailer.close()
        self._evtx.close()
        self._spool.close()

    def _take_lines(self) -> int:
        batch = self._tailer.read(BATCH_LINES)
        events = [self._of_line(line) for line in batch.lines if line.data.strip()]
        if events or batch.positions:
            self._append(events, batch.positions)
        return len(events)

    def _of_line(self, line: Line) -> Event:
        chain = self._chain(line)
        event = chain.event(line.data, Context(self._clock.now(), self._zone))
        put(event, "log.file.path", line.path)
        put(event, "log.offset", line.offset)
        return self._finish(event, line.source, str(line.offset), cut=line.cut)

    def _chain(self, line: Line) -> Chain:
        named = self._table.files[line.pattern].format
        key = (named, line.path)
        chain = self._chains.get(key)
        if chain is None:
            if len(self._chains) >= 4096:
                self._chains.clear()
            context = Context(self._clock.now(), self._zone)
            chain = Chain(found(), named=named, prefer=prefer([line.data], found(), line.path, context))
            self._chains[key] = chain
        return chain

    def _take_messages(self) -> int:
        messages = self._inbox.take(BATCH_LINES)
        number = self._spool.next_sequence
        events = [self._of_message(message, number + at) for at, message in enumerate(messages) if message.data.strip()]
        if events:
            self._append(events)
        return len(events)

    def _of_message(self, message: Message, number: int) -> Event:
        event = self._syslog.event(message.data, Context(message.received, self._zone))
        put(event, "log.source.address", message.address)
        put(event, "network.transport", message.transport)
        return self._finish(event, f"syslog:{self._spool.epoch}", str(number), cut=message.cut)

    def _take_evtx(self) -> int:
        """One batch a round, so that other sources are not kept waiting by a folder full of files."""
        batch = next(self._evtx_round, None) if self._evtx_round else None
        if batch is None:
            self._evtx_round = None
            return 0
        events = []
        for record in batch.records:
            if record.payload is None:
                self._counters["malformed"] += 1
                where = {"path": batch.path, "record": record.number}
                self._daemon.log.warning("evtx_record", problem=record.problem, **where)
                continue
            event = self._syslog.payload(record.payload, Context(self._clock.now(), self._zone))
            put(event, "log.file.path", batch.path)
            events.append(self._finish(event, batch.source, str(record.number), cut=False))
        self._append(events, batch.positions)
        return len(events) or 1

    def _take_selftests(self) -> None:
        for path, request in selftest.asked(self._data):
            self._append([selftest.event(request, self._observer, self._clock.now())])
            selftest.done(path)

    def _finish(self, event: Event, source: str, position: str, *, cut: bool) -> Event:
        event["event"]["id"] = event_id(self._observer, source, position)
        event["event"]["created"] = rfc3339(self._clock.now())
        put(event, "agent.type", ROLE)
        if cut:
            put(event, "luytre.truncated", True)
        if "luytre" in event and event["luytre"].get("unparsed"):
            self._counters["unparsed"] += 1
        return event

    def _append(self, events: list[Event], positions: dict[str, str] | None = None) -> None:
        self._spool.append(events, positions)
        self._counters["received"] += len(events)

    def _heartbeat(self) -> None:
        lost = self._inbox.refused + (self._udp.kernel_drops() if self._udp else 0)
        events = []
        if lost > self._lost_reported:
            gap = {"luytre.gap.source": "syslog", "luytre.gap.reason": "receive-buffer-full",
                   "luytre.gap.count": lost - self._lost_reported}  # fmt: skip
            events.append(self._own("luytre.gap", gap))
        beat = {
            "agent.version": version(),
            "luytre.heartbeat.sources": self._sources(),
            "luytre.heartbeat.received": self._counters["received"],
            "luytre.heartbeat.spooled": self._spool.next_sequence - 1,
            "luytre.heartbeat.dropped": sum(self._spool.dropped.values()) + lost,
        }
        events.append(self._own("luytre.heartbeat", beat))
        self._spool.append(events)
        self._lost_reported = lost

    def _own(self, dataset: str, fields: dict[str, object]) -> Event:
        event = new_event(dataset, self._clock.now(), {"event.kind": "event", **fields})
        return self._finish(event, f"{dataset}:{ROLE}:{self._spool.epoch}", str(self._spool.next_sequence), cut=False)

    def _sources(self) -> list[str]:
        table = self._table
        listeners = [f"syslog_{name}:{host}:{port}" for name, (host, port) in self.listening.items()]
        return [*(f"file:{file.path}" for file in table.files), *(f"evtx:{path}" for path in table.evtx), *listeners]

    def _report(self) -> None:
        usage = self._spool.usage_bytes()
        self._daemon.report({**self._counters, "dropped": dict(self._spool.dropped), "spool_bytes": usage,
                             "files": len(self._tailer.paths), "vanished": self._tailer.vanished,
                             "refused": self._inbox.refused, "problems": dict(list(self._told.items())[:20]),
                             "listening": {name: list(at) for name, at in self.listening.items()}})  # fmt: skip

    def _tell(self, problems: dict[str, str]) -> None:
        """Each new problem once in the log, not every second."""
        for path, why in problems.items():
            if self._told.get(path) != why:
                self._daemon.log.warning("source", path=path, problem=why)
        self._told = problems
