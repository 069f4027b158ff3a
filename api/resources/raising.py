"""Raising an incident or an alert to the node above: one outbox row, in the transaction of the act."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import alerts, incidents, queue
from api.desk import IfMatch, desk, revision_of
from api.federation import raising
from api.federation.config import settings
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Note

router = APIRouter(tags=["federation"])
ROUTES = Resource("", router)

Raiser = Annotated[Access, Depends(Allow("incidents.raise"))]
Id = Annotated[str, Path(max_length=24)]


class RaiseIn(In):
    note: Note | None = None


@router.post("/incidents/{incident_id}/raise")
def raise_incident(
    request: Request, incident_id: Id, body: RaiseIn, access: Raiser, if_match: IfMatch = None
) -> shapes.Incident:
    node = _node(request)
    with desk(node, access, "incidents.raise") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        before = raising.last_of(here.session, incident.id)
        row = raising.raise_incident(here.session, incident, here.now, node.bell, note=body.note or "",
                                     exercise=node.node.exercise, secret=settings(node.config).secret)  # fmt: skip
        if row is not before:
            incidents.record(here, incident, "raised", body.note, None, {"revision": row.item_revision})
        here.session.flush()
        return incidents.show(here.session, incident)


@router.post("/alerts/{alert_id}/raise")
def raise_alert(
    request: Request, alert_id: Id, body: RaiseIn, access: Raiser, if_match: IfMatch = None
) -> shapes.Alert:
    node = _node(request)
    with desk(node, access, "incidents.raise") as here:
        alert = alerts.take(here, alert_id, revision_of(if_match))
        before = raising.last_of(here.session, alert.id)
        row = raising.raise_alert(here.session, alert, here.now, node.bell, note=body.note or "",
                                  exercise=node.node.exercise, secret=settings(node.config).secret)  # fmt: skip
        if row is not before:
            alerts.with_record(here, alert, "raised", body.note, lambda: None)
        here.session.flush()
        return queue.show(here.session, [alert], here.now)[0]


def _node(request: Request) -> Runtime:
    node: Runtime = request.app.state.node
    if not settings(node.config).upstream:
        raise Problem("LT-A0409", ("Nút này chưa được nối với trung tâm cấp trên.", "This node has no node above it."))
    return node
