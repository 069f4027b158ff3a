"""Sightings: how often an indicator was met at an agency, first and last; counted by its hits, once.

Called by casework in the transaction that folds a page of hits, so a hit counts here exactly when it counts there.
A fixed number of statements a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from api.casework.hits import Hit
from api.state.indicators import IndicatorSighting

IN_ONE = 500


def note(session: Session, hits: Iterable[Hit]) -> None:
    met: dict[tuple[str, str], dict[str, Any]] = {}
    for hit in hits:
        if not hit.indicator:
            continue
        one = met.setdefault((hit.agency, hit.indicator), {
            "agency": hit.agency, "key": hit.indicator, "kind": hit.indicator_kind,
            "value": hit.group.get("threat.indicator.name", ""), "first_at": hit.at, "last_at": hit.at, "count": 0,
        })  # fmt: skip
        one["count"] += hit.count
        one["first_at"], one["last_at"] = min(one["first_at"], hit.at), max(one["last_at"], hit.at)
    if not met:
        return
    keys = sorted({key for _, key in met})
    for start in range(0, len(keys), IN_ONE):
        rows = session.scalars(select(IndicatorSighting).where(IndicatorSighting.key.in_(keys[start : start + IN_ONE])))
        for row in rows:
            found = met.pop((row.agency, row.key), None)
            if found is not None:
                row.count += found["count"]
                row.first_at, row.last_at = min(row.first_at, found["first_at"]), max(row.last_at, found["last_at"])
    if met:
        session.execute(insert(IndicatorSighting), list(met.values()))
