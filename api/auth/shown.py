"""Sessions and API keys as they are shown, to their owner and to who manages people; revoking a key.

In:  rows of api/auth/sessions.py and keys.py. Out: shapes without a token, hash or secret: a session is named by a
     handle that opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Path
from sqlalchemy.orm import Session

from api.auth import keys, sessions, users
from api.auth.sessions import HANDLE, Access
from api.problems import not_found
from api.runtime import Runtime
from api.shapes import Out
from api.state.people import ApiKey, LoginSession
from sensors.clock import rfc3339

SessionId = Annotated[str, Path(pattern=rf"^[0-9a-f]{{{HANDLE}}}$")]


class KeyShape(Out):
    id: int
    name: str
    permissions: list[str]
    agencies: list[str] | None
    agency_names: dict[str, str]
    created_at: str
    ends_at: str
    used_at: str | None
    address: str
    state: str  # live | ended | revoked


class SessionShape(Out):
    id: str
    agent: str
    address: str
    way: str
    since: str
    seen_at: str
    ends_at: str
    here: bool


def key_shapes(session: Session, user_id: int, now: float) -> list[KeyShape]:
    """The newest first; what ended stays to be seen."""
    found = keys.of(session, user_id)[:100]
    names = users.named_agencies(session, (code for key in found for code in key.agencies or ()))
    return [
        KeyShape(
            id=key.id, name=key.name, permissions=key.permissions, agencies=key.agencies,
            agency_names={code: names.get(code, code) for code in key.agencies or ()},
            created_at=rfc3339(key.created_at), ends_at=rfc3339(key.ends_at),
            used_at=None if key.used_at is None else rfc3339(key.used_at), address=key.address,
            state="revoked" if key.revoked_at is not None else "ended" if key.ends_at <= now else "live",
        )
        for key in found
    ]  # fmt: skip


def session_shapes(node: Runtime, session: Session, user_id: int, here: str = "") -> list[SessionShape]:
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


def revoke(node: Runtime, session: Session, access: Access, key_id: int, owner: int, agency: str | None = None) -> None:
    found = session.get(ApiKey, key_id)
    if found is None or found.user_id != owner or found.revoked_at is not None:
        raise not_found()
    found.revoked_at = node.clock.now()
    node.audit.record(session, access.actor, "key.revoke", f"key:{key_id}", agency=agency, detail={"name": found.name})
