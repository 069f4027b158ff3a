"""Tables of record: the hash-chained audit, live changes for the stream, and what the scheduler last ran."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class AuditEntry(Base):
    """`hash` covers every other column and the hash before it (api/audit.py)."""

    __tablename__ = "audit_entry"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Double, index=True)
    actor: Mapped[str] = mapped_column(String(320))  # user:3 | machine:… | system
    actor_name: Mapped[str] = mapped_column(String(256))
    act: Mapped[str] = mapped_column(String(64))
    object: Mapped[str] = mapped_column(String(128))
    agency: Mapped[str | None] = mapped_column(String(64), index=True)
    outcome: Mapped[str] = mapped_column(String(16))  # done | denied | failed
    address: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    before: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Change(Base):
    """Something that a screen shows has changed: what the live stream sends, by id, so a reader can go on where it
    was. Written in the transaction that made the change; the oldest are removed by a job."""

    __tablename__ = "live_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(Double)
    topic: Mapped[str] = mapped_column(String(16))  # alert | incident | raised | delivery | sensor | system
    object_id: Mapped[str] = mapped_column(String(128))
    agency: Mapped[str | None] = mapped_column(String(64))
    revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))  # created | changed
    __table_args__ = (Index(None, "at"), {"sqlite_autoincrement": True})  # an id is never given twice


class JobRun(Base):
    """The last run of each job of api/jobs."""

    __tablename__ = "job_run"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[float] = mapped_column(Double)
    took_s: Mapped[float] = mapped_column(Double)
    outcome: Mapped[str] = mapped_column(String(16))  # done | failed
    detail: Mapped[str] = mapped_column(Text, default="")
