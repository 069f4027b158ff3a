"""Official documents: what people write for them, making, downloading and handing over, and an agency's letter head."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import incidents
from api.casework.queue import inside
from api.clocks import acts
from api.desk import IfMatch, desk, revision_of
from api.documents import make, organisation, render
from api.documents.case import PARTICULARS
from api.documents.forms import all_forms
from api.documents.model import Body
from api.documents.organisation import OrganisationIn
from api.federation.config import settings
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Line, Listed, Note, Out, Texts
from api.state.cases import Incident
from api.state.clocks import Document, Finding, Organisation
from api.state.people import Agency
from sensors.clock import rfc3339

router = APIRouter(tags=["documents"])
ROUTES = Resource("", router)

Reader = Annotated[Access, Depends(Allow("incidents.read"))]
Worker = Annotated[Access, Depends(Allow("incidents.work"))]
# A letter head is what the agency is called: whoever keeps its list of systems keeps that too.
Keeper = Annotated[Access, Depends(Allow("inventory.manage"))]
Clerk = Annotated[Access, Depends(Allow("inventory.read"))]
IncidentId = Annotated[str, Path(max_length=24)]
DocumentId = Annotated[str, Path(max_length=24)]
Code = Annotated[str, Field(min_length=1, max_length=64)]

_WRITTEN: dict[str, Any] = {key: (Annotated[Note, Field(max_length=4_000)] | None, None) for key in PARTICULARS}
ParticularsIn: Any = create_model("ParticularsIn", __base__=In, **_WRITTEN)


class FormShape(Out):
    id: str
    name: Texts
    of: Literal["incident", "year"]
    fields: list[str]


class Forms(Out):
    items: list[FormShape]
    fields: dict[str, Texts]


class DocumentShape(Out):
    id: str
    agency: str
    incident_id: str | None
    period: str | None
    form_id: str
    form: Texts
    subject: str
    made_at: str
    made_name: str
    number: str | None
    handed_at: str | None
    handed_to: str | None
    handed_name: str | None
    revision: int


class CasePapers(Out):
    incident_id: str
    particulars: dict[str, str]
    documents: list[DocumentShape]
    missing: list[str]  # of the letter head: what a document would leave empty


class OrganisationShape(Out):
    agency: str
    said: OrganisationIn
    missing: list[str]
    changed_at: str | None
    changed_name: str
    revision: int


class MakeIn(In):
    form_id: Annotated[str, Field(max_length=32)]


class YearIn(In):
    agency: Code
    year: Annotated[int, Field(ge=2000, le=2100)]


class HandOverIn(In):
    at: AwareDatetime
    number: Annotated[Line, Field(min_length=1, max_length=64)]
    to: Annotated[Line, Field(max_length=512)] = ""
    clock_ids: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=50)] | None = None


class YearQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    agency: str = Field("", max_length=64)


@router.get("/document-forms")
def list_forms(request: Request, access: Reader) -> Forms:
    forms = [
        FormShape(id=key, name=Texts(vi=form.name[0], en=form.name[1]), of=form.of, fields=list(form.fields))
        for key, form in all_forms().items()
    ]
    return Forms(items=forms, fields={key: Texts(vi=vi, en=en) for key, (vi, en) in PARTICULARS.items()})


@router.get("/incidents/{incident_id}/documents")
def case_papers(request: Request, incident_id: IncidentId, access: Reader) -> CasePapers:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        incident = incidents.find(session, access.scope("incidents.read"), incident_id)
        if incident is None:
            raise not_found()
        return _papers(session, incident)


@router.post("/incidents/{incident_id}/particulars")
def write_particulars(
    request: Request, incident_id: IncidentId, body: ParticularsIn, access: Worker, if_match: IfMatch = None
) -> CasePapers:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = incidents.take(here, incident_id, revision_of(if_match))
        texts = {key: text for key in PARTICULARS if (text := getattr(body, key)) is not None}
        acts.write_particulars(here, incident, texts)
        here.session.flush()
        return _papers(here.session, incident)


@router.post("/incidents/{incident_id}/documents", status_code=201)
def make_document(request: Request, incident_id: IncidentId, body: MakeIn, access: Worker) -> DocumentShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        incident = incidents.take(here, incident_id)
        row = make.of_incident(here, incident, body.form_id, exercise=node.node.exercise,
                               secret_names=settings(node.config).secret)  # fmt: skip
        return _document(row)


@router.get("/yearly-documents")
def list_yearly(request: Request, wanted: Annotated[YearQuery, Query()], access: Reader) -> Listed[DocumentShape]:
    node: Runtime = request.app.state.node
    where: list[ColumnElement[bool]] = [
        Document.incident_id.is_(None), inside(Document.agency, access.scope("incidents.read"))
    ]  # fmt: skip
    if wanted.agency:
        where.append(Document.agency == wanted.agency)
    with node.db.read() as session:
        rows = session.scalars(select(Document).where(*where).order_by(Document.made_at.desc()).limit(200)).all()
        total = session.scalar(select(func.count()).select_from(Document).where(*where)) or 0
    return Listed[DocumentShape](items=[_document(row) for row in rows], total=total)


@router.post("/yearly-documents", status_code=201)
def make_yearly(request: Request, body: YearIn, access: Worker) -> DocumentShape:
    node: Runtime = request.app.state.node
    _own(access, "incidents.work", body.agency)
    with desk(node, access, "incidents.work") as here:
        return _document(make.of_year(here, body.agency, body.year, exercise=node.node.exercise))


@router.get("/documents/{document_id}/file", response_class=Response,
            responses={200: {"content": {kind: {} for kind in render.KINDS.values()}}})  # fmt: skip
def document_file(
    request: Request, document_id: DocumentId, access: Reader, format: Literal["docx", "pdf"] = "docx",  # noqa: A002
) -> Response:  # fmt: skip
    """The document as a file; that it was taken is on record."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        row = session.get(Document, document_id)
        if row is None or not access.scope("incidents.read").sees(row.agency):
            raise not_found()
    file = render.draw(Body.model_validate(row.body), format, row.made_at)
    with node.db.write() as session:
        node.audit.record(session, access.actor, "document.taken", row.id, agency=row.agency,
                          detail={"format": format, "incident": row.incident_id})  # fmt: skip
    name = f"{row.incident_id or row.period}-{row.form_id}-{row.id}.{format}"
    return Response(file, media_type=render.KINDS[format],
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip


@router.post("/documents/{document_id}/handover")
def hand_over(
    request: Request, document_id: DocumentId, body: HandOverIn, access: Worker, if_match: IfMatch = None
) -> DocumentShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "incidents.work") as here:
        row = make.take(here, document_id, revision_of(if_match))
        make.hand_over(here, row, body.at.timestamp(), body.number, body.to, body.clock_ids)
        here.session.flush()
        return _document(row)


