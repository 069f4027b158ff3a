"""F5, F6, F8 of the reliability plan: one bit flipped at every byte, the tail cut at every byte, side files lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sensors.clock import ManualClock
from sensors.durable.log import LogReader, LogWriter
from sensors.durable.segment import listing, walk
from sensors.durable.watermark import LOCK_NAME
from tests.naive.disk import Disk

FOLDER = Path("/log")
SIZES = (3, 1, 4, 0, 2, 5, 1)


def build() -> tuple[Disk, int]:
    disk, clock = Disk(), ManualClock()
    draw = random.Random(5)
    count = 0
    with LogWriter(FOLDER, files=disk, clock=clock, segment_bytes=400, random=draw.randbytes) as writer:
        for size in SIZES:
            writer.append([b"%d:%s" % (count + at, draw.randbytes(9)) for at in range(size)], {"n": str(count + size)})
            count += size
    assert len(listing(FOLDER, disk)) >= 2
    return disk, count


def read_all(disk: Disk) -> tuple[list[int], list[int]]:
    numbers, gaps = [], []
    after = None
    with LogReader(FOLDER, files=disk) as reader:
        for _ in range(200):
            batch = reader.read(after, 2)
            if batch.lost is not None:
                gaps.append(batch.lost)
            elif not batch.items:
                return numbers, gaps
            numbers += [int(item.split(b":")[0]) for _, item in batch.items]
            after = batch.next
    raise AssertionError("the reader does not come to an end")


def owners(disk: Disk) -> dict[Path, list[tuple[int, int, set[int]]]]:
    """(begin, end, items) of each record in each file."""
    found: dict[Path, list[tuple[int, int, set[int]]]] = {}
    for segment in listing(FOLDER, disk):
        path = FOLDER / segment.name
        file = disk.open(path, "read")
        found[path] = [
            (piece.offset, piece.end, set(range(piece.head.ordinal, piece.head.ordinal + piece.head.items)))
            for piece in walk(file, segment, 0, file.size())
            if piece.head is not None
        ]
    return found


def test_l4_one_flipped_bit_costs_its_own_record_and_is_counted() -> None:
    disk, count = build()
    everything = set(range(count))
    states = 0
    for path, records in owners(disk).items():
        for begin, end, own in records:
            for at in range(begin, end):
                for bit in range(8) if at < begin + 40 else (at % 8,):
                    state = disk.copy()
                    state.data[state.names_of[path]][at] ^= 1 << bit
                    check_damage(disk, state, everything, own, f"{path.name} byte {at} bit {bit}")
                    states += 1
    assert states > 1500, states


def check_damage(sound: Disk, state: Disk, everything: set[int], own: set[int], tell: str) -> None:
    kept = sorted(everything - own)
    with LogReader(FOLDER, files=sound) as reader:
        read_everything = reader.read(None, 1000).next
    numbers, gaps = read_all(state)
    assert numbers == kept, f"{tell}: live"
    if own and min(own) == 0:  # nothing before it can tell where the log began
        assert gaps in ([len(own)], [-1]), f"{tell}: {gaps}"
    else:
        assert gaps == ([len(own)] if own else []), f"{tell}: {gaps}"
    with LogWriter(FOLDER, files=state, clock=ManualClock(), segment_bytes=400) as writer:
        end = writer.next_ordinal
        assert end == len(everything), f"{tell}: a number would be given twice"
        writer.append([b"%d:new" % end], {"n": str(end + 1)})
    with LogReader(FOLDER, files=state) as reader:  # it had read the damaged items before: a place has one meaning (L5)
        assert reader.read(read_everything, 1000).items[0][1] == b"%d:new" % end, tell
    numbers, gaps = read_all(state)
    assert numbers == [*kept, end], f"{tell}: after recovery"
    assert sum(gaps) in {len(own), -1}, f"{tell}: after recovery {gaps}"


def test_l6_watermark_flipped_or_lost_costs_nothing() -> None:
    disk, count = build()
    lock = disk.names_of[FOLDER / LOCK_NAME]
    for at in range(len(disk.data[lock])):
        state = disk.copy()
        state.data[lock][at] ^= 1 << (at % 8)
        assert read_all(state) == (list(range(count)), [])
        LogWriter(FOLDER, files=state, clock=ManualClock()).close()
        assert read_all(state) == (list(range(count)), [])
    state = disk.copy()
    del state.names_of[FOLDER / LOCK_NAME]
    assert read_all(state) == (list(range(count)), [])


@pytest.mark.parametrize("watermark", [True, False])
def test_l5_tail_cut_at_every_byte_of_the_last_records(watermark: bool) -> None:
    disk, count = build()
    path, records = list(owners(disk).items())[-1]
    for cut in range(records[max(0, len(records) - 3)][0], len(disk.data[disk.names_of[path]])):
        state = disk.copy()
        del state.data[state.names_of[path]][cut:]
        if not watermark:
            del state.names_of[FOLDER / LOCK_NAME]
        gone: set[int] = set().union(*(own for _, end, own in records if end > cut))
        kept = sorted(set(range(count)) - gone)
        with LogWriter(FOLDER, files=state, clock=ManualClock(), segment_bytes=400) as writer:
            assert read_all(state)[0] == kept
            start = writer.next_ordinal
            writer.append([b"%d:new" % start])
        numbers, gaps = read_all(state)
        assert numbers == [*kept, start]
        # with the watermark the loss is known to the item; without it nobody can tell it from a write never finished
        assert gaps == ([len(gone)] if gone and watermark else [])


def test_l6_any_file_lost_the_rest_is_read() -> None:
    disk, count = build()
    for path, records in owners(disk).items():
        state = disk.copy()
        del state.names_of[path]
        own: set[int] = set().union(*(items for _, _, items in records))
        assert read_all(state)[0] == sorted(set(range(count)) - own)
        with LogWriter(FOLDER, files=state, clock=ManualClock()) as writer:
            assert writer.next_ordinal == count
            writer.append([b"%d:new" % count])
        assert read_all(state)[0] == [*sorted(set(range(count)) - own), count]


def test_l6_marks_survive_a_damaged_snapshot() -> None:
    disk, count = build()
    newest = listing(FOLDER, disk)[-1]
    disk.data[disk.names_of[FOLDER / newest.name]][50] ^= 4
    with LogWriter(FOLDER, files=disk, clock=ManualClock()) as writer:
        assert writer.marks == {"n": str(count)}
        assert writer.recovered.damaged == 1
