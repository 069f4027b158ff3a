"""`tell`: something has happened that somebody may have to be told of. Called by casework, clocks, services, sensors.

In:  an open write transaction and the matter. Out: whether it is new: the same `key` is one matter however often it is
     told. Who hears of it, by which channel and when, is decided by `api/notices/` after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from api.shapes import Level
from api.state.notices import Matter

IN_ONE = 500
Kind = Literal["alert", "incident", "clock", "service", "sensor", "system", "national", "exception", "account",
               "test"]  # fmt: skip


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


def tell_all(session: Session, several: Sequence[Mapping[str, Any]], now: float) -> int:
    """Matters of one page of casework, each as `tell` takes it, in two statements; how many were new."""
    wanted = {str(one["key"]): one for one in several}
    keys = list(wanted)
    for start in range(0, len(keys), IN_ONE):
        known = session.scalars(select(Matter.key).where(Matter.key.in_(keys[start : start + IN_ONE])))
        for key in known:
            del wanted[key]
    if wanted:
        rows = [{"at": now, "marked": False, "over": False, **one, "title": dict(one["title"])}
                for one in wanted.values()]  # fmt: skip
        session.execute(insert(cast("Table", Matter.__table__)), rows)
    return len(wanted)
