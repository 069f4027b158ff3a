"""Indicators: lists taken in after a look at them, what was met, and looking backwards.

A list belongs to an agency (its own events alone are held against it) or, agency "", to the whole node, which only
somebody who manages all of it may write. Reading needs rules.read there; lists of the whole node are everybody's.
Sightings are those of the agencies that the reader sees.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.errors import Invalid
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.indicators import hunting, importing, shown
from api.indicators.importing import DEFAULT_DAYS, LONGEST_DAYS, Plan, Wanted
from api.indicators.shown import Hunt, Hunts, Indicator, Preview, Source, Sources, Tested
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Line, Listed
from api.state.indicators import IndicatorHunt, IndicatorSighting, IndicatorSource, ListedIndicator
from api.state.people import Agency
from correlator.indicators.formats import all_formats
from correlator.indicators.kinds import all_kinds, guess
from correlator.indicators.seam import DEFAULT_TLP, Tlp
from correlator.indicators.table import digest
from correlator.store.base import Scope

router = APIRouter(tags=["indicators"])
ROUTES = Resource("/indicators", router)

Reader = Annotated[Access, Depends(Allow("rules.read"))]
Manager = Annotated[Access, Depends(Allow("indicators.manage"))]
Id = Annotated[int, Path(ge=1, lt=2**31)]
TEXT_LIMIT = 3_000_000  # characters that are pasted; longer lists go through `luytre indicators import`
YES = 1_000


class Page(BaseModel):
    model_config = ConfigDict(extra="forbid")
    q: str = Field("", max_length=2048)
    kind: str = Field("", max_length=16)
    source: int = Field(0, ge=0, lt=2**31)
    state: Literal["", "active", "ended"] = ""
    seen: bool = False
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


class Pasted(In):
    agency: str = Field(max_length=64)
    content: str = Field(min_length=1, max_length=TEXT_LIMIT)
    name: Line = ""
    format: str = Field("", max_length=16)
    tlp: Tlp = DEFAULT_TLP  # type: ignore[assignment]
    confidence: int | None = Field(None, ge=0, le=100)
    days: int = Field(DEFAULT_DAYS, ge=1, le=LONGEST_DAYS)
    yes: list[Annotated[str, Field(max_length=32)]] = Field(default_factory=list, max_length=YES)
    replace: bool = False


class Value(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: str = Field(min_length=1, max_length=2048)


class Sweep(In):
    agency: str = Field(max_length=64)
    source: int | None = Field(None, ge=1, lt=2**31)
    values: list[Annotated[str, Field(max_length=2048)]] = Field(default_factory=list, max_length=hunting.VALUES)
    days: int = Field(30, ge=1, le=hunting.DAYS)


# --- lists ------------------------------------------------------------------------------------------------------------


@router.get("")
def list_indicators(request: Request, wanted: Annotated[Page, Query()], access: Reader) -> Listed[Indicator]:
    node: Runtime = request.app.state.node
    scope, now = access.scope("rules.read"), node.clock.now()
    conditions = [_seen(ListedIndicator.agency, scope)]
    if wanted.q:
        conditions.append(_asked(wanted.q))
    if wanted.kind:
        conditions.append(ListedIndicator.kind == wanted.kind)
    if wanted.source:
        conditions.append(ListedIndicator.source_id == wanted.source)
    if wanted.state:
        active = importing.active(now)
        conditions.append(active if wanted.state == "active" else ~active)
    if wanted.seen:
        met = select(IndicatorSighting.key).where(inside(IndicatorSighting.agency, scope))
        conditions.append(ListedIndicator.key.in_(met))
    keys = [Key(ListedIndicator.id, down=True)]
    with node.db.read() as session:
        found = select(ListedIndicator).where(*conditions)
        if wanted.cursor:
            found = found.where(after(keys, wanted.cursor))
        rows = session.scalars(found.order_by(keys[0].order()).limit(wanted.limit + 1)).all()
        more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
        return Listed[Indicator](
            items=shown.indicators(session, rows, scope, now),
            next=cursor_of(keys, rows[-1]) if more else None,
            total=session.scalar(select(func.count()).select_from(ListedIndicator).where(*conditions)) or 0,
        )


@router.get("/sources")
def list_sources(request: Request, access: Reader) -> Sources:
    node: Runtime = request.app.state.node
    scope = access.scope("rules.read")
    with node.db.read() as session:
        return shown.sources(session, _seen(IndicatorSource.agency, scope), scope, node)


@router.post("/preview")
def preview(request: Request, body: Pasted, access: Manager) -> Preview:
    """What taking this list in would do; nothing is written."""
    node: Runtime = request.app.state.node
    return shown.preview(_lay(node, body, access))


@router.post("/import")
def take_in(request: Request, body: Pasted, access: Manager) -> Preview:
    """The list laid once more, then taken in; what was asked about only where `yes` names it."""
    node: Runtime = request.app.state.node
    if not body.name:
        raise Invalid("name", "Nguồn cần có tên.", "A source needs a name.")
    plan = _lay(node, body, access)
    if plan.taken:
        source = importing.take_in(node.db, plan, _wanted(body), node.clock.now(), access.actor.name)
        detail = {"new": plan.counts["new"], "known": plan.counts["known"] + plan.counts["elsewhere"],
                  "removed": plan.removed, "overruled": sum(1 for row in plan.taken if row["allowed"])}  # fmt: skip
        with node.db.write() as session:
            node.audit.record(session, access.actor, "indicators.import", f"indicator_source:{source.id}",
                              agency=body.agency or None, detail=detail)  # fmt: skip
    return shown.preview(plan)


@router.post("/sources/{source_id}/remove")
def remove_source(request: Request, source_id: Id, access: Manager) -> Source:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        _managed(access, session.get(IndicatorSource, source_id))
    count = importing.remove_source(node.db, source_id, node.clock.now())
    with node.db.write() as session:
        source = session.get_one(IndicatorSource, source_id)
        node.audit.record(session, access.actor, "indicators.remove", f"indicator_source:{source_id}",
                          agency=source.agency or None, detail={"count": count})  # fmt: skip
        return shown.source(source)


@router.get("/test")
def test_value(request: Request, wanted: Annotated[Value, Query()], access: Reader) -> Tested:
    """What this value would be held against, and what would be said of it if it were listed."""
    node: Runtime = request.app.state.node
    scope, now = access.scope("rules.read"), node.clock.now()
    found = guess(wanted.value)
    with node.db.read() as session:
        rows = session.scalars(
            select(ListedIndicator)
            .where(_seen(ListedIndicator.agency, scope), ListedIndicator.key.in_(shown.keys_for(wanted.value)))
            .limit(LIMIT)
        ).all()
        rows = [*rows, *shown.networks_around(session, wanted.value, _seen(ListedIndicator.agency, scope))]
        return Tested(
            kind=found[0] if found else "",
            value=found[1] if found else "",
            caution=shown.caution(found) if found else None,
            items=shown.indicators(session, rows[:LIMIT], scope, now),
        )


# --- looking backwards ------------------------------------------------------------------------------------------------


@router.get("/hunts")
def list_hunts(request: Request, access: Reader) -> Hunts:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(IndicatorHunt)
            .where(inside(IndicatorHunt.agency, access.scope("rules.read")))
            .order_by(IndicatorHunt.id.desc())
            .limit(50)
        ).all()
        return Hunts(items=[shown.hunt(row, whole=False) for row in rows])


@router.post("/hunts", status_code=202)
def ask_hunt(request: Request, body: Sweep, access: Manager) -> Hunt:
    """Look for a source, or for some values, in what this agency has stored; the work goes on in the background."""
    node: Runtime = request.app.state.node
    scope = access.scope("indicators.manage")
    with node.db.write() as session:
        if not scope.sees(body.agency) or session.get(Agency, body.agency) is None:
            raise Invalid("agency", "Không có đơn vị này.", "unknown agency")
        source = session.get(IndicatorSource, body.source) if body.source else None
        if body.source and (source is None or not (source.agency == "" or scope.sees(source.agency))):
            raise Invalid("source", "Không có nguồn này.", "unknown source")
        hunt = hunting.ask(session, agency=body.agency, source=source, values=body.values, days=body.days,
                           now=node.clock.now(), who=access.actor.name)  # fmt: skip
        node.audit.record(session, access.actor, "indicators.hunt", f"indicator_hunt:{hunt.id}", agency=body.agency,
                          detail={"what": hunt.what, "days": body.days})  # fmt: skip
        return shown.hunt(hunt)


@router.get("/hunts/{hunt_id}")
def get_hunt(request: Request, hunt_id: Id, access: Reader) -> Hunt:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return shown.hunt(_hunt(session, hunt_id, access.scope("rules.read")))


@router.post("/hunts/{hunt_id}/stop")
def stop_hunt(request: Request, hunt_id: Id, access: Manager) -> Hunt:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        row = _hunt(session, hunt_id, access.scope("indicators.manage"))
        hunting.stop(row, node.clock.now())
        node.audit.record(session, access.actor, "indicators.hunt_stop", f"indicator_hunt:{row.id}", agency=row.agency)
        return shown.hunt(row)


# --- one --------------------------------------------------------------------------------------------------------------


@router.get("/{indicator_id}")
def get_indicator(request: Request, indicator_id: Id, access: Reader) -> Indicator:
    node: Runtime = request.app.state.node
    scope = access.scope("rules.read")
    with node.db.read() as session:
        row = session.get(ListedIndicator, indicator_id)
        if row is None or not (row.agency == "" or scope.sees(row.agency)):
            raise not_found()
        return shown.indicators(session, [row], scope, node.clock.now())[0]


@router.post("/{indicator_id}/remove")
def remove_indicator(request: Request, indicator_id: Id, access: Manager) -> Source:
    """One value of one source; the source's others stay."""
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        row = session.get(ListedIndicator, indicator_id)
        source = _managed(access, session.get(IndicatorSource, row.source_id) if row else None)
        session.delete(row)
        source.rows -= 1
        importing.touch(source, node.clock.now())
        node.audit.record(session, access.actor, "indicators.remove", f"indicator:{indicator_id}",
                          agency=source.agency or None, detail={"value": row.value[:200] if row else ""})  # fmt: skip
        return shown.source(source)


