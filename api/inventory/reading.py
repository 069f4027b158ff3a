"""The inventory as it is read: lists with filters, order and totals, one system with what belongs to it. Inside a
scope.

Totals are of the same filters less the one they break down, in the same read transaction as the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.casework.errors import Invalid
from api.casework.folding import like
from api.casework.paging import Key, after, cursor_of
from api.casework.queue import inside
from api.inventory.seen import WINDOW_S
from api.state.cases import Alert
from api.state.inventory import Address, Asset, System
from api.state.inventory_seen import AssetSeen, SystemSeen
from correlator.store.base import Scope

ASSETS_SHOWN = 500
ENDED_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Filter:
    q: str = ""
    agency: str = ""
    kinds: tuple[str, ...] = ()
    grades: tuple[int, ...] = ()  # 0: not graded yet
    system: str = ""  # of assets: a system's id, or none
    retired: bool = False
    sort: str = ""


SORTS: dict[type[Any], dict[str, Any]] = {
    System: {"name": System.name_key, "grade": System.grade, "kind": System.kind, "created_at": System.created_at},
    Asset: {"host": Asset.host_key, "kind": Asset.kind, "created_at": Asset.created_at},
}


def page(session: Session, scope: Scope, of: type[Any], wanted: Filter, *, limit: int, cursor: str
         ) -> tuple[Sequence[Any], str | None, int, dict[str, dict[str, int]]]:  # fmt: skip
    """(rows, next, total, counts by kind and, of systems, by grade: "0" is not graded yet)"""
    down, name = wanted.sort.startswith("-"), wanted.sort.lstrip("-") or ("name" if of is System else "host")
    if name not in SORTS[of]:
        raise Invalid("sort", "Không có cách sắp xếp này.", "No such order.")
    conditions = _conditions(of, scope, wanted)
    query = select(of).where(*conditions)
    keys = [Key(of.id, down)]
    if name == "grade":
        # No grade sorts below 1, and a cursor holds no NULL: two walks, the graded ones and the others.
        rows, following = _by_grade(session, query, down, limit, cursor)
    else:
        keys = [Key(SORTS[of][name], down), *keys]
        if cursor:
            query = query.where(after(keys, cursor))
        rows = list(session.scalars(query.order_by(*(key.order() for key in keys)).limit(limit + 1)))
        following = cursor_of(keys, rows[limit - 1]) if len(rows) > limit else None
    counts = {"kind": _count(session, of, scope, wanted, "kind", of.kind)}
    if of is System:
        counts["grade"] = _count(session, of, scope, wanted, "grade", func.coalesce(System.grade, 0))
    total = session.scalar(select(func.count()).select_from(of).where(*conditions)) or 0
    return rows[:limit], following, total, counts


def _by_grade(session: Session, query: Any, down: bool, limit: int, cursor: str) -> tuple[list[Any], str | None]:
    """Graded and ungraded systems in one order. The cursor of the ungraded walk is two keys long, the other's three."""
    graded = [Key(System.grade, down), Key(System.name_key, down=False), Key(System.id, down=False)]
    plain = [Key(System.name_key, down=False), Key(System.id, down=False)]
    walks = [(graded, System.grade.is_not(None)), (plain, System.grade.is_(None))]
    if not down:
        walks.reverse()
    start = 0
    if cursor.startswith("~"):
        start, cursor = 1, cursor[1:]
    rows: list[Any] = []
    for keys, condition in walks[start:]:
        here = query.where(condition)
        if cursor:
            here = here.where(after(keys, cursor))
        cursor = ""
        wanted = limit + 1 - len(rows)
        rows += session.scalars(here.order_by(*(key.order() for key in keys)).limit(wanted))
        if len(rows) > limit:
            last = rows[limit - 1]
            of_last = 0 if (last.grade is not None) == (walks[0][0] is graded) else 1
            return rows, ("~" if of_last else "") + cursor_of(walks[of_last][0], last)
    return rows, None


def _conditions(of: type[Any], scope: Scope, wanted: Filter, but: str = "") -> list[ColumnElement[bool]]:
    found = [inside(of.agency, scope), of.retired_at.is_not(None) if wanted.retired else of.retired_at.is_(None)]
    if wanted.agency:
        found.append(of.agency == wanted.agency)
    if wanted.kinds and but != "kind":
        found.append(of.kind.in_(wanted.kinds))
    if wanted.grades and but != "grade" and of is System:
        found.append(func.coalesce(System.grade, 0).in_(wanted.grades))
    if wanted.system and of is Asset:
        found.append(Asset.system_id.is_(None) if wanted.system == "none" else Asset.system_id == wanted.system)
    return found + [of.search_text.like(like(word), escape="\\") for word in wanted.q.split()[:10]]


