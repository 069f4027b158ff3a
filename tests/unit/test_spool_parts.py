"""What a spool promises to sensor roles and to ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensors.clock import ManualClock
from sensors.event import Event, decode, get, new_event
from sensors.spool import SpoolReader, SpoolWriter


def make(number: int, dataset: str = "syslog", **fields: Any) -> Event:
    return new_event(dataset, 1.7e9, {"event.id": str(number), **fields})


def drain(reader: SpoolReader) -> list[Event]:
    return [decode(item.event_bytes) for item in reader.read(10_000, 1 << 30)]


def test_events_are_stamped_in_order(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path / "log") as writer, SpoolReader(tmp_path / "log") as reader:
        writer.append([make(1), make(2)], {"file": "10"})
        writer.append([make(3)])
        events = drain(reader)
        assert [get(event, "event.sequence") for event in events] == [1, 2, 3]
        assert {get(event, "luytre.spool.epoch") for event in events} == {writer.epoch}
        assert writer.next_sequence == 4
        assert writer.positions == {"file": "10"}


def test_restart_keeps_epoch_sequence_and_positions(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer:
        writer.append([make(1)], {"a": "1", "b": "2"})
        epoch = writer.epoch
    with SpoolWriter(tmp_path) as writer:
        assert (writer.epoch, writer.next_sequence, writer.positions) == (epoch, 2, {"a": "1", "b": "2"})
        writer.append([], {"a": ""})
        assert writer.positions == {"b": "2"}


def test_lost_spool_begins_a_greater_epoch_even_when_the_clock_went_back(tmp_path: Path) -> None:
    clock = ManualClock(2_000_000_000)
    with SpoolWriter(tmp_path, clock=clock) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(1)])
        epoch = writer.epoch
        reader.ack(reader.read(1, 1000)[0].position)
    for path in tmp_path.glob("*.lt1"):
        path.unlink()
    with SpoolWriter(tmp_path, clock=ManualClock(1_000_000_000)) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(2)])
        assert writer.epoch > epoch
        assert [get(event, "event.id") for event in drain(reader)] == ["2"]


def test_a_damaged_end_begins_a_new_epoch(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer:
        writer.append([make(1)])
        epoch = writer.epoch
    path = next(tmp_path.glob("*.lt1"))
    path.write_bytes(path.read_bytes()[:-3])
    with SpoolWriter(tmp_path) as writer:
        assert writer.epoch > epoch


def test_an_old_copy_put_back_begins_a_new_epoch(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer:
        writer.append([make(1)])
    copy = {path: path.read_bytes() for path in (*tmp_path.glob("*.lt1"), tmp_path / "lock")}
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(2), make(3)])
        reader.ack(reader.read(9, 1 << 20)[-1].position)
    for path, data in copy.items():
        path.write_bytes(data)
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(4)])
        assert [get(event, "event.id") for event in drain(reader)] == ["4"]


def test_unacknowledged_items_come_again(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(number) for number in range(10)])
        items = reader.read(4, 1 << 20)
        reader.ack(items[1].position)
        reader.ack(items[0].position)  # an older one changes nothing
        assert [item.position.sequence for item in reader.read(2, 1 << 20)] == [5, 6]
        reader.rewind()
        assert [item.position.sequence for item in reader.read(3, 1 << 20)] == [3, 4, 5]
        with SpoolReader(tmp_path) as other:
            assert [item.position.sequence for item in other.read(99, 1 << 20)] == list(range(3, 11))


def test_damaged_acknowledgement_sends_again_and_loses_nothing(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(1), make(2)])
        reader.ack(reader.read(9, 1 << 20)[1].position)
        ack = tmp_path / "reader" / "ack"
        sound = ack.read_bytes()
        for wrong in (b"", b"x", b"99 99 99 deadbeef", sound[:-1], b"\xff" + sound[1:], sound * 9):
            ack.write_bytes(wrong)
            with SpoolReader(tmp_path) as other:
                assert len(drain(other)) == 2


def test_backlog(tmp_path: Path) -> None:
    clock = ManualClock(1_700_000_000)
    with SpoolReader(tmp_path) as reader:
        assert reader.backlog() == (0, 0, None)
        with SpoolWriter(tmp_path, clock=clock) as writer:
            writer.append([make(1)])
            clock.move(60)
            writer.append([make(2)])
            backlog = reader.backlog()
            assert (backlog.items, backlog.oldest) == (2, 1_700_000_000)
            assert backlog.bytes > 0
            first, second = reader.read(9, 1 << 20)
            reader.ack(first.position)
            assert reader.backlog()[::2] == (1, 1_700_000_060)
            reader.ack(second.position)
            assert reader.backlog() == (0, 0, None)


def test_size_limit_gives_at_least_one(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(1, message="x" * 5000), make(2), make(3)])
        assert len(reader.read(9, 100)) == 1
        assert len(reader.read(9, 100_000)) == 2
        assert reader.read(9, 100) == []


def test_what_was_acknowledged_is_deleted(tmp_path: Path) -> None:
    clock = ManualClock()
    with SpoolWriter(tmp_path, clock=clock, limit_bytes=64 << 10) as writer, SpoolReader(tmp_path) as reader:
        for number in range(60):
            writer.append([make(number, message=bytes(range(200)).hex() * 5 + str(number))])
            clock.move(0.1)
        before = writer.usage_bytes()
        reader.ack(reader.read(999, 1 << 20)[-1].position)
        clock.move(10)
        writer.append([make(0)])
        assert writer.usage_bytes() < before / 2
        assert not writer.dropped


@pytest.mark.parametrize("seed", range(3))
def test_over_budget_the_lowest_priority_goes_first_and_every_loss_is_counted(tmp_path: Path, seed: int) -> None:
    import random

    draw = random.Random(seed)
    datasets = ("network.flow", "network.flow", "network.dns", "system.auth", "luytre.heartbeat")
    issued: dict[str, int] = {}
    with SpoolWriter(tmp_path / "packet", limit_bytes=128 << 10, clock=ManualClock()) as writer:
        for _ in range(80):
            batch = []
            for _ in range(draw.randrange(1, 30)):
                dataset = draw.choice(datasets)
                issued[dataset] = issued.get(dataset, 0) + 1
                batch.append(make(0, dataset, message=draw.randbytes(100).hex()))
            writer.append(batch)
            assert writer.usage_bytes() < 150 << 10
        dropped = dict(writer.dropped)
    with SpoolReader(tmp_path / "packet") as reader:
        events = drain(reader)
    kept = {name: sum(get(event, "event.dataset") == name for event in events) for name in issued}
    assert {name: issued[name] - kept[name] for name in issued if issued[name] != kept[name]} == dropped
    told: dict[str, int] = {}
    for event in events:
        if get(event, "event.dataset") == "luytre.gap":
            gap = get(event, "luytre.gap")
            assert gap["reason"] == "spool-limit"
            assert get(event, "agent.type") == "packet"
            told[gap["source"]] = told.get(gap["source"], 0) + gap["count"]
    assert told == dropped
    assert kept["luytre.heartbeat"] == issued["luytre.heartbeat"]
    assert dropped["network.flow"] > 0
    if dropped.get("system.auth"):
        assert kept["network.flow"] < issued["network.flow"] / 10


def test_what_cannot_be_stored_is_refused_and_told(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path) as writer, SpoolReader(tmp_path) as reader:
        writer.append([make(1), make(2, message=object()), make(3, message="x" * 300_000), make(4)])
        events = drain(reader)
        assert [get(event, "event.id") for event in events[:2]] == ["1", "4"]
        assert sorted(get(event, "luytre.gap.reason") for event in events[2:]) == ["event-too-long", "not-json"]
        assert writer.dropped == {"syslog": 2}


def test_a_disk_that_fills_up_counts_as_a_smaller_budget(tmp_path: Path) -> None:
    from tests.naive.disk import Disk

    disk, folder = Disk(), Path("/spool/packet")
    with SpoolWriter(folder, files=disk, clock=ManualClock(), limit_bytes=1 << 20) as writer:
        for number in range(200):
            disk.free = (32 << 20) + (100 << 10) - writer.usage_bytes()
            writer.append([make(number, "network.flow", message=str(number * 7919) * 200)] * 20)
            assert writer.usage_bytes() < 200 << 10
