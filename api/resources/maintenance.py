"""Planned work on services: announced, ended, declared afterwards, withdrawn; each with its reason, on record."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.paging import LIMIT
from api.casework.queue import inside
from api.desk import desk
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.services import shapes, show, windows
from api.shapes import In, Listed, Needed, Note
from api.state.services import Window
from sensors.clock import parse_rfc3339

router = APIRouter(tags=["services"])
ROUTES = Resource("/maintenance", router)

Reader = Annotated[Access, Depends(Allow("services.read"))]
Manager = Annotated[Access, Depends(Allow("services.manage"))]
Id = Annotated[str, Path(max_length=24)]


class WindowQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "open", "over"] = ""
    limit: int = Field(50, ge=1, le=LIMIT)


class WindowIn(In):
    services: Annotated[
        list[Annotated[str, Field(max_length=24)]], Field(min_length=1, max_length=windows.SERVICES)
    ]  # DV-…
    since: str = Field(max_length=40)
    until: str = Field(max_length=40)
    note: Needed


class EndIn(In):
    note: Note | None = None


@router.get("")
def list_windows(
    request: Request, wanted: Annotated[WindowQuery, Query()], access: Reader
) -> Listed[shapes.WindowShape]:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    conditions = [inside(Window.agency, access.scope("services.read"))]
    if wanted.state == "open":
        conditions += [Window.until > now, Window.cancelled_at.is_(None)]
    elif wanted.state == "over":
        conditions.append(Window.until <= now)
    with node.db.read() as session:
        rows = session.scalars(select(Window).where(*conditions).order_by(Window.since.desc()).limit(wanted.limit))
        total = session.scalar(select(func.count()).select_from(Window).where(*conditions)) or 0
        return Listed[shapes.WindowShape](items=[show.window(row, now) for row in rows], total=total)


@router.post("", status_code=201)
def plan_window(request: Request, body: WindowIn, access: Manager) -> shapes.WindowShape:
    """One that began before now is declared afterwards: its reason is on record, and past days are counted again."""
    node: Runtime = request.app.state.node
    since, until = _moment("since", body.since), _moment("until", body.until)
    with desk(node, access, "services.manage") as here:
        return show.window(windows.plan(here, body.services, since, until, body.note), here.now)


@router.post("/{window_id}/cancel")
def end_window(request: Request, window_id: Id, body: EndIn, access: Manager) -> shapes.WindowShape:
    """A running one ends now; one that has not begun, or is over, is withdrawn."""
    node: Runtime = request.app.state.node
    with desk(node, access, "services.manage") as here:
        window = windows.take(here, window_id)
        windows.end(here, window, body.note or "")
        return show.window(window, here.now)


def _moment(name: str, text: str) -> float:
    at = parse_rfc3339(text)
    if at is None:
        raise Problem("LT-A0422", errors=[{"field": name, "message": "RFC 3339, 2026-11-22T08:00:00+07:00"}])
    return at
