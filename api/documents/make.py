"""Making, storing and handing over documents: acts in a write transaction, each on record.

In:  a `Desk` and an incident (or a reporting year). Out: a `Document` row with the frozen model; refusals are values.
What is stored is the model, not a file: a few kB, and .docx and PDF can never differ in what they say. What was sent is
on paper with its number and seal; here stand who made it, when, from which state of the case, and where it went.
Bound: DOCUMENTS per incident.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from api.casework import ids, incidents
from api.casework.alerts import Desk
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.clocks import acts, reckon, rules
from api.documents import secret
from api.documents.case import gather
from api.documents.forms import Filled, Form, all_forms
from api.documents.model import Body, Heading, fitted
from api.documents.organisation import OrganisationIn
from api.documents.words import line, local, short
from api.documents.yearly import count_up
from api.state.cases import Incident
from api.state.clocks import Clock, Document
from sensors.clock import rfc3339

DOCUMENTS = 200
REPORTED_YEARS = 6  # how far back a yearly report can be made


def of_incident(
    desk: Desk, incident: Incident, form_id: str, *, exercise: bool, secret_names: Sequence[str]
) -> Document:
    form = _form(form_id, "incident")
    if secret.touches(desk.session, incident, secret_names):
        raise WrongState(
            "Hồ sơ có dữ liệu của hệ thống được đánh dấu bí mật nhà nước nên không xuất văn bản từ hệ thống này.",
            "The case holds data of a system marked state-secret: nothing is exported from here.",
        )
    made = desk.session.scalar(select(func.count()).where(Document.incident_id == incident.id)) or 0
    if made >= DOCUMENTS:
        raise WrongState(f"Sự cố đã có {DOCUMENTS} văn bản.", f"The incident has {DOCUMENTS} documents.")
    case = gather(desk.session, incident, desk.now)
    body = _body(form.fill(case), case.organisation, desk.now, exercise, incident.id)
    row = _store(desk, incident.agency, form_id, body, incident=incident)
    incidents.record(desk, incident, "document", None, None, {"document": row.id, "form": form_id})
    return row


def of_year(desk: Desk, agency: str, year: int, *, exercise: bool) -> Document:
    form = _form("yearly", "year")
    today = reckon.day_of(desk.now)
    if not today.year - REPORTED_YEARS <= year <= today.year + 1:
        raise Invalid("year", "Năm báo cáo không hợp lệ.", "No such reporting year.")
    ticking = next(rule.clock for rule in rules.starter() if rule.id == "yearly-operator")
    for version, rule in rules.in_force(rules.versions(desk.session), today).values():
        if rule.form_id == "yearly" and version and rule.clock.period_from == "12-15":
            ticking = rule.clock
    period = reckon.period(ticking, year)
    if period.start > today:
        raise WrongState("Kỳ báo cáo này chưa bắt đầu.", "This period has not begun.")
    counted = count_up(desk.session, agency, period, desk.now)
    body = _body(form.fill(counted), counted.organisation, desk.now, exercise, f"năm {year}")
    row = _store(desk, agency, "yearly", body, period=str(year))
    assert desk.access is not None
    desk.audit.record(desk.session, desk.access.actor, "document.made", row.id, agency=agency,
                      detail={"form": "yearly", "year": year})  # fmt: skip
    return row


def take(desk: Desk, document_id: str, revision: int | None = None) -> Document:
    row = desk.session.get(Document, document_id, with_for_update=True)
    if row is None or not desk.scope.sees(row.agency):
        raise Unseen
    if revision is not None and revision != row.revision:
        raise Stale(row.revision)
    return row


def hand_over(desk: Desk, row: Document, at: float, number: str, to: str, clock_ids: Sequence[int] | None) -> None:
    """The paper has left: under a number and at a time that a person types. It meets the clocks of its form, or those
    that the person names; a clock that has ended already stays as it was."""
    if at > desk.now + acts.SKEW_S:
        raise Invalid("at", "Thời điểm gửi phải ở trong quá khứ.", "The time of handing over lies in the past.")
    was = {"number": row.number, "at": rfc3339(row.handed_at) if row.handed_at is not None else None}
    row.number, row.handed_at, row.handed_to = number, at, to
    assert desk.access is not None
    row.handed_by, row.handed_name = desk.access.user_id, desk.access.name or desk.access.username
    row.revision += 1
    desk.session.flush()
    incident = desk.session.get(Incident, row.incident_id) if row.incident_id else None
    said = {"document": row.id, "number": number, "to": to, "at": rfc3339(at)}
    if incident is not None:
        incidents.record(desk, incident, "handed", None, was if was["number"] else None, said)
    else:
        desk.audit.record(desk.session, desk.access.actor, "document.handed", row.id, agency=row.agency, detail=said)
    for clock in _meant(desk, row, clock_ids):
        acts.meet(desk, clock, at, number, "", row)


def _meant(desk: Desk, row: Document, clock_ids: Sequence[int] | None) -> list[Clock]:
    own = Clock.incident_id == row.incident_id if row.incident_id else (
        (Clock.incident_id.is_(None)) & (Clock.agency == row.agency) & (Clock.period == row.period))  # fmt: skip
    running = desk.session.scalars(select(Clock).where(own, Clock.state == "running").order_by(Clock.due_at)).all()
    if clock_ids is not None:
        if not set(clock_ids) <= {clock.id for clock in running}:
            raise Invalid("clock_ids", "Thời hạn không thuộc văn bản này hoặc đã kết thúc.", "Not its clocks.")
        return [clock for clock in running if clock.id in set(clock_ids)]
    known = rules.versions(desk.session)
    of_form = [c for c in running if known[c.rule_id, c.rule_version].form_id == row.form_id]
    # The two yearly reports (to the owner, to the ministry) are two papers: one hand-over meets the one due first.
    return of_form if row.incident_id else of_form[:1]


def _form(form_id: str, of: str) -> Form:
    form = all_forms().get(form_id)
    if form is None or form.of != of:
        raise Invalid("form_id", "Không có mẫu văn bản này.", "There is no such form.")
    return form


def _body(filled: Filled, of: OrganisationIn, now: float, exercise: bool, what: str) -> Body:
    number = 0
    for block in filled.blocks:
        if isinstance(block, Heading):
            number += 1
            block.text = f"{number}. {block.text}"
    receivers = [line(receiver, 200) for receiver in of.recipients] or ["Như trên"]
    return fitted(
        Body(
            parent=line(of.parent, 200), agency=line(of.name, 200), symbol=line(of.symbol, 32),
            kind=filled.kind, mark=filled.mark, place=line(of.place, 64), year=local(now).year,
            subject=line(filled.subject, 600), addressee=line(of.addressee, 200),
            blocks=filled.blocks, appendices=filled.appendices, recipients=receivers, capacity=line(of.capacity, 64),
            signer=line(of.signer, 64), exercise=exercise, made_from=f"{what}, {short(now)}",
        )
    )  # fmt: skip


def _store(
    desk: Desk, agency: str, form_id: str, body: Body, incident: Incident | None = None, period: str | None = None
) -> Document:
    assert desk.access is not None
    row = Document(
        id=ids.next_id(desk.session, "VB", desk.now), agency=agency, incident_id=incident.id if incident else None,
        period=period, form_id=form_id, body=body.model_dump(mode="json"), made_at=desk.now,
        made_by=desk.access.user_id, made_name=desk.access.name or desk.access.username,
    )  # fmt: skip
    desk.session.add(row)
    desk.session.flush()
    return row
