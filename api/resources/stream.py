"""The live stream (SSE): which alert, incident, delivery or sensor changed; the screen then asks for it anew.

Only ids and revisions travel, so nothing here can tell more than the resource itself would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from api.auth.allow import access_of, known_to, signed_in
from api.auth.sessions import Access
from api.live import Batch, Live
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime

router = APIRouter(tags=["stream"])
ROUTES = Resource("", router)

PING_S = 15.0
RELOAD = b"event: reload\ndata: {}\n\n"
Mine = Annotated[Access, Depends(signed_in)]


def _room(request: Request, access: Mine) -> None:
    """Refused before the stream begins: afterwards there is no status left to say it with."""
    live: Live = request.app.state.live
    if live.full(access.user_id):
        raise Problem("LT-A0429", headers={"Retry-After": "5"})


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


@router.get("/stream", response_class=EventStream, dependencies=[Depends(_room)])
async def stream(
    request: Request, access: Mine, last_event_id: Annotated[str, Header(max_length=20)] = ""
) -> EventStream:
    """Events `alert|incident|raised|delivery|sensor|system`; `reload` when changes were missed."""
    node: Runtime = request.app.state.node
    live: Live = request.app.state.live
    last = int(last_event_id) if last_event_id.isascii() and last_event_id.isdecimal() else None
    followed = live.follow(
        access, lambda: access_of(request, node), last, node.clock.monotonic, lambda: known_to(request, node)
    )
    return EventStream(_texts(followed), headers={"X-Accel-Buffering": "no"})


async def _texts(followed: AsyncIterator[Batch | None]) -> AsyncIterator[bytes]:
    """A batch is one write: in a storm fifty screens get hundreds of events a second each."""
    yield b": ok\nretry: 3000\n\n"
    batches = aiter(followed)
    waiting: asyncio.Task[Batch | None] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(batches))
            done, _ = await asyncio.wait((waiting,), timeout=PING_S)
            if not done:
                yield b": ping\n\n"  # proxies close what is silent
                continue
            try:
                batch = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            yield RELOAD if batch is None else batch.text
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await followed.aclose()  # type: ignore[attr-defined]
