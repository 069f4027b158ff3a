"""Link layers: from a frame to the IP packet inside it.

In:  (link type, bytes). Out: `Inner(offset, vlans)` where an IPv4 or IPv6 header should start, or None when the frame
carries something else (ARP, LLDP, spanning tree) or is cut. Ethernet with 802.1Q/QinQ, 802.1ah, VN-Tag, FabricPath,
MPLS, PPPoE, LLC/SNAP; Linux cooked v1 and v2; BSD null/loop; PPP; NFLOG; raw IP.
Bound: LAYERS headers, each at least two bytes long. Sources: IEEE 802.1Q-2022, RFC 3032, RFC 2516, RFC 1042,
https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from typing import NamedTuple

from sensors.packets import frame as link_type

LAYERS = 16
_IP_TYPES = (0x0800, 0x86DD)
_VLAN_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200)
_PPP_IP = (0x0021, 0x0057)


class Inner(NamedTuple):
    offset: int
    vlans: tuple[int, ...] = ()


_AT_14 = Inner(14)


def find_ip(link: int, data: bytes) -> Inner | None:
    if link == link_type.ETHERNET:
        if data[12:14] in (b"\x08\x00", b"\x86\xdd"):  # nearly all traffic
            return _AT_14
        return _ethernet(data, 0)
    if link in (link_type.RAW, link_type.RAW_OLD, link_type.RAW_BSD, link_type.IPV4, link_type.IPV6):
        return Inner(0)
    if link == link_type.LINUX_SLL:
        return _by_type(data, 14, 16, ())
    if link == link_type.LINUX_SLL2:
        return _by_type(data, 0, 20, ())
    if link in (link_type.NULL, link_type.LOOP):
        return Inner(4)  # the address family differs between systems; the version nibble decides
    if link in (link_type.PPP, link_type.PPP_SERIAL):
        return _ppp(data, 2 if data[:2] == b"\xff\x03" else 0, ())
    if link == link_type.PPP_ETHER:
        return _ppp(data, 6, ())
    if link == link_type.NFLOG:
        return _nflog(data)
    return None


def _ethernet(data: bytes, at: int, layers: int = LAYERS) -> Inner | None:
    """An Ethernet header at `at`."""
    if data[at + 12 : at + 14] == b"\x89\x03":  # Cisco FabricPath puts 16 bytes before the whole frame
        at += 16
    return _by_type(data, at + 12, at + 14, (), layers)


def _by_type(data: bytes, type_at: int, at: int, vlans: tuple[int, ...], layers: int = LAYERS) -> Inner | None:
    """What lies at `at`, its EtherType standing at `type_at`."""
    kind = int.from_bytes(data[type_at : type_at + 2], "big")
    while layers > 0 and at < len(data):
        layers -= 1
        if kind in _IP_TYPES:
            return Inner(at, vlans)
        if kind in _VLAN_TYPES:
            vlans += (int.from_bytes(data[at : at + 2], "big") & 0x0FFF,)
            kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif kind == 0x8864:  # PPPoE session
            return _ppp(data, at + 6, vlans)
        elif kind in (0x8847, 0x8848):
            return _mpls(data, at, vlans, layers)
        elif kind == 0x8926:  # VN-Tag (802.1BR's ancestor)
            kind, at = int.from_bytes(data[at + 4 : at + 6], "big"), at + 6
        elif kind == 0x88E7:  # 802.1ah: a 4-byte I-tag, then a whole frame
            kind, at = int.from_bytes(data[at + 16 : at + 18], "big"), at + 18
        elif kind <= 1500:  # 802.3: a length; only SNAP with an EtherType can carry IP
            if data[at : at + 2] != b"\xaa\xaa":
                return None
            kind, at = int.from_bytes(data[at + 6 : at + 8], "big"), at + 8
            if kind <= 1500:
                return None
        else:
            return None
    return None


def _mpls(data: bytes, at: int, vlans: tuple[int, ...], layers: int) -> Inner | None:
    bottom = False
    while not bottom:
        if layers <= 0 or at + 4 >= len(data):
            return None
        layers -= 1
        bottom = bool(data[at + 2] & 1)
        at += 4
    version = data[at] >> 4
    if version in (4, 6):
        return Inner(at, vlans)
    if version == 0:  # RFC 4448: a pseudowire's control word, then Ethernet
        return _ethernet(data, at + 4, layers)
    return None


def _ppp(data: bytes, at: int, vlans: tuple[int, ...]) -> Inner | None:
    kind = int.from_bytes(data[at : at + 2], "big")
    if kind in _PPP_IP:
        return Inner(at + 2, vlans)
    if data[at : at + 1] in (b"\x21", b"\x57"):  # RFC 1661 §6.5: a compressed protocol field
        return Inner(at + 1, vlans)
    return None


def _nflog(data: bytes) -> Inner | None:
    """Type-length-values in the capturing host's byte order, little-endian on every machine in use."""
    at = 4
    for _ in range(64):
        if at + 4 > len(data):
            return None
        length, kind = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")
        if kind == 9:  # NFULA_PAYLOAD
            return Inner(at + 4)
        if length < 4:
            return None
        at += length + (-length) % 4
    return None


def find_ip_in_ethernet(data: bytes) -> Inner | None:
    """For tunnels that carry whole frames."""
    return _ethernet(data, 0)
