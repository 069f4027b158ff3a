"""Tables of deadlines and official documents: rules (versions, never overwritten), what people found of an incident,
its clocks, the documents made from it, and what an agency is called on paper.

A clock points at the version of the rule that it was made by, so that an incident keeps the rules in force on the day
it was detected. A document keeps what was written into it (`body`, the neutral model of api/documents/model.py), not a
file: both formats are drawn from the same frozen words. Times are epoch seconds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class ClockRule(Base):
    __tablename__ = "clock_rule"
    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)  # api/clocks/rules.py Rule
    note: Mapped[str] = mapped_column(Text, default="")  # why this version was made
    made_at: Mapped[float] = mapped_column(Double)
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))  # None: shipped or imported
    made_name: Mapped[str] = mapped_column(String(256), default="")


class Finding(Base):
    """What people decided and wrote about an incident; every change is a row of the incident's history."""

    __tablename__ = "incident_finding"
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    flags: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # flag → {since, by, reason}
    detected_at: Mapped[float | None] = mapped_column(Double)  # a person's correction of the moment of detection
    particulars: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the fields of the forms
    written_at: Mapped[float | None] = mapped_column(Double)


class Document(Base):
    __tablename__ = "document"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # VB-2026-000001
    agency: Mapped[str] = mapped_column(String(64))
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)
    period: Mapped[str | None] = mapped_column(String(16))  # of a report by the calendar: "2026"
    form_id: Mapped[str] = mapped_column(String(32))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[float] = mapped_column(Double)
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_name: Mapped[str] = mapped_column(String(256))
    number: Mapped[str | None] = mapped_column(String(64))  # typed by the person who handed it over
    handed_at: Mapped[float | None] = mapped_column(Double)
    handed_to: Mapped[str | None] = mapped_column(String(512))
    handed_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    handed_name: Mapped[str | None] = mapped_column(String(256))
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "made_at"),)


class Clock(Base):
    __tablename__ = "clock"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(192), unique=True)  # one clock per rule and incident (or agency, period)
    agency: Mapped[str] = mapped_column(String(64))
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)
    period: Mapped[str | None] = mapped_column(String(16))
    rule_id: Mapped[str] = mapped_column(String(64))
    rule_version: Mapped[int]
    start_at: Mapped[float] = mapped_column(Double)
    due_at: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))  # running | met | void; overdue is a running one past its time
    met_at: Mapped[float | None] = mapped_column(Double)  # when the paper was handed over, as the person says
    met_number: Mapped[str | None] = mapped_column(String(64))
    document_id: Mapped[str | None] = mapped_column(ForeignKey("document.id"))
    ended_at: Mapped[float | None] = mapped_column(Double)  # when it was written down as met or void
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))  # None: by itself
    ended_name: Mapped[str | None] = mapped_column(String(256))
    reason: Mapped[dict[str, str] | None] = mapped_column(JSON)  # {vi, en} why it is void, or what was said of it
    told: Mapped[list[str]] = mapped_column(JSON, default=list)  # stages that were told already
    next_at: Mapped[float | None] = mapped_column(Double, index=True)  # when the job must look at it next
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "agency", "state", "due_at"),)


class Organisation(Base):
    """What an agency is called on paper: head, foot and addressees of its documents."""

    __tablename__ = "organisation"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)  # api/documents/organisation.py
    changed_at: Mapped[float] = mapped_column(Double)
    changed_name: Mapped[str] = mapped_column(String(256))
    revision: Mapped[int] = mapped_column(default=1)