@router.get("/organisations")
def list_organisations(request: Request, access: Clerk) -> Listed[OrganisationShape]:
    """The letter heads in scope; this node's own agency is always there."""
    node: Runtime = request.app.state.node
    scope = access.scope("inventory.read")
    with node.db.read() as session:
        codes = set(session.scalars(select(Organisation.agency).where(inside(Organisation.agency, scope)).limit(500)))
        codes |= set(session.scalars(select(Agency.code).where(inside(Agency.code, scope)).limit(500)))
        if scope.sees(node.node.agency):
            codes.add(node.node.agency)
        items = [_organisation(session, code) for code in sorted(codes)]
    return Listed[OrganisationShape](items=items, total=len(items))


@router.post("/organisations/{agency}")
def set_organisation(
    request: Request, agency: Annotated[str, Path(max_length=64)], body: OrganisationIn, access: Keeper,
    if_match: IfMatch = None,
) -> OrganisationShape:  # fmt: skip
    node: Runtime = request.app.state.node
    seen = revision_of(if_match)
    with desk(node, access, "inventory.manage") as here:
        known = agency == node.node.agency or here.session.get(Agency, agency) is not None
        if not known or not here.scope.sees(agency):
            raise not_found()
        row = here.session.get(Organisation, agency, with_for_update=True)
        if seen is not None and row is not None and seen != row.revision:
            raise Problem("LT-A0412")
        if row is None:
            row = Organisation(agency=agency, body={}, changed_at=here.now, changed_name="", revision=0)
            here.session.add(row)
        before = row.body
        row.body, row.changed_at = body.model_dump(mode="json"), here.now
        row.changed_name, row.revision = access.name or access.username, row.revision + 1
        node.audit.record(
            here.session, access.actor, "organisation.changed", agency, agency=agency,
            detail={"fields": sorted(key for key in row.body if row.body[key] != before.get(key))},
        )  # fmt: skip
        here.session.flush()
        return _organisation(here.session, agency)


def _own(access: Access, permission: str, agency: str) -> None:
    if not access.scope(permission).sees(agency):
        raise Problem("LT-A0422", errors=[{"field": "agency", "message": "unknown agency"}])


def _papers(session: Session, incident: Incident) -> CasePapers:
    finding = session.get(Finding, incident.id)
    rows = (
        select(Document)
        .where(Document.incident_id == incident.id)
        .order_by(Document.made_at.desc(), Document.id.desc())
    )
    return CasePapers(
        incident_id=incident.id, particulars=finding.particulars if finding else {},
        documents=[_document(row) for row in session.scalars(rows.limit(make.DOCUMENTS))],
        missing=organisation.missing(organisation.of_agency(session, incident.agency)),
    )  # fmt: skip


def _document(row: Document) -> DocumentShape:
    form = all_forms().get(row.form_id)
    name = Texts(vi=form.name[0], en=form.name[1]) if form else Texts(vi=row.form_id, en=row.form_id)
    return DocumentShape(
        id=row.id, agency=row.agency, incident_id=row.incident_id, period=row.period, form_id=row.form_id, form=name,
        subject=row.body.get("subject", ""), made_at=rfc3339(row.made_at), made_name=row.made_name, number=row.number,
        handed_at=None if row.handed_at is None else rfc3339(row.handed_at), handed_to=row.handed_to,
        handed_name=row.handed_name, revision=row.revision,
    )  # fmt: skip


def _organisation(session: Session, agency: str) -> OrganisationShape:
    row = session.get(Organisation, agency)
    said = organisation.of_agency(session, agency)
    return OrganisationShape(
        agency=agency, said=said, missing=organisation.missing(said), revision=row.revision if row else 0,
        changed_at=rfc3339(row.changed_at) if row else None, changed_name=row.changed_name if row else "",
    )  # fmt: skip
