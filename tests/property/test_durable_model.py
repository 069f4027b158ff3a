"""A log and its reader against a list, over any sequence of operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.clock import ManualClock
from sensors.durable.log import START, LogReader, LogWriter, Position
from tests.naive.disk import Disk
from tests.naive.durable import NaiveLog

FOLDER = Path("/log")
operations = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 30), st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2"])),
        st.tuples(st.just("reopen")),
        st.tuples(st.just("roll")),
        st.tuples(st.just("drop"), st.integers(0, 9)),
        st.tuples(st.just("read"), st.integers(1, 40), st.integers(1, 4000)),
        st.tuples(st.just("new reader")),
        st.tuples(st.just("move"), st.integers(0, 100_000)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(operations)
def test_the_log_is_a_list(steps: list[tuple[Any, ...]]) -> None:
    disk, clock, naive = Disk(), ManualClock(), NaiveLog()
    writer = LogWriter(FOLDER, files=disk, clock=clock, segment_bytes=600)
    reader = LogReader(FOLDER, files=disk)
    after: Position | None = None
    at = 0  # how many items the reader has passed
    for step in [*steps, ("read", 10_000, 1 << 20), ("read", 10_000, 1 << 20)]:
        if step[0] == "append":
            items = [b"%d" % (len(naive.items) + more) * (1 + more % 3) for more in range(step[1])]
            writer.append(items, {step[2]: step[3]})
            naive.append(items, {step[2]: step[3]})
        elif step[0] == "reopen":
            writer.close()
            writer = LogWriter(FOLDER, files=disk, clock=clock, segment_bytes=600)
            assert writer.recovered.clean or not naive.items
        elif step[0] == "roll":
            writer.roll()
        elif step[0] == "drop":
            segments = writer.segments()
            if segments:
                keep = segments[min(step[1], len(segments) - 1)]
                dropped = writer.drop_before(Position(keep.number, 0, -1))
                naive.dropped += dropped.items
                assert keep.ordinal == naive.dropped or dropped.segments == 0
        elif step[0] == "new reader":
            reader.close()
            reader = LogReader(FOLDER, files=disk)
        elif step[0] == "move":
            clock.move(step[1])
        else:
            batch = reader.read(after, step[1], step[2])
            if batch.lost is not None:
                assert at < naive.dropped
                at = naive.dropped if batch.lost == -1 else at + batch.lost
            elif after in {None, START} and batch.items:
                at = naive.dropped
            # without a gap the reader goes on where it was: in a file that it has open, even in what was dropped since
            expected = naive.items[at : at + len(batch.items)]
            assert [item for _, item in batch.items] == expected
            assert batch.items or batch.lost is not None or max(at, naive.dropped) == len(naive.items)
            assert at <= naive.dropped or batch.lost is None or at == naive.dropped
            assert len(batch.items) <= step[1]
            at += len(batch.items)
            after = batch.next
        assert dict(writer.marks) == naive.marks
        assert writer.next_ordinal == len(naive.items)
    assert max(at, naive.dropped) == len(naive.items)
    writer.close()
    reader.close()
