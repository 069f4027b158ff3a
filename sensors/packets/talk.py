"""What is spoken in one flow: finds the dissector by port and first bytes, feeds it, turns its findings into events.

In:  datagrams or in-order stream chunks. Out: finished events in `out`, the protocol's name on the flow.
Bound: BUDGET_BYTES of a stream (and DATAGRAMS datagrams) are looked at before a flow counts as unknown; SWITCHES
changes of protocol; EVENTS events a flow. A dissector that raises (a bug of ours, never a peer's right) ends for its
flow only and is counted as `crashed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sensors.clock import rfc3339
from sensors.event import Event, put
from sensors.protocols import Context, Dissector, Finding, Record, Session, Stop, Switch

if TYPE_CHECKING:
    from sensors.packets.flow import Flow

BUDGET_BYTES, DATAGRAMS, SWITCHES, EVENTS = 4096, 4, 4, 100_000


class Speech:
    """Shared by all flows of a pipeline: the dissectors by transport and port, where events go, the counters."""

    def __init__(self, dissectors: Mapping[str, Dissector]) -> None:
        self.by_name = dissectors
        self.out: list[Event] = []
        self.counters: Counter[str] = Counter()
        self.now_ns = 0
        self.by_port: dict[str, dict[int, list[Dissector]]] = {"tcp": {}, "udp": {}}
        self.all: dict[str, list[Dissector]] = {"tcp": [], "udp": []}
        for dissector in dissectors.values():
            for transport in dissector.transport:
                self.all[transport].append(dissector)
                for port in dissector.ports:
                    self.by_port[transport].setdefault(port, []).append(dissector)


class Talk:
    __slots__ = ("_datagrams", "_events", "_pieces", "_seen", "_session", "_speech", "_switches", "_tried", "_unknown")

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._session: tuple[Dissector, Session] | None = None
        self._pieces: list[tuple[bool, bytes, int]] = []
        self._seen = 0
        self._datagrams = 0
        self._switches = 0
        self._events = 0
        self._tried: set[str] = set()
        self._unknown = False

    @property
    def wanted(self) -> bool:
        """Whether payload is of use at all: lets streams keep lengths only."""
        return not self._unknown

    def feed(self, flow: Flow, forward: bool, data: bytes) -> None:
        if self._unknown:
            return
        now_ns = self._speech.now_ns
        if self._session is None:
            self._look(flow, forward, data, now_ns)
        else:
            self._run(flow, self._session, lambda session: session.feed(forward, data, now_ns))

    def gap(self, flow: Flow, forward: bool, length: int) -> None:
        if self._unknown:
            return
        if self._session is None:
            if self._pieces:
                self._decide(flow, final=True)
            if self._session is None:
                return
        now_ns = self._speech.now_ns
        self._run(flow, self._session, lambda session: session.gap(forward, length, now_ns))

    def end(self, flow: Flow) -> None:
        if self._session is None and self._pieces and not self._unknown:
            self._decide(flow, final=True)
        if self._session is not None:
            now_ns = self._speech.now_ns
            self._run(flow, self._session, lambda session: session.end(now_ns))
        self._session, self._unknown, self._pieces = None, True, []

    # -- finding the protocol ------------------------------------------------------------------------------------------

    def _look(self, flow: Flow, forward: bool, data: bytes, now_ns: int) -> None:
        self._pieces.append((forward, data, now_ns))
        self._seen += len(data)
        if flow.tcp is None:
            self._datagrams += 1
            self._decide(flow, final=self._datagrams >= DATAGRAMS)
            self._pieces.clear()  # a datagram is probed by itself
        else:
            self._decide(flow, final=self._seen >= BUDGET_BYTES or len(self._pieces) >= 64)

    def _decide(self, flow: Flow, final: bool) -> None:
        transport = "udp" if flow.tcp is None else "tcp"
        heads = self._heads()
        by_port = self._speech.by_port[transport]
        port = flow.destination_port if flow.destination_port in by_port else flow.source_port
        preferred = by_port.get(port, [])
        maybe: Dissector | None = None
        for dissector in (*preferred, *(d for d in self._speech.all[transport] if d not in preferred)):
            if dissector.name in self._tried:
                continue
            answers = [dissector.probe(head, forward) for forward, head in heads]
            if True in answers:
                self._start(flow, dissector)
                return
            if None in answers and dissector in preferred and maybe is None:
                maybe = dissector
        if final:
            if maybe is not None:
                self._start(flow, maybe)
            else:
                self._unknown, self._pieces = True, []

    def _heads(self) -> list[tuple[bool, bytes]]:
        heads = []
        for forward in (True, False):
            head = b"".join(data for side, data, _ in self._pieces if side == forward)
            if head:
                heads.append((forward, head[:BUDGET_BYTES]))
        return heads

    def _start(self, flow: Flow, dissector: Dissector) -> None:
        transport = "udp" if flow.tcp is None else "tcp"
        context = Context("udp" if transport == "udp" else "tcp", flow.source_port, flow.destination_port)
        self._tried.add(dissector.name)
        pair = self._session = (dissector, dissector.make(context))
        pieces, self._pieces = self._pieces, []
        for number, (forward, data, time_ns) in enumerate(pieces):
            if self._session is not pair:  # a switch on the way: the rest belongs to the next dissector
                for side, later, _ in pieces[number:]:
                    self.feed(flow, side, later)
                return
            self._run(flow, pair, lambda session, f=forward, d=data, t=time_ns: session.feed(f, d, t))

    # -- running it ----------------------------------------------------------------------------------------------------

    def _run(self, flow: Flow, pair: tuple[Dissector, Session], step: object) -> None:
        dissector, session = pair
        try:
            findings: Iterable[Finding] = step(session)  # type: ignore[operator]
        except Exception:
            self._speech.counters[f"crashed.{dissector.name}"] += 1
            self._session, self._unknown = None, True
            return
        if session.confirmed:
            flow.service = dissector.name
        for finding in findings:
            if isinstance(finding, Record):
                self._emit(flow, finding)
            elif isinstance(finding, Stop):
                self._session, self._unknown = None, True
            elif isinstance(finding, Switch):
                self._change(flow, finding)

    def _change(self, flow: Flow, switch: Switch) -> None:
        self._session, self._seen = None, 0
        self._tried.clear()  # the same protocol may come again inside (HTTP after CONNECT); SWITCHES bounds it
        self._switches += 1
        target = self._speech.by_name.get(switch.protocol)
        if self._switches > SWITCHES or (switch.protocol and target is None):
            self._unknown = True
            return
        if target is not None:
            self._start(flow, target)
        if switch.rest:
            self.feed(flow, switch.forward, switch.rest)

    def _emit(self, flow: Flow, record: Record) -> None:
        self._events += 1
        if self._events > EVENTS:
            self._speech.counters["dropped.events_of_one_flow"] += 1
            return
        event = flow.endpoints()
        event["@timestamp"] = rfc3339(record.time_ns / 1e9)
        event["event"] = {"dataset": f"network.{record.dataset}", "kind": "event", "category": ["network"]}
        event["network"]["protocol"] = record.dataset
        for path, value in record.fields.items():
            if value is not None:
                put(event, path, value)
        self._speech.out.append(event)
        self._speech.counters[f"events.{record.dataset}"] += 1
