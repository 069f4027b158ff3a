"""Sessions of people: a 256-bit random id in a cookie, its SHA-256 in the database, rights read anew at each request.

In:  the cookie's value. Out: `Access`, or None. Idle and absolute limits; ended by logging out, by a new password, by
     disabling the user (who is looked up with the session, so that takes effect with the next request).
The CSRF token is a keyed hash of the session id: nothing more to store, and useless without the cookie.
A grant that has ended is left out here, at each request: no job has to come first. Who has power and must show a second
factor (`Limits.second_factor`) but has none may only set one up: the session carries no grant until then.
Source: OWASP ASVS 5.0 chapters 3.3, 3.5, 7.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.audit import Actor
from api.permissions import BOUNDED_ROLES, POWER, Granted, permissions_of, scope_of
from api.state.base import UNMOVED
from api.state.people import Agency, Grant, LoginSession, Passkey, Totp, User
from correlator.store.base import Scope

TOUCH_S = 60.0  # `seen_at` is written at most this often; the idle limit is that much coarser
CONFIRMED_S = 5 * 60.0  # how long "it is you" holds for acts of power
TOKEN_LIMIT = 128
HANDLE = 16  # hex characters of the hash by which a session is named in lists
PER_USER = 50  # sessions of one person; the longest unseen gives way


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
    only: frozenset[str] | None = None  # an API key's permissions; None: a person's session
    key_id: int | None = None
    confirmed_at: float | None = None
    setup: bool = False  # a second factor must be set up before anything else
    seen_at: float = 0.0  # as last written
    ends_at: float = 0.0  # the absolute limit

    @property
    def permissions(self) -> frozenset[str]:
        held = permissions_of(self.grants)
        return held if self.only is None else held & self.only

    def scope(self, permission: str) -> Scope:
        if self.only is not None and permission not in self.only:
            return Scope(frozenset())
        return scope_of(permission, self.grants, self.parents)

    def confirmed(self, now: float) -> bool:
        return self.confirmed_at is not None and now - self.confirmed_at < CONFIRMED_S

    @property
    def actor(self) -> Actor:
        who = f"user:{self.user_id}" + (f"/key:{self.key_id}" if self.key_id is not None else "")
        return Actor(who, self.name or self.username, self.address)


@dataclass(frozen=True, slots=True)
class Limits:
    idle_s: float
    limit_s: float
    second_factor: str = "none"  # admins | all | none


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def csrf_of(token: str) -> str:
    return hashlib.blake2b(b"csrf", key=token.encode()[:64], digest_size=24).hexdigest()


def start(
    session: Session,
    user_id: int,
    now: float,
    limits: Limits,
    address: str = "",
    *,
    agent: str = "",
    way: str = "",
    strong: bool = False,
) -> str:
    """A new session's id, for the cookie; only its hash stays here."""
    token = secrets.token_urlsafe(32)
    for extra in of(session, user_id)[PER_USER - 1 :]:
        session.delete(extra)
    session.add(
        LoginSession(
            id_hash=hash_of(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            ends_at=now + limits.limit_s,
            address=address[:64],
            agent=agent[:64],
            way=way,
            strong=strong,
            confirmed_at=now,
        )
    )
    session.execute(update(User).where(User.id == user_id).values(seen_at=now))
    return token


def find(session: Session, token: str, now: float, limits: Limits, address: str = "") -> tuple[Access, bool] | None:
    """The access of a live session, and whether its `seen_at` should be written (`touch`)."""
    if len(token) > TOKEN_LIMIT:
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
    grants = live_grants(session, user.id, now)
    setup = must_show(grants, limits) and not row.strong and not has_factor(session, user.id)
    access = Access(
        user_id=user.id,
        username=user.username,
        name=user.name,
        language=user.language,
        grants=() if setup else grants,
        parents=tree(session, grants),
        session_hash=row.id_hash,
        csrf=csrf_of(token),
        expires_at=min(row.ends_at, now + limits.idle_s),
        address=address,
        confirmed_at=row.confirmed_at,
        setup=setup,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
    )
    return access, now - row.seen_at >= TOUCH_S


def live_grants(session: Session, user_id: int, now: float) -> tuple[Granted, ...]:
    return living(session.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)), now)


def living(grants: Iterable[Grant], now: float) -> tuple[Granted, ...]:
    """What holds now. A grant of a bounded role without an end holds nothing: it cannot have been given rightly."""
    return tuple(
        Granted(grant.role, grant.agency, grant.until)
        for grant in grants
        if (grant.until is None and grant.role not in BOUNDED_ROLES) or (grant.until is not None and grant.until > now)
    )


def tree(session: Session, grants: Iterable[Granted], *, always: bool = False) -> dict[str, str | None]:
    """The agency tree, read only when a grant (or a key) is bound to a place in it."""
    if not always and all(grant.agency is None for grant in grants):
        return {}
    return {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416


def must_show(grants: Iterable[Granted], limits: Limits) -> bool:
    """Whether the node's policy asks this person for a second factor."""
    if limits.second_factor == "all":
        return True
    return limits.second_factor == "admins" and bool(permissions_of(grants) & POWER)


def has_factor(session: Session, user_id: int) -> bool:
    confirmed = select(Totp.user_id).where(Totp.user_id == user_id, Totp.confirmed_at.is_not(None))
    return (
        session.scalar(confirmed) is not None
        or session.scalar(select(Passkey.id).where(Passkey.user_id == user_id).limit(1)) is not None
    )


def with_factor(session: Session) -> frozenset[int]:
    """Everybody who has one."""
    confirmed = session.scalars(select(Totp.user_id).where(Totp.confirmed_at.is_not(None)))
    return frozenset(confirmed) | frozenset(session.scalars(select(Passkey.user_id).distinct()))


def of(session: Session, user_id: int) -> Sequence[LoginSession]:
    """A person's sessions, the last seen first."""
    return session.scalars(
        select(LoginSession).where(LoginSession.user_id == user_id).order_by(LoginSession.seen_at.desc())
    ).all()


def named(session: Session, user_id: int, handle: str) -> LoginSession | None:
    return next((row for row in of(session, user_id) if row.id_hash[:HANDLE] == handle), None)


def touch(session: Session, id_hash: str, now: float) -> None:
    """Not a move (api/state/base.py): that one person was seen changes nobody's rights, and no name."""
    row = update(LoginSession).where(LoginSession.id_hash == id_hash).values(seen_at=now)
    owner = select(LoginSession.user_id).where(LoginSession.id_hash == id_hash).scalar_subquery()
    person = update(User).where(User.id == owner).values(seen_at=now)
    for statement in (row, person):
        session.execute(statement.execution_options(**UNMOVED))


def confirm(session: Session, id_hash: str, now: float, *, strong: bool) -> None:
    """The person has just shown again who they are."""
    values: dict[str, object] = {"confirmed_at": now}
    if strong:
        values["strong"] = True
    session.execute(update(LoginSession).where(LoginSession.id_hash == id_hash).values(**values))


def end(session: Session, id_hash: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.id_hash == id_hash))


def end_all(session: Session, user_id: int, *, but: str = "") -> int:
    gone = session.execute(delete(LoginSession).where(LoginSession.user_id == user_id, LoginSession.id_hash != but))
    return int(getattr(gone, "rowcount", 0))


def clean(session: Session, now: float, limits: Limits) -> int:
    gone = session.execute(
        delete(LoginSession).where((LoginSession.ends_at <= now) | (LoginSession.seen_at <= now - limits.idle_s))
    )
    return int(getattr(gone, "rowcount", 0))
