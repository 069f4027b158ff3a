"""Assets: the machines behind the systems, with their addresses by time."""

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
from api.inventory import addresses, importing, reading
from api.inventory import assets as acts
from api.inventory.shown import AssetShape, ImportIn, ImportPlan, asset_shapes, file_of, plan_shape
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Csv, In, Line, Note
from api.state.inventory import Asset

router = APIRouter(tags=["inventory"])
ROUTES = Resource("/assets", router)

Reader = Annotated[Access, Depends(Allow("inventory.read"))]
Manager = Annotated[Access, Depends(Allow("inventory.manage"))]
Id = Annotated[str, Path(max_length=24)]
Short = Annotated[Line, Field(max_length=256)]
Addresses = Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=addresses.VALUES)]
EXPORTED = 20_000


class AssetQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    q: str = Field("", max_length=400)
    agency: str = Field("", max_length=64)
    kind: str = Field("", max_length=200)
    system: str = Field("", max_length=24, description="a system's id, or none")
    state: Literal["live", "retired"] = "live"
    sort: str = Field("host", max_length=16)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class AssetList(shapes.Listed[AssetShape]):
    counts: dict[str, dict[str, int]]


class AssetIn(In):
    host: Annotated[Line, Field(min_length=1, max_length=253)]
    kind: str = Field("server", max_length=32)
    owner: Short = ""
    note: Note = ""
    system: str = Field("", max_length=24)
    addresses: Addresses = Field(default_factory=list)
    agency: str = Field(max_length=64)


class AssetChange(In):
    host: Annotated[Line, Field(min_length=1, max_length=253)] | None = None
    kind: str | None = Field(None, max_length=32)
    owner: Short | None = None
    note: Note | None = None
    system: str | None = Field(None, max_length=24)
    addresses: Addresses | None = None


@router.get("")
def list_assets(request: Request, wanted: Annotated[AssetQuery, Query()], access: Reader) -> AssetList:
    node: Runtime = request.app.state.node
    chosen = reading.Filter(
        q=wanted.q, agency=wanted.agency, kinds=tuple(word for word in wanted.kind.split(",") if word),
        system=wanted.system, retired=wanted.state == "retired", sort=wanted.sort,
    )  # fmt: skip
    with node.db.read() as session:
        rows, following, total, counts = reading.page(
            session, access.scope("inventory.read"), Asset, chosen, limit=wanted.limit, cursor=wanted.cursor
        )
        held = reading.bindings(session, [row.id for row in rows])
        return AssetList(items=asset_shapes(session, rows, held), next=following, total=total, counts=counts)


@router.get("/export", response_class=Csv)
def export_assets(request: Request, access: Reader, agency: Annotated[str, Query(max_length=64)] = "") -> Response:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        query = select(Asset).where(queue.inside(Asset.agency, access.scope("inventory.read")))
        query = query.where(Asset.retired_at.is_(None), *([Asset.agency == agency] if agency else []))
        rows = session.scalars(query.order_by(Asset.agency, Asset.host_key, Asset.id).limit(EXPORTED)).all()
        held = addresses.current_of(session, Asset, sorted({row.agency for row in rows}))
        content = importing.assets_out(rows, held, access.language)
    headers = {"Content-Disposition": 'attachment; filename="tai-san.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/import")
def import_assets(request: Request, body: ImportIn, access: Manager) -> ImportPlan:
    """A preview, or with `apply` the whole table in one transaction."""
    node: Runtime = request.app.state.node
    content = file_of(body)
    here = desk_over(node, access, "inventory.manage")
    return plan_shape(importing.run(node.db, here, Asset, content, body.agency, apply=body.apply))


@router.post("", status_code=201)
def add_asset(request: Request, body: AssetIn, access: Manager) -> AssetShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inventory.manage") as here:
        return _one(here.session, acts.add(here, body.agency, _fields(body)))


@router.get("/{asset_id}")
def get_asset(request: Request, asset_id: Id, access: Reader) -> AssetShape:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return _one(session, _seen(session, access, asset_id))


@router.get("/{asset_id}/history")
def asset_history(request: Request, asset_id: Id, access: Reader) -> shapes.History:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        _seen(session, access, asset_id)
        return queue.history(session, "asset", asset_id)


@router.patch("/{asset_id}")
def change_asset(
    request: Request, asset_id: Id, body: AssetChange, access: Manager, if_match: IfMatch = None
) -> AssetShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inventory.manage") as here:
        return _one(here.session, acts.change(here, asset_id, revision_of(if_match), _fields(body)))


@router.post("/{asset_id}/retire")
def retire_asset(request: Request, asset_id: Id, access: Manager, if_match: IfMatch = None) -> AssetShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "inventory.manage") as here:
        return _one(here.session, acts.retire(here, asset_id, revision_of(if_match)))


def _one(session: Session, asset: Asset) -> AssetShape:
    session.flush()
    return asset_shapes(session, [asset], reading.bindings(session, [asset.id]))[0]


def _fields(body: BaseModel) -> dict[str, Any]:
    fields = body.model_dump(exclude_unset=isinstance(body, AssetChange), exclude={"agency"})
    if empty := [name for name, value in fields.items() if value is None]:
        raise Problem("LT-A0422", errors=[{"field": name, "message": "null"} for name in empty])
    if "system" in fields:
        fields["system_id"] = fields.pop("system") or None
    return fields


def _seen(session: Session, access: Access, asset_id: str) -> Asset:
    asset: Asset | None = reading.find(session, access.scope("inventory.read"), Asset, asset_id)
    if asset is None:
        raise not_found()
    return asset
