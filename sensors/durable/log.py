"""A log of ours: journal and spool are made of it.

In:  batches of items (bytes) with marks (small texts by key). Out: the same items in the same order, to any number of
readers in other processes, while it is being written.

    folder/ ├─ 1795323000123-20261122-a1b2c3d4e5f60718.lt1   a segment: one UTC day or 128 MB, whichever ends first
            │    │ snapshot of all marks │ record │ record │ …            (the record's layout: record.py)
            ├─ 1795323000124-20261123-….lt1
            ├─ lock                       held by the writer; says how far the log is durable (watermark.py)
            └─ quarantine/                what was cut from a tail, as it was found

What it promises (the tests carry these numbers):
 L1  What `append` returned for survives kill -9 and power loss: data synced, and the folder when the file is new.
 L2  A reader sees a record only when it is durable, whole, and in the order of appending; nothing else is ever seen.
 L3  Marks are durable with the items of their record or not at all: they never run ahead of them.
 L4  Damage costs exactly the records that it touches. They are skipped and counted, exactly where a record behind
     them or the watermark tells; neighbours are read.
 L5  A torn tail is cut when the writer opens, copied aside before, and the log goes on in a new segment, so that a
     place never names two different items.
 L6  No file decides about another one's data: any of them may be lost, and the rest is read. Every segment starts with
     all marks. Only `drop_…` deletes.
 L7  One writer (flock). After a failed write or sync it is dead: the process exits, opens again, and recovers.
 L8  Memory is bounded: one record (16 MiB) and one batch (16 MiB).
 L9  Positions of a log that was lost and begun again never name items of the new one: segments are numbered by the
     clock (ms), upwards.
"""

from sensors.durable.batch import Batch
from sensors.durable.problems import Full
from sensors.durable.reader import LogReader
from sensors.durable.record import START, Position, Record
from sensors.durable.recovery import Recovery
from sensors.durable.segment import Dropped, SegmentInfo
from sensors.durable.writer import LogWriter

__all__ = [
    "START",
    "Batch",
    "Dropped",
    "Full",
    "LogReader",
    "LogWriter",
    "Position",
    "Record",
    "Recovery",
    "SegmentInfo",
]
