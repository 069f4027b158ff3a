"""Acts of the local port for `luytre organisation`: the register read and imported in pages.

Bound: what the local port takes at once (64 KiB) and answers (1 MiB): PAGE rows. A file is checked as a whole by the
command before its first page goes; pages are in order of parents, and importing one again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from api.casework.errors import Invalid
from api.organisation import register as registers
from api.organisation.units import EventRow, UnitRow
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

PAGE = 100


def organisation_page(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{after} → {rows: [...], next: int | None}"""
    after = int(body.get("after", 0))
    with node.db.read() as session:
        rows = registers.read(session).rows
    more = after + 10 * PAGE < len(rows)
    return {
        "rows": [asdict(row) for row in rows[after : after + 10 * PAGE]],
        "next": after + 10 * PAGE if more else None,
    }


def organisation_import(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{rows, events} → {units, rows, events}"""
    from api.local_port import WHO

    rows = [UnitRow(**row) for row in body.get("rows", [])]
    events = [
        EventRow(one["at"], one["kind"], tuple(one["before"]), tuple(one["after"]), one["source"])
        for one in body.get("events", [])
    ]
    try:
        with node.db.write() as session:
            done = registers.take_in(session, rows, events)
            if any(done.values()):
                node.audit.record(session, WHO, "organisation.imported", "csv", detail=done)
    except Invalid as error:
        raise LuytreError(Problem("LT-N0601", error.vi, error.en)) from None
    return done
