"""Frames to events: link layer → IP → fragments → tunnels → flow → dissector.

In:  `feed(frame)` in capture order; `finish()` at the end (or when a live capture stops). Out: the events that became
complete, as lists. Nothing raises for what a frame holds; what is dropped counts in `counters` by reason.
The capture's own timestamps drive every timer; time never runs backwards here (a frame from the past counts as now).
A columnar fast path fits between `feed` and `_transport`: it must give the same calls on `Flow`.
Bound: see flow table, fragments, streams and talks; DEPTH tunnels a frame.
Source: behaviour as Zeek's packet analysis, which the conformance set compares with.
"""

from __future__ import annotations

import struct
from collections import Counter

from sensors.event import Event
from sensors.packets import ip, tunnels
from sensors.packets.checksum import ones_sum, transport_ok
from sensors.packets.flow import Flow
from sensors.packets.fragments import Fragments
from sensors.packets.frame import ETHERNET, RAW, Frame
from sensors.packets.link import find_ip
from sensors.packets.ports import TCP as TCP_SERVERS
from sensors.packets.ports import UDP as UDP_SERVERS
from sensors.packets.stream import Budget
from sensors.packets.table import LIMIT_FLOWS, FlowTable
from sensors.packets.talk import Speech, Talk
from sensors.protocols import load

_TCP_HEADER = struct.Struct(">HHIIBBH").unpack_from
_REPLY4 = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17}
_REPLY6 = {128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130, 139: 140, 140: 139,
           144: 145, 145: 144, 146: 147, 147: 146}  # fmt: skip


