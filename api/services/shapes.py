"""What the people's port says of services. Every share has its base beside it: minutes watched and minutes lost."""

from __future__ import annotations

from typing import Literal

from api.shapes import Out

State = Literal["up", "slow", "suspect", "down", "unknown", "maintenance"]
Verdict = Literal["up", "slow", "down", "unreachable", "unknown"]


class Availability(Out):
    share: float | None  # 0 to 1; None: nothing was watched
    days: int
    minutes_watched: int
    minutes_lost: int
    minutes_slow: int
    minutes_suspect: int
    minutes_maintenance: int


class DayShape(Out):
    date: str  # of Vietnam, 2026-11-22
    ok: int
    slow: int
    suspect: int
    down: int
    maintenance: int
    unknown: int
    p50_ms: float | None
    p95_ms: float | None


class MonthShape(Out):
    month: str  # 2026-11
    share: float | None
    minutes_watched: int
    minutes_lost: int
    minutes_maintenance: int


class SystemRef(Out):
    id: str
    name: str


class ServiceShort(Out):
    id: str
    agency: str
    key: str
    name: str
    kind: str
    host: str
    system: SystemRef | None
    grade: int | None
    state: State
    observed: State  # beneath a maintenance window
    since: str
    reason: str
    latency_ms: float | None
    slow_ms: float | None
    checked_at: str
    certificate_expires_at: str | None
    certificate_days: int | None
    availability: Availability
    days: list[DayShape]
    revision: int


class VantageShape(Out):
    name: str
    state: State
    since: str
    last_at: str
    every_s: float
    reason: str
    latency_ms: float | None


class HourShape(Out):
    at: str
    p50_ms: float | None
    p95_ms: float | None
    results: int


class OutageShape(Out):
    id: int
    service_id: str
    since: str
    until: str | None
    minutes: int
    reason: str
    flaps: int
    maintenance: bool
    alert_id: str | None
    incident_id: str | None
    undone: bool
    related: list[str]


class WindowShape(Out):
    id: str
    agency: str
    services: list[str]
    since: str
    until: str
    note: str
    state: Literal["planned", "running", "over", "withdrawn"]
    retroactive: bool
    created_by: str
    created_at: str
    revision: int


class Service(ServiceShort):
    today: str  # the day's minutes so far, one mark each (api/services/minutes.py)
    today_starts_at: str
    hours: list[HourShape]
    months: list[MonthShape]
    vantages: list[VantageShape]
    outages: list[OutageShape]
    windows: list[WindowShape]
    first_at: str


class Services(Out):
    items: list[ServiceShort]
    next: str | None = None
    total: int
    states: dict[str, int]  # before the state filter: what the tabs count
    windows: list[WindowShape]  # running now, for the banner


class BoardService(Out):
    id: str
    name: str
    system: str
    kind: str
    grade: int | None
    verdict: Verdict
    said: str  # by the agency's own node; "" when it says nothing of it
    reached: str  # by the centre's probe; "" when it asks nothing
    since: str | None
    availability_30d: float | None
    minutes_watched_30d: int
    minutes_lost_30d: int
    certificate_expires_at: str | None
    checked_at: str | None


class BoardAgency(Out):
    agency: str
    name: str
    silent: bool
    reported_at: str | None
    counts: dict[str, int]
    services: list[BoardService]


class Board(Out):
    items: list[BoardAgency]
    counts: dict[str, int]
    total: int
