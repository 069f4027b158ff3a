"""Any bytes give a value; what was written comes back; nothing else is taken for a record."""

from __future__ import annotations

from pathlib import Path

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.durable import watermark
from sensors.durable.log import LogReader, LogWriter
from sensors.durable.record import HEAD_BYTES, Place, open_body, open_marks, read_head, seal
from sensors.spool.item import unframe
from tests.naive.disk import Disk

items = st.lists(st.binary(max_size=200), max_size=20)
marks = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=5)
places = st.builds(Place, st.binary(min_size=8, max_size=8), st.integers(0, 2**60), st.integers(0, 2**40))


@settings(max_examples=150, deadline=None)
@given(places, st.integers(0, 2**60), items, marks)
def test_a_record_comes_back(place: Place, ordinal: int, some: list[bytes], moved: dict[str, str]) -> None:
    data = seal(place, ordinal, some, moved, 0, zstandard.ZstdCompressor())
    head = read_head(data, place)
    assert head is not None
    assert (head.ordinal, head.items, head.total_bytes) == (ordinal, len(some), len(data))
    record = open_body(head, data[HEAD_BYTES:], zstandard.ZstdDecompressor())
    assert record is not None
    assert (record.items, record.marks) == (some, moved)
    assert open_marks(head, data[HEAD_BYTES:]) == moved


@settings(max_examples=100, deadline=None)
@given(places, places, items)
def test_a_copy_of_a_record_at_another_place_is_none(place: Place, other: Place, some: list[bytes]) -> None:
    data = seal(place, 0, some, {}, 0, zstandard.ZstdCompressor())
    assert (read_head(data, other) is None) == (place != other)


@settings(max_examples=200, deadline=None)
@given(places, st.binary(max_size=200))
def test_any_bytes_give_a_value(place: Place, data: bytes) -> None:
    assert read_head(data, place) is None
    assert watermark.parse(data) is None or len(data) == watermark.BYTES
    unframe(data, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.lists(st.integers(0, 7), max_size=6))
def test_records_that_somebody_logged_are_not_taken_for_records(texts: list[bytes], flips: list[int]) -> None:
    """An attacker who logs a copy of a record cannot make it appear when the record around it is damaged."""
    disk, folder = Disk(), Path("/log")
    with LogWriter(folder, files=disk) as writer:
        writer.append([b"first", *texts])
        inode = max(disk.data)
        copy = bytes(disk.data[inode])
        writer.append([copy + bytes(at) + copy[:-1] for at in range(3)])
        begin = len(copy)
        writer.append([b"last"])
    for at in flips:
        disk.data[inode][begin + at * 4] ^= 0x10
    damaged = any(flips.count(at) % 2 for at in flips)
    with LogReader(folder, files=disk) as reader:
        got = []
        after = None
        for _ in range(9):
            batch = reader.read(after, 100)
            got += [item for _, item in batch.items]
            after = batch.next
    assert got[: 1 + len(texts)] == [b"first", *texts]
    assert len(got) == 2 + len(texts) + (0 if damaged else 3)
    assert got[-1] == b"last"
