"""A word of the centre, heard: kept beside its item once, and what it does to the item's state.

In:  the write transaction in which the link moves on behind the word. Out: rows of `Heard` and `Outgoing`.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.changes import changed
from api.federation import answers, lead_agency, relay, remind
from api.runtime import Runtime
from api.state.cases import Incident
from api.state.federation import Heard, Outgoing


def hear(session: Session, node: Runtime, word: answers.Word) -> None:
    if word.kind == "reminder":
        remind.hear(session, node, word)
        return
    row = session.scalar(select(Outgoing).where(Outgoing.item_id == word.item_id).order_by(Outgoing.id.desc()).limit(1))
    if row is None or session.get(Heard, word.id) is not None:
        return  # not about anything of ours, or heard
    below = relay.passed_on(session, row)
    if below is not None:
        relay.say_below(node, session, below, word)
    if word.kind == "lead":
        if below is not None:
            return
        incident = session.get(Incident, row.ref, with_for_update=True) if row.kind == "incident" else None
        lead_agency.hear(session, node, word, incident, row.agency)
        if not word.text:
            return  # who leads has its own place; what people wrote stands among the words
    kind = "acknowledged" if word.kind == "acknowledged" else "note"
    session.add(Heard(id=word.id, at=word.time, item_id=word.item_id, kind=kind, text=word.text[: answers.TEXT],
                      by=word.by[: answers.NAME]))  # fmt: skip
    if kind == "acknowledged":
        # That revision and those before it: what was raised since, nobody has looked at yet.
        for one in session.scalars(
            select(Outgoing).where(Outgoing.item_id == word.item_id, Outgoing.item_revision <= word.item_revision,
                                   Outgoing.state == "received")
        ):  # fmt: skip
            one.state = "acknowledged"
    changed(session, node.bell, "delivery", row.ref, agency=row.agency, revision=row.item_revision,
            now=node.clock.now())  # fmt: skip
