"""A centre below a centre: what its nodes have raised goes on to the node above, what that says comes back down.

In:  the transaction that takes an item from below, or hears a word about one. Out: an outbox row (the newest revision,
     signed by this node as it is sent, with the way it took in `via`); a word to the node that raised it.
An agency that the node above has not heard of yet (its first report goes before, with the tree) waits: its items would
be refused for good. Who leads is between an agency and the centre next above it, and goes no further.
Bound: VIA nodes on the way; AT_ONCE items when an agency becomes known above. `relay_level` keeps minor ones here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.changes import changed
from api.federation import answers, order
from api.federation import item as items
from api.federation.config import settings
from api.federation.saying import next_word
from api.runtime import Runtime
from api.shapes import LEVELS
from api.state.federation import Outgoing, Raised, Spoken
from api.state.national import Told

VIA = 8
AT_ONCE = 1_000


def pass_on(node: Runtime, session: Session, row: Raised) -> bool:
    """The item's newest revision into the outbox; whether it goes."""
    table, item = settings(node.config), row.item
    if not table.upstream or len(item.get("via", ())) >= VIA or not _told(session, row.agency):
        return False
    if LEVELS.index(row.level) < LEVELS.index(table.relay_level) and not item.get("test"):
        return False
    last = select(func.max(Outgoing.item_revision)).where(Outgoing.item_id == row.item_id)
    revision = max(int(item["revision"]), (session.scalar(last) or 0) + 1)
    sequence = (session.scalar(select(func.max(Outgoing.sequence))) or 0) + 1
    sent: dict[str, Any] = {key: value for key, value in item.items() if key != "lead"}
    sent |= {"revision": revision, "sequence": sequence, "via": [*item.get("via", ()), node.node.agency]}
    sent = items.fitted(sent)
    if wrong := items.wrong_with(sent):
        node.log.warning("an item from below cannot be passed on", item=row.id, error=wrong[:300])
        return False
    out = Outgoing(sequence=sequence, item_id=row.item_id, item_revision=revision, kind=row.kind, ref=row.id,
                   agency=row.agency, body=items.canonical(sent), state="waiting", queued_at=node.clock.now(),
                   attempts=0, fixed=False, urgency=order.urgency(sent))  # fmt: skip
    session.add(out)
    session.flush()
    order.hurry(session, out)
    changed(session, node.bell, "delivery", row.id, agency=row.agency, revision=revision, now=node.clock.now(),
            created=True)  # fmt: skip
    return True


def catch_up(node: Runtime, session: Session, agency: str) -> int:
    """The node above has just heard of this agency: what waited for that."""
    sent = select(Outgoing.id).where(Outgoing.ref == Raised.id)
    rows = session.scalars(
        select(Raised).where(Raised.agency == agency, ~sent.exists()).order_by(Raised.received_at).limit(AT_ONCE)
    ).all()
    return sum(pass_on(node, session, row) for row in rows)


def passed_on(session: Session, sent: Outgoing) -> Raised | None:
    """The item from below that this outbox row passes on; None for what is our own."""
    return session.get(Raised, sent.ref) if sent.ref.startswith("TN-") else None


def say_below(node: Runtime, session: Session, row: Raised, word: answers.Word) -> None:
    """What the node above wrote, to the node that raised it, in the name of who wrote it."""
    text, by = word.text[: answers.TEXT], word.by[: answers.NAME]
    again = select(Spoken.id).where(Spoken.raised_id == row.id, Spoken.at == word.time, Spoken.text == text)
    if not text or session.scalar(again.limit(1)) is not None:
        return  # a backup was restored and the words are heard anew
    session.add(Spoken(id=next_word(session, node.clock.now()), sender=row.sender, at=word.time, item_id=row.item_id,
                       raised_id=row.id, item_revision=row.item_revision, kind="note", text=text, by=by))  # fmt: skip
    row.revision += 1
    changed(session, node.bell, "raised", row.id, agency=row.agency, revision=row.revision, now=node.clock.now())


def _told(session: Session, agency: str) -> bool:
    told = session.get(Told, agency)
    return told is not None and told.number > 0