class Pipeline:
    def __init__(self, *, checksums: bool = True, limit_flows: int = LIMIT_FLOWS) -> None:
        self.counters: Counter[str] = Counter()
        self._checksums = checksums
        self._speech = Speech(load())
        self._speech.counters = self.counters
        self._fragments = Fragments()
        self._table = FlowTable(self._ended, limit_flows)
        self._budget = Budget()
        self._now_ns = 0

    @property
    def flows(self) -> int:
        """Flows in the table now."""
        return len(self._table.flows)

    @property
    def evicted(self) -> int:
        return self._table.evicted

    def feed(self, frame: Frame) -> list[Event]:
        self.counters["packets"] += 1
        self._advance(frame.time_ns)
        self._frame(frame, 0)
        return self._taken()

    def advance(self, now_ns: int) -> list[Event]:
        """Let time pass without a frame (a quiet live capture)."""
        self._advance(now_ns)
        return self._taken()

    def shed(self) -> None:
        """Memory is short: the older half of the flows is no longer read for its protocol (they are still counted)."""
        flows = list(self._table.flows.values())
        for flow in flows[: len(flows) // 2 + 1]:
            if flow.talk is not None and flow.talk.wanted:
                flow.talk.end(flow)
                self.counters["dropped.talk_for_memory"] += 1

    def finish(self) -> list[Event]:
        self._table.finish()
        return self._taken()

    def _taken(self) -> list[Event]:
        out = self._speech.out
        if not out:
            return []
        self._speech.out = []
        return out

    def _advance(self, time_ns: int) -> None:
        if time_ns > self._now_ns:
            self._now_ns = self._speech.now_ns = time_ns
            self._table.expire(time_ns)

    # -- layers --------------------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame, depth: int) -> None:
        inner = find_ip(frame.link, frame.data)
        if inner is None:
            self.counters["not_ip"] += 1
            return
        self._ip(frame.data, inner.offset, frame.length - inner.offset, inner.vlans, depth)

    def _ip(self, data: bytes, at: int, wire_length: int, vlans: tuple[int, ...], depth: int) -> None:
        packet = ip.parse_ip(data, at, wire_length, self._checksums)
        if isinstance(packet, str):
            self.counters[f"dropped.{packet}"] += 1
            return
        if packet.fragment >= 0:
            whole = self._fragments.add(packet, self._now_ns)
            if whole is None:
                return
            packet = whole
        protocol = packet.protocol
        if protocol == ip.TCP:
            self._tcp(packet, vlans)
        elif protocol == ip.UDP:
            self._udp(packet, vlans, depth)
        elif protocol in (ip.ICMP, ip.ICMP6):
            self._icmp(packet, vlans)
        elif protocol in (ip.IPIP, ip.IPV6_IN_IP):
            self._inside(tunnels.Inside("ip", False, packet.payload), vlans, depth, packet)
        elif protocol == ip.GRE:
            inside = tunnels.in_gre(packet.payload)
            if inside is None:
                self.counters["dropped.unknown_gre"] += 1
            else:
                self._inside(inside, vlans, depth, packet)
        elif protocol not in (ip.ESP, ip.NO_NEXT, ip.MOBILITY):
            # RFC 9260 §3: an SCTP packet has at least one chunk after its 12 bytes of header.
            odd = protocol == 132 and packet.payload_length < 16
            flow = self._flow(packet, protocol, b"\0\0\0\1" if odd else b"\0\0\0\0", 0, 0, vlans)
            flow.malformed = odd
            forward = packet.source == flow.source
            flow.count(forward, packet.length)
            flow.last_ns = self._now_ns

    def _inside(self, inside: tunnels.Inside, vlans: tuple[int, ...], depth: int, outer: ip.Datagram) -> bool:
        if depth >= tunnels.DEPTH:
            self.counters["dropped.tunnel_depth"] += 1
            return False
        missing = outer.payload_length - len(outer.payload)
        length = len(inside.data) + max(0, missing)
        if inside.ethernet:
            self._frame(Frame(self._now_ns, ETHERNET, inside.data, length), depth + 1)
        else:
            self._frame(Frame(self._now_ns, RAW, inside.data, length), depth + 1)
        return True

    # -- transports ----------------------------------------------------------------------------------------------------

    def _flow(self, packet: ip.Datagram, protocol: int, ports: bytes, source_port: int, destination_port: int,
              vlans: tuple[int, ...], server: bool = False, one_way: bool = False) -> Flow:  # fmt: skip
        """The flow of a packet. `server`: a new flow's source looks like the responder."""
        a, b = packet.source + ports[:2], packet.destination + ports[2:]
        key = (a + b if a < b or one_way else b + a) + (b"%d" % protocol)
        flow = self._table.flows.get(key)
        if flow is not None:
            return flow
        self.counters["flows"] += 1
        flow = Flow(key, protocol, packet.source, source_port, packet.destination, destination_port, self._now_ns,
                    self._table.wake, self._budget)  # fmt: skip
        if server and packet.destination != b"\xff\xff\xff\xff":
            flow.turn()
        flow.vlans = vlans
        self._table.add(flow)
        return flow

    def _tcp(self, packet: ip.Datagram, vlans: tuple[int, ...]) -> None:
        segment = packet.payload
        if len(segment) < 20:
            self.counters["dropped.truncated_tcp"] += 1
            return
        source_port, destination_port, seq, ack, offset, flags, window = _TCP_HEADER(segment)
        flow = self._tcp_flow(packet, segment[:4], source_port, destination_port, seq, flags, vlans)
        forward = packet.source == flow.source and source_port == flow.source_port
        header = (offset >> 4) * 4
        if header < 20 or header > packet.payload_length or header > len(segment):
            self.counters["dropped.bad_tcp_header"] += 1
            return
        whole = len(segment) >= packet.payload_length
        if self._checksums and whole and not transport_ok(packet.source, packet.destination, ip.TCP, segment, 16):
            self.counters["bad_checksum.tcp"] += 1
            flow.bad_checksum(forward)
            return
        length = packet.payload_length - header
        tcp = flow.tcp
        assert tcp is not None
        originator = tcp.originator
        if flow.talk is not None and not flow.talk.wanted:
            data: bytes | None = b""
        else:
            data = segment[header:] if whole else None
        tcp.segment(forward, seq, ack, flags, window, length, data, self._now_ns)
        flow.count(forward if tcp.originator is originator else not forward, packet.length)

    def _tcp_flow(self, packet: ip.Datagram, ports: bytes, source_port: int, destination_port: int, seq: int,
                  flags: int, vlans: tuple[int, ...]) -> Flow:  # fmt: skip
        server = False
        if flags & 0x12 != 0x02 and source_port in TCP_SERVERS:  # no plain SYN: the beginning was not seen
            # A SYN-ACK comes from the responder; between two servers' ports the lower one is likelier.
            server = bool(flags & 2) or destination_port not in TCP_SERVERS or source_port < destination_port
        flow = self._flow(packet, ip.TCP, ports, source_port, destination_port, vlans, server)
        assert flow.tcp is not None
        if flow.talk is None:
            flow.talk = Talk(self._speech)
        elif flow.tcp.reused(seq, flags):
            self._table.remove(flow)
            flow = self._flow(packet, ip.TCP, ports, source_port, destination_port, vlans, server)
            flow.talk = Talk(self._speech)
        return flow

    def _udp(self, packet: ip.Datagram, vlans: tuple[int, ...], depth: int) -> None:
        datagram = packet.payload
        if len(datagram) < 8:
            self.counters["dropped.truncated_udp"] += 1
            return
        source_port, destination_port = datagram[0] << 8 | datagram[1], datagram[2] << 8 | datagram[3]
        server = source_port in UDP_SERVERS and destination_port not in UDP_SERVERS
        flow = self._flow(packet, ip.UDP, datagram[:4], source_port, destination_port, vlans, server)
        forward = packet.source == flow.source and source_port == flow.source_port
        if self._checksums and not self._udp_ok(packet, datagram, destination_port):
            self.counters["bad_checksum.udp"] += 1
            flow.bad_checksum(forward)
            return
        if flow.talk is None:
            flow.talk = Talk(self._speech)
        flow.count(forward, packet.length)
        # Zeek's payload size is what the UDP header says, not what IP leaves room for.
        flow.activity(forward, max(0, (datagram[4] << 8 | datagram[5]) - 8), self._now_ns)
        flow.letter("D" if forward else "d")
        body = datagram[8 : max(8, datagram[4] << 8 | datagram[5])]
        inside = tunnels.in_udp(flow.destination_port, body)
        if inside is not None and self._inside(inside, vlans, depth, packet):
            flow.service = inside.name
        elif body:
            flow.talk.feed(flow, forward, body)

    def _udp_ok(self, packet: ip.Datagram, datagram: bytes, destination_port: int) -> bool:
        if len(datagram) < packet.payload_length:
            return True  # cut by the snap length
        if datagram[6:8] == b"\0\0" and (len(packet.source) == 4 or destination_port == tunnels.VXLAN_PORT):
            return True
        return transport_ok(packet.source, packet.destination, ip.UDP, datagram, 6)

    def _icmp(self, packet: ip.Datagram, vlans: tuple[int, ...]) -> None:
        message = packet.payload
        if len(message) < 8:
            self.counters["dropped.truncated_icmp"] += 1
            return
        kind, code = message[0], message[1]
        counter = (_REPLY4 if packet.protocol == ip.ICMP else _REPLY6).get(kind)
        other = code if counter is None else counter
        flow = self._flow(packet, packet.protocol, bytes((0, kind, 0, other)), kind, other, vlans,
                          one_way=counter is None)  # fmt: skip
        forward = packet.source == flow.source and kind == flow.source_port
        if self._checksums and len(message) >= packet.payload_length and not self._icmp_ok(packet, message):
            self.counters["bad_checksum.icmp"] += 1
            return
        if not flow.packets[0] and forward:
            flow.code = code
        flow.count(forward, packet.length)
        flow.activity(forward, packet.payload_length - 8, self._now_ns)

    def _icmp_ok(self, packet: ip.Datagram, message: bytes) -> bool:
        if packet.protocol == ip.ICMP:
            return ones_sum(message) == 0xFFFF
        return transport_ok(packet.source, packet.destination, ip.ICMP6, message)

    def _ended(self, flow: Flow) -> None:
        if flow.tcp is not None:
            flow.tcp.finish()
        if flow.talk is not None:
            flow.talk.end(flow)
        self._speech.out.append(flow.event())
