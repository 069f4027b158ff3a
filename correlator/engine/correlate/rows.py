"""An entry's arrival and event id in 25 bytes, instead of the 110 of a float and a text.

In:  arrival (epoch seconds) and an event's id. Out: fixed rows in one bytearray a group.
Row: arrival f64 little-endian │ tag u8 │ 16 bytes. Tags: 0 an id of 32 hexadecimal digits (ours), 1 a UUID with its
dashes, 2 + n a text of n ≤ 16 bytes, 255 the digest of a longer text, which stands in the group's `long` table.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from sensors.event import Event, get

_ROW = struct.Struct("<dB16s")
_ARRIVAL = struct.Struct("<d")
SIZE = _ROW.size
ID_LIMIT_CHARS = 512

Long = dict[bytes, str]


def event_id(event: Event) -> str:
    inner = event.get("event")
    given = inner.get("id") if inner.__class__ is dict else get(event, "event.id")
    return given if given.__class__ is str else str(given or "")


def row(arrival: float, event_id: str) -> tuple[bytes, Long | None]:
    """The row, and what its group's table must hold for it."""
    size = len(event_id)
    if size == 32:
        try:
            raw = bytes.fromhex(event_id)
            if raw.hex() == event_id:
                return _ROW.pack(arrival, 0, raw), None
        except ValueError:
            pass
    elif size == 36:
        try:
            raw = bytes.fromhex(event_id.replace("-", ""))
            if _dashed(raw.hex()) == event_id:
                return _ROW.pack(arrival, 1, raw), None
        except ValueError:
            pass
    raw = event_id[:ID_LIMIT_CHARS].encode("utf-8", "replace")
    if len(raw) <= 16:
        return _ROW.pack(arrival, 2 + len(raw), raw), None
    digest = hashlib.blake2b(raw, digest_size=16).digest()
    return _ROW.pack(arrival, 255, digest), {digest: raw.decode()}


def ids(rows: bytearray, picked: Iterable[int], long: Long | None) -> list[str]:
    """Each once."""
    found: dict[str, None] = {}
    for index in picked:
        _, tag, raw = _ROW.unpack_from(rows, index * SIZE)
        text = raw.hex() if tag == 0 else id_at(rows, index, long)
        if text:
            found[text] = None
    return list(found)


def arrival_at(rows: bytearray, index: int) -> float:
    return float(_ARRIVAL.unpack_from(rows, index * SIZE)[0])


def id_at(rows: bytearray, index: int, long: Long | None) -> str:
    _, tag, raw = _ROW.unpack_from(rows, index * SIZE)
    if tag == 0:
        return str(raw.hex())
    if tag == 1:
        return _dashed(raw.hex())
    if tag == 255:
        return (long or {}).get(raw, "")
    return str(raw[: tag - 2].decode("utf-8", "replace"))


def still(rows: bytearray, long: Long) -> Long:
    """The part of the table that these rows still name."""
    left: Long = {}
    for index in range(len(rows) // SIZE):
        _, tag, raw = _ROW.unpack_from(rows, index * SIZE)
        if tag == 255 and raw in long:
            left[raw] = long[raw]
    return left


def _dashed(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
