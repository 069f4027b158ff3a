"""One flow: counters, endpoints, history, and the talk of its application protocol.

In:  packets of one 5-tuple in capture order. Out: `fields()` of the `network.flow` event when it is over, protocol
events through `talk`. The originator is who sent the first packet, turned where ports or a SYN-ACK say otherwise (^).
Bytes are IP-layer bytes. ICMP: type stands as source port, code as destination port (ECS has no better place), and a
request and its reply are one flow. SCTP is followed by address (neither Zeek nor nDPI tells its ports, and one
association has several addresses). Timeouts as Zeek: TCP see `tcp.py`, UDP, ICMP and others 1 min.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from sensors.clock import rfc3339
from sensors.event import Event
from sensors.packets.community import community_id
from sensors.packets.stream import Budget
from sensors.packets.talk import Talk
from sensors.packets.tcp import Tcp, is_power_of_ten

IDLE_NS = 60_000_000_000
_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp", 2: "igmp", 89: "ospf", 103: "pim", 112: "vrrp",
          50: "esp", 51: "ah", 46: "rsvp", 88: "eigrp", 115: "l2tp", 33: "dccp", 136: "udplite"}  # fmt: skip


class Flow:
    __slots__ = ("_wake", "bytes", "code", "counts", "destination", "destination_port", "done", "history", "key",
                 "last_ns", "malformed", "missed", "packets", "payload", "protocol", "service", "source", "source_port",
                 "start_ns", "talk", "tcp", "vlans")  # fmt: skip

    def __init__(self, key: bytes, protocol: int, source: bytes, source_port: int, destination: bytes,
                 destination_port: int, now_ns: int, wake: Callable[[Flow, int], None],
                 budget: Budget) -> None:  # fmt: skip
        self.key = key
        self.protocol = protocol
        self.source, self.source_port = source, source_port
        self.destination, self.destination_port = destination, destination_port
        self.start_ns = self.last_ns = now_ns
        self.packets, self.bytes = [0, 0], [0, 0]  # originator, responder
        self.payload: list[int | None] = [None, None]  # UDP, ICMP and others; TCP's come from sequence numbers
        self.history: list[str] = []
        self.counts: dict[str, int] = {}
        self.code = 0  # ICMP
        self.malformed = False  # SCTP without a chunk
        self.missed = 0
        self.service = ""
        self.vlans: tuple[int, ...] = ()
        self.talk: Talk | None = None
        self.done = False
        self._wake = wake
        self.tcp: Tcp | None = Tcp(self, now_ns, budget) if protocol == 6 else None

    def turn(self) -> None:
        """The other side is the originator after all."""
        self.source, self.destination = self.destination, self.source
        self.source_port, self.destination_port = self.destination_port, self.source_port
        self.packets.reverse()
        self.bytes.reverse()
        self.payload.reverse()
        self.history.append("^")

    def wake(self, at_ns: int) -> None:
        self._wake(self, at_ns)

    def count(self, forward: bool, length: int) -> None:
        side = 0 if forward else 1
        self.packets[side] += 1
        self.bytes[side] += length

    def activity(self, forward: bool, payload: int, now_ns: int) -> None:
        """A datagram of a protocol without sequence numbers."""
        self.last_ns = now_ns
        side = 0 if forward else 1
        self.payload[side] = (self.payload[side] or 0) + payload

    def letter(self, letter: str) -> None:
        """A history letter that stands once."""
        if letter not in self.counts:
            self.counts[letter] = 1
            self.history.append(letter)

    def bad_checksum(self, forward: bool) -> None:
        if self.tcp:
            self.tcp.bad_checksum(forward)
        elif self.protocol == 17:
            letter = "C" if forward else "c"
            count = self.counts[letter] = self.counts.get(letter, 0) + 1
            if is_power_of_ten(count):
                self.history.append(letter)

    # -- the TCP streams' sink -----------------------------------------------------------------------------------------

    def data(self, forward: bool, data: bytes) -> None:
        if self.talk:
            self.talk.feed(self, forward, data)

    def gap(self, forward: bool, length: int) -> None:
        if self.talk:
            self.talk.gap(self, forward, length)

    # -- timers --------------------------------------------------------------------------------------------------------

    def over(self, now_ns: int) -> bool:
        return self.tcp.over(now_ns) if self.tcp else self.last_ns + IDLE_NS <= now_ns

    def due_ns(self) -> int:
        return self.tcp.due_ns() if self.tcp else self.last_ns + IDLE_NS

    # -- the result ----------------------------------------------------------------------------------------------------

    def state(self) -> str:
        if self.tcp:
            return self.tcp.state()
        if self.protocol == 17:
            sent, answered = (side is not None for side in self.payload)
            return ("SF" if answered else "S0") if sent else ("SHR" if answered else "OTH")
        return "OTH"

    def payload_bytes(self) -> tuple[int, int]:
        if self.tcp:
            me, peer = self.tcp.originator, self.tcp.responder
            return me.size(peer), peer.size(me)
        return self.payload[0] or 0, self.payload[1] or 0

    def endpoints(self) -> Event:
        """`source`, `destination` and `network` as every event of this flow has them."""
        icmp = self.protocol in (1, 58)
        source: dict[str, Any] = {"ip": text_address(self.source)}
        destination: dict[str, Any] = {"ip": text_address(self.destination)}
        ports = (self.source_port, self.code if icmp else self.destination_port)
        name = "ip-132" if self.malformed else _NAMES.get(self.protocol, f"ip-{self.protocol}")
        network: dict[str, Any] = {
            "transport": name,
            "iana_number": str(self.protocol),
            "type": "ipv4" if len(self.source) == 4 else "ipv6",
            "community_id": community_id(self.protocol, self.source, self.destination, *ports),
        }
        if icmp or self.protocol in (6, 17):
            source["port"], destination["port"] = ports
        if self.vlans:
            network["vlan"] = {"id": self.vlans[-1]}
        return {"source": source, "destination": destination, "network": network}

    def event(self) -> Event:
        """The `network.flow` event."""
        event = self.endpoints()
        payload = self.payload_bytes()
        event["@timestamp"] = rfc3339(self.start_ns / 1e9)
        event["event"] = {
            "dataset": "network.flow",
            "kind": "event",
            "category": ["network"],
            "type": ["connection"],
            "start": event["@timestamp"],
            "end": rfc3339(self.last_ns / 1e9),
            "duration": max(0, self.last_ns - self.start_ns),
        }
        for side, index in (("source", 0), ("destination", 1)):
            event[side]["bytes"], event[side]["packets"] = self.bytes[index], self.packets[index]
        network = event["network"]
        network["bytes"], network["packets"] = sum(self.bytes), sum(self.packets)
        if self.service:
            network["protocol"] = self.service
        flow: dict[str, Any] = {"state": self.state()}
        if self.history:
            flow["history"] = "".join(self.history)
        flow["source_payload_bytes"], flow["destination_payload_bytes"] = payload
        if self.missed:
            flow["missed_bytes"] = self.missed
        event["luytre"] = {"flow": flow}
        return event


def text_address(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
