"""IP fragments to whole datagrams.

In:  `Datagram`s with `fragment ≥ 0`. Out: the whole one when its last piece came, else None.
Overlaps: the bytes that came first stay (as Zeek; later ones are an attacker's second thought).
Bound: LIMIT_BYTES of buffered payload and LIMIT_PIECES pieces a datagram, 1,024 datagrams, 30 s (Linux's ipfrag_time);
what is evicted counts in `dropped`. Inserting is a bisect, so many tiny fragments cost n log n, not n².
Source: RFC 791 §3.2, RFC 8200 §4.5, RFC 5722.
"""

from __future__ import annotations

from bisect import bisect_left

from sensors.packets.ip import Datagram

LIMIT_BYTES, LIMIT_DATAGRAMS, LIMIT_PIECES = 16 << 20, 1024, 8192
TIMEOUT_NS = 30_000_000_000

_Key = tuple[bytes, bytes, int, int]


class _Pieces:
    __slots__ = ("end", "first", "parts", "size", "started_ns", "starts")

    def __init__(self, now_ns: int) -> None:
        self.started_ns = now_ns
        self.starts: list[int] = []
        self.parts: list[bytes] = []
        self.size = 0
        self.end = -1  # length of the whole payload, once the last piece came
        self.first: Datagram | None = None

    def add(self, at: int, data: bytes) -> None:
        index = bisect_left(self.starts, at)
        if index and (over := self.starts[index - 1] + len(self.parts[index - 1]) - at) > 0:
            at, data = at + over, data[over:]
        while data:
            room = self.starts[index] - at if index < len(self.starts) else len(data)
            part, skip = data[:room], room
            if part:
                self.starts.insert(index, at)
                self.parts.insert(index, part)
                self.size += len(part)
                index += 1
            if index < len(self.starts):
                skip += len(self.parts[index])
                index += 1
            at, data = at + skip, data[skip:]

    def whole(self) -> bool:
        return self.first is not None and self.end >= 0 and self.size >= self.end and self.starts[0] == 0


class Fragments:
    def __init__(self) -> None:
        self.dropped = 0
        self._open: dict[_Key, _Pieces] = {}
        self._size = 0

    def add(self, packet: Datagram, now_ns: int) -> Datagram | None:
        if len(packet.payload) < packet.payload_length:
            if packet.fragment == 0:  # cut by the snap length: its ports are still of use
                return packet
            self.dropped += 1
            return None
        key = (packet.source, packet.destination, packet.id, packet.protocol)
        self._expire(now_ns)
        pieces = self._open.get(key)
        if pieces is None:
            pieces = self._open[key] = _Pieces(now_ns)
        before = pieces.size
        if packet.fragment + len(packet.payload) > 65535 + 8 or len(pieces.parts) >= LIMIT_PIECES:
            self._drop(key)
            return None
        pieces.add(packet.fragment, packet.payload)
        self._size += pieces.size - before
        if packet.fragment == 0 and pieces.first is None:
            pieces.first = packet
        if not packet.more and pieces.end < 0:
            pieces.end = packet.fragment + len(packet.payload)
        if not pieces.whole() or pieces.first is None:
            while (self._size > LIMIT_BYTES or len(self._open) > LIMIT_DATAGRAMS) and self._open:
                self._drop(next(iter(self._open)))
            return None
        del self._open[key]
        self._size -= pieces.size
        payload = b"".join(pieces.parts)[: pieces.end]
        first = pieces.first
        return Datagram(
            first.source, first.destination, first.protocol, first.header, first.header + len(payload), payload
        )

    def _expire(self, now_ns: int) -> None:
        while self._open:
            key = next(iter(self._open))
            if now_ns - self._open[key].started_ns < TIMEOUT_NS:
                return
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        self._size -= self._open.pop(key).size
        self.dropped += 1
