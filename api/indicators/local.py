"""Indicators for `luytre indicators`: acts of the local port. A list lies in the node's `run` folder under a name that
the command chose, because it is larger than the port's body; the command takes it away again.

In:  see each act. Out: plain JSON; a plan's lines up to TOLD.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import true
from sqlalchemy.orm import Session

from api.audit import Actor
from api.casework.errors import Invalid
from api.indicators import hunting, importing, shown
from api.indicators.importing import DEFAULT_DAYS, Wanted
from api.state.indicators import IndicatorHunt, IndicatorSource, ListedIndicator
from api.state.people import Agency
from correlator.indicators.formats import FILE_LIMIT_BYTES, all_formats
from correlator.indicators.kinds import guess
from correlator.indicators.seam import TLPS
from correlator.store.base import EVERYTHING
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

TOLD = 200
FILE = re.compile(r"indicators-[0-9a-f]{16}\.list")
WHO = Actor("local", "quản trị máy chủ")


def take_in(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{file, name, agency?, for_all?, format?, tlp?, confidence?, days?, yes_to_all?, replace?, apply?} → the plan"""
    name = str(body["file"])
    path = node.table.root / "run" / name
    if not FILE.fullmatch(name) or path.is_symlink() or not path.is_file() or path.stat().st_uid != os.geteuid():
        raise LuytreError(Problem("LT-I0202", "tệp trung gian không hợp lệ", "not a file that the command made"))
    wanted = _wanted(node, body)
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT_BYTES + 1)
    now = node.clock.now()
    with node.db.read() as session:
        plan = importing.lay(session, data, wanted, now, importing.own_of(session, wanted.agency))
    if body.get("apply") and plan.taken:
        source = importing.take_in(node.db, plan, wanted, now, WHO.name)
        with node.db.write() as session:
            detail = {"new": plan.counts["new"], "known": plan.counts["known"] + plan.counts["elsewhere"],
                      "removed": plan.removed, "overruled": sum(1 for row in plan.taken if row["allowed"])}  # fmt: skip
            node.audit.record(session, WHO, "indicators.import", f"indicator_source:{source.id}",
                              agency=wanted.agency or None, detail=detail)  # fmt: skip
    return {
        "format": plan.format, "counts": dict(plan.counts), "kinds": dict(plan.kinds), "applied": plan.applied,
        "removed": plan.removed, "stopped": plan.stopped, "source": plan.source_id,
        "lines": [asdict(line) for line in plan.lines if line.state not in ("new", "known", "elsewhere")][:TOLD],
    }  # fmt: skip


def _wanted(node: Node, body: Mapping[str, Any]) -> Wanted:
    tlp, chosen = str(body.get("tlp") or "amber"), str(body.get("format") or "")
    confidence, days = body.get("confidence"), int(body.get("days") or DEFAULT_DAYS)
    name = " ".join(str(body.get("name") or "").split())[:128]
    wrong = (
        "name" if not name else "tlp" if tlp not in TLPS else "format" if chosen and chosen not in all_formats()
        else "confidence" if confidence is not None and not 0 <= int(confidence) <= 100
        else "days" if not 1 <= days <= importing.LONGEST_DAYS else ""
    )  # fmt: skip
    if wrong:
        raise LuytreError(Problem("LT-I0201", f"{wrong}: giá trị không hợp lệ", f"{wrong}: not a valid value"))
    agency = "" if body.get("for_all") else str(body.get("agency") or node.table.agency)
    with node.db.read() as session:
        if agency and agency != node.table.agency and session.get(Agency, agency) is None:
            raise LuytreError(
                Problem("LT-I0201", f"agency: không có đơn vị “{agency[:64]}”", f"agency: no “{agency[:64]}”")
            )
    return Wanted(agency, name, chosen, tlp, None if confidence is None else int(confidence), days,
                  yes_to_all=bool(body.get("yes_to_all")), replace=bool(body.get("replace")))  # fmt: skip


def listed(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {sources}"""
    with node.db.read() as session:
        rows = session.query(IndicatorSource).where(IndicatorSource.removed_at.is_(None)).order_by(IndicatorSource.name)
        return {"sources": [shown.source(row).model_dump() for row in rows]}


def test(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{value} → {kind, value, caution, items}: where a value is listed, and how often it was met."""
    text = str(body["value"])[:2048]
    found = guess(text)
    with node.db.read() as session:
        rows = session.query(ListedIndicator).where(ListedIndicator.key.in_(shown.keys_for(text))).limit(TOLD).all()
        rows += shown.networks_around(session, text, true())
        caution = shown.caution(found) if found else None
        items = shown.indicators(session, rows[:TOLD], EVERYTHING, node.clock.now())
    return {"kind": found[0] if found else "", "value": found[1] if found else "",
            "caution": caution.model_dump() if caution else None,
            "items": [one.model_dump() for one in items]}  # fmt: skip


def remove(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{name, agency?, for_all?} → {removed}"""
    with node.db.read() as session:
        source = _source(session, node, body)
        number, agency = source.id, source.agency
    removed = importing.remove_source(node.db, number, node.clock.now())
    with node.db.write() as session:
        node.audit.record(session, WHO, "indicators.remove", f"indicator_source:{number}", agency=agency or None,
                          detail={"count": removed})  # fmt: skip
    return {"removed": removed}


def hunt(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{name | values, days, agency?} → the hunt that was asked for; {id} → how it stands."""
    with node.db.write() as session:
        if body.get("id"):
            row = session.get(IndicatorHunt, int(body["id"]))
            if row is None:
                raise LuytreError(Problem("LT-I0204", "không có lượt rà soát này", "no such sweep"))
            return shown.hunt(row).model_dump()
        source = _source(session, node, body) if body.get("name") else None
        agency = str(body.get("agency") or node.table.agency)
        try:
            row = hunting.ask(session, agency=agency, source=source, values=map(str, body.get("values") or ()),
                              days=float(body.get("days") or 30), now=node.clock.now(), who=WHO.name)  # fmt: skip
        except Invalid as error:
            raise LuytreError(Problem("LT-I0201", f"{error.field}: {error.vi}", f"{error.field}: {error.en}")) from None
        node.audit.record(session, WHO, "indicators.hunt", f"indicator_hunt:{row.id}", agency=agency,
                          detail={"what": row.what})  # fmt: skip
        return shown.hunt(row).model_dump()


def _source(session: Session, node: Node, body: Mapping[str, Any]) -> IndicatorSource:
    agency = "" if body.get("for_all") else str(body.get("agency") or node.table.agency)
    rows = session.query(IndicatorSource).where(
        IndicatorSource.name == str(body["name"]), IndicatorSource.agency.in_({agency, ""}),
        IndicatorSource.removed_at.is_(None),
    )  # fmt: skip
    found = next(iter(sorted(rows, key=lambda row: row.agency != agency)), None)
    if found is None:
        raise LuytreError(Problem("LT-I0203", f"không có nguồn “{body['name']}”", f"no source “{body['name']}”"))
    return found
