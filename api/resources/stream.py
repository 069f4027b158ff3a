"""The live stream (SSE): which alert, incident, delivery or sensor changed; the screen then asks for it anew.

Only ids and revisions travel, so nothing here can tell more than the resource itself would.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.allow import access_of, signed_in
from api.auth.sessions import Access
from api.live import Live
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime

router = APIRouter(tags=["stream"])
ROUTES = Resource("", router)

Mine = Annotated[Access, Depends(signed_in)]


def _room(request: Request, access: Mine) -> None:
    """Refused before the stream begins: afterwards there is no status left to say it with."""
    live: Live = request.app.state.live
    if live.full(access.user_id):
        raise Problem("LT-A0429", headers={"Retry-After": "5"})


@router.get("/stream", response_class=EventSourceResponse, dependencies=[Depends(_room)])
async def stream(
    request: Request, access: Mine, last_event_id: Annotated[str, Header(max_length=20)] = ""
) -> AsyncIterator[ServerSentEvent]:
    """Events `alert|incident|raised|delivery|sensor|system`; `reload` when changes were missed."""
    node: Runtime = request.app.state.node
    live: Live = request.app.state.live
    last = int(last_event_id) if last_event_id.isascii() and last_event_id.isdecimal() else None
    yield ServerSentEvent(comment="ok", retry=3000)
    async for change in live.follow(access, lambda: access_of(request, node), last, node.clock.monotonic):
        if change is None:
            yield ServerSentEvent(event="reload", data={})
            continue
        data: dict[str, Any] = {
            "id": change.object_id,
            "revision": change.revision,
            "agency": change.agency,
            "kind": change.kind,
        }
        yield ServerSentEvent(event=change.topic, id=str(change.id), data=data)
