"""Who leads, at the agency: what the centre last said of it, and what people here have asked for.

In:  write sessions. Out: a revision of the item that carries the ask (`item.json`: lead), so that it arrives once, in
     order and signed like any other; `Lead` rows that repeat the centre's record; history, audit, who is told.
One ask at a time: the next waits until the centre has answered. Until then its record stands, on this screen too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework import incidents
from api.casework.alerts import Desk
from api.casework.errors import WrongState
from api.federation import lead_shape, raising, relay
from api.federation.answers import BIG_NUMBERS, NAME, TEXT, Word
from api.federation.config import settings
from api.federation.lead import TERMS, Act, Leading, Side, adopted, heard, may
from api.federation.lead_shape import LeadShape
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.cases import Incident
from api.state.federation import Outgoing, Raised
from api.state.national import Lead
from correlator.store.base import EVERYTHING
from sensors.clock import parse_rfc3339

_OPEN = ("waiting", "sent")
_WHO: dict[Side, tuple[str, str]] = {"agency": ("cơ quan", "the agency"), "centre": ("cấp trên", "the centre above")}


class About(msgspec.Struct, frozen=True):
    """What the centre says of an item's lead, for this program to read."""

    leader: Literal["agency", "centre"]
    term: Annotated[int, Meta(ge=1, le=TERMS)]
    offered_by: Literal["agency", "centre"] | None
    number: Annotated[int, Meta(ge=0, le=BIG_NUMBERS)]
    by: Annotated[str, Meta(max_length=NAME)]
    at: Annotated[str, Meta(max_length=40)]

    @property
    def leading(self) -> Leading:
        return Leading(self.leader, self.term, self.offered_by, self.number)


def ask(desk: Desk, node: Runtime, incident: Incident, act: Act, note: str) -> None:
    """By a person of the agency."""
    assert desk.access is not None
    row = _row(desk.session, incident)
    if row is not None and row.wanted:
        raise WrongState("Đang chờ cấp trên xác nhận.", "The centre above has not answered yet.")
    now = lead_shape.leading(row)
    if act not in may(now, "agency"):
        raise WrongState("Quyền chủ trì đã thay đổi; hãy xem lại.", "Who leads has changed meanwhile; look again.")
    if act == "offer" and incident.state == "closed":
        raise WrongState("Sự cố đã đóng.", "The incident is closed.")
    sent = raising.raise_incident(
        desk.session, incident, desk.now, node.bell, note=note, exercise=node.node.exercise,
        secret=settings(node.config).secret, lead={"act": act, "term": now.term, "number": now.number},
    )  # fmt: skip
    if row is None:
        row = Lead(agency=incident.agency, item_id=sent.item_id, leader="agency", term=1, offered_by="", note="",
                   changed_at=desk.now, number=0)  # fmt: skip
        desk.session.add(row)
    row.wanted = {"outgoing": sent.id, "act": act, "by": desk.access.name, "at": desk.now}
    incidents.record(desk, incident, f"lead_{act}", note or None, None, None)


def show(session: Session, incident: Incident) -> LeadShape:
    return lead_shape.show(_row(session, incident), "agency", closed=incident.state == "closed")


def hear(session: Session, node: Runtime, word: Word, incident: Incident | None, agency: str) -> None:
    """A word of kind `lead`; what it says of itself beyond its type is not believed."""
    try:
        about = msgspec.convert(word.about, About)
    except msgspec.ValidationError:
        return
    row = session.get(Lead, (agency, word.item_id), with_for_update=True)
    now = lead_shape.leading(row)
    _take(session, node, agency, word.item_id, row, heard(now, about.leading), about, word.text[:TEXT], incident)


def held(session: Session) -> dict[str, Lead]:
    """The rows that repeat the record of the node above, by item; those of our own inbox are no repetition."""
    below = select(Raised.item_id).where(Raised.agency == Lead.agency, Raised.item_id == Lead.item_id)
    return {row.item_id: row for row in session.scalars(select(Lead).where(~below.exists()))}


