"""Handing an incident over inside its agency: who may take it, an offer, the answer to it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import handover, incidents
from api.casework.alerts import Desk
from api.casework.queue import names
from api.desk import IfMatch, desk, revision_of
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Note, Out
from api.state.cases import Incident
from sensors.clock import rfc3339

router = APIRouter(tags=["incidents"])
ROUTES = Resource("/incidents/{incident_id}/handover", router)

Worker = Annotated[Access, Depends(Allow("incidents.work"))]
Id = Annotated[str, Path(max_length=24)]


class IncidentOfferIn(In):
    to: int
    note: Note | None = None


class IncidentAnswerIn(In):
    answer: Literal["accept", "decline", "withdraw"]
    reason: Note | None = None


class IncidentOffer(Out):
    to: shapes.Person
    by: shapes.Person
    at: str
    note: str
    mine: bool  # whether it is the asker's to answer


class IncidentHandover(Out):
    coordinator: shapes.Person
    offer: IncidentOffer | None
    able: list[shapes.Person]
    revision: int


@router.get("")
def who(request: Request, incident_id: Id, access: Worker) -> IncidentHandover:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        here = Desk(session, access.scope("incidents.work"), access, node.audit, node.bell, node.clock.now())
        incident = incidents.find(session, here.scope, incident_id)
        if incident is None:
            raise not_found()
        return _show(here, incident)


@router.post("", status_code=201)
def offer(
    request: Request, incident_id: Id, body: IncidentOfferIn, access: Worker, if_match: IfMatch = None
) -> IncidentHandover:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        handover.offer(here, incident, body.to, body.note or "")
        return _show(here, incident)


@router.post("/answer")
def answer(
    request: Request, incident_id: Id, body: IncidentAnswerIn, access: Worker, if_match: IfMatch = None
) -> IncidentHandover:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        if body.answer == "withdraw":
            handover.withdraw(here, incident)
        else:
            handover.answer(here, incident, accept=body.answer == "accept", reason=body.reason or "")
        here.session.flush()
        return _show(here, incident)


def _show(here: Desk, incident: Incident) -> IncidentHandover:
    row = handover.open_of(here, incident)
    people = names(here.session, {incident.coordinator_id, *((row.to_id, row.from_id) if row else ())})

    def person(user_id: int) -> shapes.Person:
        return shapes.Person(id=user_id, name=people.get(user_id, ""))

    shown = None
    if row is not None:
        mine = here.access is not None and here.access.user_id == row.to_id
        shown = IncidentOffer(
            to=person(row.to_id), by=person(row.from_id), at=rfc3339(row.at), note=row.note, mine=mine
        )
    able = [
        shapes.Person(id=user.id, name=user.name)
        for user in handover.able(here, incident.agency)
        if user.id != incident.coordinator_id
    ]
    return IncidentHandover(
        coordinator=person(incident.coordinator_id), offer=shown, able=able, revision=incident.revision
    )
