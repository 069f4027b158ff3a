"""The roster against a slow twin that asks every minute; no hole, no overlap, over week borders and midnights."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from api.notices.hours import day_of, minute_of, next_day, start_of, weekday_of
from api.notices.roster import Dated, Line, Roster

MONDAY = start_of("2026-11-23")
minute = st.integers(0, 1439)
lines = st.lists(st.builds(Line, st.integers(1, 50), st.integers(1, 4), st.integers(0, 6), minute, minute,
                           st.sampled_from(("", "2026-11-24")), st.sampled_from(("", "2026-11-28"))),
                 max_size=6, unique_by=lambda line: line.id)  # fmt: skip
covers = st.lists(
    st.tuples(st.integers(1, 50), st.none() | st.integers(1, 4), st.integers(-1440, 11_000), st.integers(1, 4000)).map(
        lambda c: Dated(c[0], c[1], MONDAY + c[2] * 60, MONDAY + (c[2] + c[3]) * 60)
    ),
    max_size=4,
    unique_by=lambda cover: cover.id,
)


def twin(roster: Roster, at: float) -> int | None:
    over = [cover for cover in roster.covers if cover.start <= at < cover.end]
    if over:
        return max(over, key=lambda cover: cover.id).user
    under = []
    for line in roster.lines:
        for day in (day_of(at), next_day(day_of(at), -1)):
            length = (line.end_min - line.start_min - 1) % 1440 + 1
            begins = start_of(day) + line.start_min * 60
            in_force = (not line.since or day >= line.since) and (not line.until or day <= line.until)
            if weekday_of(start_of(day)) == line.weekday and in_force and begins <= at < begins + length * 60:
                under.append(line)
    return min(under, key=lambda line: line.id).user if under else None


@settings(max_examples=60, deadline=None)
@given(lines, covers, st.integers(0, 9_000))
def test_the_roster_says_what_asking_every_minute_says(a: list[Line], b: list[Dated], start: int) -> None:
    roster, begins = Roster(tuple(a), tuple(b)), MONDAY + start * 60
    spans = roster.spans(begins, begins + 2 * 86_400)
    assert (spans[0].start, spans[-1].end) == (begins, begins + 2 * 86_400)
    assert all(one.end == two.start for one, two in pairwise(spans))
    for at in range(int(begins), int(begins) + 2 * 86_400, 17 * 60):
        [here] = [span for span in spans if span.start <= at < span.end]
        assert here.user == twin(roster, at) == roster.at(at)


def test_vietnam_s_clock_has_no_summer_time() -> None:
    for day in ("2026-01-01", "2026-03-29", "2026-06-30", "2026-10-25", "2026-12-31"):
        begins = start_of(day)
        assert (day_of(begins), minute_of(begins), day_of(begins - 1)) == (day, 0, next_day(day, -1))
        assert start_of(next_day(day)) - begins == 86_400
