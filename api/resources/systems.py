"""Information systems: list, one with all that belongs to it, add, change, retire, table in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import queue
from api.casework.paging import LIMIT
from api.desk import IfMatch, desk, desk_over, revision_of
from api.inventory import addresses, importing, reading, seen
from api.inventory import systems as acts
from api.inventory.kinds import ASSET_KINDS, KINDS
from api.inventory.shown import (
    AssetShape,
    BindingShape,
    ImportIn,
    ImportPlan,
    asset_shapes,
    binding_shape,
    file_of,
    plan_shape,
)
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Csv, In, Line, Note, Out
from api.state.inventory import System
from correlator.store.base import Scope
from sensors.clock import rfc3339
from sensors.errors import LuytreError

router = APIRouter(tags=["inventory"])
ROUTES = Resource("/systems", router)

Reader = Annotated[Access, Depends(Allow("inventory.read"))]
Manager = Annotated[Access, Depends(Allow("inventory.manage"))]
Id = Annotated[str, Path(max_length=24)]
Short = Annotated[Line, Field(max_length=256)]
Names = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=addresses.VALUES)]
Grade = Annotated[int, Field(ge=1, le=5)]
EXPORTED = 20_000


class SystemQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    q: str = Field("", max_length=400)
    agency: str = Field("", max_length=64)
    kind: str = Field("", max_length=200, description="kinds, separated by commas")
    grade: str = Field("", max_length=20, pattern=r"^([0-5](,[0-5])*)?$", description="grades; 0: not graded yet")
    state: Literal["live", "retired"] = "live"
    sort: str = Field("name", max_length=16)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class KindShape(Out):
    code: str
    vi: str
    en: str


class SensedShape(Out):
    grade: int  # 0: not graded yet
    systems: int
    sensed: int


class SystemShape(Out):
    id: str
    agency: str
    name: str
    kind: str
    grade: int | None
    owner: str
    contact: str
    provider: str
    note: str
    secret: bool
    names: list[str]
    created_at: str
    retired_at: str | None
    last_data_at: str | None
    sensed: bool
    assets: int
    open_alerts: int | None  # None: not for this person
    revision: int


class SystemList(shapes.Listed[SystemShape]):
    counts: dict[str, dict[str, int]]
    sensed: list[SensedShape]
    kinds: list[KindShape]
    asset_kinds: list[KindShape]


class SensorSeeing(Out):
    name: str
    events: int
    last_at: str


class SystemFull(SystemShape):
    assets_listed: list[AssetShape]
    bindings: list[BindingShape]  # the system's own names, now and before
    sensors: list[SensorSeeing] | None  # None: not for this person
    sensors_partial: str
    services: list[dict[str, Any]]


class SystemIn(In):
    name: Annotated[Short, Field(min_length=1)]
    kind: str = Field(max_length=32)
    grade: Grade | None = None
    owner: Short = ""
    contact: Short = ""
    provider: Short = ""
    note: Note = ""
    secret: bool = False
    names: Names = Field(default_factory=list)
    agency: str = Field(max_length=64)


class SystemChange(In):
    name: Annotated[Short, Field(min_length=1)] | None = None
    kind: str | None = Field(None, max_length=32)
    grade: Grade | None = None
    owner: Short | None = None
    contact: Short | None = None
    provider: Short | None = None
    note: Note | None = None
    secret: bool | None = None
    names: Names | None = None


@router.get("")
def list_systems(request: Request, wanted: Annotated[SystemQuery, Query()], access: Reader) -> SystemList:
    node: Runtime = request.app.state.node
    scope = access.scope("inventory.read")
    chosen = reading.Filter(
        q=wanted.q, agency=wanted.agency, kinds=tuple(word for word in wanted.kind.split(",") if word),
        grades=tuple(int(word) for word in wanted.grade.split(",") if word), retired=wanted.state == "retired",
        sort=wanted.sort,
    )  # fmt: skip
    with node.db.read() as session:
        rows, following, total, counts = reading.page(
            session, scope, System, chosen, limit=wanted.limit, cursor=wanted.cursor
        )
        return SystemList(
            items=_shapes(session, rows, access, node.clock.now()), next=following, total=total, counts=counts,
            sensed=[SensedShape(grade=g, systems=n, sensed=s)
                    for g, n, s in reading.sensed_by_grade(session, scope, node.clock.now(), wanted.agency)],
            kinds=[KindShape(code=code, vi=kind.vi, en=kind.en) for code, kind in KINDS.items()],
            asset_kinds=[KindShape(code=code, vi=kind.vi, en=kind.en) for code, kind in ASSET_KINDS.items()],
        )  # fmt: skip


@router.get("/export", response_class=Csv)
def export_systems(request: Request, access: Reader, agency: Annotated[str, Query(max_length=64)] = "") -> Response:
    """CSV as Excel takes it; a state-secret system is in it: the file stays with who may read the inventory."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        query = select(System).where(queue.inside(System.agency, access.scope("inventory.read")))
        query = query.where(System.retired_at.is_(None), *([System.agency == agency] if agency else []))
        rows = session.scalars(query.order_by(System.agency, System.name_key, System.id).limit(EXPORTED)).all()
        held = addresses.current_of(session, System, sorted({row.agency for row in rows}))
        content = importing.systems_out(rows, held, access.language)
    return csv_answer(content, "he-thong.csv" if access.language == "vi" else "systems.csv")


