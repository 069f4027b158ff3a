"""Services: whether they answer, how long they did not, what went with it; the centre's board over all agencies."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.errors import Unseen
from api.casework.paging import LIMIT
from api.desk import desk
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.services import board, care, join, shapes, show
from api.shapes import Csv, In, Note
from api.state.services import Outage
from api.state.services import Service as Row

router = APIRouter(tags=["services"])
ROUTES = Resource("/services", router)

Reader = Annotated[Access, Depends(Allow("services.read"))]
Manager = Annotated[Access, Depends(Allow("services.manage"))]
Worker = Annotated[Access, Depends(Allow("incidents.work"))]
Duty = Annotated[Access, Depends(Allow("national.read"))]
Id = Annotated[str, Path(max_length=24)]
EXPORT = 20_000


class Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "up", "slow", "suspect", "down", "unknown", "maintenance"] = ""
    system: str = Field("", max_length=24)
    agency: str = Field("", max_length=64)
    q: str = Field("", max_length=400)
    certificate: int = Field(0, ge=0, le=365, description="only those whose certificate ends within so many days")
    sort: Literal[
        "state",
        "-state",
        "name",
        "-name",
        "availability",
        "-availability",
        "certificate",
        "-certificate",
        "since",
        "-since",
    ] = "state"


class ListQuery(Filter):
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=64)


class NoteIn(In):
    note: Note | None = None


@router.get("")
def list_services(request: Request, wanted: Annotated[ListQuery, Query()], access: Reader) -> shapes.Services:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return show.page(session, access.scope("services.read"), now=node.clock.now(), **wanted.model_dump())


@router.get("/export", response_class=Csv)
def export_services(request: Request, wanted: Annotated[Filter, Query()], access: Reader) -> Response:
    """The list as CSV, as it is filtered."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        found = show.page(session, access.scope("services.read"), limit=EXPORT, cursor="", now=node.clock.now(),
                          **wanted.model_dump())  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="luytre-services.csv"', "Cache-Control": "no-store"}
    return Response(show.as_csv(found.items), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/board")
def national_board(request: Request, access: Duty) -> shapes.Board:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return board.board(session, access.scope("national.read"), node.node.agency, node.clock.now())


@router.get("/{service_id}")
def get_service(request: Request, service_id: Id, access: Reader) -> shapes.Service:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        row = show.find(session, access.scope("services.read"), service_id)
        if row is None:
            raise not_found()
        return show.full(session, row, node.clock.now())


@router.post("/{service_id}/retire", status_code=204)
def retire(request: Request, service_id: Id, body: NoteIn, access: Manager) -> None:
    """Off the list: its probe is gone. Its figures stay, and it is back with its next result."""
    node: Runtime = request.app.state.node
    with desk(node, access, "services.manage") as here:
        row = here.session.get(Row, service_id)
        if row is None or not here.scope.sees(row.agency):
            raise Unseen
        row.retired_at = here.now
        here.audit.record(here.session, access.actor, "service.retire", row.id, agency=row.agency,
                          detail={"note": (body.note or "")[:500]})  # fmt: skip
        care.say(here.session, here.bell, row, here.now)


@router.post("/{service_id}/outages/{outage_id}/unlink")
def unlink(
    request: Request, service_id: Id, outage_id: Annotated[int, Path(ge=0, lt=2**31)], body: NoteIn, access: Worker
) -> shapes.OutageShape:
    """Take back the link that the system made between this outage and an incident."""
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        outage = here.session.get(Outage, outage_id)
        if outage is None or outage.service_id != service_id or not here.scope.sees(outage.agency):
            raise Unseen
        join.undo(here, outage)
        here.audit.record(here.session, access.actor, "service.unlink", service_id, agency=outage.agency,
                          detail={"outage": outage_id, "note": (body.note or "")[:500]})  # fmt: skip
        here.session.flush()
        [found] = [one for one in show.outages(here.session, service_id, [], here.now) if one.id == outage_id]
        return found
