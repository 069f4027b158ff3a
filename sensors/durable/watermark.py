"""How far a log is durable: 32 bytes in its lock file, which the writer renews after every sync and readers obey.

In:  a segment, the offset behind its last durable record, the ordinal behind its last item. Out: the same, or None.

A reader that went by the file's length would see records before they are durable. Its own mark could then outlive them
in a power loss, and it would skip what is written in their place later; an index would hold what the journal does not.
The watermark itself is never synced: an old one is still true, only late. A damaged one is None, and so is that of a
log whose writer has not started yet.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

LOCK_NAME = "lock"
_FORM = struct.Struct("<QQQ")
_CRC = struct.Struct("<I")
BYTES = _FORM.size + _CRC.size


class Watermark(NamedTuple):
    segment: int
    end: int
    ordinal: int

    def pack(self) -> bytes:
        data = _FORM.pack(*self)
        return data + _CRC.pack(zlib.crc32(data))


def parse(data: bytes) -> Watermark | None:
    if len(data) != BYTES or zlib.crc32(data[: _FORM.size]) != _CRC.unpack_from(data, _FORM.size)[0]:
        return None
    return Watermark(*_FORM.unpack_from(data))
