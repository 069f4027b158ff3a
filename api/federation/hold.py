"""What waits in the outbox is looked at again when the inventory says something else: a system that is marked
state-secret after its alert was raised keeps back what has not gone yet.

In:  a write session, before anything is taken from the outbox. Out: rows "refused" with the reason, out of the numbers
     that the centre counts; on record, and told.
What the centre has, it has: a row that may have reached it is not sent again.
Bound: two small queries while the inventories stay as they are; else CHUNK items at a time, of agencies that have a
     marked system (all of them when the configuration names systems).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM
from api.casework.changes import changed
from api.casework.errors import WrongState
from api.federation import lead_agency, raising
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.base import after_commit
from api.state.federation import Outgoing
from api.state.inventory import System
from api.state.inventory_seen import Naming

CHUNK = 200


class Hold:
    """Remembers for which state of the inventories everything that waits was looked at."""

    def __init__(self, node: Runtime, secret: Sequence[str]) -> None:
        self._node, self._secret = node, tuple(secret)
        self._seen: tuple[object, ...] | None = None

    def withhold(self, session: Session) -> int:
        """How many items were kept back."""
        marked = session.scalars(select(System.agency).where(System.secret.is_(True)).distinct()).all()
        moved = session.execute(select(func.count(), func.sum(Naming.revision))).one()
        state = (tuple(sorted(marked)), *moved)
        if state == self._seen:
            return 0
        waiting = select(Outgoing).where(Outgoing.state == "waiting")
        if not self._secret:
            waiting = waiting.where(Outgoing.agency.in_(marked))
        held, last = 0, 0
        while marked or self._secret:
            rows = session.scalars(waiting.where(Outgoing.id > last).order_by(Outgoing.id).limit(CHUNK)).all()
            if not rows:
                break
            for row in rows:
                last = row.id
                try:
                    raising.hold_back(session, row.kind, row.ref, self._secret)
                except WrongState as error:
                    self._keep(session, row, error)
                    held += 1
        if held:
            _close_up(session)
        after_commit(session, lambda: self._look(state))
        return held

    def _look(self, state: tuple[object, ...]) -> None:
        self._seen = state

    def _keep(self, session: Session, row: Outgoing, error: WrongState) -> None:
        node, now = self._node, self._node.clock.now()
        number = row.sequence
        # A number below zero is no place in the queue: the centre never hears of it.
        row.state, row.sequence, row.fixed = "refused", -row.id, False
        row.reason, row.last_error, row.next_attempt_at = {"vi": error.vi, "en": error.en}, None, None
        session.flush()
        lead_agency.refused(session, row)
        node.audit.record(session, THE_SYSTEM, f"{row.kind}.held-back", row.ref, agency=row.agency, outcome="refused",
                          detail={"reason": error.en, "sequence": number})  # fmt: skip
        tell(session, key=f"held:{row.ref}:{row.id}", kind="system", agency=row.agency, ref=row.ref, level="high",
             link=f"#/{'incidents' if row.kind == 'incident' else 'alerts'}/{row.ref}", marked=True, now=now,
             title={"vi": f"{row.ref} được giữ lại, không báo cáo lên cấp trên",
                    "en": f"{row.ref} was kept back and is not raised"})  # fmt: skip
        changed(session, node.bell, "delivery", row.ref, agency=row.agency, revision=row.item_revision, now=now)


def _close_up(session: Session) -> None:
    """Numbers that nobody has heard of follow one another again; upwards, so that no two are equal meanwhile."""
    free = (Outgoing.fixed.is_(False), Outgoing.state == "waiting", Outgoing.sequence > 0)
    taken = select(func.max(Outgoing.sequence)).where(Outgoing.sequence > 0, Outgoing.id.not_in(
        select(Outgoing.id).where(*free)))  # fmt: skip
    number = session.scalar(taken) or 0
    for row_id, sequence in session.execute(
        select(Outgoing.id, Outgoing.sequence).where(*free).order_by(Outgoing.sequence)
    ).all():
        number += 1
        if sequence > number:
            session.execute(update(Outgoing).where(Outgoing.id == row_id).values(sequence=number))
