"""Numbers of the centre's words."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.state.federation import Spoken


def next_word(session: Session, now: float) -> int:
    """Milliseconds of the clock or one more than the last: a centre restored from a backup gives no number twice."""
    return max((session.scalar(select(func.max(Spoken.id))) or 0) + 1, int(now * 1000))
