"""Tries to log in, counted before the password is looked at.

`reserve` takes one try from each budget in one write transaction; parallel requests therefore see each other, and 500
at once get exactly the limit. A try that turns out right gives its places back.
Bound: a key lives until its window ends; a job removes it then. Keys per address bound keys per account.
Source: reliability.md S13 (a product that checked, hashed, then counted let 100 tries through where 50 were allowed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.state.people import LoginTry

PER_ADDRESS, PER_ACCOUNT = 100, 100  # NIST SP 800-63B-4: at most 100 consecutive failures on an account


@dataclass(frozen=True, slots=True)
class Budget:
    key: str
    limit: int


def budgets(username: str, address: str, tries: int) -> tuple[Budget, ...]:
    return (
        Budget(f"both:{username}@{address}"[:320], tries),
        Budget(f"address:{address}", PER_ADDRESS),
        Budget(f"account:{username}"[:320], PER_ACCOUNT),
    )


def reserve(session: Session, wanted: Sequence[Budget], now: float, window_s: float) -> float | None:
    """None when every budget had a try left (all are now one lower), else seconds to wait (none is lower)."""
    wait = [left for budget in wanted if (left := _full(session, budget, now)) is not None]
    if wait:
        return max(wait)
    for budget in wanted:
        if not _take(session, budget, now, window_s):
            return window_s
    return None


def give_back(session: Session, taken: Sequence[Budget]) -> None:
    """The try was right: the pair's count starts anew, the wider ones get this try back."""
    first, *wider = taken
    session.execute(delete(LoginTry).where(LoginTry.key == first.key))
    for budget in wider:
        session.execute(update(LoginTry).where(LoginTry.key == budget.key).values(tries=LoginTry.tries - 1))


def clean(session: Session, now: float) -> int:
    gone = session.execute(delete(LoginTry).where(LoginTry.window_ends_at <= now))
    return int(getattr(gone, "rowcount", 0))


def _full(session: Session, budget: Budget, now: float) -> float | None:
    row = session.execute(select(LoginTry.tries, LoginTry.window_ends_at).where(LoginTry.key == budget.key)).first()
    if row is None or row.window_ends_at <= now or row.tries < budget.limit:
        return None
    return float(row.window_ends_at) - now


def _take(session: Session, budget: Budget, now: float, window_s: float) -> bool:
    session.execute(delete(LoginTry).where(LoginTry.key == budget.key, LoginTry.window_ends_at <= now))
    for _ in range(2):
        taken = session.execute(
            update(LoginTry)
            .where(LoginTry.key == budget.key, LoginTry.tries < budget.limit)
            .values(tries=LoginTry.tries + 1)
        )
        if getattr(taken, "rowcount", 0):
            return True
        try:
            with session.begin_nested():  # on PostgreSQL another worker may insert the key between the two statements
                session.add(LoginTry(key=budget.key, tries=1, window_ends_at=now + window_s))
            return True
        except IntegrityError:
            continue
    return False
