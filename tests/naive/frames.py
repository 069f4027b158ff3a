"""Frames made by hand for packet tests: plain functions, right checksums, no scapy."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from sensors.packets.frame import ETHERNET, Frame

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16
START_NS = 1_700_000_000_000_000_000


def checksum(data: bytes) -> int:
    """RFC 1071, the slow and obvious way."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(source: str, destination: str, protocol: int, payload: bytes, ident: int = 1, bits: int = 0) -> bytes:
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, bits, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))  # fmt: skip
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(source: str, destination: str, following: int, payload: bytes) -> bytes:
    pack = socket.inet_pton
    return (
        struct.pack(">IHBB", 6 << 28, len(payload), following, 64)
        + pack(socket.AF_INET6, source)
        + pack(socket.AF_INET6, destination)
        + payload
    )


def _pseudo(source: str, destination: str, protocol: int, length: int) -> bytes:
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", protocol, length)


def tcp(source: str, sport: int, destination: str, dport: int, seq: int, ack: int, flags: int, data: bytes = b"",
        window: int = 64240) -> bytes:  # fmt: skip
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, window, 0, 0) + data
    total = checksum(_pseudo(source, destination, 6, len(head)) + head)
    return ip4(source, destination, 6, head[:16] + struct.pack(">H", total) + head[18:])


def udp(source: str, sport: int, destination: str, dport: int, data: bytes) -> bytes:
    return ip4(source, destination, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data)


def icmp(source: str, destination: str, kind: int, code: int, data: bytes = b"") -> bytes:
    message = struct.pack(">BBHI", kind, code, 0, 0) + data
    message = message[:2] + struct.pack(">H", checksum(message)) + message[4:]
    return ip4(source, destination, 1, message)


def ether(packet: bytes, kind: int = 0x0800) -> bytes:
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack(">H", kind) + packet


def frame(packet: bytes, at_s: float = 0.0, *, link: int = ETHERNET, raw: bool = False) -> Frame:
    """`packet` is IP unless `raw`, then the whole frame."""
    data = packet if raw else ether(packet, 0x86DD if packet[0] >> 4 == 6 else 0x0800)
    return Frame(START_NS + round(at_s * 1e9), link, data, len(data))


class Conversation:
    """A TCP connection that goes well unless told otherwise; `frames` in order, 10 ms apart."""

    def __init__(self, sport: int = 40000, dport: int = 80, client: str = CLIENT, server: str = SERVER) -> None:
        self.ends = {True: (client, sport), False: (server, dport)}
        self.seq = {True: 1000, False: 9000}
        self.frames: list[Frame] = []
        self.at_s = 0.0

    def send(self, forward: bool, flags: int, data: bytes = b"", *, lose: bool = False, window: int = 64240,
             bad: bool = False) -> None:  # fmt: skip
        me, peer = self.ends[forward], self.ends[not forward]
        ack = self.seq[not forward] if flags & ACK else 0
        packet = tcp(*me, *peer, self.seq[forward], ack, flags, data, window)
        if bad:
            packet = packet[:-1] + bytes((packet[-1] ^ 1,)) if data else packet[:36] + b"\0\1" + packet[38:]
        if not bad:
            self.seq[forward] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        self.at_s += 0.01
        if not lose:
            self.frames.append(frame(packet, self.at_s))

    def open(self) -> Conversation:
        self.send(True, SYN)
        self.send(False, SYN | ACK)
        self.send(True, ACK)
        return self

    def say(self, forward: bool, data: bytes) -> Conversation:
        self.send(forward, PUSH | ACK, data)
        self.send(not forward, ACK)
        return self

    def close(self) -> Conversation:
        self.send(True, FIN | ACK)
        self.send(False, FIN | ACK)
        self.send(True, ACK)
        return self


def pcap(frames: list[Frame], link: int = ETHERNET) -> bytes:
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    out += [struct.pack("<IIII", *divmod(f.time_ns, 10**9), len(f.data), f.length) + f.data for f in frames]
    return b"".join(out)


def write(path: Path, frames: list[Frame]) -> Path:
    path.write_bytes(pcap(frames))
    return path