def adopt(session: Session, node: Runtime, said: Iterable[tuple[str, About]]) -> int:
    """The whole record of the node above; how many rows it changed."""
    found, rows, count = dict(said), held(session), 0
    for item_id in sorted(found.keys() | rows.keys()):
        sent = session.scalar(select(Outgoing).where(Outgoing.item_id == item_id).limit(1))
        if sent is None or sent.kind != "incident" or relay.passed_on(session, sent) is not None:
            continue  # about nothing of ours
        row, about = rows.get(item_id), found.get(item_id)
        now = lead_shape.leading(row)
        then = adopted(now, about.leading if about else None)
        incident = session.get(Incident, sent.ref)
        count += _take(session, node, sent.agency, item_id, row, then, about, "", incident)
    return count


def _take(session: Session, node: Runtime, agency: str, item_id: str, row: Lead | None, then: Leading,
          about: About | None, text: str, incident: Incident | None) -> bool:  # fmt: skip
    at = node.clock.now()
    was = lead_shape.leading(row)
    if row is None:
        if then == was:
            return False
        row = Lead(agency=agency, item_id=item_id, leader="agency", term=1, offered_by="", note="", changed_at=at,
                   number=0)  # fmt: skip
        session.add(row)
    answered = bool(row.wanted) and not _open(session, row)
    if answered:
        row.wanted = None
    if then == was and not answered:
        return False
    if then != was:
        lead_shape.put(row, then, (parse_rfc3339(about.at) if about else None) or at)
        row.offered_by, row.note = (about.by if about else "")[:NAME], text
    session.flush()
    if incident is not None:
        _record(session, node, incident, was, then, text, at)
    return then != was


def _record(session: Session, node: Runtime, incident: Incident, was: Leading, then: Leading, text: str,
            at: float) -> None:  # fmt: skip
    here = Desk(session, EVERYTHING, None, node.audit, node.bell, at)
    change = {"leader": then.leader, "term": then.term, "offered_by": then.offered_by}
    act = "lead_changed" if then.leader != was.leader else "lead_heard"
    incidents.record(here, incident, act, text or None, {"leader": was.leader}, change)
    if then.leader != was.leader:
        vi, en = _WHO[then.leader]
        title = {"vi": f"Từ nay {vi} chủ trì {incident.id}", "en": f"{incident.id} is now led by {en}"}
    elif then.offered_by == "centre":
        title = {"vi": f"Cấp trên đề nghị chuyển quyền chủ trì {incident.id}",
                 "en": f"The centre above offers to change who leads {incident.id}"}  # fmt: skip
    elif was.offered_by == "agency":
        title = {"vi": f"Cấp trên không nhận chuyển quyền chủ trì {incident.id}",
                 "en": f"The lead of {incident.id} stays as it was"}  # fmt: skip
    else:
        return
    tell(session, key=f"lead/{incident.id}/{then.number}/{then.term}", kind="incident", agency=incident.agency,
         ref=incident.id, level="high", title=title, link=f"#/incidents/{incident.id}", now=at)  # fmt: skip


def _open(session: Session, row: Lead) -> bool:
    """Whether the ask is still on its way."""
    sent = session.get(Outgoing, int((row.wanted or {}).get("outgoing", 0)))
    return sent is not None and sent.item_id == row.item_id and sent.state in _OPEN


def refused(session: Session, sent: Outgoing) -> None:
    """The centre will never take the revision that carried the ask."""
    row = session.get(Lead, (sent.agency, sent.item_id))
    if row is not None and row.wanted and row.wanted.get("outgoing") == sent.id:
        row.wanted = None


def _row(session: Session, incident: Incident) -> Lead | None:
    last = raising.last_of(session, incident.id)
    return None if last is None else session.get(Lead, (incident.agency, last.item_id))
