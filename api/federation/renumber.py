"""When the outbox and the centre disagree on numbers: one of the two was restored from a backup. The outbox follows.

In:  a write session, what the centre expects. Out: rows of `Outgoing` renumbered; nothing is lost, and what the centre
     has already it recognises by item and revision. Bodies are only rewritten as they are sent (`text_of`).
Bound: numbers of the rows concerned in memory, not their bodies.
"""

from __future__ import annotations

import json

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.federation import item as items
from api.federation.answers import NUMBERS
from api.state.federation import Outgoing
from sensors.wire import Busy

_OPEN = ("waiting", "sent")


def follow(session: Session, expected: int) -> None:
    """Number what is still to be sent from `expected` on; send again what the centre does not have any more."""
    concerned = (Outgoing.sequence >= expected) | Outgoing.state.in_(_OPEN)
    rows = session.execute(select(Outgoing.id, Outgoing.sequence).where(concerned).order_by(Outgoing.sequence)).all()
    due = [row.id for row in rows]
    # The centre has none of these numbers: they are places in the queue again, and the urgent ones may go first.
    session.execute(update(Outgoing).where(concerned).values(state="waiting", fixed=False))
    if [row.sequence for row in rows] == list(range(expected, expected + len(rows))):
        return
    last = session.scalar(select(func.max(Outgoing.sequence))) or 0
    if max(last, expected) + 2 * len(due) > NUMBERS:
        raise Busy(f"the centre expects {expected}, which leaves no numbers")
    # Out of the way first: the numbers are unique, and rows are updated one by one.
    aside = max(last, expected + len(due)) + 1
    for start in (aside, expected):
        for offset, row in enumerate(due):
            session.execute(update(Outgoing).where(Outgoing.id == row).values(sequence=start + offset))


def revise(session: Session, row: Outgoing, expected: int) -> None:
    """The centre knows other words under this revision: this one and the item's later ones move to `expected` on."""
    later = session.scalars(
        select(Outgoing)
        .where(Outgoing.item_id == row.item_id, Outgoing.item_revision >= row.item_revision, Outgoing.state.in_(_OPEN))
        .order_by(Outgoing.item_revision.desc())
    ).all()
    shift = expected - row.item_revision
    if shift <= 0 or any(one.item_revision + shift > 1_000_000 for one in later):
        raise Busy(f"the centre expects revision {expected} of {row.item_id}, which leads nowhere")
    for one in later:  # from the last on, so that no two are equal meanwhile
        one.item_revision += shift
        one.state = "waiting"
        session.flush()


def text_of(row: Outgoing) -> str:
    """The item as it is to be sent now, under its present numbers."""
    item = json.loads(row.body)
    if (item["sequence"], item["revision"]) == (row.sequence, row.item_revision):
        return row.body
    return items.canonical(item | {"sequence": row.sequence, "revision": row.item_revision})
