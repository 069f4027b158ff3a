"""Acts on assets: the machines that carry the systems, with the addresses that they have from now on.

In:  a Desk (scope of `inventory.manage`) and fields; `system` is a system's id of the same agency, "" for none.
Out: the row. The host name counts as one of its addresses, so that events find the machine by it. An address that
     another asset held is taken from it: its binding ends, its history says to whom it went. Retiring ends all
     bindings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework import ids
from api.casework.alerts import Desk
from api.casework.errors import Invalid
from api.casework.folding import search_text
from api.inventory import addresses, values
from api.inventory.addresses import Held
from api.inventory.kinds import ASSET_KINDS
from api.inventory.records import agency_of, difference, moved, record, take
from api.state.inventory import Address, Asset, System

FIELDS = ("host", "kind", "owner", "note", "system_id")
ADDRESSES = "addresses"


def add(desk: Desk, agency: str, fields: Mapping[str, Any]) -> Asset:
    agency = agency_of(desk, agency)
    held = checked(desk.session, agency, fields, new=True) or []
    if same_host(desk.session, agency, str(fields["host"])):
        raise Invalid("host", "Đơn vị đã có máy tên này.", "The agency has a machine of this name.")
    asset = make(desk, ids.next_id(desk.session, "TS", desk.now), agency, fields)
    desk.session.flush()
    put(desk, asset, {}, held)
    record(desk, asset, "created", None, state(asset, [value for _, value in held]))
    moved(desk.session, agency)
    return asset


def change(desk: Desk, asset_id: str, revision: int | None, fields: Mapping[str, Any]) -> Asset:
    asset: Asset = take(desk, Asset, asset_id, revision)
    wanted = checked(desk.session, asset.agency, fields)
    if "host" in fields and same_host(desk.session, asset.agency, str(fields["host"]), but=asset.id):
        raise Invalid("host", "Đơn vị đã có máy tên này.", "The agency has a machine of this name.")
    had = [pair for pair in addresses.current(desk.session, [asset.id]).get(asset.id, []) if pair != host_of(asset)]
    before = state(asset, [value for _, value in had])
    put(desk, asset, fields, had if wanted is None else wanted)
    was, now = difference(before, state(asset, [value for _, value in (had if wanted is None else wanted)]))
    if now:
        record(desk, asset, "changed", was, now)
        moved(desk.session, asset.agency)
    return asset


def retire(desk: Desk, asset_id: str, revision: int | None) -> Asset:
    asset: Asset = take(desk, Asset, asset_id, revision)
    asset.retired_at = desk.now
    for row in desk.session.scalars(select(Address).where(Address.asset_id == asset.id, Address.until.is_(None))):
        row.until = max(desk.now, row.since)
    record(desk, asset, "retired", {"retired": False}, {"retired": True})
    moved(desk.session, asset.agency)
    return asset


def make(desk: Desk, asset_id: str, agency: str, fields: Mapping[str, Any]) -> Asset:
    """The row, without its addresses and its record: for `add` and for an import."""
    asset = Asset(
        id=asset_id, agency=agency, host="", kind="server", owner="", note="", created_at=desk.now, search_text="",
        revision=0,
    )  # fmt: skip
    for name in FIELDS:
        if name in fields:
            setattr(asset, name, fields[name])
    desk.session.add(asset)
    return asset


def put(desk: Desk, asset: Asset, fields: Mapping[str, Any], wanted: Sequence[tuple[str, str]],
        held: Held | None = None) -> None:  # fmt: skip
    for name in FIELDS:
        if name in fields:
            setattr(asset, name, fields[name])
    whole = list(dict.fromkeys([host_of(asset), *wanted]))
    lost = addresses.assign(desk.session, asset, whole, desk.now, held)
    asset.search_text = search_text([asset.id, asset.host, asset.owner, *(value for _, value in whole), asset.agency])
    for other in desk.session.scalars(select(Asset).where(Asset.id.in_(lost))) if lost else ():
        record(desk, other, "lost", None, {"to": asset.id}, audit=held is None)


def checked(
    session: Session, agency: str, fields: Mapping[str, Any], *, new: bool = False
) -> list[tuple[str, str]] | None:
    if new or "host" in fields:
        host_word(str(fields.get("host") or ""))
    if "kind" in fields and fields["kind"] not in ASSET_KINDS:
        raise Invalid("kind", "Không có loại thiết bị này.", "No such kind of asset.")
    if fields.get("system_id"):
        system = session.get(System, fields["system_id"])
        if system is None or system.agency != agency or system.retired_at is not None:
            raise Invalid("system", "Đơn vị không có hệ thống này.", "The agency has no such system.")
    return addresses.parse(fields[ADDRESSES], ADDRESSES) if ADDRESSES in fields else None


def host_word(host: str) -> tuple[str, str]:
    try:
        found = values.canonical(host)
    except ValueError:
        found = ("network", "")
    if found[0] == "network":
        raise Invalid("host", "Cần tên máy hoặc địa chỉ IP hợp lệ.", "A host name or an IP address is needed.")
    return found


def host_of(asset: Asset) -> tuple[str, str]:
    return host_word(asset.host)


def same_host(session: Session, agency: str, host: str, *, but: str = "") -> bool:
    rows = session.scalars(
        select(Asset.host).where(Asset.agency == agency, Asset.retired_at.is_(None), Asset.id != but)
    )
    return any(one.casefold() == host.casefold() for one in rows)


def state(asset: Asset, held: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in FIELDS} | {ADDRESSES: list(held)}
