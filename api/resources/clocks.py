"""Deadlines: what is due and overdue, the clocks and the assessment of an incident, the rules and their versions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import incidents
from api.casework.errors import WrongState
from api.casework.paging import LIMIT
from api.clocks import acts, keep, rules, show
from api.clocks.rules import Rule
from api.desk import IfMatch, desk, revision_of
from api.federation.config import settings
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Line, Listed, Needed, Note

router = APIRouter(tags=["clocks"])
ROUTES = Resource("", router)

Reader = Annotated[Access, Depends(Allow("incidents.read"))]
Worker = Annotated[Access, Depends(Allow("incidents.work"))]
Lawyer = Annotated[Access, Depends(Allow("clocks.manage"))]
IncidentId = Annotated[str, Path(max_length=24)]
ClockId = Annotated[int, Path(ge=1, le=2**53)]


class ClockQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "running", "overdue", "met", "void", "all"] = ""  # "": what still runs, overdue or not
    kind: Literal["", "incident", "calendar"] = ""
    agency: str = Field("", max_length=64)
    limit: int = Field(100, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class AssessmentIn(In):
    """A flag that is left out stays as it is; false sets it back, on record."""

    serious: bool | None = None
    harm: bool | None = None
    interrupted: bool | None = None
    personal_data: bool | None = None
    complex: bool | None = None
    detected_at: AwareDatetime | None = None
    reason: Needed


class MeetIn(In):
    at: AwareDatetime
    number: Annotated[Line, Field(max_length=64)] = ""
    text: Annotated[Note, Field(max_length=2_000)] = ""


class ReasonIn(In):
    reason: Annotated[Needed, Field(max_length=2_000)]


class ClockRuleIn(Rule):
    note: Annotated[Line, Field(max_length=500)] = ""


@router.get("/clocks")
def list_clocks(request: Request, wanted: Annotated[ClockQuery, Query()], access: Reader) -> show.ClockList:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return show.page(
            session, access.scope("incidents.read"), state=wanted.state, agency=wanted.agency, kind=wanted.kind,
            now=node.clock.now(), limit=wanted.limit, cursor=wanted.cursor,
        )  # fmt: skip


@router.get("/incidents/{incident_id}/clocks")
def incident_clocks(request: Request, incident_id: IncidentId, access: Reader) -> show.IncidentClocks:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        incident = incidents.find(session, access.scope("incidents.read"), incident_id)
        if incident is None:
            raise not_found()
        return show.of_incident(session, incident, node.clock.now())


@router.post("/incidents/{incident_id}/assessment")
def assess(
    request: Request, incident_id: IncidentId, body: AssessmentIn, access: Worker, if_match: IfMatch = None
) -> show.IncidentClocks:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        said = {flag: value for flag in keep.FLAGS if (value := getattr(body, flag)) is not None}
        detected = body.detected_at.timestamp() if body.detected_at else None
        acts.assess(here, incident, said, body.reason, detected)
        here.session.flush()
        return show.of_incident(here.session, incident, here.now)


@router.post("/clocks/{clock_id}/meet")
def meet(
    request: Request, clock_id: ClockId, body: MeetIn, access: Worker, if_match: IfMatch = None
) -> show.ClockShape:
    """Told by other means than a document made here: by telephone, on a form of one's own."""
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        row = acts.take(here, clock_id, revision_of(if_match))
        acts.meet(here, row, body.at.timestamp(), body.number, body.text)
        return show.shapes(here.session, [row], here.now)[0]


@router.post("/clocks/{clock_id}/void")
def void(
    request: Request, clock_id: ClockId, body: ReasonIn, access: Worker, if_match: IfMatch = None
) -> show.ClockShape:
    """Does not apply here, and why."""
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        row = acts.take(here, clock_id, revision_of(if_match))
        acts.void(here, row, body.reason)
        return show.shapes(here.session, [row], here.now)[0]


@router.post("/clocks/{clock_id}/resume")
def resume(
    request: Request, clock_id: ClockId, body: ReasonIn, access: Worker, if_match: IfMatch = None
) -> show.ClockShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        row = acts.take(here, clock_id, revision_of(if_match))
        acts.resume(here, row, body.reason)
        return show.shapes(here.session, [row], here.now)[0]


class ClockRules(Listed[show.ClockRuleShape]):
    from_above: bool = Field(description="the centre above sends them: nobody edits them here")
    editable: bool


@router.get("/clock-rules")
def list_rules(request: Request, access: Reader) -> ClockRules:
    """Every version of every rule: the law is no secret, whatever the scope."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        items = show.rule_shapes(rules.rows(session))
    above = bool(settings(node.config).upstream)
    may = not above and access.scope("clocks.manage").sees(node.node.agency)
    return ClockRules(items=items, total=len(items), from_above=above, editable=may)


@router.post("/clock-rules", status_code=201)
def add_rule(request: Request, body: ClockRuleIn, access: Lawyer) -> show.ClockRuleShape:
    """A new version of the rule with this id, or a new rule. Nothing is overwritten. Rules hold for the whole node, so
    this takes the right in the node's own agency; where a centre stands above, its rules hold."""
    node: Runtime = request.app.state.node
    rule = Rule.model_validate(body.model_dump(exclude={"note"}))
    if not access.scope("clocks.manage").sees(node.node.agency):
        raise Problem("LT-A0403")
    if settings(node.config).upstream:
        raise WrongState("Quy định về thời hạn do trung tâm cấp trên gửi xuống.",
                         "The centre above sends the rules of deadlines down.")  # fmt: skip
    with desk(node, access, "clocks.manage") as here:
        try:
            row = rules.add(here.session, rule, note=body.note, now=here.now, made_by=access.user_id,
                            made_name=access.name or access.username)  # fmt: skip
        except ValueError as error:
            raise Problem("LT-A0422", errors=[{"field": "id", "message": str(error)}]) from None
        node.audit.record(here.session, access.actor, "clock_rule.added", f"{row.rule_id}/{row.version}",
                          detail={"rule": row.body, "note": row.note})  # fmt: skip
        return show.rule_shape(row)
