"""The audit, newest first, and whether its chain is whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import func, select

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Listed, Out
from api.state.audit import AuditEntry
from sensors.clock import rfc3339

router = APIRouter(tags=["audit"])
ROUTES = Resource("/audit", router)

Reader = Annotated[Access, Depends(Allow("audit.read"))]


class Entry(Out):
    seq: int
    at: str
    actor: str
    actor_name: str
    act: str
    object: str
    agency: str | None
    outcome: str
    address: str
    detail: dict[str, Any]
    hash: str


class Entries(Listed[Entry]):
    chain_ok: bool
    chain_problem: str | None


@router.get("")
def list_audit(
    request: Request,
    access: Reader,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> Entries:
    """What concerns no agency (log-ins, the node itself) is for who reads the audit of the whole node."""
    node: Runtime = request.app.state.node
    keys = [Key(AuditEntry.seq, down=True)]
    mine = inside(AuditEntry.agency, access.scope("audit.read"))
    with node.db.read() as session:
        found = select(AuditEntry).where(mine)
        if cursor:
            found = found.where(after(keys, cursor))
        rows = session.scalars(found.order_by(AuditEntry.seq.desc()).limit(limit + 1)).all()
        more, rows = len(rows) > limit, rows[:limit]
        items = [
            Entry(
                seq=row.seq, at=rfc3339(row.at), actor=row.actor, actor_name=row.actor_name, act=row.act,
                object=row.object, agency=row.agency, outcome=row.outcome, address=row.address, detail=row.detail,
                hash=row.hash,
            )
            for row in rows
        ]  # fmt: skip
        following = cursor_of(keys, rows[-1]) if more else None
        total = session.scalar(select(func.count()).select_from(AuditEntry).where(mine)) or 0
        problem = node.audit.verify(session)
    return Entries(items=items, next=following, total=total, chain_ok=problem is None, chain_problem=problem)
