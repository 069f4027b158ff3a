"""Alerts: the queue, one alert with its hits and events, and the acts of triage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import alerts as acts
from api.casework import people, playbooks, queue
from api.casework.alerts import Desk
from api.casework.paging import LIMIT
from api.casework.shown import Shown
from api.desk import IfMatch, desk, revision_of
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Disposition, In, Needed, Note, Out
from api.state.cases import Alert
from correlator.store.base import Scope
from sensors.clock import parse_rfc3339

router = APIRouter(tags=["alerts"])
ROUTES = Resource("/alerts", router)

Reader = Annotated[Access, Depends(Allow("alerts.read"))]
Worker = Annotated[Access, Depends(Allow("alerts.work"))]
Id = Annotated[str, Path(max_length=24)]
IDS = 50  # asked for by id in one request: a screen's changed rows
EVENTS_LIMIT = 1000  # events behind one alert that can be paged through


class AlertQuery(BaseModel):
    """An unknown filter is refused: one that is ignored would show more than was asked for."""

    model_config = ConfigDict(extra="forbid")
    id: list[Annotated[str, Field(max_length=24)]] = Field([], max_length=IDS, description="of these only; repeatable")
    status: Literal["open", "new", "claimed", "snoozed", "closed", "woken", "all"] = "open"
    level: str = Field("", max_length=80, description="levels, separated by commas")
    q: str = Field("", max_length=400)
    agency: str = Field("", max_length=64)
    rule: str = Field("", max_length=128)
    assignee: str = Field("", max_length=20, description="me, none, or a user's id")
    entity: str = Field("", max_length=640, description="field:value")
    system: str = Field("", max_length=24, description="a system's id, or none")
    grade: str = Field("", max_length=20, pattern=r"^([1-5]|none)?(,([1-5]|none))*$", description="grades, or none")
    sort: str = Field("-priority", max_length=16)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class NoteIn(In):
    text: Needed


class AssignIn(In):
    to: Annotated[int, Field(ge=1, le=2**53)]
    note: Note | None = None


class Assignees(Out):
    items: list[shapes.Person]


class SnoozeIn(In):
    until: str = Field(max_length=40)
    reason: Needed


class CloseIn(In):
    disposition: Disposition
    note: Note | None = None


class ReopenIn(In):
    note: Note | None = None


@router.get("", response_model=shapes.AlertList)
async def list_alerts(request: Request, wanted: Annotated[AlertQuery, Query()], access: Reader) -> Response:
    """A page that is kept is answered from the event loop; one that must be made is made in a thread."""
    node: Runtime = request.app.state.node
    shown: Shown = request.app.state.shown
    levels = tuple(word for word in wanted.level.split(",") if word)
    if any(level not in shapes.LEVELS for level in levels):
        raise Problem("LT-A0422", errors=[{"field": "level", "message": ", ".join(shapes.LEVELS)}])
    scope = access.scope("alerts.read")
    asked = queue.Filter(
        ids=tuple(sorted(set(wanted.id))),
        status=wanted.status,
        levels=levels,
        q=wanted.q,
        agency=wanted.agency,
        rule=wanted.rule,
        assignee=wanted.assignee,
        entity=wanted.entity,
        system=wanted.system,
        grades=tuple(int(word) if word.isdecimal() else None for word in wanted.grade.split(",") if word),
        sort=wanted.sort,
        me=access.user_id if wanted.assignee == "me" else 0,
    )

    def make() -> bytes:
        with node.db.read() as session:
            page = queue.page(session, scope, asked, limit=wanted.limit, cursor=wanted.cursor, now=node.clock.now())
            return page.model_dump_json(by_alias=True).encode()

    if asked.ids:  # the rows of one screen: nobody else asks for just these
        return Response(await run_in_threadpool(make), media_type="application/json")
    key = (scope, asked, wanted.limit, wanted.cursor)
    body = shown.kept(key) or await run_in_threadpool(shown.page, key, make)
    return Response(body, media_type="application/json")


@router.get("/{alert_id}", response_model=shapes.AlertFull)
def get_alert(request: Request, alert_id: Id, access: Reader) -> Response:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        alert = _seen(session, access, alert_id)
        found = queue.full(session, alert, node.clock.now(), _texts(request, alert))
    return Response(found.model_dump_json(by_alias=True), media_type="application/json")


@router.get("/{alert_id}/events")
def alert_events(
    request: Request,
    alert_id: Id,
    access: Reader,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
    cursor: Annotated[str, Query(max_length=8, pattern=r"^\d*$")] = "",
) -> shapes.EventList:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        alert = _seen(session, access, alert_id)
        agency, ids = alert.agency, queue.event_ids(session, alert, EVENTS_LIMIT)
    start = int(cursor or 0)
    wanted = ids[start : start + limit]
    # The alert's own agency, not the person's whole scope: a hit may name an id, never another agency's event.
    events = node.reader.fetch(Scope(frozenset({agency})), wanted) if wanted else []
    missing = len(wanted) - len(events)
    vi = f"{missing} sự kiện không còn được lưu hoặc chưa tìm kiếm được."
    en = f"{missing} events are no longer kept, or cannot be searched yet."
    return shapes.EventList(
        items=list(events),
        next=str(start + limit) if start + limit < len(ids) else None,
        total=len(ids),
        partial="" if not missing else vi if access.language == "vi" else en,
    )


@router.get("/{alert_id}/history")
def alert_history(request: Request, alert_id: Id, access: Reader) -> shapes.History:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        _seen(session, access, alert_id)
        return queue.history(session, "alert", alert_id)


@router.post("/{alert_id}/claim")
def claim(request: Request, alert_id: Id, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(request, alert_id, access, if_match, acts.claim)


@router.post("/{alert_id}/release")
def release(request: Request, alert_id: Id, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(request, alert_id, access, if_match, acts.release)


@router.get("/{alert_id}/assignees")
def assignees(request: Request, alert_id: Id, access: Worker) -> Assignees:
    """Who may be given this alert."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        alert = queue.find(session, access.scope("alerts.work"), alert_id)
        if alert is None:
            raise not_found()
        able = people.able(session, "alerts.work", alert.agency, node.clock.now())
        return Assignees(items=[shapes.Person(id=user.id, name=user.name) for user in able])


