"""Indicators as people keep them: sources, what each says, how often it was met, and what was looked for backwards.

A source is a list of one agency ("" = of the whole node, held against everybody's events). A row is one value of one
source; `key` is the value's name in sightings and in hits (correlator/indicators/table.py). Two sources may say the
same value. Sightings are counted by the hits, in the transaction that folds them, per agency; they outlive the row.
Times are epoch seconds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base

_BIG = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers only INTEGER primary keys by itself


class IndicatorSource(Base):
    __tablename__ = "indicator_source"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(128))
    format: Mapped[str] = mapped_column(String(16))
    tlp: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[int | None]
    added_at: Mapped[float] = mapped_column(Double)
    added_by: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[float] = mapped_column(Double)
    rows: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[float | None] = mapped_column(Double)
    revision: Mapped[int] = mapped_column(default=1)  # only grows; other than the set file's: it is made anew
    __table_args__ = (UniqueConstraint("agency", "name"),)


class ListedIndicator(Base):
    __tablename__ = "indicator"
    id: Mapped[int] = mapped_column(_BIG, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("indicator_source.id"))
    agency: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(Text)
    tlp: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[int | None]
    expires_at: Mapped[float | None] = mapped_column(Double)
    added_at: Mapped[float] = mapped_column(Double)
    note: Mapped[str] = mapped_column(String(500), default="")
    allowed: Mapped[str] = mapped_column(String(16), default="")  # the warning list that a person overruled
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        Index(None, "agency", "key"),
        Index(None, "agency", "id"),
        Index(None, "expires_at"),
    )


class IndicatorSighting(Base):
    __tablename__ = "indicator_sighting"
    agency: Mapped[str] = mapped_column(String(64), primary_key=True)  # whose event it was
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(Text)
    first_at: Mapped[float] = mapped_column(Double)
    last_at: Mapped[float] = mapped_column(Double)
    count: Mapped[int] = mapped_column(_BIG, default=0)
    __table_args__ = (Index(None, "key"), Index(None, "last_at"))


class IndicatorHunt(Base):
    """A look backwards over what is stored; `place` is where the next slice goes on."""

    __tablename__ = "indicator_hunt"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64))  # whose events are looked at, and whose people see it
    source_id: Mapped[int | None] = mapped_column(ForeignKey("indicator_source.id"))
    what: Mapped[str] = mapped_column(String(256))  # the source's name, or the values' beginning
    values: Mapped[list[Any]] = mapped_column(JSON)  # [[kind, value]]; empty: all of the source
    state: Mapped[str] = mapped_column(String(16))  # waiting | running | done | stopped | failed
    asked_at: Mapped[float] = mapped_column(Double)
    asked_by: Mapped[str] = mapped_column(String(128))
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float] = mapped_column(Double)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    events: Mapped[int] = mapped_column(_BIG, default=0)  # read
    place: Mapped[dict[str, Any]] = mapped_column(JSON)
    found: Mapped[list[Any]] = mapped_column(JSON)
    found_total: Mapped[int] = mapped_column(default=0)
    told: Mapped[str] = mapped_column(String(500), default="")  # why it ended early, or what was not searched
    ended_at: Mapped[float | None] = mapped_column(Double)
    __table_args__ = (Index(None, "state"), Index(None, "agency", "id"))
