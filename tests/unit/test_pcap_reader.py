"""Capture files that are whole, cut, or lie."""

from __future__ import annotations

import io
import struct

import pytest

from sensors.packets.frame import ETHERNET, Frame
from sensors.sources.pcap import CaptureReader, is_capture
from tests.naive.frames import Conversation, pcap

FRAMES = Conversation().open().say(True, b"GET / HTTP/1.0\r\n\r\n").frames


def read(data: bytes) -> tuple[list[Frame], str]:
    reader = CaptureReader(io.BytesIO(data))
    return list(reader), reader.problem


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    total = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + total + body + total


def pcapng(frames: list[Frame], order: str = "<", resolution: bytes = b"") -> bytes:
    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    out = section + block(1, struct.pack(order + "HHI", ETHERNET, 0, 0) + resolution, order)
    for one in frames:
        ticks = one.time_ns // (1 if resolution else 1000)
        head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(one.data), one.length)
        out += block(6, head + one.data, order)
    return out


def test_pcap_and_pcapng_give_the_same_frames() -> None:
    nano = struct.pack("<HHB3x", 9, 1, 9) + bytes(4)
    assert read(pcap(FRAMES)) == (FRAMES, "")
    assert read(pcapng(FRAMES, resolution=nano)) == (FRAMES, "")
    big = struct.pack(">HHB3x", 9, 1, 9) + bytes(4)
    assert read(pcapng(FRAMES, ">", big)) == (FRAMES, "")
    assert read(pcapng(FRAMES)) == (FRAMES, "")  # whole microseconds


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_cut_anywhere_gives_the_frames_before_the_cut(make: object) -> None:
    data = make(FRAMES)  # type: ignore[operator]
    for cut in range(len(data)):
        found, problem = read(data[:cut])
        assert found == FRAMES[: len(found)]
        assert problem or len(found) < len(FRAMES) or cut == len(data)


def test_claims_are_not_believed() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFFFFFF, 1)  # snaplen 4 GiB
    assert read(head + struct.pack("<IIII", 0, 0, 3, 60) + b"abc") == ([Frame(0, 1, b"abc", 60)], "")
    _, problem = read(head + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 60) + b"abc")
    assert "4294967295" in problem
    (longer,), _ = read(head + struct.pack("<IIII", 0, 0, 3, 1) + b"abc")  # captured more than there was
    assert longer.length == 3


@pytest.mark.parametrize("total", [0, 4, 8, 13, 0xFFFFFFFC])
def test_block_length_lies_end_the_file(total: int) -> None:
    start = pcapng(FRAMES[:1])
    found, problem = read(start + struct.pack("<II", 6, total) + bytes(64))
    assert (len(found), bool(problem)) == (1, True)


def test_odd_blocks_are_passed_over() -> None:
    data = pcapng(FRAMES[:1])
    strange = block(6, struct.pack("<IIIII", 77, 0, 0, 0, 0)) + block(0xBAD, b"1234") + block(6, b"\0") + block(1, b"")
    found, problem = read(data + strange + pcapng(FRAMES[1:2]))  # and a second section
    assert ([f.data for f in found], problem) == ([f.data for f in FRAMES[:2]], "")


def test_what_is_no_capture() -> None:
    for data in (b"", b"abc", b"<?xml version", bytes(1000)):
        found, problem = read(data)
        assert not found
        assert problem
        assert not is_capture(data[:4])
