"""The overview as it crosses HTTP. A part that the person may not see is null: not zero."""

from __future__ import annotations

from typing import Literal

from api import lamps
from api.notices.shapes import HandoverShape
from api.shapes import Level, Out, Person, Texts


class LevelGrade(Out):
    level: Level
    grade: int | None
    count: int


class AlertsNow(Out):
    new: int  # nobody has taken them
    mine: int
    oldest_at: str | None
    cells: list[LevelGrade]


class TrendDay(Out):
    day: str  # in official time
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    informational: int = 0


class ClockNow(Out):
    id: int
    incident_id: str | None
    period: str | None
    title: str
    text: Texts
    due_at: str
    overdue: bool


class IncidentsNow(Out):
    open: int
    critical: int  # critical and high
    clocks: int  # running
    overdue: int
    next: list[ClockNow]


class ServiceNow(Out):
    id: str
    name: str
    agency: str
    state: str
    since: str


class ServicesNow(Out):
    total: int
    down: int
    slow: int
    unknown: int
    maintenance: int
    worst: list[ServiceNow]


class SensorNow(Out):
    id: str
    name: str
    agency_name: str
    state: lamps.State
    heard_at: str | None


class SensorsNow(Out):
    total: int
    ok: int
    starting: int
    blind: int  # reached, but nothing that is not a heartbeat
    worst: list[SensorNow]
    real_at: str | None  # of any of them


class RaisedNow(Out):
    refused: int
    waiting: int
    oldest_at: str | None
    upstream: bool
    last_contact_at: str | None


class InboxNow(Out):
    new: int
    oldest_at: str | None


class BackupNow(Out):
    target: bool
    last_good_at: str | None
    last_verified_at: str | None
    late: bool
    problem: Texts | None


class DutyNow(Out):
    team_id: int
    team: str
    now: Person | None
    handover: HandoverShape | None


StepKey = Literal["sensor", "alert", "inventory", "channel", "person", "upstream", "backup"]


class StartStep(Out):
    key: StepKey
    done: bool
    part: Literal["", "silent", "unsent", "uncontacted", "unmade"] = ""  # begun, but not shown to work yet
    command: str = ""  # the next thing to type, when it is typed


class Overview(Out):
    as_of: str
    alerts: AlertsNow | None = None
    trend: list[TrendDay] | None = None
    incidents: IncidentsNow | None = None
    services: ServicesNow | None = None
    sensors: SensorsNow | None = None
    raised: RaisedNow | None = None
    inbox: InboxNow | None = None
    backup: BackupNow | None = None
    duty: list[DutyNow] | None = None
    start: list[StartStep] | None = None  # while something is not done
    failed: list[str]  # parts that could not be made now
