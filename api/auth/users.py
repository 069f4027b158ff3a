"""Local accounts: made, given roles, given a new password, disabled. Every act is audited in its own transaction.

Names are compared NFC and case-folded. A role must exist, a national role only on a national node, a provider's only
until a day. Nobody is deleted: history points at people. Whether the *giver* may do so is `api.permissions.may_give`,
asked where a person gives (api/resources/users.py); whoever runs the machine may do anything (api/local_port.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.audit import Actor, Audit
from api.auth import sessions
from api.permissions import BOUNDED_ROLES, LONGEST_GRANT_S, NATIONAL_ROLES, ROLES, Granted
from api.state.people import Agency, Grant, Passkey, RecoveryCode, Totp, User
from sensors.clock import rfc3339
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
    home: str | None = None,
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
        home=home,
    )
    session.add(user)
    session.flush()
    for granted in grants:
        grant(session, audit, actor, user, granted, now=now, national=national)
    audit.record(session, actor, "user.add", f"user:{user.id}", agency=home, detail={"username": username})
    return user


def grant(
    session: Session, audit: Audit, actor: Actor, user: User, granted: Granted, *, now: float, national: bool
) -> Grant:
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
    if granted.until is None and granted.role in BOUNDED_ROLES:
        raise LuytreError(
            Problem(
                "LT-A0113",
                f"vai trò `{granted.role}` phải có ngày hết hạn",
                f"the role `{granted.role}` needs a last day",
            )
        )
    if granted.until is not None and not now < granted.until <= now + LONGEST_GRANT_S:
        raise LuytreError(
            Problem("LT-A0114", "ngày hết hạn phải trong vòng một năm tới", "the last day must be within the next year")
        )
    # The same role in the same place again only moves its end: two rows would let one outlive the other unseen.
    made = next((g for g in user.grants if (g.role, g.agency) == (granted.role, granted.agency)), None)
    if made is None:
        made = Grant(role=granted.role, agency=granted.agency)
        user.grants.append(made)
    elif granted.until is not None and (made.until is None or granted.until < made.until):
        # Sooner than before takes something away: on record as that, so that no older backup gives it back.
        audit.record(session, actor, "user.withdraw", f"user:{user.id}", agency=granted.agency,
                     detail={"role": granted.role, "until": rfc3339(granted.until)})  # fmt: skip
    made.until, made.given_at, made.given_by = granted.until, now, actor.name[:256]
    session.flush()
    detail = {"role": granted.role} | ({"until": rfc3339(granted.until)} if granted.until else {})
    audit.record(session, actor, "user.grant", f"user:{user.id}", agency=granted.agency, detail=detail)
    return made


def withdraw(session: Session, audit: Audit, actor: Actor, user: User, taken: Grant, now: float) -> None:
    """A provider's grant ends and stays to be seen: who held it is asked for long afterwards."""
    if taken.role in BOUNDED_ROLES:
        taken.until = now if taken.until is None else min(now, taken.until)
    else:
        user.grants.remove(taken)
    session.flush()
    audit.record(session, actor, "user.withdraw", f"user:{user.id}", agency=taken.agency, detail={"role": taken.role})


def set_password(
    session: Session, audit: Audit, actor: Actor, user: User, password_hash: str, *, now: float, keep: str = ""
) -> None:
    """A new password ends every session of the user but `keep`."""
    user.password, user.password_at, user.revision = password_hash, now, user.revision + 1
    sessions.end_all(session, user.id, but=keep)
    audit.record(session, actor, "user.password", f"user:{user.id}", agency=user.home)


def disable(session: Session, audit: Audit, actor: Actor, user: User) -> None:
    user.disabled, user.revision = True, user.revision + 1
    sessions.end_all(session, user.id)
    audit.record(session, actor, "user.disable", f"user:{user.id}", agency=user.home)


def enable(session: Session, audit: Audit, actor: Actor, user: User) -> None:
    user.disabled, user.revision = False, user.revision + 1
    audit.record(session, actor, "user.enable", f"user:{user.id}", agency=user.home)


def reset_factor(session: Session, audit: Audit, actor: Actor, user: User) -> None:
    """The second factors of a person who lost them are gone, and so is every session: they come in by a new link."""
    for table in (Totp, RecoveryCode, Passkey):
        session.execute(delete(table).where(table.user_id == user.id))
    user.revision += 1
    sessions.end_all(session, user.id)
    audit.record(session, actor, "user.reset-factor", f"user:{user.id}", agency=user.home)


def named_agencies(session: Session, codes: Iterable[str | None]) -> dict[str, str]:
    """Code → name, for those that are known."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    found = session.execute(select(Agency.code, Agency.name).where(Agency.code.in_(wanted)))
    return {code: name or code for code, name in found}


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
