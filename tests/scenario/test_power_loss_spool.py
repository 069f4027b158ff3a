"""F4 for the spool: whatever the power took, every event that was accepted is delivered, still there, or counted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sensors.clock import ManualClock
from sensors.event import Event, decode, get, new_event
from sensors.spool import SpoolReader, SpoolWriter
from tests.naive.disk import Disk, Loss

FOLDER = Path("/data/spool/packet")
LIMIT_BYTES = 40 << 10


def open_spool(disk: Disk, clock: ManualClock) -> SpoolWriter:
    return SpoolWriter(FOLDER, files=disk, clock=clock, limit_bytes=LIMIT_BYTES, observer="s1")


def make(number: int, draw: random.Random) -> Event:
    dataset = draw.choice(("network.flow", "network.flow", "network.dns", "system.auth"))
    return new_event(dataset, 1.7e9, {"event.id": str(number), "message": draw.randbytes(220).hex()})


class Delivered:
    """What a receiver has: ids and counted gaps, each once."""

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.gaps: dict[tuple[int, int], int] = {}
        self.order: list[tuple[int, int]] = []

    def take(self, reader: SpoolReader, limit: int = 10_000) -> object:
        last = None
        for item in reader.read(limit, 1 << 30):
            last = item.position
            event = decode(item.event_bytes)
            assert (get(event, "luytre.spool.epoch"), get(event, "event.sequence")) == last[:2]
            self.order.append(last[:2])
            if get(event, "event.dataset") == "luytre.gap":
                self.gaps[last[:2]] = get(event, "luytre.gap.count")
            else:
                self.ids.add(int(get(event, "event.id")))
        return last

    def copy(self) -> Delivered:
        twin = Delivered()
        twin.ids, twin.gaps, twin.order = set(self.ids), dict(self.gaps), list(self.order)
        return twin


def record_trace(seed: int, *, reading: bool) -> Disk:
    draw = random.Random(seed)
    disk, clock, delivered = Disk(), ManualClock(), Delivered()
    writer = open_spool(disk, clock)
    count = dropped = 0
    for _ in range(36):
        events = [make(count + at, draw) for at in range(draw.choice((1, 3, 25)))]
        disk.note(("issued", count + len(events)))
        writer.append(events, {"tap": str(count + len(events))})
        count += len(events)
        disk.note(("acked", count))
        clock.move(draw.choice((0.1, 1, 6)))
        if reading and draw.random() < 0.4:
            with SpoolReader(FOLDER, files=disk) as reader:
                last = delivered.take(reader, draw.choice((3, 40)))
                disk.note(("delivered", delivered.copy()))  # the receiver has it before the acknowledgement is stored
                if last is not None:
                    reader.ack(last)  # type: ignore[arg-type]
        if draw.random() < 0.1:
            dropped += sum(writer.dropped.values())
            writer.close()
            writer = open_spool(disk, clock)
    assert reading or dropped + sum(writer.dropped.values()) > 0
    writer.close()
    return disk


def check(disk: Disk, known: dict[str, int], delivered: Delivered, tell: str, *, exact: bool) -> None:
    writer = open_spool(disk, ManualClock(1_800_000_000))
    position = int(writer.positions.get("tap", "0"))
    assert known["acked"] <= position <= known["issued"], f"{tell}: position {position} of {known}"
    sequence, epoch = writer.next_sequence, writer.epoch
    assert not delivered.order or (epoch, sequence) > delivered.order[-1], f"{tell}: a number is given twice"
    writer.append([make(position, random.Random(1))], {"tap": str(position + 1)})
    with SpoolReader(FOLDER, files=disk) as reader:
        first = Delivered()
        first.take(reader)
    assert first.order == sorted(set(first.order)), f"{tell}: out of order"
    have = delivered.ids | first.ids
    assert max(have) <= position, f"{tell}: unissued"
    counted = sum({**delivered.gaps, **first.gaps}.values())
    missing = position + 1 - len(have)
    assert missing <= counted, f"{tell}: {missing} are gone, {counted} were counted"
    if exact:
        assert missing == counted, f"{tell}: {missing} are gone, {counted} were counted"
    assert writer.usage_bytes() <= LIMIT_BYTES * 1.5
    writer.close()


@pytest.mark.parametrize(("seed", "reading"), [(1, False), (2, True), pytest.param(3, True, marks=pytest.mark.slow)])
def test_power_loss_at_every_operation(seed: int, reading: bool) -> None:
    disk = record_trace(seed, reading=reading)
    states = 0
    for count in range(len(disk.trace) + 1):
        known, delivered = {"issued": 0, "acked": 0}, Delivered()
        for step in disk.trace[:count]:
            if step[0] == "note" and step[1][0] == "delivered":
                delivered = step[1][1]
            elif step[0] == "note":
                known[step[1][0]] = step[1][1]
        draw = random.Random(seed * 10_000 + count)
        for at, loss in enumerate(
            (
                Loss(draw, 0, keep_names=0),
                Loss(draw, 1, keep_names=1),
                Loss(draw, 1, keep_names=0.5, tear=True),
                Loss(draw, 0.5, keep_names=0.5, tear=True, zeros=0.1),
            )
        ):
            state = disk.crash(count, loss)
            check(state, known, delivered, f"seed {seed}, operation {count}, loss {at}", exact=not reading)
            states += 1
    assert states >= 500, states
