"""Hand-over of an incident inside an agency: offered by one person, accepted or declined by another, on record.

In:  a Desk, the incident (locked, its revision checked by the caller). Out: the incident with its new coordinator, or
     with the one it had. Until the other accepts, nothing changes: there is exactly one coordinator at any time.
Rule: the coordinator offers (or a person who may raise incidents, for one who is away); only the person it was offered
to accepts or declines; whoever offered takes it back. At most one offer is open (`Handover.open_key` is unique).
"""

from __future__ import annotations

from sqlalchemy import select

from api.casework import incidents, people
from api.casework.alerts import Desk
from api.casework.errors import Invalid, Unseen, WrongState
from api.inventory import naming
from api.notices.tell import tell
from api.state.cases import Incident
from api.state.national import Handover
from api.state.people import User


def open_of(desk: Desk, incident: Incident) -> Handover | None:
    return desk.session.scalar(select(Handover).where(Handover.open_key == incident.id))


def able(desk: Desk, agency: str) -> list[User]:
    """Who may coordinate an incident of this agency, by name."""
    return people.able(desk.session, "incidents.work", agency, desk.now)


def offer(desk: Desk, incident: Incident, to_id: int, note: str) -> Handover:
    assert desk.access is not None
    if incident.state == "closed":
        raise WrongState("Sự cố đã đóng.", "The incident is closed.")
    me = desk.access.user_id
    if incident.coordinator_id != me and "incidents.raise" not in desk.access.permissions:
        raise WrongState("Chỉ người điều phối hoặc trưởng nhóm bàn giao được.",
                         "Only the coordinator or a lead may hand over.")  # fmt: skip
    if open_of(desk, incident) is not None:
        raise WrongState("Đang có một đề nghị bàn giao chưa được trả lời.", "An offer is still open.")
    to = next((user for user in able(desk, incident.agency) if user.id == to_id), None)
    if to is None or to.id == incident.coordinator_id:
        raise Invalid("to", "Không bàn giao được cho người này.", "It cannot be handed to this person.")
    row = Handover(incident_id=incident.id, agency=incident.agency, from_id=incident.coordinator_id, to_id=to.id,
                   note=note, at=desk.now, open_key=incident.id)  # fmt: skip
    desk.session.add(row)
    desk.session.flush()
    incidents.record(desk, incident, "offered", note or None, None, {"to": to.id})
    tell(desk.session, key=f"handover/{row.id}", kind="incident", agency=incident.agency, ref=incident.id,
         level="medium", link=f"#/incidents/{incident.id}", now=desk.now, to_user=to.id,
         marked=naming.marked_incident(desk.session, incident),
         title={"vi": f"Đề nghị nhận điều phối sự cố {incident.id}",
                "en": f"You are asked to coordinate {incident.id}"})  # fmt: skip
    return row


def answer(desk: Desk, incident: Incident, *, accept: bool, reason: str) -> None:
    """By the person it was offered to; anybody else is told of no offer."""
    assert desk.access is not None
    row = open_of(desk, incident)
    if row is None or row.to_id != desk.access.user_id:
        raise Unseen
    if accept and incident.state == "closed":
        raise WrongState("Sự cố đã đóng.", "The incident is closed.")
    before = incident.coordinator_id
    _end(desk, row, "accepted" if accept else "declined", reason)
    if accept:
        incident.coordinator_id = row.to_id
    after = {"coordinator": incident.coordinator_id}
    incidents.record(desk, incident, row.outcome or "", reason or None, {"coordinator": before}, after)
    who = desk.access.name
    vi, en = ("nhận", "accepted") if accept else ("từ chối", "declined")
    tell(desk.session, key=f"handover/{row.id}/{row.outcome}", kind="incident", agency=incident.agency, ref=incident.id,
         level="low", link=f"#/incidents/{incident.id}", now=desk.now, to_user=before,
         marked=naming.marked_incident(desk.session, incident),
         title={"vi": f"{who} đã {vi} điều phối sự cố {incident.id}", "en": f"{who} {en} {incident.id}"})  # fmt: skip


def withdraw(desk: Desk, incident: Incident) -> None:
    assert desk.access is not None
    row = open_of(desk, incident)
    if row is None:
        raise WrongState("Không có đề nghị bàn giao nào.", "There is no offer.")
    if desk.access.user_id != row.from_id and "incidents.raise" not in desk.access.permissions:
        raise WrongState("Chỉ người đề nghị rút lại được.", "Only who offered may take it back.")
    _end(desk, row, "withdrawn", "")
    incidents.record(desk, incident, "withdrawn", None, None, None)


def _end(desk: Desk, row: Handover, outcome: str, reason: str) -> None:
    row.outcome, row.ended_at, row.reason, row.open_key = outcome, desk.now, reason, None
    desk.session.flush()
