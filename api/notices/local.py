"""Notices for `luytre notices` and `luytre selftest --notice`: acts of the local port.

In:  what whoever runs the node typed. Out: rows in few words; a secret goes in and never comes out.
The same `keep.channel` and `keep.route` that the screen uses judge it; each act is on record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.casework.alerts import Desk
from api.casework.changes import Bell
from api.casework.errors import CaseError, Invalid, WrongState
from api.state.cases import Alert
from api.state.notices import Channel, Matter, Route, Sending, Told
from correlator.store.base import EVERYTHING
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

WHO = Actor("local", "quản trị máy chủ")
LISTED = 200


def mail(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{name, settings, secret?, level, agency?} → {channel, route}: a mail channel, and a route of everything from
    `level` on that goes over it."""
    from api.notices import keep
    from api.notices.shapes import ChannelIn, RouteIn
    from api.notices.vault import Vault

    agency = str(body.get("agency") or node.table.agency)
    try:
        wanted = ChannelIn(agency=agency, name=body["name"], kind="mail", settings=body["settings"],
                           secret=body.get("secret") or None)  # fmt: skip
        with node.db.write() as session:
            desk = _desk(node, session)
            channel = keep.channel(desk, Vault(node.table.root), wanted)
            route = keep.route(desk, RouteIn(agency=agency, level=body["level"], channel_id=channel.id))
            detail = {"name": channel.name, "kind": channel.kind}
            node.audit.record(session, WHO, "channel.made", f"channel:{channel.id}", agency=agency, detail=detail)
            node.audit.record(session, WHO, "route.made", f"route:{route.id}", agency=agency)
            return {"channel": channel.id, "route": route.id}
    except (CaseError, ValidationError) as error:
        raise _refused(error) from None


def listed(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {channels, routes}: where each goes, and how its last try went."""
    from api.notices import show

    with node.db.read() as session:
        channels = session.scalars(select(Channel).where(Channel.retired.is_(False)).order_by(Channel.id).limit(LISTED))
        routes = session.scalars(select(Route).where(Route.retired.is_(False)).order_by(Route.id).limit(LISTED))
        return {
            "channels": [
                {"id": one.id, "name": one.name, "kind": one.kind, "shown": one.shown, "enabled": one.enabled,
                 "last": one.last.model_dump() if one.last else None}
                for one in show.channels(session, list(channels))
            ],
            "routes": [
                {"id": one.id, "agency": one.agency, "level": one.level, "enabled": one.enabled,
                 "to": one.channel or one.team or (one.person.name if one.person else "")}
                for one in show.routes(session, list(routes))
            ],
        }  # fmt: skip


def test(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{channel: id} → {sending}: a test message starts now; `sendings` tells how it goes."""
    from api.notices import keep

    with node.db.write() as session:
        desk = _desk(node, session)
        try:
            row = keep.one(desk, Channel, int(body["channel"]))
            sending = keep.test_of(desk, row, None)
        except CaseError as error:
            raise _refused(error) from None
        node.audit.record(session, WHO, "channel.tested", f"channel:{row.id}", agency=row.agency)
        return {"sending": sending.id}


def tell_selftest(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{alert, event} → {matter}: the self-test's own alert goes by every route there is, whatever its level: that is
    what whoever asked wants to see arrive."""
    from api.federation.selftest import RULE
    from api.notices.route import SELFTEST
    from api.notices.tell import tell

    key = f"{SELFTEST}{str(body['event'])[:64]}"
    with node.db.write() as session:
        alert = session.get(Alert, str(body["alert"]))
        if alert is None or alert.rule_id != RULE:
            raise LuytreError(Problem("LT-N0304", "không phải cảnh báo tự kiểm tra", "not a self-test's alert"))
        if tell(session, key=key, kind="alert", agency=alert.agency, ref=alert.id, level="informational",
                title=alert.title, link=f"#/alerts/{alert.id}", now=node.clock.now()):  # fmt: skip
            node.audit.record(session, WHO, "selftest.notice", alert.id, agency=alert.agency)
        return {"matter": session.scalars(select(Matter.id).where(Matter.key == key)).one()}


def sendings(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{matter} or {sending} → {routed, gathered, sendings: [{id, state, to, receipt, error}]}"""
    with node.db.read() as session:
        rows = select(Sending, Channel.name).outerjoin(Channel, Channel.id == Sending.channel_id).limit(LISTED)
        routed, gathered = True, True
        if "matter" in body:
            matter = session.get(Matter, int(body["matter"]))
            routed = matter is not None and matter.routed_at is not None
            notices = select(Told.notice_id).where(Told.matter_id == int(body["matter"]))
            gathered = session.scalar(notices.limit(1)) is not None
            rows = rows.where(Sending.notice_id.in_(notices))
        else:
            rows = rows.where(Sending.id == int(body["sending"]))
        return {"routed": routed, "gathered": gathered, "sendings": [
            {"id": row.id, "state": row.state, "to": name or "", "receipt": row.receipt, "error": row.error}
            for row, name in session.execute(rows.order_by(Sending.id))
        ]}  # fmt: skip


def _desk(node: Node, session: Session) -> Desk:
    return Desk(session, EVERYTHING, None, node.audit, Bell(), node.clock.now())


def _refused(error: Exception) -> LuytreError:
    if isinstance(error, Invalid):
        return LuytreError(Problem("LT-N0305", f"{error.field}: {error.vi}", f"{error.field}: {error.en}"))
    if isinstance(error, WrongState):
        return LuytreError(Problem("LT-N0305", error.vi, error.en))
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        return LuytreError(Problem("LT-N0305", f"{field}: giá trị không hợp lệ", f"{field}: {first['msg']}"))
    return LuytreError(Problem("LT-N0305", "không có mục này", "no such entry"))
