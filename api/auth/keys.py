"""API keys: `Authorization: Bearer luytre_…` for a program that acts for a person, with fewer rights than theirs.

In:  the header's value. Out: an `Access` whose permissions are the key's, in the key's agencies, *as far as the owner
     has them now*: who loses a role loses it in every key at once; a disabled owner's keys are dead.
A key never manages people, keys or the node (`NEVER_BY_KEY`, and every `myself` route refuses it), always ends within a
year, and is shown once: the SHA-256 of its 256 random bits is stored.
Bound: PER_USER keys; RATE requests a minute per key, counted in memory.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.auth.sessions import TOUCH_S, Access, Limits, has_factor, hash_of, live_grants, must_show, tree
from api.permissions import NEVER_BY_KEY, narrowed
from api.state.people import ApiKey, User

PREFIX = "luytre_"
PER_USER = 20
LONGEST_S = 366 * 86_400.0
RATE, RATE_S = 600, 60.0


def make(
    session: Session,
    user_id: int,
    name: str,
    permissions: Iterable[str],
    agencies: Sequence[str] | None,
    ends_at: float,
    now: float,
) -> tuple[ApiKey, str]:
    """The stored key, and its text, which nobody can read again."""
    token = PREFIX + secrets.token_urlsafe(32)
    made = ApiKey(
        user_id=user_id,
        key_hash=hash_of(token),
        name=name,
        permissions=sorted(set(permissions) - NEVER_BY_KEY),
        agencies=None if agencies is None else sorted(set(agencies)),
        created_at=now,
        ends_at=min(ends_at, now + LONGEST_S),
    )
    session.add(made)
    session.flush()
    return made, token


def find(session: Session, token: str, now: float, limits: Limits, address: str = "") -> tuple[Access, bool] | None:
    """The access of a live key, and whether its last use should be written (`touch`)."""
    if not token.startswith(PREFIX) or len(token) > 128:
        return None
    found = session.execute(
        select(ApiKey, User).join(User, User.id == ApiKey.user_id).where(ApiKey.key_hash == hash_of(token))
    ).first()
    if found is None:
        return None
    key, user = found
    if user.disabled or key.revoked_at is not None or now >= key.ends_at:
        return None
    grants = live_grants(session, user.id, now)
    if must_show(grants, limits) and not has_factor(session, user.id):
        grants = ()  # what a session of this person could not do yet, a key cannot either
    parents = tree(session, grants, always=key.agencies is not None)
    if key.agencies is not None:
        grants = narrowed(grants, key.agencies, parents)
    access = Access(
        user_id=user.id,
        username=user.username,
        name=f"{user.name or user.username} ({key.name})",
        language=user.language,
        grants=grants,
        parents=parents,
        session_hash="",
        csrf="",
        expires_at=key.ends_at,
        address=address,
        only=frozenset(key.permissions) - NEVER_BY_KEY,
        key_id=key.id,
    )
    return access, key.used_at is None or now - key.used_at >= TOUCH_S or key.address != address[:64]


def touch(session: Session, key_id: int, now: float, address: str) -> None:
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(used_at=now, address=address[:64]))


def of(session: Session, user_id: int) -> Sequence[ApiKey]:
    return session.scalars(select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.id.desc())).all()


class Rates:
    """Requests of each key in the running minute."""

    def __init__(self, limit: int = RATE, window_s: float = RATE_S, keys: int = 10_000) -> None:
        self._limit, self._window, self._keys = limit, window_s, keys
        self._seen: dict[int, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def wait(self, key_id: int, now: float) -> float | None:
        """None when this request may go on, else seconds to wait."""
        with self._lock:
            begun, count = self._seen.get(key_id, (now, 0))
            if now - begun >= self._window:
                begun, count = now, 0
            if count >= self._limit:
                return self._window - (now - begun)
            if len(self._seen) >= self._keys and key_id not in self._seen:
                self._seen.clear()
            self._seen[key_id] = (begun, count + 1)
            return None
