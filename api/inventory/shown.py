"""Shapes of the inventory that both its resources answer with, and how rows become them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field
from sqlalchemy.orm import Session

from api.casework import queue
from api.inventory import assets as acts
from api.inventory import importing, reading
from api.inventory.table import FILE_BYTES
from api.problems import Problem
from api.shapes import In, Out, SystemRef
from api.state.inventory import Address, Asset
from sensors.clock import rfc3339


class Holder(Out):
    id: str
    host: str


class BindingShape(Out):
    kind: str
    value: str
    since: str
    until: str | None
    now_of: Holder | None  # who has it now, when another asset took it over


class AssetShape(Out):
    id: str
    agency: str
    host: str
    kind: str
    owner: str
    note: str
    system: SystemRef | None
    addresses: list[str]
    bindings: list[BindingShape]
    created_at: str
    retired_at: str | None
    last_data_at: str | None
    revision: int


class ImportIn(In):
    agency: str = Field(max_length=64, description="of rows that name none")
    content: str = Field(max_length=4 * (FILE_BYTES // 3) + 4, description="the file's bytes, base64")
    apply: bool = False


class WrongShape(Out):
    row: int
    column: str
    vi: str
    en: str


class LineShape(Out):
    row: int
    act: Literal["new", "changed", "unchanged"]
    id: str
    name: str
    changes: list[str]


class ImportPlan(Out):
    new: int
    changed: int
    unchanged: int
    wrong: list[WrongShape]
    lines: list[LineShape]
    applied: bool


def file_of(body: ImportIn) -> bytes:
    try:
        return base64.b64decode(body.content, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("LT-A0422", errors=[{"field": "content", "message": "base64"}]) from None


def plan_shape(plan: importing.Plan) -> ImportPlan:
    return ImportPlan(
        new=plan.new, changed=plan.changed, unchanged=plan.unchanged, applied=plan.applied,
        wrong=[WrongShape(row=one.row, column=one.column, vi=one.vi, en=one.en) for one in plan.wrong],
        lines=[LineShape(row=line.row, act=line.act, id=line.id, name=line.name, changes=list(line.changes))
               for line in plan.lines],
    )  # fmt: skip


def binding_shape(row: Address, now_of: tuple[str, str] | None = None) -> BindingShape:
    return BindingShape(
        kind=row.kind, value=row.value, since=rfc3339(row.since),
        until=rfc3339(row.until) if row.until is not None else None,
        now_of=Holder(id=now_of[0], host=now_of[1]) if now_of else None,
    )  # fmt: skip


def asset_shapes(session: Session, rows: Sequence[Asset], held: Mapping[str, list[Address]]) -> list[AssetShape]:
    systems = queue.systems_named(session, rows)
    last = reading.last_data(session, Asset, [row.id for row in rows])
    after = reading.next_holders(session, [row for several in held.values() for row in several])
    return [
        AssetShape(
            id=row.id, agency=row.agency, host=row.host, kind=row.kind, owner=row.owner, note=row.note,
            system=systems.get(row.system_id or ""),
            addresses=[one.value for one in held.get(row.id, []) if one.until is None and _said(row, one)],
            bindings=[binding_shape(one, after.get(one.id)) for one in held.get(row.id, [])],
            created_at=rfc3339(row.created_at),
            retired_at=rfc3339(row.retired_at) if row.retired_at is not None else None,
            last_data_at=rfc3339(last[row.id]) if row.id in last else None, revision=row.revision,
        )
        for row in rows
    ]  # fmt: skip


def _said(asset: Asset, held: Address) -> bool:
    """The host's own name is an address too, but not one that people typed."""
    return (held.kind, held.value) != acts.host_of(asset)