def _lay(node: Runtime, body: Pasted, access: Access) -> Plan:
    wanted, scope = _wanted(body), access.scope("indicators.manage")
    if body.format and body.format not in all_formats():
        raise Invalid("format", "Không có định dạng này.", "unknown format")
    with node.db.read() as session:
        if body.agency == "":
            if scope.agencies is not None:
                raise Problem("LT-A0403")
        elif not scope.sees(body.agency) or session.get(Agency, body.agency) is None:
            raise Invalid("agency", "Không có đơn vị này.", "unknown agency")
        own = importing.own_of(session, body.agency, shown.own_names(node))
        return importing.lay(session, body.content.encode(), wanted, node.clock.now(), own)


def _wanted(body: Pasted) -> Wanted:
    return Wanted(body.agency, body.name[:128], body.format, body.tlp, body.confidence, body.days, frozenset(body.yes),
                  replace=body.replace)  # fmt: skip


def _seen(column: Any, scope: Scope) -> ColumnElement[bool]:
    return or_(column == "", inside(column, scope))


def _asked(text: str) -> ColumnElement[bool]:
    """The value itself in whatever way it is written, else what begins so (an index serves both)."""
    found = guess(text)
    if found is not None:
        kind = all_kinds()[found[0]]
        return ListedIndicator.key == digest(kind, kind.key(found[1])).hex()
    return ListedIndicator.value.startswith(text.strip().lower(), autoescape=True)


def _managed(access: Access, source: IndicatorSource | None) -> IndicatorSource:
    scope = access.scope("indicators.manage")
    if source is None or not (access.scope("rules.read").sees(source.agency) or source.agency == ""):
        raise not_found()
    if (scope.agencies is not None) if source.agency == "" else not scope.sees(source.agency):
        raise Problem("LT-A0403")
    return source


def _hunt(session: Session, hunt_id: int, scope: Scope) -> IndicatorHunt:
    row = session.get(IndicatorHunt, hunt_id)
    if row is None or not scope.sees(row.agency):
        raise not_found()
    return row