@router.post("/{alert_id}/assign")
def assign(request: Request, alert_id: Id, body: AssignIn, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(request, alert_id, access, if_match, lambda desk, alert: acts.assign(desk, alert, body.to, body.note))


@router.post("/{alert_id}/note")
def note(request: Request, alert_id: Id, body: NoteIn, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(request, alert_id, access, if_match, lambda desk, alert: acts.note(desk, alert, body.text))


@router.post("/{alert_id}/snooze")
def snooze(request: Request, alert_id: Id, body: SnoozeIn, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    until = parse_rfc3339(body.until)
    if until is None:
        raise Problem("LT-A0422", errors=[{"field": "until", "message": "RFC 3339"}])
    return _act(request, alert_id, access, if_match, lambda desk, alert: acts.snooze(desk, alert, until, body.reason))


@router.post("/{alert_id}/close")
def close(request: Request, alert_id: Id, body: CloseIn, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(
        request, alert_id, access, if_match, lambda desk, alert: acts.close(desk, alert, body.disposition, body.note)
    )


@router.post("/{alert_id}/reopen")
def reopen(request: Request, alert_id: Id, body: ReopenIn, access: Worker, if_match: IfMatch = None) -> shapes.Alert:
    return _act(request, alert_id, access, if_match, lambda desk, alert: acts.reopen(desk, alert, body.note))


def _act(
    request: Request, alert_id: str, access: Access, if_match: str | None, act: Callable[[Desk, Alert], None]
) -> shapes.Alert:
    node: Runtime = request.app.state.node
    with desk(node, access, "alerts.work") as here:
        alert = acts.take(here, alert_id, revision_of(if_match))
        act(here, alert)
        here.session.flush()
        return queue.show(here.session, [alert], here.now)[0]


def _seen(session: Session, access: Access, alert_id: str) -> Alert:
    alert = queue.find(session, access.scope("alerts.read"), alert_id)
    if alert is None:
        raise not_found()
    return alert


def _texts(request: Request, alert: Alert) -> playbooks.RuleTexts:
    books: playbooks.Playbooks = request.app.state.playbooks
    return books.of(alert.rule_id)
