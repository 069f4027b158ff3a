"""One record of a log: a batch of items with the marks that move with it.

        0        4         8         12            16            20      24            32      36
        ┌────────┬─────────┬─────────┬─────────────┬─────────────┬───────┬─────────────┬───────┬──────────────┐
        │ magic  │ head    │ body    │ body length │ payload     │ items │ ordinal of  │ flags │ body: zstd   │
        │ F5LT 01│ CRC-32  │ CRC-32  │ on disk     │ length      │       │ first item  │       │ of payload   │
        └────────┴─────────┴─────────┴─────────────┴─────────────┴───────┴─────────────┴───────┴──────────────┘
        payload = length of marks (u32) │ marks (JSON object of text) │ items × length (u32) │ items
        little-endian throughout

In:  items, marks. Out: bytes, and back; what is not exactly what was written is None, never an exception.
Bound: a payload is at most `PAYLOAD_LIMIT_BYTES`; nothing is allocated on the word of a header that its CRC denies.

The head CRC covers the segment's salt and number and the record's offset besides the head: a record counts only where
it was written, so neither a stray block nor a copy of a record that somebody logged as text is ever taken for one when
a reader looks for the next record behind damage. The head has a CRC of its own so that a damaged body costs exactly
that body. `zlib.crc32` is in the standard library at 1 GB/s and finds every error of up to three bits, and every burst
up to 32, at these lengths; CRC-32C's better distance would cost a dependency.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import zstandard

MAGIC = b"\xf5LT\x01"  # F5 is no byte of UTF-8 text
PAYLOAD_LIMIT_BYTES = 16 * 1024 * 1024
_BODY_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES + PAYLOAD_LIMIT_BYTES // 128 + 1024  # zstd's own bound on what cannot shrink

_HEAD = struct.Struct("<4sIIIIIQI")
_PLACE = struct.Struct("<8sQQ")
_U32 = struct.Struct("<I")
HEAD_BYTES = _HEAD.size

SNAPSHOT = 1  # flag: the marks are all marks, not changes
_KNOWN_FLAGS = SNAPSHOT

_marks = msgspec.json.Decoder(dict[str, str])


class Position(NamedTuple):
    """A place in a log: the item `index` of the record at `offset` of `segment`; index −1 stands before the first."""

    segment: int
    offset: int
    index: int  # type: ignore[assignment]  # a field, where a tuple has a method

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}:{self.index}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError on anything that `str` did not make."""
        parts = [int(part) for part in text.split(":")]
        if len(parts) != 3 or parts[0] < 0 or parts[1] < 0 or parts[2] < -1:
            raise ValueError(f"not a position: {text[:64]!r}")
        return cls(*parts)


START = Position(0, 0, -1)


class Place(NamedTuple):
    """Where a record stands, and what only its own segment knows."""

    salt: bytes
    segment: int
    offset: int


class Head(NamedTuple):
    body_crc: int
    body_bytes: int
    payload_bytes: int
    items: int
    ordinal: int  # how many items the log held before this record, since it began: tells exactly what damage cost
    flags: int

    @property
    def total_bytes(self) -> int:
        return HEAD_BYTES + self.body_bytes


class Record(NamedTuple):
    items: list[bytes]
    marks: dict[str, str]


def payload_size(items: Sequence[bytes], marks_bytes: int) -> int:
    return 4 + marks_bytes + 4 * len(items) + sum(map(len, items))


def seal(
    place: Place,
    ordinal: int,
    items: Sequence[bytes],
    marks: Mapping[str, str],
    flags: int,
    press: zstandard.ZstdCompressor,
) -> bytes:
    """The bytes of a record for exactly this place. ValueError when the payload passes its limit."""
    marked = msgspec.json.encode(marks) if marks else b""
    lengths = struct.pack(f"<{len(items)}I", *map(len, items))
    payload = b"".join((_U32.pack(len(marked)), marked, lengths, *items))
    if len(payload) > PAYLOAD_LIMIT_BYTES:
        raise ValueError(f"a record of {len(payload)} bytes; the limit is {PAYLOAD_LIMIT_BYTES}")
    body = press.compress(payload)
    head = Head(zlib.crc32(body), len(body), len(payload), len(items), ordinal, flags)
    return _HEAD.pack(MAGIC, _head_crc(place, head), *head) + body


def read_head(data: bytes, place: Place) -> Head | None:
    """The head at the start of `data`, None when nothing was written at this place or it is damaged."""
    if len(data) < HEAD_BYTES:
        return None
    magic, crc, *rest = _HEAD.unpack_from(data)
    head = Head(*rest)
    if (
        magic != MAGIC
        or crc != _head_crc(place, head)
        or head.body_bytes > _BODY_LIMIT_BYTES
        or not 4 + 4 * head.items <= head.payload_bytes <= PAYLOAD_LIMIT_BYTES
        or head.flags & ~_KNOWN_FLAGS
    ):
        return None
    return head


def intact(head: Head, body: bytes) -> bool:
    return len(body) == head.body_bytes and zlib.crc32(body) == head.body_crc


def open_body(head: Head, body: bytes, unpress: zstandard.ZstdDecompressor) -> Record | None:
    """The record in `body`, None when it is not what the head announced."""
    if not intact(head, body):
        return None
    try:
        # max_output_size is ignored by the library when the frame names a size: so that size is checked first
        if zstandard.frame_content_size(body) != head.payload_bytes:
            return None
        payload = unpress.decompress(body, max_output_size=PAYLOAD_LIMIT_BYTES)
        if len(payload) != head.payload_bytes:
            return None
        at = 4 + _U32.unpack_from(payload)[0]
        marks = _marks.decode(payload[4:at]) if at > 4 else {}
        lengths = struct.unpack_from(f"<{head.items}I", payload, at)
        at += 4 * head.items
        if at + sum(lengths) != len(payload):
            return None
    except (zstandard.ZstdError, msgspec.MsgspecError, struct.error, UnicodeDecodeError):
        return None
    items = []
    for length in lengths:
        items.append(payload[at : at + length])
        at += length
    return Record(items, marks)


def open_marks(head: Head, body: bytes) -> dict[str, str]:
    """Only the marks of an intact body: reads as little of it as they need."""
    try:
        if zstandard.frame_content_size(body) != head.payload_bytes:
            return {}
        with zstandard.ZstdDecompressor().stream_reader(body) as payload:
            length = _U32.unpack(payload.read(4))[0]
            return _marks.decode(payload.read(min(length, PAYLOAD_LIMIT_BYTES))) if length else {}
    except (zstandard.ZstdError, msgspec.MsgspecError, struct.error, UnicodeDecodeError):
        return {}


def _head_crc(place: Place, head: Head) -> int:
    return zlib.crc32(_HEAD.pack(MAGIC, 0, *head), zlib.crc32(_PLACE.pack(*place)))
