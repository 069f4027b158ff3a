"""What people see of a raised item: its delivery, and the centre's words. The same rows on every screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api import shapes
from api.state.federation import Heard, Outgoing
from sensors.clock import rfc3339


def delivery_of(session: Session, ref: str) -> shapes.Delivery | None:
    """The newest revision's delivery."""
    return deliveries_of(session, [ref]).get(ref)


def deliveries_of(session: Session, refs: Iterable[str]) -> dict[str, shapes.Delivery]:
    newest = select(func.max(Outgoing.id)).where(Outgoing.ref.in_(list(refs))).group_by(Outgoing.ref)
    return {row.ref: show(row) for row in session.scalars(select(Outgoing).where(Outgoing.id.in_(newest)))}


def show(row: Outgoing) -> shapes.Delivery:
    receipt = None
    if row.receipt_id is not None:
        receipt = shapes.Receipt(id=row.receipt_id, at=rfc3339(row.receipt_at or 0.0), by=row.receipt_by or "")
    fields: dict[str, Any] = {
        "item_id": row.item_id, "item_revision": row.item_revision, "sequence": row.sequence, "state": row.state,
        "attempts": row.attempts, "last_attempt_at": _time(row.last_attempt_at),
        "next_attempt_at": _time(row.next_attempt_at), "last_error": row.last_error,
        "reason": shapes.Texts(**row.reason) if row.reason else None, "receipt": receipt,
        "queued_at": rfc3339(row.queued_at),
    }  # fmt: skip
    return shapes.Delivery(**fields)


def words_of(session: Session, ref: str) -> list[shapes.Word]:
    """Receipts, refusals and words on the item of an incident or alert, oldest first."""
    rows = session.scalars(select(Outgoing).where(Outgoing.ref == ref).order_by(Outgoing.id)).all()
    found: list[tuple[float, shapes.Word]] = []
    for row in rows:
        if row.receipt_id is not None and row.receipt_at is not None:
            found.append((row.receipt_at, shapes.Word(
                id=row.receipt_id, at=rfc3339(row.receipt_at), item_id=row.item_id, kind="receipt",
                text=f"{row.receipt_id} (#{row.item_revision})", by=row.receipt_by or "")))  # fmt: skip
        elif row.state == "refused" and row.last_attempt_at is not None:
            found.append((row.last_attempt_at, shapes.Word(
                id=f"R{row.id}", at=rfc3339(row.last_attempt_at), item_id=row.item_id, kind="refused",
                text=(row.reason or {}).get("vi", ""), by="")))  # fmt: skip
    heard = session.scalars(select(Heard).where(Heard.item_id.in_({row.item_id for row in rows})))
    for word in heard:
        kind: Literal["acknowledged", "note"] = "acknowledged" if word.kind == "acknowledged" else "note"
        found.append((word.at, shapes.Word(id=f"W{word.id}", at=rfc3339(word.at), item_id=word.item_id, kind=kind,
                                           text=word.text, by=word.by)))  # fmt: skip
    return [word for _, word in sorted(found, key=lambda pair: pair[0])]


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
