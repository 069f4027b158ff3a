"""Which items go up next: the urgent ones first, an item's revisions in their order, in numbers without holes.

The centre takes a sender's items in sequence only, so that a lost one shows. A number that has been told to nobody yet
is just a place in the queue: before a batch goes out, the most urgent waiting rows change places with those that hold
the next numbers. A row whose number may have reached the centre (`fixed`) keeps it, and goes first.

In:  a write session. Out: rows in the order of their numbers, marked as sent.
Bound: `limit` rows and `limit_bytes` of text a batch (one row always goes); a batch touches at most twice its rows,
       however many wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.federation import renumber
from api.shapes import LEVELS
from api.state.federation import Outgoing

OPEN = ("waiting", "sent")
ROUTINE = -1  # what a test raised


def urgency(item: dict[str, object]) -> int:
    """An incident before an alert of the same level."""
    if item.get("test"):
        return ROUTINE
    return 2 * LEVELS.index(str(item["level"])) + (item["kind"] == "incident")


def hurry(session: Session, row: Outgoing) -> None:
    """The item's earlier revisions that wait become as urgent as this one, which must not overtake them."""
    session.execute(
        update(Outgoing)
        .where(Outgoing.item_id == row.item_id, Outgoing.state == "waiting", Outgoing.urgency < row.urgency)
        .values(urgency=row.urgency)
    )


def take(session: Session, limit: int, limit_bytes: int, now: float) -> list[Outgoing]:
    rows = list(
        session.scalars(
            select(Outgoing).where(Outgoing.fixed, Outgoing.state.in_(OPEN)).order_by(Outgoing.sequence).limit(limit)
        )
    )
    rows += _urgent(session, limit - len(rows)) if len(rows) < limit else []
    taken: list[Outgoing] = []
    size = 0
    for row in rows:
        row.body = renumber.text_of(row)
        size += len(row.body.encode())
        if taken and size > limit_bytes:
            break
        row.state, row.fixed = "sent", True
        row.attempts, row.last_attempt_at = row.attempts + 1, now
        taken.append(row)
    return taken


def _urgent(session: Session, limit: int) -> list[Outgoing]:
    """The next rows nobody has heard of, holding the next numbers."""
    free = (Outgoing.fixed.is_(False), Outgoing.state == "waiting")
    chosen = list(
        session.scalars(select(Outgoing).where(*free).order_by(Outgoing.urgency.desc(), Outgoing.id).limit(limit))
    )
    holders = list(session.scalars(select(Outgoing).where(*free).order_by(Outgoing.sequence).limit(len(chosen))))
    numbers = [row.sequence for row in holders]
    if [row.sequence for row in chosen] != numbers:
        left = sorted({row.sequence for row in chosen} - set(numbers))
        moved = [row for row in holders if row not in chosen]
        _give(session, [*chosen, *moved], [*numbers, *left])
    return chosen


def _give(session: Session, rows: Sequence[Outgoing], numbers: Sequence[int]) -> None:
    """Out of the way first: numbers are unique, and rows are updated one by one."""
    aside = (session.scalar(select(func.max(Outgoing.sequence))) or 0) + 1
    for wanted in (range(aside, aside + len(rows)), numbers):
        for row, number in zip(rows, wanted, strict=True):
            row.sequence = number
        session.flush()
