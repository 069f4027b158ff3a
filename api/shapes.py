"""What crosses the people's port: the JSON shapes of /api/v1, from which the dashboard's types are generated.

Requests forbid unknown keys: a field that nobody reads (role, agency, owner …) is refused, not ignored (reliability.md
S3). Texts are bounded and NFC. Times are RFC 3339 UTC text.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Level = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")
AlertStatus = Literal["new", "claimed", "snoozed", "closed"]
Disposition = Literal["true_positive", "benign_true", "false_positive", "duplicate", "test", "undetermined"]
IncidentState = Literal["open", "investigating", "contained", "resolved", "closed"]
Language = Literal["vi", "en"]


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\x00", "")).strip()
    return text.encode("utf-8", "replace").decode()


Line = Annotated[str, Field(max_length=512), AfterValidator(_clean)]
Note = Annotated[str, Field(max_length=10_000), AfterValidator(_clean)]
Needed = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_clean)]
Code = Annotated[str, Field(min_length=6, max_length=32, repr=False)]  # of an app, or a recovery code
Credential = Annotated[dict[str, Any], Field(max_length=32)]  # what a browser's passkey signed


class Csv(Response):
    """What a route that answers with a table says of itself in the schema (`response_class=Csv`)."""

    media_type = "text/csv; charset=utf-8"


class In(BaseModel):
    """Base of request bodies. A NUL in any text and a number beyond 32 bits, however deep, are refused:
    PostgreSQL cannot keep them."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _fits_a_database(cls, value: Any) -> Any:
        waiting = [value]
        while waiting:
            here = waiting.pop()
            if isinstance(here, str) and "\x00" in here:
                raise ValueError("a text holds a NUL character")
            if isinstance(here, int) and not -(2**31) <= here < 2**31:
                raise ValueError("a number is too large")
            if isinstance(here, dict):
                waiting += [*here, *here.values()]
            elif isinstance(here, list):
                waiting += here
        return value


class Out(BaseModel):
    """Base of answers."""


Item = TypeVar("Item")


class Listed(Out, Generic[Item]):
    items: list[Item]
    next: str | None = None
    total: int


class Options(Out):
    """What a browser's passkeys are asked."""

    options: dict[str, Any]


class Texts(Out):
    vi: str = ""
    en: str = ""


class Person(Out):
    id: int
    name: str


class NodeShape(Out):
    name: str
    agency: str
    role: Literal["agency", "national"]
    exercise: bool
    version: str


class GrantShape(Out):
    role: str
    agency: str | None
    agency_name: str | None = None
    until: str | None = None


class UserShape(Out):
    id: int
    username: str
    name: str
    language: Language


class Me(Out):
    user: UserShape
    grants: list[GrantShape]
    permissions: list[str]
    csrf: str
    expires_at: str
    node: NodeShape
    setup: bool = False  # a second factor must be set up before anything else may be done


class Snooze(Out):
    until: str
    reason: str
    by: str


class SystemRef(Out):
    """The information system that something is about (api/inventory)."""

    id: str
    name: str
    kind: str
    grade: int | None


class Term(Out):
    """One term of an alert's priority, in words; the points add up."""

    points: int
    vi: str
    en: str


class Alert(Out):
    id: str
    agency: str
    rule_id: str
    title: Texts
    reason: Texts
    level: Level
    type: Literal["sigma", "correlation", "detector", "indicator"]
    status: AlertStatus
    woken: bool
    count: int
    first_seen: str
    last_seen: str
    created_at: str
    group: dict[str, str]
    entities: dict[str, list[str]]
    techniques: list[str]
    score: float | None
    assignee: Person | None
    snooze: Snooze | None
    disposition: Disposition | None
    incident_id: str | None
    system: SystemRef | None
    priority: int
    priority_terms: list[Term]
    spark: list[int]
    revision: int


class HitShape(Out):
    id: str
    at: str
    event_ids: list[str]
    reason: Texts
    count: int


class Steps(Out):
    vi: list[str] = []
    en: list[str] = []


class AlertCounts(Out):
    level: dict[str, int]
    status: dict[str, int]


class AlertList(Listed[Alert]):
    counts: AlertCounts
    as_of: str


class Actor(Out):
    id: int | None
    name: str


class HistoryEntry(Out):
    at: str
    actor: Actor
    act: str
    before: dict[str, Any] | None = Field(alias="from")
    after: dict[str, Any] | None = Field(alias="to")
    note: str | None


class History(Out):
    items: list[HistoryEntry]


class Event(BaseModel):
    """An event as it is stored: ECS, nested. Any field may be there."""

    model_config = ConfigDict(extra="allow")


class EventList(Out):
    items: list[dict[str, Any]]
    next: str | None = None
    total: int
    partial: str = ""


class IndicatorShape(Out):
    type: str
    value: str
    tlp: str


class Receipt(Out):
    id: str
    at: str
    by: str


class Delivery(Out):
    item_id: str
    item_revision: int
    sequence: int
    state: Literal["waiting", "sent", "received", "refused", "acknowledged"]
    attempts: int
    last_attempt_at: str | None
    next_attempt_at: str | None
    last_error: str | None
    reason: Texts | None
    receipt: Receipt | None
    queued_at: str


class Word(Out):
    id: str
    at: str
    item_id: str
    kind: Literal["receipt", "acknowledged", "note", "refused"]
    text: str
    by: str


class AlertFull(Alert):
    hits: list[HitShape]
    hits_total: int
    description: Texts
    steps: Steps
    delivery: Delivery | None  # when the alert was raised by itself
    words: list[Word]


class IncidentAlert(Out):
    id: str
    title: Texts
    level: Level
    status: AlertStatus
    count: int
    first_seen: str
    last_seen: str


class IncidentShort(Out):
    id: str
    agency: str
    title: str
    level: Level
    state: IncidentState
    coordinator: Person
    first_seen: str
    last_seen: str
    created_at: str
    closed_at: str | None
    alerts_count: int
    delivery: Delivery | None
    system: SystemRef | None
    revision: int


class Incident(IncidentShort):
    alerts: list[IncidentAlert]
    indicators: list[IndicatorShape]
    words: list[Word]
