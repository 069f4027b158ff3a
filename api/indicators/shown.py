"""Indicators as they cross HTTP: shapes, and how rows become them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.casework.queue import inside
from api.health import processes
from api.indicators.importing import STATES, Plan
from api.runtime import Runtime
from api.shapes import Out, Texts
from api.state.indicators import IndicatorHunt, IndicatorSighting, IndicatorSource, ListedIndicator
from correlator.indicators.kinds import all_kinds, guess
from correlator.indicators.kinds._plain import packed
from correlator.indicators.table import digest
from correlator.indicators.warnings import Warnings, all_warnings
from correlator.store.base import Scope
from sensors.clock import rfc3339


class Warned(Out):
    verdict: Literal["refuse", "ask"]
    list: str
    title: Texts
    reason: Texts


class Indicator(Out):
    id: int
    agency: str
    kind: str
    value: str
    key: str
    source: int
    source_name: str
    tlp: str
    confidence: int | None
    added_at: str
    expires_at: str | None
    ended: bool
    note: str
    allowed: str
    seen: int
    first_seen: str | None
    last_seen: str | None


class Source(Out):
    id: int
    agency: str
    name: str
    format: str
    tlp: str
    confidence: int | None
    count: int
    added_at: str
    added_by: str
    changed_at: str
    removed: bool


class Sources(Out):
    items: list[Source]
    kinds: dict[str, Texts]
    in_force: int  # what the running correlator holds against events of the reader's agencies
    error: str  # why it kept an older set


class PlanLine(Out):
    line: int
    state: Literal["new", "known", "elsewhere", "asked", "refused", "wrong", "passed", "ended"]
    kind: str
    value: str
    key: str
    list: str
    reason: Texts


class Preview(Out):
    format: str
    counts: dict[str, int]
    kinds: dict[str, int]
    lines: list[PlanLine]
    stopped: Texts | None
    applied: bool
    removed: int
    source: int


class Tested(Out):
    kind: str
    value: str
    caution: Warned | None
    items: list[Indicator]


class Trace(Out):
    kind: str
    value: str
    count: int
    first: str
    last: str
    hosts: dict[str, int]
    event_ids: list[str]


class Hunt(Out):
    id: int
    agency: str
    what: str
    source: int | None
    state: Literal["waiting", "running", "done", "stopped", "failed"]
    asked_at: str
    asked_by: str
    since: str
    until: str
    done: int
    total: int
    events: int
    found_total: int
    found: list[Trace]
    told: str
    ended_at: str | None


class Hunts(Out):
    items: list[Hunt]


def indicators(session: Session, rows: Sequence[ListedIndicator], scope: Scope, now: float) -> list[Indicator]:
    names: dict[int, str] = {}
    met: dict[str, tuple[int, float, float]] = {}
    if rows:
        wanted = {row.source_id for row in rows}
        query = select(IndicatorSource.id, IndicatorSource.name).where(IndicatorSource.id.in_(wanted))
        names = dict(session.execute(query).all())
        found = (
            select(IndicatorSighting.key, func.sum(IndicatorSighting.count), func.min(IndicatorSighting.first_at),
                   func.max(IndicatorSighting.last_at))
            .where(inside(IndicatorSighting.agency, scope), IndicatorSighting.key.in_({row.key for row in rows}))
            .group_by(IndicatorSighting.key)
        )  # fmt: skip
        met = {key: (int(count), first, last) for key, count, first, last in session.execute(found)}
    made = []
    for row in rows:
        count, first, last = met.get(row.key, (0, None, None))
        made.append(Indicator(
            id=row.id, agency=row.agency, kind=row.kind, value=row.value, key=row.key, source=row.source_id,
            source_name=names.get(row.source_id, ""), tlp=row.tlp, confidence=row.confidence,
            added_at=rfc3339(row.added_at), expires_at=_time(row.expires_at),
            ended=row.expires_at is not None and row.expires_at <= now, note=row.note, allowed=row.allowed,
            seen=count, first_seen=_time(first), last_seen=_time(last),
        ))  # fmt: skip
    return made


def source(row: IndicatorSource) -> Source:
    return Source(
        id=row.id, agency=row.agency, name=row.name, format=row.format, tlp=row.tlp, confidence=row.confidence,
        count=row.rows, added_at=rfc3339(row.added_at), added_by=row.added_by, changed_at=rfc3339(row.changed_at),
        removed=row.removed_at is not None,
    )  # fmt: skip


def sources(session: Session, here: ColumnElement[bool], scope: Scope, node: Runtime) -> Sources:
    rows = session.scalars(
        select(IndicatorSource).where(here, IndicatorSource.removed_at.is_(None)).order_by(IndicatorSource.name)
    )
    said = [body for body in processes(node.data) if isinstance(body.get("indicators"), dict)]
    return Sources(
        items=[source(row) for row in rows],
        kinds={kind.name: Texts(vi=kind.title["vi"], en=kind.title["en"]) for kind in all_kinds().values()},
        in_force=sum(
            count
            for body in said
            for agency, count in dict(body["indicators"].get("by_agency") or {}).items()
            if isinstance(count, int) and (not agency or scope.sees(agency))
        ),
        error="; ".join(str(body["indicators_error"]) for body in said if body.get("indicators_error"))[:500],
    )


def preview(plan: Plan) -> Preview:
    return Preview(
        format=plan.format, counts={state: plan.counts[state] for state in STATES}, kinds=dict(plan.kinds),
        lines=[PlanLine(line=one.line, state=one.state, kind=one.kind, value=one.value, key=one.key, list=one.list,
                        reason=Texts(vi=one.vi, en=one.en)) for one in plan.lines],
        stopped=Texts(vi=plan.stopped[0], en=plan.stopped[1]) if plan.stopped else None,
        applied=plan.applied, removed=plan.removed, source=plan.source_id,
    )  # fmt: skip


def hunt(row: IndicatorHunt, *, whole: bool = True) -> Hunt:
    return Hunt(
        id=row.id, agency=row.agency, what=row.what, source=row.source_id, state=_state(row.state),
        asked_at=rfc3339(row.asked_at), asked_by=row.asked_by, since=rfc3339(row.since), until=rfc3339(row.until),
        done=row.done or 0, total=row.total or 0, events=row.events or 0, found_total=row.found_total or 0,
        found=[_trace(one) for one in row.found] if whole else [], told=row.told or "", ended_at=_time(row.ended_at),
    )  # fmt: skip


def _trace(one: dict[str, Any]) -> Trace:
    return Trace(kind=one["kind"], value=one["value"], count=one["count"], first=one["first"], last=one["last"],
                 hosts=one["hosts"], event_ids=one["event_ids"])  # fmt: skip


def _state(said: str) -> Literal["waiting", "running", "done", "stopped", "failed"]:
    return said if said in ("waiting", "running", "done", "stopped") else "failed"  # type: ignore[return-value]


def caution(found: tuple[str, str]) -> Warned | None:
    """Without what is our own: a reader of one agency learns nothing of another's addresses."""
    said = Warnings().of(*found)
    if said is None:
        return None
    title = all_warnings()[said.list].title
    return Warned(verdict=said.verdict, list=said.list, title=Texts(vi=title["vi"], en=title["en"]),
                  reason=Texts(vi=said.vi, en=said.en))  # fmt: skip


