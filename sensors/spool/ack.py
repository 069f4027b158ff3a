"""How far the reader of a spool has been acknowledged: one small file, `reader/ack`, replaced whole.

In:  a position. Out: the same, or None when there is no such file or it is damaged: then everything that is kept is
sent again, and the receiver skips what it has. It never decides alone about deletion: an acknowledgement from another
life of the spool names older epochs and segments than any that exist.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sensors.durable.files import Files, read_whole, replace
from sensors.spool.item import SpoolPosition

_LIMIT_BYTES = 128


def load(folder: Path, files: Files) -> SpoolPosition | None:
    data = read_whole(folder / "reader" / "ack", _LIMIT_BYTES, files) or b""
    body, _, check = data.rpartition(b" ")
    try:
        if int(check, 16) != zlib.crc32(body):
            return None
        epoch, sequence, segment = (int(part) for part in body.split())
    except ValueError:
        return None
    return SpoolPosition(epoch, sequence, segment)


def store(folder: Path, position: SpoolPosition, files: Files) -> None:
    body = b"%d %d %d" % position
    files.make_folder(folder / "reader")
    replace(folder / "reader" / "ack", body + b" %08x" % zlib.crc32(body), files)
