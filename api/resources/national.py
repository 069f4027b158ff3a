"""The national view: percentages, who is connected, one agency whole, reminders. Numbers and states, no content."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.queue import inside
from api.desk import desk
from api.federation import national, remind
from api.federation.national import Picture
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Listed, Needed, Out
from api.state.national import AgencyUnit, ConnectionChange, Reminded, Reminder, ReportDay, Unit
from api.state.people import Agency
from sensors.clock import rfc3339

router = APIRouter(tags=["national"])
ROUTES = Resource("", router)

Reader = Annotated[Access, Depends(Allow("national.read"))]
Manager = Annotated[Access, Depends(Allow("national.manage"))]
Duty = Annotated[Access, Depends(Allow("inbox.work"))]
AtAgency = Annotated[Access, Depends(Allow("incidents.read"))]
Worker = Annotated[Access, Depends(Allow("incidents.work"))]
Code = Annotated[str, Path(max_length=64)]
DAYS, CHANGES, REMINDERS = 90, 50, 50


class Day(Out):
    day: str
    state: str
    reports: int
    numbers: dict[str, int]


class Moved(Out):
    at: str
    state: str
    reason: str


class ReminderShape(Out):
    id: str
    agency: str
    about: str
    text: str
    at: str
    by: str
    fetched_at: str | None


class AgencyWhole(Out):
    row: national.AgencyRow
    parts: dict[str, Any]  # of the newest report, as report.json has them
    days: list[Day]
    changes: list[Moved]
    reminders: list[ReminderShape]


class Draft(Out):
    about: remind.About
    text: str


class ReminderIn(In):
    about: remind.About
    text: Needed


class UnitIn(In):
    unit: Annotated[str, Field(min_length=1, max_length=64)]


class RemindedShape(Out):
    id: str
    ref: str
    at: str
    heard_at: str
    text: str
    by: str
    read_at: str | None
    read_by: str | None


@router.get("/national")
def overview(request: Request, access: Reader) -> national.National:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return national.overview(node, session, access.scope("national.read"))


@router.get("/national/agencies/{member}")
def agency_whole(request: Request, member: Code, access: Reader) -> AgencyWhole:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        picture = _picture(node, session, access, member)
        days = session.scalars(
            select(ReportDay).where(ReportDay.agency == member).order_by(ReportDay.day.desc()).limit(DAYS)
        ).all()
        moves = session.scalars(
            select(ConnectionChange)
            .where(ConnectionChange.agency == member)
            .order_by(ConnectionChange.id.desc())
            .limit(CHANGES)
        )
        written = session.scalars(
            select(Reminder).where(Reminder.agency == member).order_by(Reminder.at.desc()).limit(REMINDERS)
        )
        return AgencyWhole(
            row=national.row_of(picture, member),
            parts={name: part for name, part in picture.parts(member).items() if name != "tree"},
            days=[
                Day(day=row.day, state=row.state, reports=row.reports, numbers=row.numbers) for row in reversed(days)
            ],
            changes=[Moved(at=rfc3339(row.at), state=row.state, reason=row.reason) for row in moves],
            reminders=[_reminder(row) for row in written],
        )


@router.get("/national/agencies/{member}/reminder")
def draft_reminder(
    request: Request, member: Code, access: Reader, about: Annotated[remind.About | None, Query()] = None
) -> Draft:
    """The letter to begin with: about what it most needs, or about what is asked for."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        picture = _picture(node, session, access, member)
        judged = picture.judged[member]
        wanted = about or remind.about_of(judged)
        text = remind.draft(
            wanted,
            centre=node.node.name or node.node.agency,
            agency=picture.agencies[member].name or member,
            since=national.reminder_since(picture, judged),
        )
    return Draft(about=wanted, text=text)


@router.post("/national/agencies/{member}/reminder", status_code=201)
def send_reminder(request: Request, member: Code, body: ReminderIn, access: Duty) -> ReminderShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inbox.work") as here:
        if not here.scope.sees(member) or member == node.node.agency or here.session.get(Agency, member) is None:
            raise not_found()
        return _reminder(remind.send(here, member, body.about, body.text, node.node.name or access.name))


@router.post("/national/agencies/{member}/unit")
def set_unit(request: Request, member: Code, body: UnitIn, access: Manager) -> national.AgencyRow:
    """To which unit of the register an agency belongs."""
    node: Runtime = request.app.state.node
    with desk(node, access, "national.manage") as here:
        if not here.scope.sees(member) or here.session.get(Agency, member) is None:
            raise not_found()
        if here.session.get(Unit, body.unit) is None:
            raise Problem("LT-A0422", errors=[{"field": "unit", "message": "unknown unit"}])
        row = here.session.get(AgencyUnit, member) or AgencyUnit(agency=member)
        row.unit = body.unit
        here.session.add(row)
        node.audit.record(here.session, access.actor, "agency.unit", member, agency=member, detail={"unit": body.unit})
        here.session.flush()
        picture = Picture(node, here.session, here.scope)
        if member not in picture.agencies:
            raise Problem("LT-A0409")
        return national.row_of(picture, member)


@router.get("/reminders")
def reminders(request: Request, access: AtAgency) -> Listed[RemindedShape]:
    """At the agency: what the centre above has written."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(Reminded)
            .where(inside(Reminded.agency, access.scope("incidents.read")))
            .order_by(Reminded.id.desc())
            .limit(remind.KEPT)
        ).all()
        return Listed[RemindedShape](items=[_reminded(row) for row in rows], total=len(rows))


@router.post("/reminders/{reminder_id}/read")
def read_reminder(request: Request, reminder_id: Annotated[str, Path(max_length=24)], access: Worker) -> RemindedShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        number = int(reminder_id) if reminder_id.isascii() and reminder_id.isdecimal() and len(reminder_id) < 17 else 0
        row = here.session.get(Reminded, number)
        if row is None or not here.scope.sees(row.agency):
            raise not_found()
        if row.read_at is None:
            row.read_at, row.read_by = here.now, access.name
            node.audit.record(here.session, access.actor, "reminder.read", row.ref, agency=row.agency)
        return _reminded(row)


def _picture(node: Runtime, session: Session, access: Access, agency: str) -> Picture:
    picture = Picture(node, session, access.scope("national.read"))
    if agency not in picture.agencies:
        raise not_found()
    return picture


def _reminder(row: Reminder) -> ReminderShape:
    return ReminderShape(id=row.id, agency=row.agency, about=row.about, text=row.text, at=rfc3339(row.at), by=row.by,
                         fetched_at=rfc3339(row.fetched_at) if row.fetched_at is not None else None)  # fmt: skip


def _reminded(row: Reminded) -> RemindedShape:
    return RemindedShape(
        id=str(row.id), ref=row.ref, at=rfc3339(row.at), heard_at=rfc3339(row.heard_at), text=row.text, by=row.by,
        read_at=rfc3339(row.read_at) if row.read_at is not None else None, read_by=row.read_by,
    )  # fmt: skip
