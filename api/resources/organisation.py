"""The register of units: as of a day, found by any name, imported, changed. Whoever writes manages all of this node."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.errors import Invalid
from api.desk import desk
from api.organisation import changes, units
from api.organisation import register as registers
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Csv, In, Line, Listed, Out

router = APIRouter(tags=["organisation"])
ROUTES = Resource("/organisation", router)

Reader = Annotated[Access, Depends(Allow("national.read"))]
Manager = Annotated[Access, Depends(Allow("national.manage"))]
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
Code = Annotated[str, Field(max_length=64)]
SHOWN = 5_000


class OrganisationQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    day: str = Field("", pattern=rf"^$|{DAY}")
    q: str = Field("", max_length=200)
    kind: str = Field("", max_length=24)
    parent: str = Field("", max_length=64)


class UnitWhole(Out):
    code: str
    name: str
    kind: str
    parent: str | None
    valid_from: str
    valid_to: str | None
    source: str
    former: list[str]


class EventShape(Out):
    at: str
    kind: str
    before: list[str]
    after: list[str]
    names: dict[str, str]  # of them, as they were then
    source: str


class ImportIn(In):
    units: str = Field("", max_length=900_000)
    events: str = Field("", max_length=400_000)
    dry_run: bool = False


class Located(Out):
    line: int
    vi: str
    en: str


class Imported(Out):
    units: int
    rows: int
    events: int
    wrong: list[Located]


class ChangeIn(In):
    act: Literal["created", "merged", "renamed", "split", "changed_kind", "moved", "ended"]
    at: str = Field(pattern=DAY)
    source: Line = Field(min_length=1)
    codes: list[Code] = Field(default=[], max_length=50)
    into: list[Code] = Field(default=[], max_length=50)
    code: Code = ""
    name: str = Field("", max_length=256)
    kind: str = Field("", max_length=24)
    parent: Code | None = None


@router.get("")
def list_units(request: Request, wanted: Annotated[OrganisationQuery, Query()], access: Reader) -> Listed[UnitWhole]:
    node: Runtime = request.app.state.node
    day = wanted.day or registers.today(node.clock.now())
    with node.db.read() as session:
        register = registers.read(session)
        found = registers.search(session, wanted.q, day, register) if wanted.q else list(register.at(day).values())
    rows = [row for row in found if wanted.kind in ("", row.kind) and wanted.parent in ("", row.parent)]
    items = [_unit(row, register, day) for row in rows[:SHOWN]]
    return Listed[UnitWhole](items=items, total=len(rows))


@router.get("/events")
def list_events(request: Request, access: Reader) -> Listed[EventShape]:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        register = registers.read(session)
        events = sorted(register.events, key=lambda one: (one.at, one.id), reverse=True)[:SHOWN]
        items = [
            EventShape(at=e.at, kind=e.kind, before=e.before, after=e.after, source=e.source,
                       names={code: register.name(code, e.at) for code in (*e.before, *e.after)})
            for e in events
        ]  # fmt: skip
    return Listed[EventShape](items=items, total=len(items))


@router.get("/export", response_class=Csv)
def export(request: Request, access: Reader) -> Response:
    """The whole register as the file that can be imported again; with a BOM, for spreadsheets."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = registers.read(session).rows
    return Response(
        "\ufeff" + units.written(rows), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="organisation.csv"', "Cache-Control": "no-store"},
    )  # fmt: skip


@router.post("/import")
def import_units(request: Request, body: ImportIn, access: Manager) -> Imported:
    node: Runtime = request.app.state.node
    _all_of_it(access)
    rows, wrong = units.read_units(body.units) if body.units else ([], [])
    events, also = units.read_events(body.events) if body.events else ([], [])
    if wrong or also:
        return Imported(units=0, rows=0, events=0, wrong=[Located(line=w.line, vi=w.vi, en=w.en) for w in wrong + also])
    try:
        with desk(node, access, "national.manage") as here:
            done = registers.take_in(here.session, rows, events)
            if body.dry_run:
                raise _DryRun(done)
            node.audit.record(here.session, access.actor, "organisation.imported", "csv", detail=done)
    except _DryRun as dry:
        done = dry.done
    except Invalid as error:
        line = int(error.field.removeprefix("line ")) if error.field.startswith("line ") else 0
        return Imported(units=0, rows=0, events=0, wrong=[Located(line=line, vi=error.vi, en=error.en)])
    return Imported(units=done["units"], rows=done["rows"], events=done["events"], wrong=[])


@router.post("/changes")
def change(request: Request, body: ChangeIn, access: Manager) -> Imported:
    node: Runtime = request.app.state.node
    _all_of_it(access)
    wanted = changes.Change(body.act, body.at, body.source, tuple(body.codes), tuple(body.into), body.code,
                            body.name.strip(), body.kind, body.parent)  # fmt: skip
    with desk(node, access, "national.manage") as here:
        done = changes.apply(here.session, wanted)
        of = body.code or ",".join(body.codes)[:120]
        node.audit.record(here.session, access.actor, f"organisation.{body.act}", of,
                          detail=done | {"at": body.at, "source": body.source[:200]})  # fmt: skip
    return Imported(units=done["units"], rows=done["rows"], events=done["events"], wrong=[])


class _DryRun(Exception):
    """Takes the transaction back, with what it would have done."""

    def __init__(self, done: dict[str, int]) -> None:
        super().__init__("dry run")
        self.done = done


def _all_of_it(access: Access) -> None:
    if access.scope("national.manage").agencies is not None:
        raise Problem("LT-A0403", ("Sổ đơn vị do người quản lý toàn bộ nút này sửa.",
                                   "The register is edited by who manages all of this node."))  # fmt: skip


def _unit(row: units.UnitRow, register: registers.Register, day: str) -> UnitWhole:
    return UnitWhole(code=row.code, name=row.name, kind=row.kind, parent=row.parent, valid_from=row.valid_from,
                     valid_to=row.valid_to, source=row.source, former=register.former(row.code, day))  # fmt: skip
