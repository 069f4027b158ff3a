"""Tries to log in, counted before the password is looked at.

`reserve` takes one try from each budget in one write transaction; parallel requests therefore see each other, and 500
at once get exactly the limit. A try that turns out right gives its places back.

A budget is a window (so many tries, then none until it ends) or, with `slows`, free for so many tries and then slower:
1 s, 2 s, 4 s … up to SLOWEST_S between two. The account-wide one slows: an outsider who knows a name can make strangers
wait, never shut the person out: a browser that this person has logged in with before (`known`) has a budget of its own,
and a passkey asks no budget at all.
Bound: a key lives until its window ends; a job removes it then. Keys per address bound keys per account.
Sources: reliability.md S13 (a product that checked, hashed, then counted let 100 tries through where 50 were allowed);
device cookies: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies; NIST SP 800-63B-4
section 3.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.state.people import LoginTry

PER_ADDRESS = 100
FREE = 20  # tries on an account, from browsers it does not know, before they slow down
SLOWEST_S = 900.0
FORGOTTEN_S = 24 * 3600.0  # a slowed key is forgotten a day after its last try


@dataclass(frozen=True, slots=True)
class Budget:
    key: str
    limit: int
    slows: bool = False


def budgets(username: str, address: str, tries: int, known: str = "") -> tuple[Budget, ...]:
    """`known`: the mark of a browser that has logged in as this user before."""
    if known:
        return (Budget(f"known:{known}", tries),)
    return (
        Budget(f"both:{username}@{address}"[:320], tries),
        Budget(f"address:{address}", PER_ADDRESS),
        Budget(f"account:{username}"[:320], FREE, slows=True),
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
    row = session.execute(
        select(LoginTry.tries, LoginTry.window_ends_at, LoginTry.next_at).where(LoginTry.key == budget.key)
    ).first()
    if row is None or row.window_ends_at <= now:
        return None
    if budget.slows:
        return float(row.next_at) - now if row.next_at is not None and row.next_at > now else None
    return float(row.window_ends_at) - now if row.tries >= budget.limit else None


def _take(session: Session, budget: Budget, now: float, window_s: float) -> bool:
    session.execute(delete(LoginTry).where(LoginTry.key == budget.key, LoginTry.window_ends_at <= now))
    for _ in range(2):
        if _one_more(session, budget, now):
            return True
        try:
            with session.begin_nested():  # on PostgreSQL another worker may insert the key between the two statements
                lasts = FORGOTTEN_S if budget.slows else window_s
                session.add(LoginTry(key=budget.key, tries=1, window_ends_at=now + lasts))
            return True
        except IntegrityError:
            continue
    return False


def _one_more(session: Session, budget: Budget, now: float) -> bool:
    """One UPDATE, whose condition decides between two that come at once."""
    change = update(LoginTry).where(LoginTry.key == budget.key)
    if budget.slows:
        tries = session.scalar(select(LoginTry.tries).where(LoginTry.key == budget.key))
        if tries is None:
            return False
        over = tries + 1 - budget.limit
        wait = min(2.0 ** min(over, 20), SLOWEST_S) if over >= 0 else 0.0
        change = change.where(LoginTry.tries == tries, or_(LoginTry.next_at.is_(None), LoginTry.next_at <= now)).values(
            tries=tries + 1, next_at=now + wait, window_ends_at=now + FORGOTTEN_S
        )
    else:
        change = change.where(LoginTry.tries < budget.limit).values(tries=LoginTry.tries + 1)
    return bool(getattr(session.execute(change), "rowcount", 0))