def _count(session: Session, of: type[Any], scope: Scope, wanted: Filter, but: str, by: Any) -> dict[str, int]:
    rows = session.execute(select(by, func.count()).where(*_conditions(of, scope, wanted, but)).group_by(by))
    return {str(value): count for value, count in rows}


def sensed_by_grade(session: Session, scope: Scope, now: float, agency: str = "") -> list[tuple[int, int, int]]:
    """(grade, or 0; systems; of these, with data in the last day), for the chart."""
    wanted = Filter(agency=agency)
    grade = func.coalesce(System.grade, 0)
    rows = session.execute(
        select(grade, func.count(), func.count(SystemSeen.system_id))
        .outerjoin(SystemSeen, (SystemSeen.system_id == System.id) & (SystemSeen.last_data_at > now - WINDOW_S))
        .where(*_conditions(System, scope, wanted))
        .group_by(grade)
        .order_by(grade)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def find(session: Session, scope: Scope, of: type[Any], object_id: str) -> Any | None:
    found = session.get(of, object_id)
    return found if found is not None and scope.sees(found.agency) else None


def assets_of(session: Session, system: System) -> Sequence[Asset]:
    query = select(Asset).where(Asset.system_id == system.id, Asset.retired_at.is_(None), Asset.agency == system.agency)
    return session.scalars(query.order_by(Asset.host_key, Asset.id).limit(ASSETS_SHOWN)).all()


def bindings(session: Session, owners: Sequence[str]) -> dict[str, list[Address]]:
    """What each has and had: current first, then what ended last; ENDED_SHOWN ended ones in all."""
    of = Address.asset_id.in_(owners) | Address.system_id.in_(owners)
    now = session.scalars(select(Address).where(of, Address.until.is_(None)).order_by(Address.id)).all()
    ended = session.scalars(
        select(Address)
        .where(of, Address.until.is_not(None))
        .order_by(Address.until.desc(), Address.id)
        .limit(ENDED_SHOWN)
    ).all()
    found: dict[str, list[Address]] = {}
    for row in (*now, *ended):
        found.setdefault(row.asset_id or row.system_id or "", []).append(row)
    return found


def next_holders(session: Session, rows: Sequence[Address]) -> dict[int, tuple[str, str]]:
    """For ended bindings of assets: the asset (id, host) that has the value now ("đã đổi máy")."""
    values = {(row.agency, row.value) for row in rows if row.until is not None and row.asset_id}
    if not values:
        return {}
    found = session.execute(
        select(Address.agency, Address.value, Asset.id, Asset.host)
        .join(Asset, Asset.id == Address.asset_id)
        .where(Address.until.is_(None), Address.value.in_({value for _, value in values}))
    )
    now = {(row.agency, row.value): (row.id, row.host) for row in found}
    return {
        row.id: now[row.agency, row.value]
        for row in rows
        if row.until is not None and (row.agency, row.value) in now and now[row.agency, row.value][0] != row.asset_id
    }


def last_data(session: Session, of: type[Any], ids: Sequence[str]) -> dict[str, float]:
    seen: Any = SystemSeen if of is System else AssetSeen
    key = seen.system_id if of is System else seen.asset_id
    return {row[0]: row[1] for row in session.execute(select(key, seen.last_data_at).where(key.in_(ids)))}


def open_alerts(session: Session, ids: Sequence[str]) -> dict[str, int]:
    rows = session.execute(
        select(Alert.system_id, func.count())
        .where(Alert.system_id.in_(ids), Alert.status.in_(("new", "claimed")))
        .group_by(Alert.system_id)
    )
    return {row[0]: row[1] for row in rows if row[0]}


def asset_counts(session: Session, ids: Sequence[str]) -> dict[str, int]:
    rows = session.execute(
        select(Asset.system_id, func.count())
        .where(Asset.system_id.in_(ids), Asset.retired_at.is_(None))
        .group_by(Asset.system_id)
    )
    return {row[0]: row[1] for row in rows if row[0]}
