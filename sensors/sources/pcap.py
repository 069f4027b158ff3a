"""Capture files: pcap (all four byte orders and resolutions) and pcapng.

In:  a binary file. Out: `Frame`s in file order; after the last, `CaptureReader.problem` says why reading ended early,
or "" when the file was whole. Never an exception for what the bytes say; OSError of the file itself passes.
Bound: one frame or pcapng block at a time, none over LIMIT_BYTES; a frame whose header claims more ends the file,
because no later record can be found in a pcap. snaplen in the file header is not believed (4 GiB is common).
Sources: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html,
https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from sensors.packets.frame import Frame

LIMIT_BYTES = 1 << 20  # libpcap's MAXIMUM_SNAPLEN is 256 KiB; some tools write jumbo segments of 1 MiB
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_MAX_INTERFACES = 4096

# magic → (byte order, nanoseconds in one unit of the second time field, size of a record header)
_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),  # Alexey Kuznetsov's modified pcap
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}


def is_capture(head: bytes) -> bool:
    """Whether the first four bytes of a file are those of a capture."""
    return head[:4] in _PCAP or head[:4] == b"\x0a\x0d\x0d\x0a"


class CaptureReader:
    """Iterate once; `problem` is meaningful after the last frame."""

    def __init__(self, file: BinaryIO) -> None:
        self.problem = ""
        self.frames = 0
        self._file = file

    def __iter__(self) -> Iterator[Frame]:
        magic = self._file.read(4)
        if magic in _PCAP:
            source = self._pcap(*_PCAP[magic])
        elif magic == b"\x0a\x0d\x0d\x0a":
            source = self._pcapng()
        else:
            self.problem = "not a capture file"
            return
        for frame in source:
            self.frames += 1
            yield frame

    def _pcap(self, order: str, unit_ns: int, header_bytes: int) -> Iterator[Frame]:
        head = self._file.read(20)
        if len(head) < 20:
            self.problem = "cut inside the file header"
            return
        link = struct.unpack(order + "I", head[16:20])[0] & 0x0FFFFFFF  # the top bits tell of a frame check sequence
        unpack = struct.Struct(order + "IIII").unpack_from
        read = self._file.read
        while True:
            head = read(header_bytes)
            if len(head) < header_bytes:
                if head:
                    self.problem = "cut inside a record header"
                return
            seconds, fraction, captured, length = unpack(head)
            if captured > LIMIT_BYTES:
                self.problem = f"a record claims {captured} bytes"
                return
            data = read(captured)
            if len(data) < captured:
                self.problem = "cut inside a frame"
                return
            yield Frame(seconds * 1_000_000_000 + fraction * unit_ns, link, data, max(length, captured))

    def _pcapng(self) -> Iterator[Frame]:
        order, kind = "<", _SECTION
        interfaces: list[tuple[int, int, int]] = []  # link type, snap length, nanoseconds-or-negative-power resolution
        raw_kind = b"\x0a\x0d\x0d\x0a"
        while True:
            raw_length = self._file.read(4)
            if len(raw_length) < 4:
                self.problem = "cut inside a block header"
                return
            if kind == _SECTION:
                magic = self._file.read(4)
                if magic not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
                    self.problem = "a section without byte-order magic"
                    return
                order, interfaces, taken = ("<" if magic == b"\x4d\x3c\x2b\x1a" else ">"), [], 4
            else:
                taken = 0
            (total,) = struct.unpack(order + "I", raw_length)
            if total < 12 + taken or total % 4 or total > LIMIT_BYTES + 65536:
                self.problem = f"a block claims {total} bytes"
                return
            body = self._file.read(total - 12 - taken)
            if len(body) < total - 12 - taken or len(self._file.read(4)) < 4:
                self.problem = "cut inside a block"
                return
            if kind == _INTERFACE and len(body) >= 8 and len(interfaces) < _MAX_INTERFACES:
                link, _, snap = struct.unpack_from(order + "HHI", body)
                interfaces.append((link, snap, _resolution(order, body[8:])))
            elif kind in (_ENHANCED, _SIMPLE, _OLD_PACKET):
                frame = _packet(order, kind, body, interfaces)
                if frame:
                    yield frame
            raw_kind = self._file.read(4)
            if len(raw_kind) < 4:
                if raw_kind:
                    self.problem = "cut inside a block header"
                return
            kind = _SECTION if raw_kind == b"\x0a\x0d\x0d\x0a" else struct.unpack(order + "I", raw_kind)[0]


def _packet(order: str, kind: int, body: bytes, interfaces: list[tuple[int, int, int]]) -> Frame | None:
    if kind == _SIMPLE:
        if len(body) < 4 or not interfaces:
            return None
        (length,) = struct.unpack_from(order + "I", body)
        captured = min(length, interfaces[0][1] or length, len(body) - 4)
        return Frame(0, interfaces[0][0], body[4 : 4 + captured], max(length, captured))
    if len(body) < 20:
        return None
    if kind == _ENHANCED:
        number, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
    else:
        number, _, high, low, captured, length = struct.unpack_from(order + "HHIIII", body)
    if number >= len(interfaces):
        return None
    link, _, resolution = interfaces[number]
    data = body[20 : 20 + captured]
    ticks = high << 32 | low
    time_ns = ticks * resolution if resolution > 0 else ticks * 1_000_000_000 // -resolution
    return Frame(min(time_ns, (1 << 62)), link, data, max(length, len(data)))


def _resolution(order: str, options: bytes) -> int:
    """Option if_tsresol: nanoseconds a tick when positive, ticks a second when negative; microseconds by default."""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from(order + "HH", options, at)
        if code == 0:
            break
        if code == 9 and length == 1 and at + 5 <= len(options):
            value = options[at + 4]
            power = value & 0x7F
            if value & 0x80:
                return -(1 << power)
            return int(10 ** (9 - power)) if power <= 9 else -int(10**power)
        at += 4 + length + (-length) % 4
    return 1000
