"""IP headers: from bytes to a `Datagram`.

In:  bytes that start with an IPv4 or IPv6 header, and how long they were on the wire. Out: a `Datagram` or the name of
what is wrong (a `str`, counted by the caller): "truncated_ip", "bad_ip_checksum", …
Bound: IPv6 extension headers are walked at most 16 deep. Sources: RFC 791, RFC 8200, RFC 4302 (AH).
"""

from __future__ import annotations

from sensors.packets.checksum import ones_sum

ICMP, IPIP, TCP, UDP, IPV6_IN_IP, GRE, ESP, ICMP6, NO_NEXT, MOBILITY = 1, 4, 6, 17, 41, 47, 50, 58, 59, 135
_EXTENSIONS = frozenset((0, 43, 60, 51))  # hop-by-hop, routing, destination options, authentication


class Datagram:
    """One IP packet; `length` counts header and payload as the header says, `payload` what was captured of it."""

    __slots__ = ("destination", "fragment", "header", "id", "length", "more", "payload", "protocol", "source")

    def __init__(self, source: bytes, destination: bytes, protocol: int, header: int, length: int, payload: bytes,
                 ident: int = 0, fragment: int = -1, more: bool = False) -> None:  # fmt: skip
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.header = header  # bytes of header, extension headers included
        self.length = length
        self.payload = payload
        self.id = ident
        self.fragment = fragment  # byte offset of a fragment, -1: whole
        self.more = more

    @property
    def payload_length(self) -> int:
        return self.length - self.header


def parse_ip(data: bytes, at: int, wire_length: int, checksums: bool) -> Datagram | str:
    """`wire_length` = bytes on the wire from `at` on (≥ what was captured)."""
    left = len(data) - at
    if left < 20:
        return "truncated_ip"
    first = data[at]
    version = first >> 4
    if version == 4:
        header = (first & 15) * 4
        if header < 20 or left < header:
            return "bad_ip_header"
        total = data[at + 2] << 8 | data[at + 3]
        if total == 0:  # segmentation offload before the kernel filled it in
            if checksums:
                return "ip_length_zero"
            total = wire_length
        if total < header or total > wire_length:
            return "truncated_ip_length"
        # Zero is a header that the network card was to finish, captured before it did; not damage.
        if checksums and ones_sum(data[at : at + header]) != 0xFFFF and data[at + 10 : at + 12] != b"\0\0":
            return "bad_ip_checksum"
        bits = data[at + 6] << 8 | data[at + 7]
        packet = Datagram(data[at + 12 : at + 16], data[at + 16 : at + 20], data[at + 9], header, total,
                          data[at + header : at + total])  # fmt: skip
        if bits & 0x3FFF:
            packet.id = data[at + 4] << 8 | data[at + 5]
            packet.fragment = (bits & 0x1FFF) * 8
            packet.more = bool(bits & 0x2000)
        return packet
    if version != 6:
        return "unknown_ip_version"
    if left < 40:
        return "truncated_ip"
    total = (data[at + 4] << 8 | data[at + 5]) + 40
    if total == 40 and not checksums and wire_length > 1500:  # big-TCP offload; less may be Ethernet padding
        total = wire_length
    if total > wire_length:
        return "truncated_ip_length"
    packet = Datagram(data[at + 8 : at + 24], data[at + 24 : at + 40], data[at + 6], 40, total, b"")
    _extensions(packet, data, at, at + total)
    packet.payload = data[at + packet.header : at + total]
    return "bad_ip_header" if packet.header > total else packet


def _extensions(packet: Datagram, data: bytes, at: int, end: int) -> None:
    """Walk to the upper-layer header; a header that is cut leaves the packet as it stands."""
    for _ in range(16):
        here = at + packet.header
        if here + 8 > min(end, len(data)):
            return
        if packet.protocol in _EXTENSIONS:
            units = data[here + 1]
            length = (units + 2) * 4 if packet.protocol == 51 else (units + 1) * 8
            packet.protocol, packet.header = data[here], packet.header + length
        elif packet.protocol == 44:
            bits = data[here + 2] << 8 | data[here + 3]
            packet.protocol, packet.header = data[here], packet.header + 8
            if bits & 0xFFF9:  # an atomic fragment (RFC 6946) is whole
                packet.fragment, packet.more = bits & 0xFFF8, bool(bits & 1)
                packet.id = int.from_bytes(data[here + 4 : here + 8], "big")
                return
        else:
            return