@router.post("/import")
def import_systems(request: Request, body: ImportIn, access: Manager) -> ImportPlan:
    """A preview, or with `apply` the whole table in one transaction."""
    node: Runtime = request.app.state.node
    content = file_of(body)
    here = desk_over(node, access, "inventory.manage")
    return plan_shape(importing.run(node.db, here, System, content, body.agency, apply=body.apply))


@router.post("", status_code=201)
def add_system(request: Request, body: SystemIn, access: Manager) -> SystemShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inventory.manage") as here:
        made = acts.add(here, body.agency, body.model_dump(exclude={"agency"}))
        here.session.flush()
        return _shapes(here.session, [made], access, here.now)[0]


@router.get("/{system_id}")
def get_system(request: Request, system_id: Id, access: Reader) -> SystemFull:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    with node.db.read() as session:
        system = _seen(session, access, system_id)
        short = _shapes(session, [system], access, now)[0]
        assets = reading.assets_of(session, system)
        held = reading.bindings(session, [system.id, *(asset.id for asset in assets)])
        listed = asset_shapes(session, assets, held)
        own = [binding_shape(row) for row in held.get(system.id, [])]
        services = _services(session, system, now)
    live = [(row.kind, row.value) for rows in held.values() for row in rows if row.until is None]
    sensors: list[SensorSeeing] | None = None
    partial = ""
    if "events.read" in access.permissions:
        try:
            found = seen.sensors_of(node.reader, access.scope("events.read"), system.agency, live, now)
            sensors = [
                SensorSeeing(name=one["name"], events=one["events"], last_at=rfc3339(one["last_at"])) for one in found
            ]
        except LuytreError:  # the store may be away; the inventory is not
            partial = "Kho sự kiện chưa trả lời." if access.language == "vi" else "The event store does not answer."
    return SystemFull(
        **short.model_dump(), assets_listed=listed, bindings=own, sensors=sensors, sensors_partial=partial,
        services=services,
    )  # fmt: skip


@router.get("/{system_id}/history")
def system_history(request: Request, system_id: Id, access: Reader) -> shapes.History:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        _seen(session, access, system_id)
        return queue.history(session, "system", system_id)


@router.patch("/{system_id}")
def change_system(
    request: Request, system_id: Id, body: SystemChange, access: Manager, if_match: IfMatch = None
) -> SystemShape:
    node: Runtime = request.app.state.node
    fields = body.model_dump(exclude_unset=True)
    if empty := [name for name, value in fields.items() if value is None and name != "grade"]:
        raise Problem("LT-A0422", errors=[{"field": name, "message": "null"} for name in empty])
    with desk(node, access, "inventory.manage") as here:
        system = acts.change(here, system_id, revision_of(if_match), fields)
        here.session.flush()
        return _shapes(here.session, [system], access, here.now)[0]


@router.post("/{system_id}/retire")
def retire_system(request: Request, system_id: Id, access: Manager, if_match: IfMatch = None) -> SystemShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inventory.manage") as here:
        system = acts.retire(here, system_id, revision_of(if_match))
        here.session.flush()
        return _shapes(here.session, [system], access, here.now)[0]


def csv_answer(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _seen(session: Session, access: Access, system_id: str) -> System:
    system: System | None = reading.find(session, access.scope("inventory.read"), System, system_id)
    if system is None:
        raise not_found()
    return system


def _services(session: Session, system: System, now: float) -> list[dict[str, Any]]:
    try:
        from api.services import summary
    except ImportError:  # a node without the services part
        return []
    of_system = getattr(summary, "of_system", None)
    return list(of_system(session, system, now)) if of_system else []


def _shapes(session: Session, rows: Any, access: Access, now: float) -> list[SystemShape]:
    ids = [row.id for row in rows]
    held = addresses.current(session, ids)
    last = reading.last_data(session, System, ids)
    counts = reading.asset_counts(session, ids)
    alerts_scope: Scope = access.scope("alerts.read")
    alerts = reading.open_alerts(session, [row.id for row in rows if alerts_scope.sees(row.agency)])
    return [
        SystemShape(
            id=row.id, agency=row.agency, name=row.name, kind=row.kind, grade=row.grade, owner=row.owner,
            contact=row.contact, provider=row.provider, note=row.note, secret=row.secret,
            names=[value for _, value in held.get(row.id, [])], created_at=rfc3339(row.created_at),
            retired_at=rfc3339(row.retired_at) if row.retired_at is not None else None,
            last_data_at=rfc3339(last[row.id]) if row.id in last else None,
            sensed=last.get(row.id, 0.0) > now - seen.WINDOW_S, assets=counts.get(row.id, 0),
            open_alerts=alerts.get(row.id, 0) if alerts_scope.sees(row.agency) else None, revision=row.revision,
        )
        for row in rows
    ]  # fmt: skip
