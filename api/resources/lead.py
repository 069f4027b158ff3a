"""Who leads an incident that was raised: the agency asks, the centre's people act; both see what waits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import incidents
from api.desk import IfMatch, desk, revision_of
from api.federation import desk as raised
from api.federation import lead_agency, lead_centre
from api.federation.config import settings
from api.federation.lead import Act
from api.federation.lead_shape import LeadShape
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Note, Out

router = APIRouter(tags=["federation"])
ROUTES = Resource("", router)

Reader = Annotated[Access, Depends(Allow("incidents.read"))]
Raiser = Annotated[Access, Depends(Allow("incidents.raise"))]
Worker = Annotated[Access, Depends(Allow("inbox.work"))]
Id = Annotated[str, Path(max_length=24)]


class LeadIn(In):
    act: Act
    note: Note | None = None


class IncidentLead(Out):
    lead: LeadShape | None  # None: no node above
    revision: int


@router.get("/incidents/{incident_id}/lead")
def get_lead(request: Request, incident_id: Id, access: Reader) -> IncidentLead:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        incident = incidents.find(session, access.scope("incidents.read"), incident_id)
        if incident is None:
            raise not_found()
        linked = bool(settings(node.config).upstream)
        return IncidentLead(lead=lead_agency.show(session, incident) if linked else None, revision=incident.revision)


@router.post("/incidents/{incident_id}/lead")
def ask_lead(request: Request, incident_id: Id, body: LeadIn, access: Raiser, if_match: IfMatch = None) -> IncidentLead:
    node: Runtime = request.app.state.node
    if not settings(node.config).upstream:
        raise Problem("LT-A0409", ("Nút này chưa được nối với trung tâm cấp trên.", "This node has no node above it."))
    with desk(node, access, "incidents.raise") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        lead_agency.ask(here, node, incident, body.act, body.note or "")
        here.session.flush()
        return IncidentLead(lead=lead_agency.show(here.session, incident), revision=incident.revision)


@router.post("/inbox/{raised_id}/lead")
def act_lead(
    request: Request, raised_id: Id, body: LeadIn, access: Worker, if_match: IfMatch = None
) -> raised.RaisedFull:
    node: Runtime = request.app.state.node
    with desk(node, access, "inbox.work") as here:
        row = raised.take(here.session, here.scope, raised_id, revision_of(if_match), lock=True)
        lead_centre.acted(here, row, body.act, body.note or "", node.node.name or access.name)
        here.session.flush()
        return raised.whole(here.session, here.scope, row)
