"""Notices: what went where, over which channels, by which routes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, func, select

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.alerts import Desk
from api.casework.errors import WrongState
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.desk import IfMatch, desk, revision_of
from api.notices import config, keep, show
from api.notices.channels import all_kinds
from api.notices.shapes import (
    ChannelIn,
    Channels,
    ChannelShape,
    People,
    RouteIn,
    RouteShape,
    Sendings,
    SendingShape,
    TestStarted,
)
from api.notices.vault import Vault
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Listed
from api.state.notices import Channel, Route, Sending

router = APIRouter(tags=["notices"])
ROUTES = Resource("/notices", router)

Reader = Annotated[Access, Depends(Allow("notices.read"))]
Manager = Annotated[Access, Depends(Allow("notices.manage"))]
Id = Annotated[int, Path(ge=1, lt=2**31)]  # PostgreSQL compares no larger number with an INTEGER


class SendingQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "open", "sent", "given_up", "shown"] = ""
    channel: int = Field(0, ge=0, lt=2**31)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


# --- what went where ------------------------------------------------------------------------------------------------


@router.get("/deliveries")
def list_sendings(request: Request, wanted: Annotated[SendingQuery, Query()], access: Reader) -> Sendings:
    node: Runtime = request.app.state.node
    here = inside(Sending.agency, access.scope("notices.read"))
    conditions: list[ColumnElement[bool]] = [here]
    if wanted.state == "open":
        conditions.append(Sending.state.in_(("waiting", "sending")))
    elif wanted.state:
        conditions.append(Sending.state == wanted.state)
    if wanted.channel:
        conditions.append(Sending.channel_id == wanted.channel)
    keys = [Key(Sending.id, down=True)]
    with node.db.read() as session:
        found = select(Sending).where(*conditions)
        if wanted.cursor:
            found = found.where(after(keys, wanted.cursor))
        rows = session.scalars(found.order_by(keys[0].order()).limit(wanted.limit + 1)).all()
        more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
        counts = dict(session.execute(select(Sending.state, func.count()).where(here).group_by(Sending.state)).all())
        return Sendings(
            items=show.sendings(session, rows),
            next=cursor_of(keys, rows[-1]) if more else None,
            total=session.scalar(select(func.count()).select_from(Sending).where(*conditions)) or 0,
            counts=counts,
        )


@router.get("/deliveries/{sending_id}")
def get_sending(request: Request, sending_id: Id, access: Reader) -> SendingShape:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        row = session.get(Sending, sending_id)
        if row is None or not access.scope("notices.read").sees(row.agency):
            raise not_found()
        return show.sendings(session, [row])[0]


@router.post("/deliveries/{sending_id}/again")
def send_again(request: Request, sending_id: Id, access: Manager) -> SendingShape:
    """What was given up is tried anew, under the same uid."""
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Sending = keep.one(here, Sending, sending_id)
        if row.state not in ("given_up", "waiting") or row.channel_id is None:
            raise WrongState("Thông báo này không ở trạng thái gửi lại được.", "This cannot be sent again.")
        row.state, row.made_at, row.next_at, row.revision = "waiting", here.now, here.now, row.revision + 1
        _record(here, "notice.again", f"sending:{row.id}", row.agency)
        return show.sendings(here.session, [row])[0]


# --- channels -------------------------------------------------------------------------------------------------------


@router.get("/channels")
def list_channels(request: Request, access: Reader) -> Channels:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(Channel)
            .where(inside(Channel.agency, access.scope("notices.read")), Channel.retired.is_(False))
            .order_by(Channel.name, Channel.id)
        ).all()
        hosts = config.settings(node.config).local_hosts
        return Channels(
            items=show.channels(session, rows), total=len(rows), kinds=sorted(all_kinds()),
            public_url=bool(node.api.public_url),
            local_hosts=list(hosts) if access.scope("notices.manage").agencies is None else [],
        )  # fmt: skip


@router.post("/channels", status_code=201)
def make_channel(request: Request, body: ChannelIn, access: Manager) -> ChannelShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        _own(here, body.agency)
        row = keep.channel(here, Vault(node.data), body)
        _record(here, "channel.made", f"channel:{row.id}", row.agency, {"name": row.name, "kind": row.kind})
        return show.channels(here.session, [row])[0]


@router.put("/channels/{channel_id}")
def change_channel(
    request: Request, channel_id: Id, body: ChannelIn, access: Manager, if_match: IfMatch = None
) -> ChannelShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row = keep.channel(here, Vault(node.data), body, keep.one(here, Channel, channel_id, revision_of(if_match)))
        _record(here, "channel.changed", f"channel:{row.id}", row.agency,
                {"name": row.name, "enabled": row.enabled, "retired": row.retired,
                 "secret_changed": body.secret is not None})  # fmt: skip
        return show.channels(here.session, [row])[0]


@router.post("/channels/{channel_id}/test", status_code=202)
def test_channel(request: Request, channel_id: Id, access: Manager) -> TestStarted:
    """Send one test message now; its delivery tells how it went."""
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row: Channel = keep.one(here, Channel, channel_id)
        sending = keep.test_of(here, row, access.user_id)
        _record(here, "channel.tested", f"channel:{row.id}", row.agency)
        return TestStarted(sending_id=sending.id)


# --- routes ---------------------------------------------------------------------------------------------------------


@router.get("/routes")
def list_routes(request: Request, access: Reader) -> Listed[RouteShape]:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(Route)
            .where(inside(Route.agency, access.scope("notices.read")), Route.retired.is_(False))
            .order_by(Route.id)
        ).all()
        return Listed[RouteShape](items=show.routes(session, rows), total=len(rows))


@router.post("/routes", status_code=201)
def make_route(request: Request, body: RouteIn, access: Manager) -> RouteShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        _own(here, body.agency)
        row = keep.route(here, body)
        _record(here, "route.made", f"route:{row.id}", row.agency)
        return show.routes(here.session, [row])[0]


@router.put("/routes/{route_id}")
def change_route(
    request: Request, route_id: Id, body: RouteIn, access: Manager, if_match: IfMatch = None
) -> RouteShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "notices.manage") as here:
        row = keep.one(here, Route, route_id, revision_of(if_match))
        _own(here, body.agency)
        row = keep.route(here, body, row)
        _record(here, "route.changed", f"route:{row.id}", row.agency, {"retired": row.retired, "enabled": row.enabled})
        return show.routes(here.session, [row])[0]


@router.get("/people")
def list_people(request: Request, access: Manager) -> People:
    """Who may be named in routes and rosters of these agencies."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        found = keep.people(session, access.scope("notices.manage"))
        return People(items=[shapes.Person(id=user.id, name=user.name or user.username) for user in found])


def _own(here: Desk, agency: str) -> None:
    if not here.scope.sees(agency):
        raise not_found()


def _record(here: Desk, act: str, obj: str, agency: str, detail: dict[str, object] | None = None) -> None:
    assert here.access is not None
    here.audit.record(here.session, here.access.actor, act, obj, agency=agency, detail=detail)
