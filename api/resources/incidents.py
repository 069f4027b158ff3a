"""Incidents: opened from alerts, their state, notes and history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import incidents as acts
from api.casework import queue
from api.casework.alerts import Desk
from api.casework.paging import LIMIT
from api.desk import IfMatch, desk, revision_of
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, IncidentState, Level, Line, Needed, Note
from api.state.cases import Incident

router = APIRouter(tags=["incidents"])
ROUTES = Resource("/incidents", router)

Reader = Annotated[Access, Depends(Allow("incidents.read"))]
Worker = Annotated[Access, Depends(Allow("incidents.work"))]
Id = Annotated[str, Path(max_length=24)]
AlertIds = Annotated[list[Annotated[str, Field(max_length=24)]], Field(min_length=1, max_length=acts.ALERTS_AT_ONCE)]


class IncidentQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "all", "open", "investigating", "contained", "resolved", "closed"] = ""
    q: str = Field("", max_length=400)
    agency: str = Field("", max_length=64)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class OpenIn(In):
    alert_ids: AlertIds
    title: Line | None = None
    level: Level | None = None


class AlertsIn(In):
    alert_ids: AlertIds


class StateIn(In):
    state: IncidentState
    note: Note | None = None


class NoteIn(In):
    text: Needed


@router.get("")
def list_incidents(
    request: Request, wanted: Annotated[IncidentQuery, Query()], access: Reader
) -> shapes.Listed[shapes.IncidentShort]:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return acts.page(
            session,
            access.scope("incidents.read"),
            state=wanted.state,
            q=wanted.q,
            agency=wanted.agency,
            limit=wanted.limit,
            cursor=wanted.cursor,
        )


@router.post("", status_code=201)
def open_incident(request: Request, body: OpenIn, access: Worker) -> shapes.Incident:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = acts.open_from(here, body.alert_ids, body.title, body.level)
        here.session.flush()
        return acts.show(here.session, incident)


@router.get("/{incident_id}")
def get_incident(request: Request, incident_id: Id, access: Reader) -> shapes.Incident:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return acts.show(session, _seen(session, access, incident_id))


@router.get("/{incident_id}/history")
def incident_history(request: Request, incident_id: Id, access: Reader) -> shapes.History:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        _seen(session, access, incident_id)
        return queue.history(session, "incident", incident_id)


@router.post("/{incident_id}/alerts")
def add_alerts(
    request: Request, incident_id: Id, body: AlertsIn, access: Worker, if_match: IfMatch = None
) -> shapes.Incident:
    return _act(request, incident_id, access, if_match, lambda here, it: acts.add_alerts(here, it, body.alert_ids))


@router.post("/{incident_id}/state")
def set_state(
    request: Request, incident_id: Id, body: StateIn, access: Worker, if_match: IfMatch = None
) -> shapes.Incident:
    return _act(
        request, incident_id, access, if_match, lambda here, it: acts.set_state(here, it, body.state, body.note)
    )


@router.post("/{incident_id}/note")
def note(request: Request, incident_id: Id, body: NoteIn, access: Worker, if_match: IfMatch = None) -> shapes.Incident:
    return _act(request, incident_id, access, if_match, lambda here, it: acts.note(here, it, body.text))


def _act(
    request: Request, incident_id: str, access: Access, if_match: str | None, act: Callable[[Desk, Incident], None]
) -> shapes.Incident:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = acts.take(here, incident_id, revision_of(if_match))
        act(here, incident)
        here.session.flush()
        return acts.show(here.session, incident)


def _seen(session: Session, access: Access, incident_id: str) -> Incident:
    incident = acts.find(session, access.scope("incidents.read"), incident_id)
    if incident is None:
        raise not_found()
    return incident
