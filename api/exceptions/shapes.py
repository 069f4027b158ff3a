"""JSON shapes of exceptions (api/resources/exceptions.py)."""

from __future__ import annotations

from typing import Any, Literal

from api.exceptions.selection import Condition
from api.shapes import Level, Out, Texts

State = Literal["active", "ended", "expired"]
Force = Literal["in_force", "waiting", "refused", "over"]


class RuleRef(Out):
    id: str
    title: Texts
    level: str


class ProposedShape(Out):
    condition: Condition
    chosen: bool
    attacker_chosen: bool


class Proposal(Out):
    alert_id: str
    agency: str
    rules: list[RuleRef]  # that it will name; empty: none can be made, `impossible` says why
    readers: list[RuleRef]  # correlations that count them
    conditions: list[ProposedShape]
    level: str
    may_save: bool  # this person, for this level
    until: str  # proposed
    until_last: str
    impossible: Texts | None


class Counted(Out):
    value: str
    count: int


class SampleHit(Out):
    at: str
    rule_id: str
    title: Texts
    level: str
    reason: Texts
    event_ids: list[str]


class ReaderShape(RuleRef):
    hits_before: int
    hits_after: int


class PreviewShape(Out):
    days: int
    covered_since: str
    covered_until: str
    complete: bool
    partial: str  # what the store could not search
    events_read: int
    alerts: int
    alerts_before: int
    hits: int
    hits_before: int
    by_level: dict[Level, int]
    by_host: list[Counted]
    hosts: int
    sample: list[SampleHit]
    readers: list[ReaderShape]
    alert_events: int
    alert_hidden: int
    open_alerts: int  # open ones that it covers wholly
    warnings: list[str]
    must_accept: list[str]
    may_save: bool
    took_s: float


class Tested(Out):
    """What the days before said when it was saved."""

    at: str
    days: int
    complete: bool
    alerts: int
    hits: int
    by_level: dict[str, int]
    warnings: list[str]


class Ended(Out):
    at: str
    by: str
    reason: str


class ExceptionShape(Out):
    id: str
    agency: str
    alert_id: str
    rules: list[RuleRef]
    conditions: list[Condition]
    level: str
    reason: str
    owner: str
    created_at: str
    until: str
    state: State
    force: Force
    fault: str  # LT-R05xx while it is refused
    hidden: int
    hidden_at: str | None
    tested: Tested
    ended: Ended | None
    mine: bool
    may_end: bool
    revision: int
    closed_alerts: int = 0  # only in the answer that made it


class ExceptionList(Out):
    items: list[ExceptionShape]
    next: str | None
    total: int
    counts: dict[str, int]  # by state


def told(said: dict[str, Any]) -> Texts:
    return Texts(vi=str(said.get("vi") or said.get("en") or ""), en=str(said.get("en") or said.get("vi") or ""))
