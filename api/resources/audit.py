"""The audit, newest first: filtered, exported, and whether its chain is whole.

A look costs no walk: the chain is verified by a job as it grows (api/jobs/audit.py), and only what came since is
verified here. `/chain?whole=true` walks all of it, one reader at a time.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.auth import managing
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Listed, Out
from api.state.audit import AuditEntry
from sensors.clock import rfc3339

router = APIRouter(tags=["audit"])
ROUTES = Resource("/audit", router)

Reader = Annotated[Access, Depends(Allow("audit.read"))]
Text = Annotated[str, Query(max_length=128)]
EXPORTED = 100_000  # rows of one file
_walking = threading.Lock()


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


class ChainShape(Out):
    ok: bool
    problem: str | None
    verified_to: int
    behind: int
    at: str | None
    whole_at: str | None


class Entries(Listed[Entry]):
    chain_ok: bool
    chain_problem: str | None
    chain: ChainShape


class Wanted:
    """The filter of a list or an export, as query parameters."""

    def __init__(
        self,
        actor: Text = "",
        act: Text = "",
        object: Text = "",  # noqa: A002  # the name people type
        agency: Annotated[str, Query(max_length=64)] = "",
        outcome: Literal["", "done", "denied", "failed", "refused"] = "",
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        providers: bool = False,
    ) -> None:
        self.actor, self.act, self.object, self.agency, self.outcome = actor, act, object, agency, outcome
        self.since, self.until, self.providers = since, until, providers

    def conditions(self, session: Session, access: Access) -> list[ColumnElement[bool]]:
        """What concerns no agency (log-ins, the node itself) is for who reads the audit of the whole node."""
        found: list[ColumnElement[bool]] = [inside(AuditEntry.agency, access.scope("audit.read"))]
        if self.actor:
            found.append(AuditEntry.actor.istartswith(self.actor, autoescape=True)
                         | AuditEntry.actor_name.icontains(self.actor, autoescape=True))  # fmt: skip
        if self.act:
            found.append(AuditEntry.act.istartswith(self.act, autoescape=True))
        if self.object:
            found.append(AuditEntry.object.icontains(self.object, autoescape=True))
        if self.agency:
            found.append(AuditEntry.agency == self.agency)
        if self.outcome:
            found.append(AuditEntry.outcome == self.outcome)
        if self.since:
            found.append(AuditEntry.at >= self.since.timestamp())
        if self.until:
            found.append(AuditEntry.at < self.until.timestamp())
        if self.providers:
            found.append(managing.of_providers())
        return found


Filter = Annotated[Wanted, Depends()]


@router.get("")
def list_audit(
    request: Request,
    access: Reader,
    wanted: Filter,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> Entries:
    node: Runtime = request.app.state.node
    keys = [Key(AuditEntry.seq, down=True)]
    with node.db.read() as session:
        mine = wanted.conditions(session, access)
        found = select(AuditEntry).where(*mine)
        if cursor:
            found = found.where(after(keys, cursor))
        rows = session.scalars(found.order_by(AuditEntry.seq.desc()).limit(limit + 1)).all()
        more, rows = len(rows) > limit, rows[:limit]
        following = cursor_of(keys, rows[-1]) if more else None
        total = session.scalar(select(func.count()).select_from(AuditEntry).where(*mine)) or 0
        state = _state(node, session)
    return Entries(
        items=[_entry(row) for row in rows], next=following, total=total, chain_ok=state.ok,
        chain_problem=state.problem, chain=state,
    )  # fmt: skip


@router.get("/chain")
def chain(request: Request, access: Reader, whole: bool = False) -> ChainShape:
    """`whole`: walk every entry now, which takes its time: what is asked without it is bounded."""
    node: Runtime = request.app.state.node
    if not whole:
        with node.db.read() as session:
            return _state(node, session)
    if not _walking.acquire(blocking=False):
        raise Problem("LT-A0429", headers={"Retry-After": "5"})
    try:
        with node.db.read() as session:
            last = session.scalar(select(func.max(AuditEntry.seq))) or 0
            problem, now = node.audit.verify(session), node.clock.now()
        return ChainShape(ok=problem is None, problem=problem, verified_to=last if problem is None else 0,
                          behind=0, at=rfc3339(now), whole_at=rfc3339(now))  # fmt: skip
    finally:
        _walking.release()


@router.get("/export", response_class=StreamingResponse)
def export(request: Request, access: Reader, wanted: Filter) -> StreamingResponse:
    """CSV (RFC 4180, UTF-8 with a mark so that spreadsheets read Vietnamese), the newest EXPORTED rows."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        mine = wanted.conditions(session, access)
    return StreamingResponse(
        _csv(node, mine),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="luytre-audit.csv"'},
    )


COLUMNS = ("seq", "at", "actor", "actor_name", "act", "object", "agency", "outcome", "address", "detail", "hash")


def _csv(node: Runtime, mine: list[ColumnElement[bool]]) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)
    below: int | None = None
    for _ in range(EXPORTED // LIMIT):
        with node.db.read() as session:  # a page at a time: a slow reader holds no connection
            found = select(AuditEntry).where(*mine)
            if below is not None:
                found = found.where(AuditEntry.seq < below)
            rows = session.scalars(found.order_by(AuditEntry.seq.desc()).limit(LIMIT)).all()
        for row in rows:
            entry = _entry(row).model_dump()
            yield _line([entry[name] for name in COLUMNS])
        if len(rows) < LIMIT:
            return
        below = rows[-1].seq


def _line(values: Any) -> str:
    """A spreadsheet takes a cell that begins with = + - @ for a formula: it gets an apostrophe (CWE-1236)."""
    out = io.StringIO()
    texts = ["" if value is None else str(value) for value in values]
    csv.writer(out).writerow([f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text for text in texts])
    return out.getvalue()


def _entry(row: AuditEntry) -> Entry:
    return Entry(
        seq=row.seq, at=rfc3339(row.at), actor=row.actor, actor_name=row.actor_name, act=row.act,
        object=row.object, agency=row.agency, outcome=row.outcome, address=row.address, detail=row.detail,
        hash=row.hash,
    )  # fmt: skip


def _state(node: Runtime, session: Session) -> ChainShape:
    found = node.audit.state(session)
    return ChainShape(
        ok=found.problem is None, problem=found.problem, verified_to=found.seq, behind=found.behind,
        at=rfc3339(found.at) if found.at else None, whole_at=rfc3339(found.whole_at) if found.whole_at else None,
    )  # fmt: skip
