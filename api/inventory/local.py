"""The inventory for `luytre inventory`: acts of the local port. A table is too large for the port's body, so it lies in
the node's `run` folder, under a name that the command chose; the command made it and takes it away again.

In:  {of: systems | assets, file, agency?, apply?, language?}. Out: import: the plan, its problems told up to TOLD;
     export: {rows}, the table written to `file`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.casework.alerts import Desk
from api.casework.changes import Bell
from api.casework.errors import Invalid
from api.inventory import addresses, importing
from api.inventory.table import FILE_BYTES
from api.state.inventory import Asset, System
from correlator.store.base import EVERYTHING
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

TOLD = 200
FILE = re.compile(r"inventory-[0-9a-f]{16}\.csv")
WHO = Actor("local", "quản trị máy chủ")


def take_in(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    of, path = _of(body), _file(node, body)
    content = path.read_bytes()[: FILE_BYTES + 1]
    agency = str(body.get("agency") or node.table.agency)

    def desk(session: Session) -> Desk:
        return Desk(session, EVERYTHING, None, node.audit, Bell(), node.clock.now())

    def sign(session: Session, plan: importing.Plan) -> None:
        what = "system.import" if of is System else "asset.import"
        detail = {"new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged}
        node.audit.record(session, WHO, what, path.name, agency=agency, detail=detail)

    try:
        plan = importing.run(node.db, desk, of, content, agency, apply=bool(body.get("apply")), then=sign)
    except Invalid as error:
        raise LuytreError(Problem("LT-I0101", f"{error.field}: {error.vi}", f"{error.field}: {error.en}")) from None
    return {
        "new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged, "applied": plan.applied,
        "wrong_total": len(plan.wrong), "wrong": [asdict(one) for one in plan.wrong[:TOLD]],
    }  # fmt: skip


def give_out(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    of, path = _of(body), _file(node, body)
    agency, language = str(body.get("agency") or ""), str(body.get("language") or "vi")
    with node.db.read() as session:
        query = select(of).where(of.retired_at.is_(None), *([of.agency == agency] if agency else []))
        rows: Any = session.scalars(query.order_by(of.agency, of.id)).all()
        held = addresses.current_of(session, of, sorted({row.agency for row in rows}))
        made = importing.systems_out if of is System else importing.assets_out
        content = made(rows, held, language)
    path.write_bytes(content)
    return {"rows": len(rows)}


def _of(body: Mapping[str, Any]) -> Any:
    return {"systems": System, "assets": Asset}[str(body["of"])]


def _file(node: Node, body: Mapping[str, Any]) -> Path:
    """Only a plain file that the command made in `run`: the port reads and writes nothing else for anybody."""
    name = str(body["file"])
    path = node.table.root / "run" / name
    if not FILE.fullmatch(name) or path.is_symlink() or not path.is_file() or path.stat().st_uid != os.geteuid():
        raise LuytreError(Problem("LT-I0102", "tệp trung gian không hợp lệ", "not a file that the command made"))
    return path
