"""Local accounts: made, given roles, given a new password, disabled. Every act is audited in its own transaction.

Names are compared NFC and case-folded. A role must exist, a national role only on a national node. Nobody is deleted:
history points at people.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.audit import Actor, Audit
from api.auth import sessions
from api.permissions import NATIONAL_ROLES, ROLES, Granted
from api.state.people import Agency, Grant, User
from sensors.errors import LuytreError, Problem


def folded(username: str) -> str:
    return unicodedata.normalize("NFC", username).strip().casefold()[:128]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(User)) or 0


def by_name(session: Session, username: str) -> User | None:
    return session.scalar(select(User).where(User.username == folded(username)))


def add(
    session: Session,
    audit: Audit,
    actor: Actor,
    username: str,
    *,
    now: float,
    name: str = "",
    language: str = "vi",
    password_hash: str | None = None,
    grants: Iterable[Granted] = (),
    national: bool = False,
) -> User:
    """A new user. The password is checked and hashed before: argon2 never runs inside a write."""
    username = folded(username)
    if not username or any(not char.isprintable() for char in username):
        raise LuytreError(Problem("LT-A0101", "tên đăng nhập không hợp lệ", "not a valid user name"))
    if by_name(session, username):
        raise LuytreError(Problem("LT-A0102", f"đã có người dùng `{username}`", f"user `{username}` exists"))
    user = User(
        username=username,
        name=unicodedata.normalize("NFC", name).strip()[:256] or username,
        language=language if language in ("vi", "en") else "vi",
        password=password_hash,
        created_at=now,
        password_at=now if password_hash else None,
    )
    session.add(user)
    session.flush()
    for granted in grants:
        grant(session, audit, actor, user, granted, now=now, national=national)
    audit.record(session, actor, "user.add", f"user:{user.id}", detail={"username": username})
    return user


def grant(
    session: Session, audit: Audit, actor: Actor, user: User, granted: Granted, *, now: float, national: bool
) -> None:
    if granted.role not in ROLES or (granted.role in NATIONAL_ROLES and not national):
        raise LuytreError(
            Problem(
                "LT-A0103",
                f"không có vai trò `{granted.role}` ở nút này",
                f"no role `{granted.role}` on this node",
                hints=tuple(sorted(ROLES)),
            )
        )
    if granted.agency is not None and session.get(Agency, granted.agency) is None:
        raise LuytreError(
            Problem("LT-A0104", f"không có đơn vị `{granted.agency}`", f"no agency `{granted.agency}` is known")
        )
    session.add(Grant(user_id=user.id, role=granted.role, agency=granted.agency))
    audit.record(session, actor, "user.grant", f"user:{user.id}", agency=granted.agency, detail={"role": granted.role})


def set_password(
    session: Session, audit: Audit, actor: Actor, user: User, password_hash: str, *, now: float, keep: str = ""
) -> None:
    """A new password ends every session of the user but `keep`."""
    user.password, user.password_at, user.revision = password_hash, now, user.revision + 1
    sessions.end_all(session, user.id, but=keep)
    audit.record(session, actor, "user.password", f"user:{user.id}")


def disable(session: Session, audit: Audit, actor: Actor, user: User) -> None:
    user.disabled, user.revision = True, user.revision + 1
    sessions.end_all(session, user.id)
    audit.record(session, actor, "user.disable", f"user:{user.id}")


def ensure_agency(session: Session, code: str, name: str, now: float, parent: str | None = None) -> Agency:
    """The agency, made when it is new; a name that the configuration now gives replaces the old one."""
    found = session.get(Agency, code)
    if found is None:
        found = Agency(code=code, name=name, parent=parent, created_at=now)
        session.add(found)
        session.flush()
    elif name and found.name != name:
        found.name = name
    return found
