"""My sessions: where I am signed in, and ending any of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy.orm import Session

from api.auth import sessions
from api.auth.allow import myself
from api.auth.sessions import HANDLE, Access
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from api.state.people import LoginSession
from sensors.clock import rfc3339

router = APIRouter(tags=["account"])
ROUTES = Resource("/account/sessions", router)

Myself = Annotated[Access, Depends(myself)]
SessionId = Annotated[str, Path(pattern=rf"^[0-9a-f]{{{HANDLE}}}$")]


class SessionShape(Out):
    id: str
    agent: str
    address: str
    way: str
    since: str
    seen_at: str
    ends_at: str
    here: bool


class Sessions(Out):
    items: list[SessionShape]


@router.get("")
def list_sessions(request: Request, access: Myself) -> Sessions:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return Sessions(items=shapes(node, session, access.user_id, access.session_hash))


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


def shapes(node: Runtime, session: Session, user_id: int, here: str = "") -> list[SessionShape]:
    """The live ones; what has ended and waits for the job to remove it is not shown."""
    now, limits = node.clock.now(), node.limits
    rows: Iterable[LoginSession] = sessions.of(session, user_id)
    return [
        SessionShape(
            id=row.id_hash[:HANDLE], agent=row.agent, address=row.address, way=row.way, since=rfc3339(row.created_at),
            seen_at=rfc3339(row.seen_at), ends_at=rfc3339(row.ends_at), here=row.id_hash == here,
        )
        for row in rows
        if now < row.ends_at and now < row.seen_at + limits.idle_s
    ]  # fmt: skip
