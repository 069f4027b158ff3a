"""The national inbox: what the agencies have raised, what they share, acknowledging, and words back."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.paging import LIMIT
from api.desk import IfMatch, desk, revision_of
from api.federation import desk as raised
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Needed, Note, Out

router = APIRouter(tags=["inbox"])
ROUTES = Resource("/inbox", router)

Reader = Annotated[Access, Depends(Allow("inbox.read"))]
Worker = Annotated[Access, Depends(Allow("inbox.work"))]
Id = Annotated[str, Path(max_length=24)]


class InboxQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "new", "acknowledged", "all"] = "new"
    agency: str = Field("", max_length=64)
    level: str = Field("", max_length=80)
    q: str = Field("", max_length=400)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class SharedList(Out):
    items: list[raised.SharedShape]


class AcknowledgeIn(In):
    text: Note | None = None


class NoteIn(In):
    text: Needed


@router.get("")
def list_raised(request: Request, wanted: Annotated[InboxQuery, Query()], access: Reader) -> raised.Inbox:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return raised.page(session, access.scope("inbox.read"), state=wanted.state, agency=wanted.agency,
                           level=wanted.level, q=wanted.q, limit=wanted.limit, cursor=wanted.cursor)  # fmt: skip


@router.get("/shared")
def shared_indicators(request: Request, access: Reader) -> SharedList:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return SharedList(items=raised.shared(session, access.scope("inbox.read")))


@router.get("/{raised_id}")
def get_raised(request: Request, raised_id: Id, access: Reader) -> raised.RaisedFull:
    node: Runtime = request.app.state.node
    scope = access.scope("inbox.read")
    with node.db.read() as session:
        return raised.whole(session, scope, raised.take(session, scope, raised_id))


@router.post("/{raised_id}/acknowledge")
def acknowledge(
    request: Request, raised_id: Id, body: AcknowledgeIn, access: Worker, if_match: IfMatch = None
) -> raised.RaisedFull:
    node: Runtime = request.app.state.node
    with desk(node, access, "inbox.work") as here:
        row = raised.take(here.session, here.scope, raised_id, revision_of(if_match), lock=True)
        raised.acknowledge(here, row, body.text or "", node.node.name or access.name)
        here.session.flush()
        return raised.whole(here.session, here.scope, row)


@router.post("/{raised_id}/note")
def note(request: Request, raised_id: Id, body: NoteIn, access: Worker, if_match: IfMatch = None) -> raised.RaisedFull:
    node: Runtime = request.app.state.node
    with desk(node, access, "inbox.work") as here:
        row = raised.take(here.session, here.scope, raised_id, revision_of(if_match), lock=True)
        raised.say(here, row, "note", body.text, node.node.name or access.name)
        here.session.flush()
        return raised.whole(here.session, here.scope, row)
