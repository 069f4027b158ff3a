"""Who leads, at the centre: the record itself. People of the centre act on it; agencies ask by revisions of their item.

In:  write sessions. Out: rows of `Lead`, a word to the sender for each change and each ask (`about` is what its node
     reads, the text what people do), audit, and who is told.
Only incidents that were raised have a lead; what nobody ever offered has no row, and the agency leads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth.ca import Name
from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import WrongState
from api.federation import lead_shape
from api.federation.lead import Act, Ask, Leading, Side, decide, may
from api.federation.lead_shape import LeadShape
from api.federation.saying import next_word
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.federation import Raised, Spoken
from api.state.national import Lead
from api.state.people import Agency
from sensors.clock import rfc3339

PAGE = 200
_TITLES: dict[str, tuple[str, str]] = {
    "offer": ("{who} đề nghị chuyển quyền chủ trì {item}", "{who} offers to change who leads {item}"),
    "accept": ("{who} đồng ý chuyển quyền chủ trì {item}", "{who} agrees: the lead of {item} has changed"),
    "decline": ("{who} không đồng ý chuyển quyền chủ trì {item}", "{who} declines to change who leads {item}"),
    "withdraw": ("{who} rút đề nghị về quyền chủ trì {item}", "{who} takes back its offer on the lead of {item}"),
}


def acted(desk: Desk, row: Raised, act: Act, note: str, by: str) -> None:
    """By a person of the centre."""
    assert desk.access is not None
    if row.kind != "incident":
        raise WrongState("Chỉ sự cố mới có bên chủ trì.", "Only an incident has somebody who leads it.")
    if row.item.get("via"):
        raise WrongState("Sự cố do trung tâm cấp dưới chuyển lên; quyền chủ trì do cấp đó thống nhất với cơ quan.",
                         "Passed on by a centre below, which settles with the agency who leads.")  # fmt: skip
    kept = _kept(desk.session, row, desk.now)
    now = lead_shape.leading(kept)
    if act == "offer" and row.item.get("state") == "closed":
        raise WrongState("Sự cố đã đóng.", "The incident is closed.")
    number = next_word(desk.session, desk.now)
    then = decide(now, "centre", Ask(act, now.term, now.number), number) if act in may(now, "centre") else None
    if then is None:
        raise WrongState("Quyền chủ trì đã thay đổi; hãy xem lại.", "Who leads has changed meanwhile; look again.")
    _become(kept, then, "centre", by, note, desk.now)
    _say(desk.session, row, kept, act, number, note, by, desk.now)
    row.revision += 1
    desk.audit.record(desk.session, desk.access.actor, f"lead.{act}", row.id, agency=row.agency,
                      detail={"leader": kept.leader, "term": kept.term})  # fmt: skip
    changed(desk.session, desk.bell, "raised", row.id, agency=row.agency, revision=row.revision, now=desk.now)


def asked(node: Runtime, session: Session, sender: Name, row: Raised, item: dict[str, Any], now: float) -> None:
    """By the agency, in the transaction that takes its item. What no longer fits changes nothing and is answered."""
    wanted = item.get("lead")
    if wanted is None or row.kind != "incident" or item.get("via"):
        return
    session.flush()
    kept, act = _kept(session, row, now), wanted["act"]
    number = next_word(session, now)
    agency = session.get(Agency, row.agency)
    by = (agency and agency.name) or row.agency
    note = str(item.get("note", ""))
    was = lead_shape.leading(kept)
    closed = act == "offer" and item["state"] == "closed"
    then = None if closed else decide(was, "agency", Ask(act, wanted["term"], wanted["number"]), number)
    if then is not None:
        _become(kept, then, "agency", by, note, now)
    # Two offers that crossed are an agreement, and told as one.
    done = act if then is None or then.leader == was.leader else "accept"
    _say(session, row, kept, done if then is not None else "unfit", number, "", node.node.name or node.node.agency, now)
    node.audit.record(session, Actor(f"machine:{sender.id}", sender.name), f"lead.{act}", row.id, agency=row.agency,
                      outcome="ok" if then is not None else "refused",
                      detail={"leader": kept.leader, "term": kept.term})  # fmt: skip
    if then is not None:
        vi, en = _TITLES[done]
        words = {"who": by, "item": row.item_id.partition(".")[0]}
        tell(session, key=f"lead/{row.id}/{number}", kind="national", agency=row.agency, ref=row.id, level="high",
             title={"vi": vi.format(**words), "en": en.format(**words)}, link=f"#/inbox/{row.id}", now=now)  # fmt: skip


def shown(session: Session, rows: Iterable[Raised]) -> dict[str, LeadShape]:
    """By the raised item's id; incidents only."""
    wanted = {(row.agency, row.item_id): row for row in rows if row.kind == "incident"}
    items = {item for _, item in wanted}
    kept = {(one.agency, one.item_id): one for one in session.scalars(select(Lead).where(Lead.item_id.in_(items)))}
    return {row.id: lead_shape.show(kept.get(key), "centre") for key, row in wanted.items()}


def page(session: Session, sender: Name, after: str) -> dict[str, Any]:
    """The record of every item that this sender speaks for, in pages."""
    found = session.execute(
        select(Lead, Raised.item_revision)
        .join(Raised, (Raised.agency == Lead.agency) & (Raised.item_id == Lead.item_id))
        .where(or_(Raised.sender == sender.id, Raised.agency == sender.agency), Lead.item_id > after)
        .order_by(Lead.item_id)
        .limit(PAGE)
    ).all()
    leads = [{"item_id": lead.item_id, "about": _about(lead)} for lead, _ in found]
    return {"leads": leads, "next": leads[-1]["item_id"] if len(leads) == PAGE else ""}


def _kept(session: Session, row: Raised, now: float) -> Lead:
    kept = session.get(Lead, (row.agency, row.item_id), with_for_update=True)
    if kept is None:
        kept = Lead(agency=row.agency, item_id=row.item_id, leader="agency", term=1, changed_at=now, number=0,
                    offered_by="", note="")  # fmt: skip
        session.add(kept)
    return kept


def _become(kept: Lead, then: Leading, side: Side, by: str, note: str, now: float) -> None:
    lead_shape.put(kept, then, now)
    kept.offered_by, kept.note = by[:256], note
    if then.offered_by is not None:
        kept.offered_at = now


def _say(session: Session, row: Raised, kept: Lead, act: str, number: int, text: str, by: str, now: float) -> None:
    session.add(Spoken(id=number, sender=row.sender, at=now, item_id=row.item_id, item_revision=row.item_revision,
                       raised_id=row.id, kind="lead", text=text, by=by, about=_about(kept) | {"act": act}))  # fmt: skip
    session.flush()


def _about(kept: Lead) -> dict[str, Any]:
    return {"leader": kept.leader, "term": kept.term, "offered_by": kept.offer, "number": kept.number,
            "by": kept.offered_by, "at": rfc3339(kept.changed_at)}  # fmt: skip
