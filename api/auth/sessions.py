"""Sessions of people: a 256-bit random id in a cookie, its SHA-256 in the database, rights read anew at each request.

In:  the cookie's value. Out: `Access`, or None. Idle and absolute limits; ended by logging out, by a new password, by
     disabling the user (who is looked up with the session, so that takes effect with the next request).
The CSRF token is a keyed hash of the session id: nothing more to store, and useless without the cookie.
Source: OWASP ASVS 5.0 chapters 3.3, 3.5, 7.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.audit import Actor
from api.permissions import Granted, permissions_of, scope_of
from api.state.people import Agency, Grant, LoginSession, User
from correlator.store.base import Scope

TOUCH_S = 60.0  # `seen_at` is written at most this often; the idle limit is that much coarser


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, and what they may: made from the database at each request."""

    user_id: int
    username: str
    name: str
    language: str
    grants: tuple[Granted, ...]
    parents: dict[str, str | None]  # the agency tree
    session_hash: str
    csrf: str
    expires_at: float
    address: str = ""

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.grants)

    def scope(self, permission: str) -> Scope:
        return scope_of(permission, self.grants, self.parents)

    @property
    def actor(self) -> Actor:
        return Actor(f"user:{self.user_id}", self.name or self.username, self.address)


@dataclass(frozen=True, slots=True)
class Limits:
    idle_s: float
    limit_s: float


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def csrf_of(token: str) -> str:
    return hashlib.blake2b(b"csrf", key=token.encode()[:64], digest_size=24).hexdigest()


def start(session: Session, user_id: int, now: float, limits: Limits, address: str = "") -> str:
    """A new session's id, for the cookie; only its hash stays here."""
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            id_hash=hash_of(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            ends_at=now + limits.limit_s,
            address=address[:64],
        )
    )
    return token


def find(session: Session, token: str, now: float, limits: Limits, address: str = "") -> tuple[Access, bool] | None:
    """The access of a live session, and whether its `seen_at` should be written (`touch`)."""
    if len(token) > 128:
        return None
    found = session.execute(
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.id_hash == hash_of(token))
    ).first()
    if found is None:
        return None
    row, user = found
    if user.disabled or now >= row.ends_at or now >= row.seen_at + limits.idle_s:
        return None
    grants = tuple(
        Granted(grant.role, grant.agency) for grant in session.scalars(select(Grant).where(Grant.user_id == user.id))
    )
    parents: dict[str, str | None] = {}
    if any(grant.agency is not None for grant in grants):
        parents = {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416
    access = Access(
        user_id=user.id,
        username=user.username,
        name=user.name,
        language=user.language,
        grants=grants,
        parents=parents,
        session_hash=row.id_hash,
        csrf=csrf_of(token),
        expires_at=min(row.ends_at, now + limits.idle_s),
        address=address,
    )
    return access, now - row.seen_at >= TOUCH_S


def touch(session: Session, id_hash: str, now: float) -> None:
    session.execute(update(LoginSession).where(LoginSession.id_hash == id_hash).values(seen_at=now))


def end(session: Session, id_hash: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.id_hash == id_hash))


def end_all(session: Session, user_id: int, *, but: str = "") -> None:
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id, LoginSession.id_hash != but))


def clean(session: Session, now: float, limits: Limits) -> int:
    gone = session.execute(
        delete(LoginSession).where((LoginSession.ends_at <= now) | (LoginSession.seen_at <= now - limits.idle_s))
    )
    return int(getattr(gone, "rowcount", 0))
