"""Exceptions of an agency: which events of which rules are known and no longer told, by whom, why, until when.

A row is never removed: what was hidden, and on whose word, stays on record after its end. The files that the correlator
reads (`<data>/rules/exceptions/`) are made of the active rows and nothing else, so a restored database restores them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Excepted(Base):
    __tablename__ = "exceptions"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # NL-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    alert_id: Mapped[str] = mapped_column(String(24), index=True)  # from which alert it was made
    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # [{id, title: {vi, en}, level, logsource: {…}}]
    selection: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # [{field, op, values}]: all of them, any value
    level: Mapped[str] = mapped_column(String(16))  # the highest of what it may hide
    reason: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    owner_name: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[float] = mapped_column(Double)
    until: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))  # active | ended | expired
    ended_at: Mapped[float | None] = mapped_column(Double)
    ended_by: Mapped[str | None] = mapped_column(String(256))
    ended_reason: Mapped[str | None] = mapped_column(Text)
    tested: Mapped[dict[str, Any]] = mapped_column(JSON)  # what the 30 days before it said (shapes.Tested)
    hidden: Mapped[int] = mapped_column(default=0)  # rule matches, as the correlator counts them
    hidden_at: Mapped[float | None] = mapped_column(Double)
    fault: Mapped[str | None] = mapped_column(String(16))  # the correlator's word on why it is not in force
    warned_at: Mapped[float | None] = mapped_column(Double)  # its owner was told that the end is near
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "state", "until"),)
