"""The centre's side for people: the inbox's rows, one raised item whole, acknowledging it, saying a word to its sender.

In:  sessions and a Scope. Out: the shapes below. Agencies never see each other's items: only roles of the nation have
the permission, and the scope is in every query all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased, defer

from api import shapes
from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import Stale, Unseen, WrongState
from api.casework.folding import like
from api.casework.paging import Key, after, cursor_of
from api.casework.queue import inside
from api.federation import lead_centre
from api.federation.lead_shape import LeadShape
from api.federation.saying import next_word
from api.shapes import Level, Out
from api.state.federation import Raised, RaisedIndicator, RaisedRevision, Spoken
from api.state.people import Agency
from correlator.store.base import Scope
from sensors.clock import rfc3339

SHARED = 200  # indicators listed as shared
RELATED = 50
SHOWN = 20  # indicators of one row of the list, the shared ones first; the item itself shows all
_SLIM = (defer(Raised.item), defer(Raised.search_text))  # up to 256 KB each


class SharedIndicator(shapes.IndicatorShape):
    shared_with: list[str]


class Acknowledged(Out):
    at: str
    by: str


class RaisedShort(Out):
    id: str
    agency: str
    agency_name: str
    kind: Literal["incident", "alert"]
    title: str
    level: Level
    state: Literal["new", "acknowledged"]
    item_id: str
    item_revision: int
    sequence: int
    first_seen: str
    last_seen: str
    received_at: str
    indicators: list[SharedIndicator]
    shared: int
    alerts_count: int
    acknowledged: Acknowledged | None
    lead: LeadShape | None  # of an incident
    revision: int


class RevisionShape(Out):
    item_revision: int
    sequence: int
    receipt: str
    received_at: str


class RaisedFull(RaisedShort):
    item: dict[str, Any]
    revisions: list[RevisionShape]
    related: list[RaisedShort]
    words: list[shapes.Word]


class InboxCounts(Out):
    state: dict[str, int]
    level: dict[str, int]


class Inbox(shapes.Listed[RaisedShort]):
    counts: InboxCounts


class AgencyShape(Out):
    code: str
    name: str


class SharedShape(Out):
    type: str
    value: str
    agencies: list[AgencyShape]
    raised: list[str]
    first_seen: str
    last_seen: str


def page(session: Session, scope: Scope, *, state: str, agency: str, level: str, q: str, limit: int,
         cursor: str) -> Inbox:  # fmt: skip
    seen = inside(Raised.agency, scope)
    conditions: list[ColumnElement[bool]] = [seen]
    if state in ("new", "acknowledged"):
        conditions.append(Raised.state == state)
    if agency:
        conditions.append(Raised.agency == agency)
    if level:
        conditions.append(Raised.level.in_(level.split(",")))
    conditions += [Raised.search_text.like(like(word), escape="\\") for word in q.split()[:10]]
    keys = [Key(Raised.received_at, down=True), Key(Raised.id, down=True)]
    found = select(Raised).options(*_SLIM).where(*conditions)
    if cursor:
        found = found.where(after(keys, cursor))
    rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]

    def counts(column: Any) -> dict[str, int]:
        return {str(key): n for key, n in session.execute(select(column, func.count()).where(seen).group_by(column))}

    return Inbox(
        items=show(session, rows, scope, SHOWN),
        next=cursor_of(keys, rows[-1]) if more else None,
        total=session.scalar(select(func.count()).select_from(Raised).where(*conditions)) or 0,
        counts=InboxCounts(state=counts(Raised.state), level=counts(Raised.level)),
    )


def take(session: Session, scope: Scope, raised_id: str, revision: int | None = None, *, lock: bool = False) -> Raised:
    # Only writers lock; a read-only connection could not (and SQLite knows no such lock).
    row = session.get(Raised, raised_id, with_for_update=lock)
    if row is None or not scope.sees(row.agency):
        raise Unseen
    if revision is not None and revision != row.revision:
        raise Stale(row.revision)
    return row


def whole(session: Session, scope: Scope, row: Raised) -> RaisedFull:
    [short] = show(session, [row], scope)
    mine = aliased(RaisedIndicator)
    others = (
        select(RaisedIndicator.raised_id)
        .join(mine, (mine.type == RaisedIndicator.type) & (mine.value == RaisedIndicator.value))
        .where(mine.raised_id == row.id, RaisedIndicator.raised_id != row.id)
    )
    related = session.scalars(
        select(Raised)
        .options(*_SLIM)
        .where(Raised.id.in_(others), inside(Raised.agency, scope))
        .order_by(Raised.received_at.desc(), Raised.id.desc())
        .limit(RELATED)
    ).all()
    revisions = session.scalars(
        select(RaisedRevision).where(RaisedRevision.raised_id == row.id).order_by(RaisedRevision.item_revision)
    )
    said = or_(Spoken.kind != "lead", Spoken.text != "")  # who leads has its own place; what people wrote stands here
    words = session.scalars(select(Spoken).where(Spoken.raised_id == row.id, said).order_by(Spoken.id))
    if row.item.get("via"):
        short.lead = None  # settled between the agency and the centre that passed it on
    return RaisedFull(
        **short.model_dump(),
        item=row.item,
        revisions=[
            RevisionShape(item_revision=r.item_revision, sequence=r.sequence, receipt=r.receipt_id,
                          received_at=rfc3339(r.received_at))
            for r in revisions
        ],
        related=show(session, related, scope, SHOWN),
        words=[_word(word) for word in words],
    )  # fmt: skip


def show(session: Session, rows: Sequence[Raised], scope: Scope, limit: int | None = None) -> list[RaisedShort]:
    """The rows with their indicators (`limit` of each), and which other agencies met the same."""
    wanted = [row.id for row in rows]
    by_row: dict[str, list[RaisedIndicator]] = defaultdict(list)
    for one in session.scalars(select(RaisedIndicator).where(RaisedIndicator.raised_id.in_(wanted))):
        by_row[one.raised_id].append(one)
    mine = aliased(RaisedIndicator)
    met: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind, value, agency in session.execute(
        select(RaisedIndicator.type, RaisedIndicator.value, RaisedIndicator.agency)
        .join(mine, (mine.type == RaisedIndicator.type) & (mine.value == RaisedIndicator.value))
        .where(mine.raised_id.in_(wanted), inside(RaisedIndicator.agency, scope))
        .distinct()
    ):
        met[kind, value].add(agency)
    names = _names(session, {row.agency for row in rows})
    leads = lead_centre.shown(session, rows)
    return [_short(row, by_row[row.id], met, names, limit, leads.get(row.id)) for row in rows]


def _short(row: Raised, found: list[RaisedIndicator], met: dict[tuple[str, str], set[str]],
           names: dict[str, str], limit: int | None, lead: LeadShape | None) -> RaisedShort:  # fmt: skip
    every = [
        SharedIndicator(type=one.type, value=one.value, tlp=one.tlp,
                        shared_with=sorted(met[one.type, one.value] - {row.agency}))
        for one in sorted(found, key=lambda one: (one.type, one.value))
    ]  # fmt: skip
    shown = every if limit is None else sorted(every, key=lambda one: not one.shared_with)[:limit]
    by = row.acknowledged_by or ""
    fields: dict[str, Any] = {
        "id": row.id, "agency": row.agency, "agency_name": names.get(row.agency, row.agency), "kind": row.kind,
        "title": row.title, "level": row.level, "state": row.state, "item_id": row.item_id,
        "item_revision": row.item_revision, "sequence": row.sequence, "first_seen": rfc3339(row.first_seen),
        "last_seen": rfc3339(row.last_seen), "received_at": rfc3339(row.received_at), "indicators": shown,
        "shared": len({agency for one in every for agency in one.shared_with}), "alerts_count": row.alerts_count,
        "acknowledged": None if row.acknowledged_at is None else Acknowledged(at=rfc3339(row.acknowledged_at), by=by),
        "lead": lead, "revision": row.revision,
    }  # fmt: skip
    return RaisedShort(**fields)


def acknowledge(desk: Desk, row: Raised, text: str, by: str) -> None:
    if row.state == "acknowledged":
        raise WrongState("Mục này đã được tiếp nhận.", "This item has been acknowledged.")
    row.state, row.acknowledged_at, row.acknowledged_by = "acknowledged", desk.now, by
    say(desk, row, "acknowledged", text, by)


def say(desk: Desk, row: Raised, kind: Literal["acknowledged", "note"], text: str, by: str) -> None:
    assert desk.access is not None
    word = Spoken(id=next_word(desk.session, desk.now), sender=row.sender, at=desk.now, item_id=row.item_id,
                  raised_id=row.id, item_revision=row.item_revision, kind=kind, text=text, by=by)  # fmt: skip
    desk.session.add(word)
    row.revision += 1
    desk.audit.record(desk.session, desk.access.actor, f"raised.{kind}", row.id, agency=row.agency)
    changed(desk.session, desk.bell, "raised", row.id, agency=row.agency, revision=row.revision, now=desk.now)


def shared(session: Session, scope: Scope) -> list[SharedShape]:
    """Indicators that two agencies or more have raised, the most widely met first."""
    seen = inside(RaisedIndicator.agency, scope)
    agencies = func.count(RaisedIndicator.agency.distinct())
    pairs = session.execute(
        select(RaisedIndicator.type, RaisedIndicator.value)
        .where(seen)
        .group_by(RaisedIndicator.type, RaisedIndicator.value)
        .having(agencies >= 2)
        .order_by(agencies.desc(), RaisedIndicator.value)
        .limit(SHARED)
    ).all()
    found = []
    for kind, value in pairs:
        having = select(RaisedIndicator.raised_id).where(
            RaisedIndicator.type == kind, RaisedIndicator.value == value, seen
        )
        first, last = session.execute(
            select(func.min(Raised.first_seen), func.max(Raised.last_seen)).where(Raised.id.in_(having))
        ).one()
        codes = set(session.scalars(select(Raised.agency).where(Raised.id.in_(having)).distinct()))
        newest = select(Raised.id).where(Raised.id.in_(having)).order_by(Raised.received_at.desc()).limit(RELATED)
        names = _names(session, codes)
        found.append(SharedShape(
            type=kind, value=value, raised=list(session.scalars(newest)),
            agencies=[AgencyShape(code=code, name=names.get(code, code)) for code in sorted(codes)],
            first_seen=rfc3339(first), last_seen=rfc3339(last),
        ))  # fmt: skip
    return found


def _names(session: Session, codes: set[str]) -> dict[str, str]:
    rows = session.execute(select(Agency.code, Agency.name).where(Agency.code.in_(codes)))
    return {code: name or code for code, name in rows}


def _word(row: Spoken) -> shapes.Word:
    kind: Literal["acknowledged", "note"] = "acknowledged" if row.kind == "acknowledged" else "note"
    return shapes.Word(id=f"W{row.id}", at=rfc3339(row.at), item_id=row.item_id, kind=kind, text=row.text, by=row.by)
