"""Tables of casework: alerts folded from hits, incidents made of alerts, and the history of every act on them.

One open alert per (agency, rule, group_key): `Alert.open_key` carries a hash of the three while the row still takes
hits and is NULL afterwards, so a plain UNIQUE constraint holds the promise on SQLite and PostgreSQL alike.
Exactly once: `AlertHit.id` is the hit's id; a hit that is there is not counted again, and the tail's cursor
(`Place`) moves in the same transaction. Hit rows older than HIT_MEMORY_S and beyond the newest kept per alert are
removed by a job; `Alert.count` stays.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Alert(Base):
    __tablename__ = "alert"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # CB-2026-000123
    agency: Mapped[str] = mapped_column(String(64))
    rule_id: Mapped[str] = mapped_column(String(128))
    group_key: Mapped[str] = mapped_column(Text)
    open_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))  # sigma | correlation | detector
    level: Mapped[str] = mapped_column(String(16))
    level_order: Mapped[int]  # 0 informational … 4 critical, for sorting
    status: Mapped[str] = mapped_column(String(16))  # new | claimed | snoozed | closed
    woken: Mapped[bool] = mapped_column(default=False)
    disposition: Mapped[str | None] = mapped_column(String(24))
    count: Mapped[int]
    first_seen: Mapped[float] = mapped_column(Double)
    last_seen: Mapped[float] = mapped_column(Double)
    created_at: Mapped[float] = mapped_column(Double)
    title: Mapped[dict[str, str]] = mapped_column(JSON)
    reason: Mapped[dict[str, str]] = mapped_column(JSON)
    group: Mapped[dict[str, str]] = mapped_column(JSON)
    techniques: Mapped[list[str]] = mapped_column(JSON)
    score: Mapped[float | None] = mapped_column(Double)
    search_text: Mapped[str] = mapped_column(Text)  # folded: "da nang" finds "Đà Nẵng"
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    snooze_until: Mapped[float | None] = mapped_column(Double)
    snooze_reason: Mapped[str | None] = mapped_column(Text)
    snooze_by: Mapped[str | None] = mapped_column(String(256))
    closed_at: Mapped[float | None] = mapped_column(Double)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)
    system_id: Mapped[str | None] = mapped_column(ForeignKey("system.id"), index=True)  # which system it concerns
    grade: Mapped[int | None]  # that system's, when the alert was made or the inventory last changed
    priority: Mapped[int] = mapped_column(default=0, server_default="0")  # api/casework/priority.py: the queue's order
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        Index(None, "status", "last_seen"),
        Index(None, "agency", "status", "last_seen"),
        Index(None, "rule_id", "last_seen"),
        Index(None, "snooze_until"),
        # The queue's two orders, with what is filtered by, so that rows of others and closed ones are passed by in the
        # index; and its counts, which are read from the index alone.
        Index("ix_alert_queue", "priority", "last_seen", "id", "agency", "status"),
        Index("ix_alert_arrival", "first_seen", "id", "agency", "status"),
        Index("ix_alert_counts", "agency", "status", "level", "woken"),
    )


class AlertHit(Base):
    __tablename__ = "alert_hit"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # the hit's event.id
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"))
    at: Mapped[float] = mapped_column(Double)
    folded_at: Mapped[float] = mapped_column(Double, index=True)
    count: Mapped[int] = mapped_column(default=1)
    reason: Mapped[dict[str, str]] = mapped_column(JSON)
    event_ids: Mapped[list[str]] = mapped_column(JSON)
    __table_args__ = (Index(None, "alert_id", "at"),)


class AlertEntity(Base):
    """Who and where: at most ENTITY_LIMIT values per field, and by them an alert is found from an entity."""

    __tablename__ = "alert_entity"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    __table_args__ = (Index(None, "field", "value"),)


class AlertHour(Base):
    """Hits per hour, for the sparkline; hours older than the line shows are removed by a job."""

    __tablename__ = "alert_hour"
    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)  # epoch hours
    count: Mapped[int]


class Incident(Base):
    __tablename__ = "incident"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # SC-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(512))
    level: Mapped[str] = mapped_column(String(16))
    level_order: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))  # open | investigating | contained | resolved | closed
    coordinator_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))  # exactly one
    first_seen: Mapped[float] = mapped_column(Double)
    last_seen: Mapped[float] = mapped_column(Double)
    created_at: Mapped[float] = mapped_column(Double)
    closed_at: Mapped[float | None] = mapped_column(Double)
    system_id: Mapped[str | None] = mapped_column(ForeignKey("system.id"), index=True)
    grade: Mapped[int | None]
    search_text: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "state", "last_seen"),)


class Indicator(Base):
    __tablename__ = "incident_indicator"
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    type: Mapped[str] = mapped_column(String(16), primary_key=True)  # ipv4 | ipv6 | domain | url | sha256
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    tlp: Mapped[str] = mapped_column(String(16), default="amber")
    __table_args__ = (Index(None, "type", "value"),)


class History(Base):
    """Who did what to an alert or incident, when, and why. Rows are only ever added."""

    __tablename__ = "case_history"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # alert | incident
    object_id: Mapped[str] = mapped_column(String(24))
    at: Mapped[float] = mapped_column(Double)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))  # None: the system
    actor_name: Mapped[str] = mapped_column(String(256))
    act: Mapped[str] = mapped_column(String(24))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    note: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index(None, "kind", "object_id", "id"),)


class Number(Base):
    """The last number given in a series ("CB-2026"): ids without gaps, taken inside the transaction that uses them."""

    __tablename__ = "number_series"
    series: Mapped[str] = mapped_column(String(16), primary_key=True)
    last: Mapped[int]


class Place(Base):
    """How far a reader of the event store has come, moved in the transaction that stores what it read."""

    __tablename__ = "tail_place"
    reader: Mapped[str] = mapped_column(String(32), primary_key=True)
    cursor: Mapped[str | None] = mapped_column(Text)
    lost: Mapped[int] = mapped_column(default=0)  # hits that expired before they were read, when the store knows
    gaps: Mapped[int] = mapped_column(default=0)
    moved_at: Mapped[float] = mapped_column(Double)
