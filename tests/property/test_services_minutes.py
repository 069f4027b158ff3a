"""The minutes of a service against a slow, obvious twin that looks ahead; two vantage points; sketches; the board."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.services import sketch
from api.services.board import verdict
from api.services.judge import Result, reach_s, step
from api.services.minutes import ORDER, availability, combine, count, excuse, paint, together
from tests.naive.service_minutes import minutes_of

START = 1_795_000_020.0


@dataclass
class Plain:
    state: str = "."
    since: float = 0.0
    run: str = ""
    run_since: float = 0.0
    run_count: int = 0
    painted: float = 0.0
    last_at: float = 0.0
    every_s: float = 60.0
    reason: str = ""
    latency_ms: float | None = None


gaps = st.one_of(st.integers(1, 59), st.just(60), st.integers(61, 149), st.integers(151, 4000))
runs = st.lists(st.tuples(gaps, st.sampled_from("osd")), min_size=1, max_size=60)


def results(run: list[tuple[int, str]]) -> list[Result]:
    at, found = START, []
    for gap, mark in run:
        at += gap
        found.append(Result(at, mark, every_s=60.0))
    return found


def painted(found: list[Result], pages: int = 1) -> dict[int, str]:
    """By the real code, in one page or in pieces."""
    view, hours = Plain(), dict[int, str]()
    for start in range(0, len(found), max(1, len(found) // pages)):
        spans = [span for one in found[start : start + max(1, len(found) // pages)] for span in step(view, one)]
        hours |= paint(spans, hours)
    return hours


@given(runs)
def test_streaming_equals_the_twin(run: list[tuple[int, str]]) -> None:
    found = results(run)
    assert {hour: row for hour, row in painted(found).items() if row.strip(".")} == minutes_of(found, reach_s(60.0))


@given(runs, st.integers(2, 7))
def test_pages_make_no_difference(run: list[tuple[int, str]], pages: int) -> None:
    found = results(run)
    assert painted(found, pages) == painted(found)


@given(runs)
def test_a_page_that_comes_twice_changes_nothing(run: list[tuple[int, str]]) -> None:
    found, view = results(run), Plain()
    once = [span for one in found for span in step(view, one)]
    assert [span for one in found for span in step(view, one)] == []
    assert paint(once, paint(once, {})) == paint(once, {})


marks = st.text(ORDER, min_size=60, max_size=60)


@given(st.lists(marks, min_size=1, max_size=4))
def test_down_only_when_all_who_watched_agree(rows: list[str]) -> None:
    for minute, mark in enumerate(together(rows)):
        seen = {row[minute] for row in rows} - {"."}
        assert (mark == "d") == (seen == {"d"})
        assert (mark == ".") == (not seen)


@given(marks, st.lists(st.tuples(st.integers(-600, 4000), st.integers(0, 2000)), max_size=4))
def test_every_minute_is_counted_once(row: str, windows: list[tuple[int, int]]) -> None:
    covered = [(float(since), float(since + length)) for since, length in windows]
    told = count(excuse(row, 0, covered))
    inside = [any(since < (m + 1) * 60 and until > m * 60 and until > since for since, until in covered)
              for m in range(60)]  # fmt: skip
    assert told.maintenance == sum(inside)
    assert told.down == sum(row[m] == "d" and not inside[m] for m in range(60))
    assert told.watched == sum(row[m] != "." and not inside[m] for m in range(60))
    share = availability(told.watched, told.down)
    assert share is None if told.watched == 0 else share is not None and 0 <= share <= 1


@given(st.lists(st.floats(1.0, 119_000.0), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_quantiles_are_near_the_true_ones(values: list[float], share: float) -> None:
    whole: sketch.Sketch = {}
    halves: list[sketch.Sketch] = [{}, {}]
    for index, value in enumerate(values):
        sketch.add(whole, value)
        sketch.add(halves[index % 2], value)
    sketch.merge(halves[0], halves[1])
    assert halves[0] == whole
    found, true = sketch.quantile(whole, share), sorted(values)[int(share * (len(values) - 1))]
    assert found is not None
    assert abs(found - true) <= true * sketch.RELATIVE + 0.1
    assert len(whole) <= 242


def test_nobody_watched_is_no_figure() -> None:
    assert availability(0, 0) is None
    assert combine([]) == "."
    assert sketch.quantile({}, 0.5) is None


@pytest.mark.parametrize(
    ("said", "reached", "silent", "expected"),
    [
        ("up", "up", False, "up"), ("up", "down", False, "unreachable"), ("slow", "down", False, "unreachable"),
        ("suspect", "down", False, "unreachable"), ("maintenance", "down", False, "unreachable"),
        ("up", "", False, "up"), ("up", "unknown", False, "up"), ("slow", "up", False, "slow"),
        ("down", "down", False, "down"), ("down", "up", False, "down"), ("down", "", False, "down"),
        ("unknown", "up", False, "up"), ("unknown", "down", False, "unknown"), ("unknown", "", False, "unknown"),
        ("", "down", False, "down"), ("", "up", False, "up"), ("", "", False, "unknown"),
        ("up", "down", True, "unknown"), ("down", "down", True, "unknown"), ("", "down", True, "unknown"),
        ("up", "up", True, "up"), ("up", "slow", True, "slow"), ("up", "", True, "unknown"),
        ("down", "unknown", True, "unknown"), ("resting", "", False, "unknown"),
    ],
)  # fmt: skip
def test_down_and_unreachable_from_here_are_told_apart(said: str, reached: str, silent: bool, expected: str) -> None:
    assert verdict(said, reached, silent=silent) == expected
