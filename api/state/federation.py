"""Tables of federation: what this node raises to the one above, and what the nodes below have raised to it.

Upwards:   `Outgoing` (the outbox, in order of `sequence`), `Link` (the state of the one link), `Heard` (words of the
           centre, by its own numbers).
Downwards: `Received` (one row per sender and sequence: the answer it got, given again to whoever asks again), `Raised`
           (the item as it is now), `RaisedRevision` (as it was), `RaisedIndicator`, `Spoken` (words to the sender).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Outgoing(Base):
    __tablename__ = "outgoing"
    id: Mapped[int] = mapped_column(primary_key=True)
    # Contiguous, this node's own. While `fixed` is false it has been told to nobody, and may still change places.
    sequence: Mapped[int] = mapped_column(unique=True)
    fixed: Mapped[bool] = mapped_column(default=False, server_default=false())
    urgency: Mapped[int] = mapped_column(default=0, server_default="0")  # api/federation/order.py
    item_id: Mapped[str] = mapped_column(String(128))
    item_revision: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))  # incident | alert
    ref: Mapped[str] = mapped_column(String(24))  # SC-… or CB-…
    agency: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)  # the item's JSON, byte for byte as signed
    state: Mapped[str] = mapped_column(String(16))  # waiting | sent | received | refused | acknowledged
    queued_at: Mapped[float] = mapped_column(Double)
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[float | None] = mapped_column(Double)
    next_attempt_at: Mapped[float | None] = mapped_column(Double)
    last_error: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[dict[str, str] | None] = mapped_column(JSON)  # why it was refused, {vi, en}
    receipt_id: Mapped[str | None] = mapped_column(String(32))
    receipt_at: Mapped[float | None] = mapped_column(Double)
    receipt_by: Mapped[str | None] = mapped_column(String(256))
    __table_args__ = (
        UniqueConstraint("item_id", "item_revision"),
        Index(None, "ref", "id"),
        Index(None, "state", "id"),
        Index(None, "fixed", "state", "urgency", "id"),
    )


class Link(Base):
    """The link upwards; one row."""

    __tablename__ = "uplink"
    id: Mapped[int] = mapped_column(primary_key=True)
    upstream: Mapped[str] = mapped_column(String(512), default="")
    last_contact_at: Mapped[float | None] = mapped_column(Double)
    last_error: Mapped[str | None] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)  # failed in a row
    next_try_at: Mapped[float] = mapped_column(Double, default=0.0)
    words_after: Mapped[int] = mapped_column(BigInteger, default=0)


class Heard(Base):
    __tablename__ = "word_heard"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # the centre's number
    at: Mapped[float] = mapped_column(Double)
    item_id: Mapped[str] = mapped_column(String(128), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # acknowledged | note
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(256))


class Received(Base):
    __tablename__ = "received"
    sender: Mapped[str] = mapped_column(String(256), primary_key=True)  # the node's machine id, of its certificate
    sequence: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Double)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)


class Raised(Base):
    __tablename__ = "raised"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)  # TN-2026-000001 (tiếp nhận)
    sender: Mapped[str] = mapped_column(String(256))
    agency: Mapped[str] = mapped_column(String(64))
    item_id: Mapped[str] = mapped_column(String(128))
    item_revision: Mapped[int]
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(512))
    level: Mapped[str] = mapped_column(String(16))
    level_order: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))  # new | acknowledged
    first_seen: Mapped[float] = mapped_column(Double)
    last_seen: Mapped[float] = mapped_column(Double)
    received_at: Mapped[float] = mapped_column(Double)
    alerts_count: Mapped[int]
    item: Mapped[dict[str, Any]] = mapped_column(JSON)
    acknowledged_at: Mapped[float | None] = mapped_column(Double)
    acknowledged_by: Mapped[str | None] = mapped_column(String(256))
    search_text: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (UniqueConstraint("agency", "item_id"), Index(None, "state", "received_at"))


class RaisedRevision(Base):
    __tablename__ = "raised_revision"
    raised_id: Mapped[str] = mapped_column(ForeignKey("raised.id"), primary_key=True)
    item_revision: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    receipt_id: Mapped[str] = mapped_column(String(32))
    received_at: Mapped[float] = mapped_column(Double)
    body: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text)  # the sender's, so that it cannot say later that it never said so


class RaisedIndicator(Base):
    __tablename__ = "raised_indicator"
    raised_id: Mapped[str] = mapped_column(ForeignKey("raised.id"), primary_key=True)
    type: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    tlp: Mapped[str] = mapped_column(String(16))
    agency: Mapped[str] = mapped_column(String(64))
    __table_args__ = (Index(None, "type", "value", "agency"),)


class Spoken(Base):
    __tablename__ = "word_spoken"
    # Milliseconds of the clock or one more than the last: a centre restored from a backup gives no number twice, so
    # those who have heard later words hear the new ones.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sender: Mapped[str] = mapped_column(String(256))  # to whom: the node that raised the item
    at: Mapped[float] = mapped_column(Double)
    item_id: Mapped[str] = mapped_column(String(128))
    item_revision: Mapped[int] = mapped_column(server_default="1")  # the one that the centre had when it spoke
    # None: the word is about no item but to the agency itself (`agency`), and `item_id` names what it is.
    raised_id: Mapped[str | None] = mapped_column(ForeignKey("raised.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # acknowledged | note | lead | reminder
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(256))
    agency: Mapped[str | None] = mapped_column(String(64), index=True)
    about: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # what a program reads, beside what people read
    __table_args__ = (Index(None, "sender", "id"),)
