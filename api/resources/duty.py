"""Duty: teams and their rosters, holidays; and what concerns the person alone: my notices, my duty, how to reach me."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import func, select

from api.auth.allow import Allow, signed_in
from api.auth.sessions import Access
from api.casework.alerts import Desk
from api.casework.errors import Invalid, WrongState
from api.casework.queue import inside
from api.desk import IfMatch, desk, revision_of
from api.notices import config, hours, keep, mine, roster, show
from api.notices.shapes import (
    AnswerIn,
    CoverIn,
    CoverShape,
    Duty,
    HandoverShape,
    HolidayIn,
    Holidays,
    HolidayShape,
    MineShape,
    PutOffIn,
    ReachIn,
    ReachShape,
    ShiftIn,
    SwapIn,
    TeamIn,
    TeamShape,
    TextIn,
    Week,
)
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Listed
from api.state.notices import Cover, Holiday, Shift, Team
from sensors.clock import parse_rfc3339, rfc3339

router = APIRouter(tags=["duty"])
ROUTES = Resource("/duty", router)

Reader = Annotated[Access, Depends(Allow("notices.read"))]
Manager = Annotated[Access, Depends(Allow("notices.manage"))]
Me = Annotated[Access, Depends(signed_in)]
Id = Annotated[int, Path(ge=1, lt=2**31)]  # PostgreSQL compares no larger number with an INTEGER
HOLIDAYS = 2_000


# --- teams and rosters ----------------------------------------------------------------------------------------------


@router.get("/teams")
def list_teams(request: Request, access: Reader) -> Listed[TeamShape]:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(Team)
            .where(inside(Team.agency, access.scope("notices.read")), Team.retired.is_(False))
            .order_by(Team.name, Team.id)
        ).all()
        return Listed[TeamShape](items=show.teams(session, rows, node.clock.now()), total=len(rows))


@router.post("/teams", status_code=201)
def make_team(request: Request, body: TeamIn, access: Manager) -> TeamShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        if not here.scope.sees(body.agency):
            raise not_found()
        row = keep.team(here, body)
        _record(here, "team.made", f"team:{row.id}", row.agency, {"name": row.name})
        return show.teams(here.session, [row], here.now)[0]


@router.put("/teams/{team_id}")
def change_team(request: Request, team_id: Id, body: TeamIn, access: Manager, if_match: IfMatch = None) -> TeamShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row = keep.team(here, body, keep.one(here, Team, team_id, revision_of(if_match)))
        _record(here, "team.changed", f"team:{row.id}", row.agency, {"name": row.name, "retired": row.retired})
        return show.teams(here.session, [row], here.now)[0]


@router.get("/teams/{team_id}/week")
def week(
    request: Request,
    team_id: Id,
    access: Reader,
    start: Annotated[str, Query(pattern=r"^(20\d\d-\d\d-\d\d)?$")] = "",
    days: Annotated[int, Query(ge=1, le=roster.DAYS)] = 7,
) -> Week:
    """Who is on duty from `start` (default: this week's Monday) on; gaps are spans without a person."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    with node.db.read() as session:
        row = session.get(Team, team_id)
        if row is None or not access.scope("notices.read").sees(row.agency):
            raise not_found()
        first = start or hours.next_day(hours.day_of(now), -hours.weekday_of(now))
        try:
            begins = hours.start_of(first)
        except ValueError:
            raise Invalid("start", "Ngày không hợp lệ.", "Not a day.") from None
        ends = begins + days * hours.DAY_S
        spans = roster.load(session, row.id, begins).spans(begins, ends)
        lines = session.scalars(select(Shift).where(Shift.team_id == row.id).order_by(Shift.weekday, Shift.from_min))
        covers = session.scalars(
            select(Cover)
            .where(
                Cover.team_id == row.id, Cover.end > begins, Cover.start < ends, Cover.state.in_(("agreed", "asked"))
            )
            .order_by(Cover.start)
            .limit(roster.COVERS)
        )
        return Week(
            start=first, days=days, spans=show.spans(session, spans), shifts=show.shifts(session, lines.all()),
            covers=show.covers(session, covers.all()), now=rfc3339(now),
            gap_hours=round(sum(span.end - span.start for span in spans if span.user is None) / 3600, 2),
        )  # fmt: skip


@router.post("/teams/{team_id}/shifts", status_code=201)
def add_shifts(request: Request, team_id: Id, body: ShiftIn, access: Manager) -> TeamShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Team = keep.one(here, Team, team_id)
        _on_team(row, body.user_id)
        there = here.session.scalar(select(func.count()).select_from(Shift).where(Shift.team_id == row.id)) or 0
        if there + len(body.weekdays) > roster.SHIFTS:
            raise WrongState("Lịch tuần đã đủ dòng.", "The week's pattern is full.")
        for name in ("since", "until"):
            _day(name, getattr(body, name))
        for weekday in dict.fromkeys(body.weekdays):
            here.session.add(
                Shift(team_id=row.id, user_id=body.user_id, weekday=weekday, from_min=body.from_min,
                      until_min=body.until_min, since=body.since, until=body.until)
            )  # fmt: skip
        _record(here, "team.shifts", f"team:{row.id}", row.agency, {"user": body.user_id, "weekdays": body.weekdays})
        here.session.flush()
        return show.teams(here.session, [row], here.now)[0]


@router.delete("/teams/{team_id}/shifts/{shift_id}", status_code=204)
def remove_shift(request: Request, team_id: Id, shift_id: Id, access: Manager) -> None:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Team = keep.one(here, Team, team_id)
        here.session.delete(keep.of_team(here, Shift, team_id, shift_id))
        _record(here, "team.shift_removed", f"team:{row.id}", row.agency, {"shift": shift_id})


@router.post("/teams/{team_id}/covers", status_code=201)
def add_cover(request: Request, team_id: Id, body: CoverIn, access: Manager) -> CoverShape:
    """A dated exception; of who makes the roster, it holds at once."""
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Team = keep.one(here, Team, team_id)
        if body.user_id is not None:
            _on_team(row, body.user_id)
        start, end = _stretch(body.start, body.end)
        made = _cover(here, row, body.user_id, start, end, "agreed", body.note)
        _record(here, "team.cover", f"team:{row.id}", row.agency, {"user": body.user_id})
        return show.covers(here.session, [made])[0]


@router.post("/teams/{team_id}/covers/{cover_id}/withdraw")
def withdraw_cover(request: Request, team_id: Id, cover_id: Id, access: Manager) -> CoverShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Team = keep.one(here, Team, team_id)
        cover: Cover = keep.of_team(here, Cover, team_id, cover_id)
        cover.state = "withdrawn"
        _record(here, "team.cover_withdrawn", f"team:{row.id}", row.agency, {"cover": cover_id})
        return show.covers(here.session, [cover])[0]


# --- holidays -------------------------------------------------------------------------------------------------------


@router.get("/holidays")
def list_holidays(request: Request, access: Reader) -> Holidays:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(Holiday).where(inside(Holiday.agency, access.scope("notices.read"))).order_by(Holiday.day)
        ).all()
        office = config.office_of(config.settings(node.config))
        return Holidays(
            items=[HolidayShape(id=row.id, agency=row.agency, day=row.day, name=row.name) for row in rows],
            total=len(rows), fixed=hours.FIXED, office=[office.start, office.end],
        )  # fmt: skip


