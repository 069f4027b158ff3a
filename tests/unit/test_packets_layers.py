"""Link layers, fragments and tunnels: the same inner packet is found however it is wrapped."""

from __future__ import annotations

import struct

import pytest

from sensors.event import Event
from sensors.packets import frame as links
from sensors.packets.frame import Frame
from sensors.packets.pipeline import Pipeline
from tests.naive.frames import CLIENT, SERVER, ether, frame, ip4, ip6, udp

INNER = udp(CLIENT, 50353, "203.0.113.9", 9999, b"inside")


def flows(*frames: Frame, pipeline: Pipeline | None = None) -> list[Event]:
    pipeline = pipeline or Pipeline()
    out = [event for one in frames for event in pipeline.feed(one)]
    return [e for e in out + pipeline.finish() if e["event"]["dataset"] == "network.flow"]


def pairs(*frames: Frame) -> set[tuple[str, str]]:
    return {(f["source"]["ip"], f["destination"]["ip"]) for f in flows(*frames)}


MAC = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
WRAPPED = {
    "ethernet": (links.ETHERNET, ether(INNER)),
    "vlan": (links.ETHERNET, MAC + b"\x81\x00\x00\x05\x08\x00" + INNER),
    "qinq": (links.ETHERNET, MAC + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00" + INNER),
    "mpls": (links.ETHERNET, MAC + b"\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40" + INNER),
    "mpls pseudowire": (links.ETHERNET, MAC + b"\x88\x47\x00\x02\x01\x40\0\0\0\0" + ether(INNER)),
    "pppoe": (links.ETHERNET, MAC + b"\x88\x64\x11\x00\x00\x01\x00\x28\x00\x21" + INNER),
    "snap": (links.ETHERNET, MAC + struct.pack(">H", len(INNER) + 8) + b"\xaa\xaa\x03\0\0\0\x08\x00" + INNER),
    "vntag": (links.ETHERNET, MAC + b"\x89\x26\0\0\0\0\x08\x00" + INNER),
    "pbb": (links.ETHERNET, MAC + b"\x88\xe7\0\0\0\x01" + ether(INNER)),
    "fabricpath": (links.ETHERNET, MAC + b"\x89\x03\0\0" + ether(INNER)),
    "null": (links.NULL, b"\x02\0\0\0" + INNER),
    "raw": (links.RAW, INNER),
    "cooked": (links.LINUX_SLL, bytes(14) + b"\x08\x00" + INNER),
    "cooked 2": (links.LINUX_SLL2, b"\x08\x00" + bytes(18) + INNER),
    "ppp": (links.PPP, b"\xff\x03\x00\x21" + INNER),
    "nflog": (links.NFLOG, b"\x02\0\0\0" + struct.pack("<HH", 4 + len(INNER), 9) + INNER),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_link_layer(name: str) -> None:
    link, data = WRAPPED[name]
    assert pairs(frame(data, link=link, raw=True)) == {(CLIENT, "203.0.113.9")}


@pytest.mark.parametrize("name", WRAPPED)
def test_cut_link_layer_is_no_packet(name: str) -> None:
    link, data = WRAPPED[name]
    for cut in range(len(data)):
        pipeline = Pipeline()
        flows(Frame(1, link, data[:cut], len(data)), Frame(2, link, data[:cut], cut), pipeline=pipeline)


def gre(kind: int, inner: bytes, flags: int = 0, extra: bytes = b"") -> bytes:
    return ip4(CLIENT, SERVER, 47, struct.pack(">HH", flags, kind) + extra + inner)


def over_udp(port: int, body: bytes) -> bytes:
    return udp(CLIENT, 33333, SERVER, port, body)


TEREDO_INNER = ip6("2001:db8::1", "2001:db8::2", 17, struct.pack(">HHHH", 1, 2, 10, 0x1111) + b"ab")
TUNNELS = {
    "gre": (gre(0x0800, INNER), False),
    "gre key sequence": (gre(0x0800, INNER, 0x3000, bytes(8)), False),
    "gre ethernet": (gre(0x6558, ether(INNER)), False),
    "erspan 1": (gre(0x88BE, ether(INNER)), False),
    "erspan 2": (gre(0x88BE, bytes(8) + ether(INNER), 0x1000, bytes(4)), False),
    "erspan 3": (gre(0x22EB, bytes(12) + ether(INNER), 0x1000, bytes(4)), False),
    "ip in ip": (ip4(CLIENT, SERVER, 4, INNER), False),
    "vxlan": (over_udp(4789, b"\x08\0\0\0\0\0\x07\0" + ether(INNER)), True),
    "geneve": (over_udp(6081, b"\x01\0\x65\x58\0\0\x01\0" + bytes(4) + ether(INNER)), True),
    "gtp": (over_udp(2152, b"\x30\xff" + struct.pack(">H", len(INNER)) + bytes(4) + INNER), True),
    "gtp extension": (over_udp(2152, b"\x34\xff" + struct.pack(">H", len(INNER) + 8) + bytes(4) + b"\0\0\0\x85"
                               + b"\x01\0\0\0" + INNER), True),
}  # fmt: skip


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnel_gives_inner_and_udp_outer_flows(name: str) -> None:
    packet, outer = TUNNELS[name]
    wanted = {(CLIENT, "203.0.113.9")} | ({(CLIENT, SERVER)} if outer else set())
    assert pairs(frame(packet)) == wanted


def test_6in4_and_teredo() -> None:
    wanted = ("2001:db8::1", "2001:db8::2")
    (bad,) = flows(frame(ip4(CLIENT, SERVER, 41, TEREDO_INNER)))  # the inner checksum is wrong: noted, not counted
    assert (bad["luytre"]["flow"]["history"], bad["source"]["packets"]) == ("C", 0)
    pipeline = Pipeline(checksums=False)
    found = flows(frame(ip4(CLIENT, SERVER, 41, TEREDO_INNER)), pipeline=pipeline)
    assert [(f["source"]["ip"], f["destination"]["ip"]) for f in found] == [wanted]
    pipeline = Pipeline(checksums=False)
    found = flows(frame(over_udp(3544, b"\0\0" + bytes(6) + TEREDO_INNER)), pipeline=pipeline)
    assert {f["network"].get("protocol") for f in found} == {"teredo", None}


def test_nested_tunnels_end_at_the_limit_and_are_counted() -> None:
    packet = INNER
    for _ in range(200):
        packet = ip4(CLIENT, SERVER, 4, packet)
        if len(packet) > 65000:
            break
    pipeline = Pipeline()
    assert flows(frame(packet), pipeline=pipeline) == []
    assert pipeline.counters["dropped.tunnel_depth"] == 1


def test_a_port_alone_makes_no_tunnel() -> None:
    (flow,) = flows(frame(over_udp(2152, b"\x30\xff\0\x04 hello, not GTP at all")))
    assert "protocol" not in flow["network"]


def fragments(payload: bytes, sizes: int, *, ident: int = 7) -> list[bytes]:
    pieces = [payload[i : i + sizes] for i in range(0, len(payload), sizes)]
    return [
        ip4(CLIENT, SERVER, 17, piece, ident, (0x2000 if i < len(pieces) - 1 else 0) | i * sizes // 8)
        for i, piece in enumerate(pieces)
    ]


def test_fragments_in_any_order_are_one_packet() -> None:
    whole = udp(CLIENT, 5000, SERVER, 9999, bytes(range(200)) * 10)[20:]
    parts = fragments(whole, 512)
    for order in (parts, parts[::-1], parts[1:] + parts[:1]):
        (flow,) = flows(*(frame(part, i / 100) for i, part in enumerate(order)))
        assert flow["source"]["packets"] == 1
        assert flow["source"]["bytes"] == 2028
        assert flow["luytre"]["flow"]["source_payload_bytes"] == 2000


def test_overlapping_fragments_keep_what_came_first_and_stay_cheap() -> None:
    first = struct.pack(">HHHH", 5000, 9999, 24, 0) + b"a" * 16
    parts = [ip4(CLIENT, SERVER, 17, first, 3, 0x2000), ip4(CLIENT, SERVER, 17, b"b" * 16, 3, 1)]
    assert len(flows(*(frame(p) for p in parts))) == 1
    tiny = [ip4(CLIENT, SERVER, 17, bytes(8), 9, 0x2000 | n % 8000) for n in range(20_000)]
    pipeline = Pipeline()
    assert flows(*(frame(p) for p in tiny), pipeline=pipeline) == []


def test_sctp_without_a_chunk_is_not_called_sctp() -> None:
    bare, chunk = ip4(CLIENT, SERVER, 132, bytes(12)), ip4(CLIENT, SERVER, 132, bytes(16))
    assert [f["network"]["transport"] for f in flows(frame(bare), frame(chunk))] == ["ip-132", "sctp"]
