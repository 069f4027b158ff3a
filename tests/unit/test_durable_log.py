"""What a log promises to those who use it, on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensors.clock import ManualClock
from sensors.durable.files import read_whole, replace
from sensors.durable.log import START, LogReader, LogWriter, Position
from sensors.errors import ConfigError, Unavailable


def items_of(reader: LogReader, after: Position | None, limit: int = 1000) -> list[bytes]:
    return [item for _, item in reader.read(after, limit).items]


def test_read_follows_append(tmp_path: Path) -> None:
    with LogReader(tmp_path / "log") as reader:
        assert reader.read(None, 10) == ([], START, None)
        with LogWriter(tmp_path / "log") as writer:
            at = writer.append([b"a", b"b", b""])
            batch = reader.read(None, 2)
            assert [item for _, item in batch.items] == [b"a", b"b"]
            assert batch.items[1][0] == batch.next
            assert reader.read(batch.next, 10).items == [(at, b"")]
            assert reader.read(at, 10) == ([], at, None)
            end = reader.end()
            writer.append([b"c"])
            assert items_of(reader, end) == items_of(reader, at) == [b"c"]


def test_positions_are_text_and_ordered(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer:
        one, two = writer.append([b"1"]), writer.append([b"2"])
        writer.roll()
        three = writer.append([b"3"])
    assert one < two < three
    assert [Position.parse(str(p)) for p in (one, two, three)] == [one, two, three]
    for wrong in ("", "1:2", "1:2:3:4", "a:b:c", "-1:0:0", "1:2:-2"):
        with pytest.raises(ValueError):
            Position.parse(wrong)


def test_l3_marks_come_back_with_their_items(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer:
        writer.append([b"a"], {"k": "1", "gone": "x"})
        writer.append([], {"k": "2", "gone": ""})
        assert writer.marks == {"k": "2"}
        writer.roll()
        writer.append([b"b"])
        writer.drop_segments(lambda info: True)
        assert len(writer.segments()) == 1
    with LogWriter(tmp_path) as writer:
        assert writer.marks == {"k": "2"}
        with pytest.raises(ValueError):
            writer.append([], {"": "no name"})
        with pytest.raises(TypeError):
            writer.marks["k"] = "3"  # type: ignore[index]


def test_marks_are_bounded_and_the_writer_lives(tmp_path: Path) -> None:
    with LogWriter(tmp_path, segment_bytes=1000) as writer:
        for number in range(6):
            writer.append([], {f"k{number}": "x" * 100_000})
        with pytest.raises(ValueError, match="too long"):
            writer.append([], {"k": "x" * 100_000})
        writer.append([b"item"], {"k0": "", "k": "x" * 100_000})
        assert set(writer.marks) == {"k", "k1", "k2", "k3", "k4", "k5"}


def test_l7_one_writer(tmp_path: Path) -> None:
    with LogWriter(tmp_path), pytest.raises(Unavailable, match="LT-D0001"):
        LogWriter(tmp_path)
    LogWriter(tmp_path).close()


def test_l8_big_batches_are_split_and_read_in_steps(tmp_path: Path) -> None:
    big = [os.urandom(3 << 20) for _ in range(9)]
    with LogWriter(tmp_path) as writer, LogReader(tmp_path) as reader:
        writer.append(big, {"n": "9"})
        after, got = None, []
        while batch := reader.read(after, 100).items:
            assert sum(len(item) for _, item in batch) <= 16 << 20
            got += [item for _, item in batch]
            after = batch[-1][0]
        assert got == big
        with pytest.raises(ValueError):
            writer.append([bytes(9 << 20)])
        writer.append([b"still alive"])


def test_gap_is_exact_for_a_reader_that_lives_and_unknown_for_one_that_comes_back(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer, LogReader(tmp_path) as reader:
        writer.append([b"1", b"2"])
        after = reader.read(None, 1).next
        for item in (b"3", b"4"):
            writer.roll()
            last = writer.append([item])
        assert writer.drop_before(last).items == 3
        with LogReader(tmp_path) as other:
            assert other.read(after, 9).lost == -1
            assert other.read(None, 9).lost is None
        batch = reader.read(after, 9)
        assert (batch.lost, [item for _, item in batch.items]) == (2, [b"4"])


def test_no_gap_when_all_that_was_dropped_had_been_read(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer:
        last = writer.append([b"1", b"2"])
        writer.roll()
        writer.append([b"3"])
        writer.drop_segments(lambda info: not info.newest)
    with LogReader(tmp_path) as reader:
        batch = reader.read(last, 9)
        assert (batch.lost, [item for _, item in batch.items]) == (None, [b"3"])


def test_l9_a_log_begun_again_does_not_answer_to_old_positions(tmp_path: Path) -> None:
    clock = ManualClock()
    with LogWriter(tmp_path / "a", clock=clock) as writer:
        old = writer.append([b"1", b"2", b"3"])
    clock.move(0.01)
    with LogWriter(tmp_path / "b", clock=clock) as writer:
        writer.append([b"new"])
    with LogReader(tmp_path / "b") as reader:
        assert reader.read(old, 9)[2] == -1
        assert items_of(reader, old) == [b"new"]
        future = Position(old.segment + 10**9, 0, 3)
        assert items_of(reader, future) == [b"new"]


def test_a_file_per_day_and_size(tmp_path: Path) -> None:
    clock = ManualClock(1_700_000_000)
    with LogWriter(tmp_path, clock=clock, segment_bytes=2000) as writer:
        writer.append([b"1"])
        clock.move(86_400)
        writer.append([b"2"])
        writer.append([os.urandom(3000)])
        writer.append([b"4"])
        infos = writer.segments()
        assert [info.day for info in infos] == ["20231114", "20231115", "20231115"]
        assert [info.ordinal for info in infos] == [0, 1, 3]
        assert writer.usage_bytes() == sum(path.stat().st_size for path in tmp_path.glob("*.lt1"))


def test_newer_format_is_refused_not_cut(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer:
        writer.append([b"1"])
    path = next(tmp_path.glob("*.lt1"))
    path.rename(path.with_suffix(".lt2"))
    with pytest.raises(ConfigError, match="LT-D0004"):
        LogWriter(tmp_path)


def test_a_torn_tail_is_set_aside_before_it_is_cut(tmp_path: Path) -> None:
    with LogWriter(tmp_path) as writer:
        writer.append([b"1"])
    path = next(tmp_path.glob("*.lt1"))
    path.write_bytes(path.read_bytes() + b"half a record")
    with LogWriter(tmp_path) as writer:
        assert writer.recovered.cut_bytes == 13
    assert [aside.read_bytes() for aside in (tmp_path / "quarantine").iterdir()] == [b"half a record"]


def test_many_segments_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with LogWriter(tmp_path) as writer, LogReader(tmp_path) as reader:
        for _ in range(40):
            writer.roll()
            writer.append([b"x"])
        assert len(items_of(reader, None)) == 40
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 5
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_replace_and_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    assert read_whole(path, 10) is None
    replace(path, b"one")
    (tmp_path / "state.new").write_bytes(b"left by a crash")
    replace(path, b"two")
    assert read_whole(path, 10) == b"two"
    assert read_whole(path, 2) is None
