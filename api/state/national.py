"""Tables of the national view: who there is (units with their history), what each agency's node reports of itself,
since when it is connected, self-tests, reminders, and who leads a raised item.

`Unit` + `UnitVersion` are the organisation as it was on any day; `UnitEvent` says what became what. `people.Agency`
stays the key for rights; `AgencyUnit` says to which unit an agency belongs. Days of the organisation are ISO text of
the precision that its source gives ("2026", "2025-07-01"): text compares as days do. Other times are epoch seconds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Reported(Base):
    """The newest report of an agency: its systems, services and sensors, in numbers and states, never in content."""

    __tablename__ = "reported"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    sender: Mapped[str] = mapped_column(String(256))  # the node's machine id, of its certificate
    at: Mapped[float] = mapped_column(Double)  # by the agency's clock
    received_at: Mapped[float] = mapped_column(Double)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class ReportDay(Base):
    """What an agency's reports said at the end of a day (of Vietnam), for trends; older than DAYS_KEPT go."""

    __tablename__ = "report_day"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    reports: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16))  # the last of the day
    numbers: Mapped[dict[str, Any]] = mapped_column(JSON)
    __table_args__ = (Index(None, "day"),)


class Connection(Base):
    """An agency's connection as it is; `since` is when it came into this state."""

    __tablename__ = "connection"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # api/federation/coverage.py
    reason: Mapped[str] = mapped_column(String(32))
    since: Mapped[float] = mapped_column(Double)


class ConnectionChange(Base):
    __tablename__ = "connection_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(32))
    __table_args__ = (Index(None, "agency", "id"),)


class TileDay(Base):
    """The three percentages of the whole nation at the end of a day, with their two numbers."""

    __tablename__ = "tile_day"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    tile: Mapped[str] = mapped_column(String(24), primary_key=True)
    part: Mapped[int]
    whole: Mapped[int]


class SelfTest(Base):
    """At the centre: the newest self-test of an agency that came all the way through."""

    __tablename__ = "self_test"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    raised_id: Mapped[str] = mapped_column(String(24))
    seen_at: Mapped[float] = mapped_column(Double)  # of the test event, by the agency's clock
    received_at: Mapped[float] = mapped_column(Double)


class SelfTestRun(Base):
    """At the agency: each self-test that it started, and how far it came."""

    __tablename__ = "self_test_run"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    asked_at: Mapped[float] = mapped_column(Double, index=True)
    event_id: Mapped[str] = mapped_column(String(64))
    alert_id: Mapped[str | None] = mapped_column(String(24))
    raised_at: Mapped[float | None] = mapped_column(Double)
    ended_at: Mapped[float | None] = mapped_column(Double)
    outcome: Mapped[str] = mapped_column(String(16), default="running")  # running | passed | local | lost | not_taken


class Told(Base):
    """What this node has told the one above of an agency: the parts' marks, so that unchanged ones may stay out."""

    __tablename__ = "report_told"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Double)
    marks: Mapped[dict[str, str]] = mapped_column(JSON)
    heard_at: Mapped[float] = mapped_column(Double, default=0.0)  # of a report that is passed on: which one it was
    error: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)


class Unit(Base):
    __tablename__ = "org_unit"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)  # ASCII, for ever
    revision: Mapped[int] = mapped_column(default=1)
    search_text: Mapped[str] = mapped_column(Text, default="")  # every name it had, folded


class UnitVersion(Base):
    """A unit from one day until another (None: still): valid_from ≤ day < valid_to; "" is before the register."""

    __tablename__ = "org_unit_version"
    code: Mapped[str] = mapped_column(ForeignKey("org_unit.code"), primary_key=True)
    valid_from: Mapped[str] = mapped_column(String(10), primary_key=True)
    valid_to: Mapped[str | None] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(256))
    parent: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(512))
    __table_args__ = (Index(None, "parent"),)


class UnitEvent(Base):
    __tablename__ = "org_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(16))  # created | merged | renamed | split | changed_kind | moved | ended
    before: Mapped[list[str]] = mapped_column(JSON)
    after: Mapped[list[str]] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(String(512))
    key: Mapped[str] = mapped_column(String(64), unique=True)  # H(at, kind, before, after): imported twice, kept once


class AgencyUnit(Base):
    __tablename__ = "agency_unit"
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), primary_key=True)
    unit: Mapped[str] = mapped_column(ForeignKey("org_unit.code"), index=True)


class Reminder(Base):
    """At the centre: what was written to an agency, by whom, and whether its node has fetched it."""

    __tablename__ = "reminder"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # NN-2026-000001 (nhắc nhở)
    agency: Mapped[str] = mapped_column(String(64))
    about: Mapped[str] = mapped_column(String(24))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Double)
    by: Mapped[str] = mapped_column(String(256))
    word: Mapped[int] = mapped_column(BigInteger)
    fetched_at: Mapped[float | None] = mapped_column(Double)
    __table_args__ = (Index(None, "agency", "id"),)


class Reminded(Base):
    """At the agency: what the centre above has written to it."""

    __tablename__ = "reminded"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # the word's number
    ref: Mapped[str] = mapped_column(String(128))  # the centre's NN-…
    agency: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Double)
    heard_at: Mapped[float] = mapped_column(Double)
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(256))
    read_at: Mapped[float | None] = mapped_column(Double)
    read_by: Mapped[str | None] = mapped_column(String(256))
    __table_args__ = (Index(None, "agency", "id"),)


class Handover(Base):
    """An incident's coordination offered by one person to another of the same agency; at most one is open."""

    __tablename__ = "handover"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    agency: Mapped[str] = mapped_column(String(64))
    from_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[float] = mapped_column(Double)
    # incident.id while it is open, else None: the unique index is what makes a second open offer impossible.
    open_key: Mapped[str | None] = mapped_column(String(24), unique=True)
    outcome: Mapped[str | None] = mapped_column(String(16))  # accepted | declined | withdrawn
    ended_at: Mapped[float | None] = mapped_column(Double)
    reason: Mapped[str] = mapped_column(Text, default="")


class Lead(Base):
    """Who leads a raised item. At the centre this row is the truth; at the agency it repeats what the centre last said,
    and `wanted` is what the agency has asked for and not yet been answered."""

    __tablename__ = "item_lead"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)
    item_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    leader: Mapped[str] = mapped_column(String(8), default="agency")  # agency | centre
    term: Mapped[int] = mapped_column(default=1)  # one more with each change of leader
    offer: Mapped[str | None] = mapped_column(String(8))  # which side has offered to change it; the other answers
    offered_at: Mapped[float | None] = mapped_column(Double)
    offered_by: Mapped[str] = mapped_column(String(256), default="")  # whose name the newest change bears
    note: Mapped[str] = mapped_column(Text, default="")
    changed_at: Mapped[float] = mapped_column(Double)
    wanted: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    number: Mapped[int] = mapped_column(BigInteger, default=0)  # of the newest change: of the word that told it
