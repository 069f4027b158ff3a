"""`tell`: something has happened that somebody may have to be told of. Called by casework, clocks, services, sensors.

In:  an open write transaction and the matter. Out: whether it is new: the same `key` is one matter however often it is
     told. Who hears of it, by which channel and when, is decided by `api/notices/` after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.shapes import Level
from api.state.notices import Matter

Kind = Literal["alert", "incident", "clock", "service", "sensor", "system", "national", "test"]


def tell(
    session: Session,
    *,
    key: str,
    kind: Kind,
    agency: str,
    ref: str,
    level: Level,
    title: Mapping[str, str],
    link: str,
    now: float,
    grade: int | None = None,
    marked: bool = False,
    over: bool = False,
    to_user: int | None = None,
) -> bool:
    if session.scalar(select(Matter.id).where(Matter.key == key)) is not None:
        return False
    session.add(Matter(key=key, at=now, kind=kind, agency=agency, ref=ref, level=level, grade=grade, title=dict(title),
                       link=link, marked=marked, over=over, to_user=to_user))  # fmt: skip
    session.flush()
    return True
