"""Who may be given work in an agency: the people whose roles carry the right there, and have not ended.

In:  a session, the right, an agency, the moment. Out: users by name.
Bound: a node's people; grants are read once.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.permissions import Granted, scope_of
from api.state.people import Agency, Grant, User


def able(session: Session, permission: str, agency: str, now: float) -> list[User]:
    parents = {row.code: row.parent for row in session.execute(select(Agency.code, Agency.parent))}
    grants: dict[int, list[Granted]] = {}
    for grant in session.scalars(select(Grant)):
        if grant.until is None or grant.until > now:
            grants.setdefault(grant.user_id, []).append(Granted(grant.role, grant.agency))
    people = session.scalars(select(User).where(User.disabled.is_(False)).order_by(User.name, User.id))
    return [user for user in people if scope_of(permission, grants.get(user.id, ()), parents).sees(agency)]
