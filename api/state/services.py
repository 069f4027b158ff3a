"""Tables of services: what the probes said of each, minute by minute, its outages, and the windows of planned work.

`Service` is one (agency, monitor id) and appears with its first result; `Vantage` is one probe's view of it. `Hour`
holds what one vantage saw in sixty letters (api/services/minutes.py), so an hour is one row; `Day` is counted from its
hours and the windows, and can be counted again when a window is added afterwards. Outages and windows are kept as
long as days. Times are epoch seconds; days are Vietnam's (UTC+7).
"""

from __future__ import annotations

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Service(Base):
    __tablename__ = "service"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # DV-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(130))  # service.id of the probe's configuration
    name: Mapped[str] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(256), default="")  # never leaves the agency
    address: Mapped[str] = mapped_column(String(64), default="")
    system_word: Mapped[str] = mapped_column(String(256), default="")  # what the configuration calls its system
    system_id: Mapped[str | None] = mapped_column(ForeignKey("system.id"), index=True)
    grade: Mapped[int | None]
    slow_ms: Mapped[float | None] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))  # up | slow | suspect | down | unknown: what was observed
    maintenance: Mapped[bool] = mapped_column(default=False)  # a window covers this moment
    since: Mapped[float] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(String(64), default="")
    latency_ms: Mapped[float | None] = mapped_column(Double)
    first_at: Mapped[float] = mapped_column(Double)
    checked_at: Mapped[float] = mapped_column(Double)
    certificate_expires_at: Mapped[float | None] = mapped_column(Double)
    certificate_told: Mapped[int | None]  # days: the smallest threshold that was told
    retired_at: Mapped[float | None] = mapped_column(Double)
    search_text: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (UniqueConstraint("agency", "key"), Index(None, "agency", "state"))


class Vantage(Base):
    """One probe's view: what it holds to be true (`state`), and the run of results that would change it."""

    __tablename__ = "service_vantage"
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    state: Mapped[str] = mapped_column(String(1))  # a mark of minutes.py
    since: Mapped[float] = mapped_column(Double)
    run: Mapped[str] = mapped_column(String(1), default="")
    run_since: Mapped[float] = mapped_column(Double, default=0.0)
    run_count: Mapped[int] = mapped_column(default=0)
    painted: Mapped[float] = mapped_column(Double)
    last_at: Mapped[float] = mapped_column(Double)
    every_s: Mapped[float] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(String(64), default="")
    latency_ms: Mapped[float | None] = mapped_column(Double)


class Hour(Base):
    __tablename__ = "service_hour"
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id"), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)  # epoch hours
    vantage: Mapped[str] = mapped_column(String(128), primary_key=True)
    minutes: Mapped[str] = mapped_column(String(60))
    sketch: Mapped[dict[str, int]] = mapped_column(JSON)  # latencies: api/services/sketch.py
    __table_args__ = (Index(None, "hour"),)


class Day(Base):
    __tablename__ = "service_day"
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)  # days since 1970-01-01 in UTC+7
    ok: Mapped[int] = mapped_column(default=0)
    slow: Mapped[int] = mapped_column(default=0)
    suspect: Mapped[int] = mapped_column(default=0)
    down: Mapped[int] = mapped_column(default=0)
    maintenance: Mapped[int] = mapped_column(default=0)
    p50_ms: Mapped[float | None] = mapped_column(Double)
    p95_ms: Mapped[float | None] = mapped_column(Double)
    stale: Mapped[bool] = mapped_column(default=True)  # to be counted again
    __table_args__ = (Index(None, "stale"), Index(None, "day"))


class Outage(Base):
    __tablename__ = "service_outage"
    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("service.id"))
    agency: Mapped[str] = mapped_column(String(64))
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)
    settled_at: Mapped[float | None] = mapped_column(Double, index=True)  # it stayed up: nothing more belongs to it
    reason: Mapped[str] = mapped_column(String(64), default="")
    flaps: Mapped[int] = mapped_column(default=0)  # times it came back for a moment
    told: Mapped[bool] = mapped_column(default=False)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alert.id"), index=True)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)  # joined by the system
    joined_at: Mapped[float | None] = mapped_column(Double)
    undone: Mapped[bool] = mapped_column(default=False)  # a person took the link back: never made again
    related: Mapped[list[str]] = mapped_column(JSON)  # alerts of the same system in the hour before, not in an incident
    __table_args__ = (Index(None, "service_id", "since"),)


class Window(Base):
    """Planned (or, afterwards, declared) work on services of one agency: silent, and not counted as lost."""

    __tablename__ = "service_window"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # BT-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    services: Mapped[list[str]] = mapped_column(JSON)
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float] = mapped_column(Double)
    note: Mapped[str] = mapped_column(Text)
    retroactive: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[float] = mapped_column(Double)
    cancelled_at: Mapped[float | None] = mapped_column(Double)
    cancelled_by: Mapped[str] = mapped_column(String(256), default="")
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "until"),)
