"""F4, F9, F10 of the reliability plan for the log: every prefix of a recorded trace, each with several losses."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from sensors.clock import ManualClock
from sensors.durable.log import Full, LogReader, LogWriter, Position
from sensors.errors import Damaged
from tests.naive.disk import Disk, Loss

FOLDER = Path("/data/journal")


def losses(seed: int) -> list[Loss]:
    """What power loss may do, from nothing kept to everything kept, with tearing and reordering between."""
    draw = random.Random(seed)
    return [
        Loss(draw, keep_writes=0, keep_names=0),
        Loss(draw, keep_writes=0, keep_names=1),
        Loss(draw, keep_writes=1, keep_names=1),
        Loss(draw, keep_writes=1, keep_names=0),
        Loss(draw, keep_writes=1, keep_names=1, tear=True),
        Loss(draw, keep_writes=1, keep_names=1, zeros=0.6),
        *[Loss(draw, keep_writes=0.6, keep_names=0.6, tear=True, zeros=0.1) for _ in range(5)],
    ]


def open_log(disk: Disk, clock: ManualClock) -> LogWriter:
    salts = random.Random(len(disk.trace))
    return LogWriter(FOLDER, files=disk, clock=clock, segment_bytes=1500, record_bytes=400, random=salts.randbytes)


def record_trace(seed: int) -> Disk:
    """A life of a log: batches of all sizes, marks, days, restarts, retention. Item n says n; mark "n" counts items."""
    draw = random.Random(seed)
    disk, clock = Disk(), ManualClock()
    writer = open_log(disk, clock)
    count = 0
    for step in range(40):
        size = draw.choice((0, 1, 1, 2, 5, 20))
        items = [b"%d:%s" % (count + at, draw.randbytes(draw.choice((0, 3, 60)))) for at in range(size)]
        disk.note(("issued", count + size))
        writer.append(items, {"n": str(count + size), "step": str(step)})
        count += size
        disk.note(("acked", count))
        clock.move(draw.choice((0, 0.01, 5, 40_000)))
        if draw.random() < 0.1:
            segments = writer.segments()
            keep = segments[len(segments) // 2]
            disk.note(("dropping", keep.ordinal))
            writer.drop_before(Position(keep.number, 0, -1))
            disk.note(("dropped", keep.ordinal))
        if draw.random() < 0.15:
            writer.close()
            writer = open_log(disk, clock)
            assert writer.recovered.clean
    writer.close()
    return disk


Seen = tuple[list[int], Position | None, list[int]]


def read_all(disk: Disk, after: Position | None = None) -> Seen:
    numbers: list[int] = []
    losses_seen = []
    with LogReader(FOLDER, files=disk) as reader:
        while True:
            batch = reader.read(after, 50)
            if batch.lost is not None:
                losses_seen.append(batch.lost)
            if not batch.items and batch.lost is None:
                return numbers, after, losses_seen
            numbers += [int(item.split(b":")[0]) for _, item in batch.items]
            after = batch.next


def noted(disk: Disk, count: int) -> dict[str, int]:
    known = {"issued": 0, "acked": 0, "dropping": 0, "dropped": 0}
    for step in disk.trace[:count]:
        if step[0] == "note":
            known[step[1][0]] = step[1][1]
    return known


def check(seen: Seen, after: Disk, known: dict[str, int], tell: str) -> None:
    """`seen` is what a reader had seen, and its mark, when the power went; `after` what the disk kept."""
    numbers, cursor, _ = seen
    clock = ManualClock(1_800_000_000)
    writer = open_log(after, clock)
    present, _, gaps = read_all(after)
    first = present[0] if present else known["acked"]
    assert present == list(range(first, first + len(present))), f"{tell}: order or neighbours"  # L4
    assert first <= known["dropping"] or not present, f"{tell}: an item that nobody dropped is missing in front"
    end = first + len(present)
    assert known["acked"] <= end <= known["issued"], f"{tell}: acknowledged {known}, kept up to {end}"  # L1
    assert not gaps, f"{tell}: a gap where nothing was lost"
    marked = int(writer.marks.get("n", "0"))
    assert known["acked"] <= marked <= end, f"{tell}: mark {marked} of {end}"  # L3
    if numbers:
        assert numbers[-1] < end, f"{tell}: a reader saw {numbers[-1]}, which is gone"  # L2
    writer.append([b"%d:new" % end], {"n": str(end + 1)})
    fresh, _, gaps = read_all(after, cursor)
    # a reader goes on from its own mark without doubles and without holes
    expected = list(range(numbers[-1] + 1 if numbers else first, end + 1))
    assert fresh == expected, f"{tell}: from {cursor} read {fresh}, not {expected}"  # L5
    writer.close()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_l1_l2_l3_l5_power_loss_at_every_operation(seed: int) -> None:
    disk = record_trace(seed)
    states = 0
    for count in range(len(disk.trace) + 1):
        known = noted(disk, count)
        seen = read_all(disk.live(count))
        check(seen, disk.live(count), known, f"seed {seed}, kill at {count}")
        for at, loss in enumerate(losses(seed * 10_000 + count)):
            check(seen, disk.crash(count, loss), known, f"seed {seed}, operation {count}, loss {at}")
            states += 1
    assert states >= 1500, states


def test_l2_what_a_killed_writer_left_unsynced_is_synced_before_it_is_seen() -> None:
    disk = record_trace(3)
    for count in range(0, len(disk.trace), 2):
        killed = disk.fork(count)
        open_log(killed, ManualClock(1_700_000_000)).close()
        check(
            read_all(killed),
            killed.crash(len(killed.trace), Loss(random.Random(count), 0, keep_names=0)),
            noted(disk, count),
            f"{count}",
        )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_l7_every_operation_fails_once(code: int) -> None:
    reference = Disk()
    life(reference)
    for fail_at in range(1, reference.calls + 1):
        disk = Disk(fail=lambda kind, call, at=fail_at: OSError(code, "injected") if call == at else None)
        acked, issued = life(disk)
        known = {"acked": acked, "issued": issued, "dropping": 0, "dropped": 0}
        disk.fail = None
        disk.locked.clear()
        seen = read_all(disk)
        draw = random.Random(fail_at)
        for loss in (Loss(draw, 0, keep_names=0), Loss(draw, 1, keep_names=1), Loss(draw, 0.5, tear=True)):
            check(seen, disk.crash(len(disk.trace), loss), known, f"{code} at call {fail_at}")


def life(disk: Disk) -> tuple[int, int]:
    """Appends until something fails; afterwards the writer must refuse to go on."""
    acked = issued = 0
    writer = None
    try:
        writer = open_log(disk, ManualClock())
        for size in (1, 3, 30, 2, 60, 1):
            issued = acked + size
            writer.append([b"%d:%s" % (acked + at, b"x" * 40) for at in range(size)], {"n": str(acked + size)})
            acked += size
    except OSError:
        if writer is not None:
            disk.fail = None
            with pytest.raises(Damaged):
                writer.append([b"0:again"])
    finally:
        if writer is not None:
            writer.close()
    return acked, issued


def test_full_disk_refuses_before_it_writes() -> None:
    disk = Disk()
    writer = open_log(disk, ManualClock())
    writer.append([b"0:a"], {"n": "1"})
    disk.free = 1000
    before = len(disk.trace)
    with pytest.raises(Full):
        writer.append([b"1:b"])
    assert len(disk.trace) == before
    disk.free = 1 << 40
    writer.append([b"1:b"])
    assert read_all(disk)[0] == [0, 1]
    writer.close()
