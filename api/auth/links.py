"""One-time log-in links: made on the node by who runs it, good for 30 minutes and one use. The hash is stored.

The link is `<base>/#/login?token=…`: behind the `#`, so that it reaches neither a server log nor a Referer.
"""

from __future__ import annotations

import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.auth.sessions import hash_of
from api.state.base import Database
from api.state.people import LoginLink, User

GOOD_FOR_S = 30 * 60


def make(db: Database, user_id: int, now: float) -> str:
    """The token of a new link for a user; raises LookupError when there is no such (enabled) user."""
    with db.write() as session:
        user = session.get(User, user_id)
        if user is None or user.disabled:
            raise LookupError(f"no enabled user {user_id}")
        return add(session, user_id, now)


def add(session: Session, user_id: int, now: float) -> str:
    token = secrets.token_urlsafe(32)
    session.add(LoginLink(token_hash=hash_of(token), user_id=user_id, ends_at=now + GOOD_FOR_S))
    return token


def address(base: str, token: str) -> str:
    return f"{base.rstrip('/')}/#/login?token={token}"


def use(session: Session, token: str, now: float) -> User | None:
    """The user of a live link, which is dead from now on; one UPDATE decides between two who come at once."""
    key = hash_of(token)
    taken = session.execute(
        update(LoginLink)
        .where(LoginLink.token_hash == key, LoginLink.used_at.is_(None), LoginLink.ends_at > now)
        .values(used_at=now)
    )
    if not getattr(taken, "rowcount", 0):
        return None
    user = session.scalar(select(User).join(LoginLink, LoginLink.user_id == User.id).where(LoginLink.token_hash == key))
    return None if user is None or user.disabled else user


def clean(session: Session, now: float) -> int:
    gone = session.execute(delete(LoginLink).where(LoginLink.ends_at <= now - 24 * 3600))
    return int(getattr(gone, "rowcount", 0))
