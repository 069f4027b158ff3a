"""My sessions: where I am signed in, and ending any of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.auth import sessions
from api.auth.allow import myself
from api.auth.sessions import Access
from api.auth.shown import SessionId, SessionShape, session_shapes
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out

router = APIRouter(tags=["account"])
ROUTES = Resource("/account/sessions", router)

Myself = Annotated[Access, Depends(myself)]


class Sessions(Out):
    items: list[SessionShape]


@router.get("")
def list_sessions(request: Request, access: Myself) -> Sessions:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return Sessions(items=session_shapes(node, session, access.user_id, access.session_hash))


@router.delete("", status_code=204)
def end_others(request: Request, access: Myself) -> None:
    """Everywhere but here."""
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        count = sessions.end_all(session, access.user_id, but=access.session_hash)
        node.audit.record(session, access.actor, "session.end", f"user:{access.user_id}", detail={"count": count})


@router.delete("/{session_id}", status_code=204)
def end_session(request: Request, session_id: SessionId, access: Myself) -> None:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        found = sessions.named(session, access.user_id, session_id)
        if found is None:
            raise not_found()
        session.delete(found)
        node.audit.record(session, access.actor, "session.end", f"user:{access.user_id}", detail={"count": 1})
