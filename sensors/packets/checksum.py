"""The Internet checksum (RFC 1071) over headers and payload.

In: bytes. Out: the folded one's complement sum; a packet whose own checksum is right sums to 0xFFFF.
A big-endian integer modulo 0xFFFF is the one's complement sum of its 16-bit words. CPython divides a big integer digit
by digit (15 µs for 1,420 bytes); adding its halves first, which keeps the value modulo 0xFFFF, makes that 5 µs.
"""

from __future__ import annotations

_FOLDS = tuple((bits, (1 << bits) - 1) for bits in (1 << power for power in range(18, 8, -1)))


def ones_sum(data: bytes) -> int:
    """Sum in 1..0xFFFF; 0 only for all-zero data."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    size = len(data) * 8
    if size > 512:
        for bits, mask in _FOLDS:
            if size > bits:
                number = (number >> bits) + (number & mask)
    return (number % 0xFFFF or 0xFFFF) if number else 0


def transport_ok(source: bytes, destination: bytes, protocol: int, segment: bytes, field: int = -1) -> bool:
    """Whether a TCP, UDP or ICMPv6 segment fits its pseudo header (RFC 9293 §3.1, RFC 8200 §8.1).

    `field`: where its checksum stands. A checksum that is the pseudo header's own sum is not damage: the sending host
    left the rest to its network card (Linux CHECKSUM_PARTIAL) and was captured on the host itself. Nor is zero: nobody
    has filled it in yet.
    """
    pseudo = source + destination + len(segment).to_bytes(4, "big") + protocol.to_bytes(4, "big")
    if ones_sum(pseudo + segment) == 0xFFFF:
        return True
    return field >= 0 and int.from_bytes(segment[field : field + 2], "big") in (0, ones_sum(pseudo))
