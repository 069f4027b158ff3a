"""`Lead` rows as the rules read them (`lead.Leading`), as they are written back, and as both screens show them."""

from __future__ import annotations

from typing import Any, Literal, cast

from api.federation.lead import Act, Leading, Side, may
from api.shapes import Out
from api.state.national import Lead
from sensors.clock import rfc3339


class LeadWanted(Out):
    """At the agency: what it has asked for, and what the centre has not answered yet."""

    act: Act
    by: str
    at: str


class LeadShape(Out):
    leader: Literal["agency", "centre"]
    term: int
    offered_by: Literal["agency", "centre"] | None
    by: str  # whose name the newest change bears
    note: str
    changed_at: str | None
    wanted: LeadWanted | None
    can: list[Act]  # what this node's side may do now


def leading(row: Lead | None) -> Leading:
    if row is None:
        return Leading()
    return Leading(cast("Side", row.leader), row.term, cast("Side | None", row.offer), row.number)


def put(row: Lead, now: Leading, at: float) -> None:
    row.leader, row.term, row.offer, row.number, row.changed_at = now.leader, now.term, now.offered_by, now.number, at
    if now.offered_by is None:
        row.offered_at = None


def show(row: Lead | None, side: Side, *, closed: bool = False) -> LeadShape:
    now = leading(row)
    wanted: dict[str, Any] | None = row.wanted if row is not None else None
    can = [] if wanted else [act for act in may(now, side) if not (closed and act == "offer")]
    return LeadShape(
        leader=now.leader,
        term=now.term,
        offered_by=now.offered_by,
        by=row.offered_by if row is not None else "",
        note=row.note if row is not None else "",
        changed_at=rfc3339(row.changed_at) if row is not None and row.number else None,
        wanted=None if wanted is None else LeadWanted(act=wanted["act"], by=wanted["by"], at=rfc3339(wanted["at"])),
        can=can,
    )
