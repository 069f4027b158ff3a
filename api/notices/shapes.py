"""What crosses the people's port about notices. No secret is in any answer; a channel says only that it has one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.notices.words import MAIL_ADDRESS
from api.shapes import In, Level, Line, Listed, Needed, Out, Person, Texts

Name = Annotated[Line, Field(min_length=1, max_length=128)]
AgencyCode = Annotated[str, Field(min_length=1, max_length=64)]
Minute = Annotated[int, Field(ge=0, lt=1440)]
Day = Annotated[str, Field(pattern=r"^(20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")]
Kind = Literal["alert", "incident", "clock", "service", "sensor", "system", "national"]
Hours = Literal["any", "office", "off"]
State = Literal["waiting", "sending", "sent", "given_up", "shown"]


class SendingShape(Out):
    id: int
    uid: str
    notice_id: int
    agency: str
    channel: str | None
    channel_id: int | None
    person: Person | None
    why: str
    state: State
    made_at: str
    next_at: str | None
    sent_at: str | None
    attempts: int
    error: Texts | None
    receipt: str
    level: Level
    count: int
    kind: str
    ref: str
    title: Texts
    acknowledged_at: str | None
    acknowledged_by: str | None
    revision: int


class Sendings(Listed[SendingShape]):
    counts: dict[str, int]


class LastTry(Out):
    id: int
    state: State
    at: str
    receipt: str
    error: Texts | None


class ChannelShape(Out):
    id: int
    agency: str
    name: str
    kind: str
    shown: str
    settings: dict[str, Any]
    has_secret: bool
    secret_file: str
    titles: bool
    tells_over: bool
    personal: Level | None
    enabled: bool
    fails: int
    last: LastTry | None
    revision: int


class Channels(Listed[ChannelShape]):
    kinds: list[str]
    public_url: bool  # without it, messages have no link
    local_hosts: list[str]


class ChannelIn(In):
    agency: AgencyCode
    name: Name
    kind: Annotated[str, Field(max_length=16)]
    settings: dict[str, Any] = Field(default_factory=dict, max_length=20)
    secret: Annotated[str, Field(max_length=4096)] | None = None  # None: as it is; "": none
    titles: bool = False
    tells_over: bool = False
    personal: Level | None = None
    enabled: bool = True
    retired: bool = False


class TestStarted(Out):
    sending_id: int


class RouteShape(Out):
    id: int
    agency: str
    level: Level
    grade: int | None
    kinds: list[Kind]
    hours: Hours
    channel_id: int | None
    channel: str | None
    person: Person | None
    team_id: int | None
    team: str | None
    line_team_id: int | None
    line_team: str | None
    steps: list[int]
    window_s: int
    enabled: bool
    revision: int


class RouteIn(In):
    agency: AgencyCode
    level: Level = "high"
    grade: Annotated[int, Field(ge=1, le=5)] | None = None
    kinds: list[Kind] = Field(default_factory=list, max_length=7)
    hours: Hours = "any"
    channel_id: int | None = None
    user_id: int | None = None
    team_id: int | None = None
    line_team_id: int | None = None
    steps: list[Annotated[int, Field(ge=1, le=1440)]] = Field(default_factory=list, max_length=3)
    window_s: Annotated[int, Field(ge=60, le=3600)] = 300
    enabled: bool = True
    retired: bool = False


class HandoverShape(Out):
    at: str
    by: str
    text: str


class TeamShape(Out):
    id: int
    agency: str
    name: str
    lead: Person
    members: list[Person]
    now: Person | None
    handover: HandoverShape | None
    revision: int


class TeamIn(In):
    agency: AgencyCode
    name: Name
    lead_id: int
    members: list[int] = Field(default_factory=list, max_length=100)
    retired: bool = False


class SpanShape(Out):
    start: str
    end: str
    person: Person | None  # None: a gap
    shift_id: int | None
    cover_id: int | None


class ShiftShape(Out):
    id: int
    person: Person
    weekday: int
    from_min: int
    until_min: int
    since: str
    until: str


class CoverShape(Out):
    id: int
    team_id: int
    team: str
    person: Person | None
    start: str
    end: str
    state: Literal["asked", "agreed", "declined", "withdrawn"]
    asked_by: str
    note: str


class Week(Out):
    start: str
    days: int
    spans: list[SpanShape]
    shifts: list[ShiftShape]
    covers: list[CoverShape]
    gap_hours: float
    now: str


class ShiftIn(In):
    user_id: int
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]
    from_min: Minute
    until_min: Minute
    since: Day = ""
    until: Day = ""


class CoverIn(In):
    user_id: int | None = None
    start: Annotated[str, Field(max_length=40)]
    end: Annotated[str, Field(max_length=40)]
    note: Annotated[Line, Field(max_length=512)] = ""


class SwapIn(In):
    to: int
    start: Annotated[str, Field(max_length=40)]
    end: Annotated[str, Field(max_length=40)]
    note: Annotated[Line, Field(max_length=512)] = ""


class AnswerIn(In):
    agree: bool


class TextIn(In):
    text: Needed


class HolidayShape(Out):
    id: int
    agency: str
    day: str
    name: str


class HolidayIn(In):
    agency: AgencyCode
    day: Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    name: Name


class Holidays(Listed[HolidayShape]):
    fixed: dict[str, str]  # "01-01": name
    office: list[int]  # minutes: from, until


class ContactShape(Out):
    system: str
    system_contact: str
    lead: str
    lead_phone: str


class MineShape(Out):
    id: int  # the notice's
    at: str
    level: Level
    agency: str
    kind: str
    ref: str
    refs: list[str]
    count: int
    title: Texts
    link: str
    why: str
    team_id: int | None
    step: int
    escalate_at: str | None
    status: str | None  # of the alert or incident it is about
    contact: ContactShape
    revision: int


class DutyShape(Out):
    team_id: int
    team: str
    on_duty: Person | None
    me: bool
    until: str | None
    lead: Person
    lead_phone: str
    members: list[Person]
    handover: HandoverShape | None
    next: list[SpanShape]  # mine, to come


class Duty(Out):
    teams: list[DutyShape]
    swaps: list[CoverShape]  # that wait for my word


class ReachShape(Out):
    mail: str
    phone: str
    quiet_from: int | None
    quiet_until: int | None
    language: str


class ReachIn(In):
    mail: Annotated[str, Field(max_length=254, pattern=MAIL_ADDRESS)] | Literal[""] = ""
    phone: Annotated[str, Field(max_length=32, pattern=r"^(\+?[0-9][0-9 .-]{5,30})?$")] = ""
    quiet_from: Minute | None = None
    quiet_until: Minute | None = None


class PutOffIn(In):
    minutes: Annotated[int, Field(ge=5, le=1440)] = 60


class People(Out):
    items: list[Person]
