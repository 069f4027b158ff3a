"""Tunnels: what an IP payload or a datagram carries inside.

In:  protocol or port, and payload. Out: `Inside(name, ethernet, data, wire length)` or None when it is not that tunnel
after all. Outer UDP flows keep their own events, the inner packets start again at the link or IP layer.
GRE (also PPTP, ERSPAN I–III, transparent Ethernet), IP in IP, 6in4, VXLAN, Geneve, Teredo, GTPv1-U.
Bound: DEPTH tunnels in one frame; option lists are skipped by their length. Sources: RFC 2784, RFC 2890, RFC 2637,
RFC 7348, RFC 8926, RFC 4380, 3GPP TS 29.281, draft-foschiano-erspan-03.
"""

from __future__ import annotations

from typing import NamedTuple

from sensors.packets.ip import parse_ip

DEPTH = 4
VXLAN_PORT, GENEVE_PORT, TEREDO_PORT = 4789, 6081, 3544
GTP_PORTS = (2152, 2123)


class Inside(NamedTuple):
    name: str
    ethernet: bool  # a whole Ethernet frame, else an IP packet
    data: bytes


def in_gre(data: bytes) -> Inside | None:
    if len(data) < 4:
        return None
    flags, version, kind = data[0], data[1] & 7, data[2] << 8 | data[3]
    at = 4
    if version == 1:  # enhanced GRE of PPTP: key, then sequence and acknowledgement as flags say
        at += 4 + (4 if flags & 0x10 else 0) + (4 if data[1] & 0x80 else 0)
        if kind != 0x880B:
            return None
        ppp = data[at:]
        if ppp[:2] == b"\xff\x03":
            ppp = ppp[2:]
        if ppp[:2] in (b"\x00\x21", b"\x00\x57"):
            return Inside("gre", False, ppp[2:])
        return Inside("gre", False, ppp[1:]) if ppp[:1] in (b"\x21", b"\x57") else None
    if version != 0:
        return None
    if flags & 0xC0:  # checksum or routing: both words are there
        at += 4
    at += (4 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    if flags & 0x40:
        return None  # source routing (RFC 1701) was removed
    if kind in (0x0800, 0x86DD):
        return Inside("gre", False, data[at:])
    if kind == 0x6558:
        return Inside("gre", True, data[at:])
    if kind == 0x88BE:  # type I has no sequence number and no header of its own
        return Inside("erspan", True, data[at + 8 :] if flags & 0x10 else data[at:])
    if kind == 0x22EB:
        at += 12
        if len(data) > at - 1 and data[at - 1] & 1:
            at += 8
        return Inside("erspan", True, data[at:])
    return None


def in_udp(port: int, data: bytes) -> Inside | None:
    """By the responder's port; what is inside is checked, because anyone may use a port."""
    if port == VXLAN_PORT:
        return Inside("vxlan", True, data[8:]) if len(data) > 8 + 14 and data[0] & 0x08 else None
    if port == GENEVE_PORT:
        if len(data) < 8 or data[0] >> 6:
            return None
        at, kind = 8 + (data[0] & 0x3F) * 4, data[2] << 8 | data[3]
        if len(data) <= at:
            return None
        if kind == 0x6558:
            return Inside("geneve", True, data[at:])
        return Inside("geneve", False, data[at:]) if kind in (0x0800, 0x86DD) else None
    if port == TEREDO_PORT:
        return _teredo(data)
    if port in GTP_PORTS:
        return _gtp(data)
    return None


def _teredo(data: bytes) -> Inside | None:
    at = 0
    if data[:2] == b"\x00\x01" and len(data) > 4:  # authentication: two lengths, nonce and confirmation byte
        at = 4 + data[2] + data[3] + 9
    if data[at : at + 2] == b"\x00\x00":  # origin indication
        at += 8
    inner = data[at:]
    if len(inner) < 40 or inner[0] >> 4 != 6 or isinstance(parse_ip(inner, 0, len(inner), False), str):
        return None
    return Inside("teredo", False, inner)


def _gtp(data: bytes) -> Inside | None:
    if len(data) < 8 or data[0] >> 4 != 3 or data[1] != 0xFF:  # version 1, GTP not GTP', a user packet
        return None
    at = 8
    if data[0] & 0x07:
        if len(data) < 12:
            return None
        following, at = (data[11] if data[0] & 0x04 else 0), 12
        for _ in range(16):
            if not following:
                break
            if at >= len(data) or not data[at]:
                return None
            length = data[at] * 4
            if at + length > len(data):
                return None
            following, at = data[at + length - 1], at + length
    inner = data[at:]
    if len(inner) < 20 or inner[0] >> 4 not in (4, 6):
        return None
    parsed = parse_ip(inner, 0, len(inner), False)
    return None if isinstance(parsed, str) else Inside("gtpv1", False, inner)
