"""What a spool's log holds: one event per item, behind a frame that can be read without parsing the event.

        0          8             16               20         21
        ┌──────────┬─────────────┬────────────────┬──────────┬─────────────┐
        │ epoch    │ sequence    │ spooled, epoch │ priority │ event, JSON │
        │          │             │ seconds        │          │             │
        └──────────┴─────────────┴────────────────┴──────────┴─────────────┘

(epoch, sequence) grows from item to item, without end: the receiver's mark against doubles, and what an acknowledgement
names. A place in the log would not do, because the drop policy rewrites segments.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_FRAME = struct.Struct("<QQIB")


class SpoolPosition(NamedTuple):
    """Ordered. `segment` only says where to look."""

    epoch: int
    sequence: int
    segment: int = 0


class SpoolItem(NamedTuple):
    position: SpoolPosition
    event_bytes: bytes
    spooled: int  # epoch seconds
    priority: int


def frame(epoch: int, sequence: int, spooled: float, priority: int, event: bytes) -> bytes:
    return _FRAME.pack(epoch, sequence, min(max(int(spooled), 0), 0xFFFFFFFF), priority) + event


def unframe(item: bytes, segment: int) -> SpoolItem | None:
    """None for an item that no spool has written."""
    if len(item) < _FRAME.size:
        return None
    epoch, sequence, spooled, priority = _FRAME.unpack_from(item)
    return SpoolItem(SpoolPosition(epoch, sequence, segment), item[_FRAME.size :], spooled, priority)