@router.post("/holidays", status_code=201)
def add_holiday(request: Request, body: HolidayIn, access: Manager) -> HolidayShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        if not here.scope.sees(body.agency):
            raise not_found()
        _day("day", body.day)
        row = here.session.scalar(select(Holiday).where(Holiday.agency == body.agency, Holiday.day == body.day))
        if row is None:
            if (here.session.scalar(select(func.count()).select_from(Holiday)) or 0) >= HOLIDAYS:
                raise WrongState("Danh sách ngày nghỉ đã đầy.", "The list of holidays is full.")
            row = Holiday(agency=body.agency, day=body.day)
            here.session.add(row)
        row.name = body.name
        here.session.flush()
        _record(here, "holiday.set", body.day, body.agency)
        return HolidayShape(id=row.id, agency=row.agency, day=row.day, name=row.name)


@router.delete("/holidays/{holiday_id}", status_code=204)
def remove_holiday(request: Request, holiday_id: Id, access: Manager) -> None:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row = here.session.get(Holiday, holiday_id)
        if row is None or not here.scope.sees(row.agency):
            raise not_found()
        here.session.delete(row)
        _record(here, "holiday.removed", row.day, row.agency)


# --- my own ---------------------------------------------------------------------------------------------------------


@router.get("/me")
def my_reach(request: Request, access: Me) -> ReachShape:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return mine.reach(session, access)


@router.put("/me")
def set_reach(request: Request, body: ReachIn, access: Me) -> ReachShape:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        mine.set_reach(session, access, body)
        node.audit.record(session, access.actor, "reach.set", f"user:{access.user_id}")
        return mine.reach(session, access)


