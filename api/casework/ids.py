"""Ids that people read aloud: CB-2026-000123 (cảnh báo), SC-2026-000001 (sự cố); by year and node, without gaps.

The number is taken in the transaction that uses it, so a rolled-back one is given again. Past 999,999 a year the number
grows a digit; nothing parses it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import update
from sqlalchemy.orm import Session

from api.state.cases import Number

HANOI = timezone(timedelta(hours=7))  # the year of an id is the year where it is read


def next_id(session: Session, prefix: str, now: float) -> str:
    [taken] = next_ids(session, prefix, now, 1)
    return taken


def next_ids(session: Session, prefix: str, now: float, count: int) -> list[str]:
    year = datetime.fromtimestamp(now, UTC).astimezone(HANOI).year
    series = f"{prefix}-{year}"
    taken = session.execute(
        update(Number).where(Number.series == series).values(last=Number.last + count).returning(Number.last)
    ).scalar()
    if taken is None:
        session.add(Number(series=series, last=count))
        session.flush()
        taken = count
    return [f"{series}-{number:06d}" for number in range(taken - count + 1, taken + 1)]