def keys_for(text: str) -> set[str]:
    """All keys under which a value may be listed: its own, those of the names above it, and of a URL those of its host,
    which the correlator holds against an event that visits it."""
    found = guess(text)
    host = urlsplit(found[1]).hostname if found and found[0] == "url" else None
    texts = (text, host) if host else (text,)
    return {digest(kind, key).hex() for kind in all_kinds().values() if not kind.networks
            for one in texts for key, _ in kind.keys(kind.normal(one) or one)}  # fmt: skip


def networks_around(session: Session, text: str, here: ColumnElement[bool]) -> list[ListedIndicator]:
    """Listed networks that hold an address: one name for each prefix length, by their keys."""
    raw = packed(text.strip())
    if raw is None:
        return []
    kind = all_kinds()["network"]
    address = ipaddress.ip_address(raw)
    names = [str(ipaddress.ip_network((raw, bits), strict=False)) for bits in range(1, address.max_prefixlen)]
    keys = [digest(kind, kind.key(name)).hex() for name in names]
    return list(session.scalars(select(ListedIndicator).where(here, ListedIndicator.key.in_(keys)).limit(200)))


def own_names(node: Runtime) -> list[str]:
    try:
        name = urlsplit(node.api.public_url).hostname
    except ValueError:
        name = None
    return [name] if name else []


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