@router.get("/mine")
def my_notices(request: Request, access: Me) -> Listed[MineShape]:
    """Open notices to me, the most urgent first."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        found = mine.open_to(session, access, node.clock.now())
        return Listed[MineShape](items=found, total=len(found))


@router.post("/mine/{notice_id}/acknowledge")
def acknowledge(request: Request, notice_id: Id, access: Me) -> Listed[MineShape]:
    """I am at it: an alert that it is about, and that nobody has, becomes mine."""
    return _mine(request, access, lambda here: mine.acknowledge(here, notice_id))


@router.post("/mine/{notice_id}/pass")
def pass_on(request: Request, notice_id: Id, access: Me) -> Listed[MineShape]:
    """To the next in line, now."""
    return _mine(request, access, lambda here: mine.pass_on(here, notice_id))


@router.post("/mine/{notice_id}/put-off")
def put_off(request: Request, notice_id: Id, body: PutOffIn, access: Me) -> Listed[MineShape]:
    return _mine(request, access, lambda here: mine.put_off(here, notice_id, body.minutes * 60))


@router.get("/now")
def my_duty(request: Request, access: Me) -> Duty:
    """The teams that I am of: who is on duty, my coming shifts, swaps that wait for my word."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return mine.duty(session, access, node.clock.now())


@router.post("/now/{team_id}/handover", status_code=201)
def hand_over(request: Request, team_id: Id, body: TextIn, access: Me) -> HandoverShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.read") as here:
        row = mine.team_of(here.session, access, team_id)
        made = mine.hand_over(here, row, body.text)
        _record(here, "team.handover", f"team:{row.id}", row.agency)
        return made


@router.post("/now/{team_id}/swap", status_code=201)
def ask_to_swap(request: Request, team_id: Id, body: SwapIn, access: Me) -> CoverShape:
    """Ask a colleague to take this stretch of my duty; it counts once they agree."""
    node: Runtime = request.app.state.node
    start, end = _stretch(body.start, body.end)
    with desk(node, access, "notices.read") as here:
        row = mine.team_of(here.session, access, team_id)
        mine.check_mine(here, row, start, end)
        if body.to == access.user_id or not keep.on_team(row, body.to):
            raise Invalid("to", "Chọn một người khác trong tổ.", "Choose another person of the team.")
        made = _cover(here, row, body.to, start, end, "asked", body.note)
        _record(here, "team.swap_asked", f"team:{row.id}", row.agency, {"to": body.to})
        mine.tell_of_swap(here, row, made, body.to, "asked")
        return show.covers(here.session, [made])[0]


@router.post("/swaps/{cover_id}/answer")
def answer_swap(request: Request, cover_id: Id, body: AnswerIn, access: Me) -> CoverShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.read") as here:
        cover = mine.answer(here, cover_id, body.agree)
        team = here.session.get_one(Team, cover.team_id)
        _record(here, "team.swap_answered", f"team:{team.id}", team.agency, {"agree": body.agree})
        return show.covers(here.session, [cover])[0]


def _mine(request: Request, access: Access, act: Any) -> Listed[MineShape]:
    node: Runtime = request.app.state.node
    with desk(node, access, "alerts.work") as here:
        act(here)
        here.session.flush()
        found = mine.open_to(here.session, access, here.now)
        return Listed[MineShape](items=found, total=len(found))


def _cover(here: Desk, row: Team, user: int | None, start: float, end: float, state: str, note: str) -> Cover:
    assert here.access is not None
    there = here.session.scalar(
        select(func.count()).select_from(Cover).where(Cover.team_id == row.id, Cover.end > here.now)
    )
    if (there or 0) >= roster.COVERS // 2:
        raise WrongState("Có quá nhiều lịch thay.", "There are too many dated exceptions.")
    made = Cover(team_id=row.id, user_id=user, start=start, end=end, state=state, asked_by=here.access.user_id,
                 note=note, made_at=here.now)  # fmt: skip
    here.session.add(made)
    here.session.flush()
    return made


def _on_team(row: Team, user_id: int) -> None:
    if not keep.on_team(row, user_id):
        raise Invalid("user_id", "Người này không thuộc tổ trực.", "This person is not of the team.")


def _stretch(start: str, end: str) -> tuple[float, float]:
    a, b = parse_rfc3339(start), parse_rfc3339(end)
    if a is None or b is None or not a < b <= a + roster.DAYS * hours.DAY_S:
        raise Invalid("end", "Khoảng thời gian không hợp lệ.", "Not a valid stretch of time.")
    return a, b


def _day(field: str, text: str) -> None:
    try:
        if text:
            date.fromisoformat(text)
    except ValueError:
        raise Invalid(field, "Ngày không hợp lệ.", "Not a day.") from None


def _record(here: Desk, act: str, obj: str, agency: str, detail: dict[str, object] | None = None) -> None:
    assert here.access is not None
    here.audit.record(here.session, here.access.actor, act, obj, agency=agency, detail=detail)
