"""Who is on duty: a week's pattern, over it dated covers (a swap is a cover that both agreed to).

In:  lines of the pattern, covers, a stretch of time. Out: spans without hole or overlap, each with its person or None:
     a gap, which is shown and goes to the team's lead. Pure: no clock, no database (`load` reads the rows).
Where two lines of the pattern overlap the earlier-made one holds; of two covers the later-made one.
Bound: SHIFTS lines and COVERS dated ones of a team, DAYS of a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.notices.hours import DAY_S, day_of, next_day, start_of, weekday_of
from api.state.notices import Cover, Shift, Team

SHIFTS, COVERS, MEMBERS, DAYS = 200, 1_000, 100, 62


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the pattern."""

    id: int
    user: int
    weekday: int
    start_min: int
    end_min: int  # <= start_min: into the next day
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Dated:
    id: int
    user: int | None
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Span:
    start: float
    end: float
    user: int | None
    shift: int | None = None
    cover: int | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    lines: tuple[Line, ...] = ()
    covers: tuple[Dated, ...] = ()

    def at(self, moment: float) -> int | None:
        return self.spans(moment, moment + 1)[0].user

    def spans(self, start: float, end: float) -> list[Span]:
        """[start, end) cut at every change of person or source."""
        placed = [*self._occurrences(start, end)]
        cuts = {start, end}
        for a, b, _ in placed:
            cuts |= {a, b}
        covers = [cover for cover in self.covers if cover.end > start and cover.start < end]
        for cover in covers:
            cuts |= {cover.start, cover.end}
        edges = sorted(cut for cut in cuts if start <= cut <= end)
        found: list[Span] = []
        for a, b in pairwise(edges):
            span = self._span(a, b, placed, covers)
            last = found[-1] if found else None
            if last and (last.user, last.shift, last.cover) == (span.user, span.shift, span.cover) and last.end == a:
                found[-1] = Span(last.start, b, span.user, span.shift, span.cover)
            else:
                found.append(span)
        return found

    def _span(self, a: float, b: float, placed: Sequence[tuple[float, float, Line]], covers: Sequence[Dated]) -> Span:
        over = [cover for cover in covers if cover.start <= a < cover.end]
        if over:
            newest = max(over, key=lambda cover: cover.id)
            return Span(a, b, newest.user, cover=newest.id)
        under = [line for start, end, line in placed if start <= a < end]
        if under:
            first = min(under, key=lambda line: line.id)
            return Span(a, b, first.user, shift=first.id)
        return Span(a, b, None)

    def _occurrences(self, start: float, end: float) -> Iterable[tuple[float, float, Line]]:
        day = next_day(day_of(start), -1)  # one that began yesterday may still run
        while start_of(day) < end:
            midnight = start_of(day)
            weekday = weekday_of(midnight)
            for line in self.lines:
                if line.weekday != weekday or (line.since and day < line.since) or (line.until and day > line.until):
                    continue
                length = line.end_min - line.start_min
                begins = midnight + line.start_min * 60
                yield begins, begins + (length if length > 0 else length + DAY_S // 60) * 60, line
            day = next_day(day)


def load(session: Session, team_id: int, start: float) -> Roster:
    """The team's roster from `start` on."""
    lines = session.scalars(select(Shift).where(Shift.team_id == team_id).order_by(Shift.id).limit(SHIFTS))
    covers = session.scalars(
        select(Cover).where(Cover.team_id == team_id, Cover.state == "agreed", Cover.end > start - DAY_S).limit(COVERS)
    )
    return Roster(
        tuple(Line(row.id, row.user_id, row.weekday, row.from_min, row.until_min, row.since, row.until)
              for row in lines),
        tuple(Dated(row.id, row.user_id, row.start, row.end) for row in covers),
    )  # fmt: skip


def line_of(session: Session, team: Team, now: float) -> list[tuple[int, str]]:
    """(person, why) in the order in which they are told: who is on duty, the members after them, the lead last; in a
    gap the lead first. Each person once."""
    on_duty = load(session, team.id, now).at(now)
    members = [member for member in team.members if member != team.lead_id]
    if on_duty is None:
        return [(team.lead_id, "gap"), *((member, "next") for member in members)]
    place = members.index(on_duty) + 1 if on_duty in members else 0
    after = [member for member in [*members[place:], *members[:place]] if member != on_duty]
    line = [(on_duty, "duty"), *((member, "next") for member in after)]
    return line if on_duty == team.lead_id else [*line, (team.lead_id, "lead")]
