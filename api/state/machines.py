"""Machines in SQL: one-time enrolment tokens, issued certificates, API keys, and what each machine sends.

Secrets are kept as SHA-256 only. A row of `machines` is one (agency, role, name); `machine_streams` has a row per
program of it that sends events ("packet", "log", …). Times are epoch seconds. Only api/auth/machines.py writes here.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Double, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class EnrolmentToken(Base):
    __tablename__ = "enrolment_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    agency: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(Float)
    created_by: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[float] = mapped_column(Float)
    used_at: Mapped[float | None] = mapped_column(Float)
    used_serial: Mapped[str | None] = mapped_column(String(40))


class Machine(Base):
    __tablename__ = "machines"
    __table_args__ = (UniqueConstraint("agency", "role", "name"),)

    id: Mapped[str] = mapped_column(String(200), primary_key=True)  # "<agency>:<role>:<name>"
    agency: Mapped[str] = mapped_column(String(64), index=True)
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    enrolled_at: Mapped[float] = mapped_column(Float)
    last_seen_at: Mapped[float | None] = mapped_column(Float)
    certificate_expires_at: Mapped[float | None] = mapped_column(Float)
    revoked_at: Mapped[float | None] = mapped_column(Float)
    revoked_reason: Mapped[str | None] = mapped_column(Text)
    # A machine that claimed another agency or observer than its certificate says: how often, what it said last.
    flagged: Mapped[bool] = mapped_column(Boolean, default=False)
    claims: Mapped[int] = mapped_column(Integer, default=0)
    claimed: Mapped[str | None] = mapped_column(String(200))
    claimed_at: Mapped[float | None] = mapped_column(Float)


class Certificate(Base):
    __tablename__ = "certificates"

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    machine_id: Mapped[str] = mapped_column(ForeignKey("machines.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    issued_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    revoked_at: Mapped[float | None] = mapped_column(Float)


class ApiKey(Base):
    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    machine_id: Mapped[str] = mapped_column(ForeignKey("machines.id"), index=True)
    created_at: Mapped[float] = mapped_column(Float)
    created_by: Mapped[str] = mapped_column(String(64))
    revoked_at: Mapped[float | None] = mapped_column(Float)


class MachineStream(Base):
    __tablename__ = "machine_streams"

    machine_id: Mapped[str] = mapped_column(ForeignKey("machines.id"), primary_key=True)
    stream: Mapped[str] = mapped_column(String(32), primary_key=True)  # agent.type, or "" for a third party's
    first_data_at: Mapped[float] = mapped_column(Float)
    last_data_at: Mapped[float] = mapped_column(Float)
    last_event_at: Mapped[float | None] = mapped_column(Float)
    events_total: Mapped[int] = mapped_column(Integer, default=0)
    noop_total: Mapped[int] = mapped_column(Integer, default=0)
    refused_total: Mapped[int] = mapped_column(Integer, default=0)
    # From its last heartbeat.
    heartbeat_at: Mapped[float | None] = mapped_column(Float)
    received: Mapped[int | None] = mapped_column(Integer)
    spooled: Mapped[int | None] = mapped_column(Integer)
    dropped: Mapped[int | None] = mapped_column(Integer)
    beat_lag_s: Mapped[float | None] = mapped_column(Double)  # from its clock to ours; below 0: its clock is ahead
    version: Mapped[str] = mapped_column(String(32), default="", server_default="")
    # Real data: what is not its own heartbeat.
    real_at: Mapped[float | None] = mapped_column(Double)
    hours: Mapped[list[list[int]] | None] = mapped_column(JSON)  # [[epoch hour, events]], the newest 24 that had some
