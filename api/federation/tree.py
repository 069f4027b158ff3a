"""The agencies below a sender, as its node has them: taken into this node's own tree, never beyond the sender's branch.

In:  a write Session, the sender's agency, rows {code, name, parent}, parents first. Out: how many are new or moved.
Rule: a sender may add agencies below itself and move them within its own branch. A code that is known elsewhere stays
where it is and is refused: a province must not take another's commune, or the nation's own node, by naming it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.state.people import Agency

DEPTH = 16


def within(parents: Mapping[str, str | None], top: str, agency: str) -> bool:
    """Whether `agency` is `top` or lies below it."""
    here: str | None = agency
    for _ in range(DEPTH):
        if here == top:
            return True
        if here is None:
            return False
        here = parents.get(here)
    return False


def take_in(session: Session, top: str, rows: Sequence[Mapping[str, Any]], now: float) -> tuple[int, list[str]]:
    """(changed, codes that were refused)."""
    known = {agency.code: agency for agency in session.scalars(select(Agency))}
    parents = {code: agency.parent for code, agency in known.items()}
    changed, refused = 0, []
    if top not in known:  # a certificate was issued for it, nobody has named it yet
        known[top] = Agency(code=top, name="", parent=None, created_at=now)
        session.add(known[top])
        session.flush()
        parents[top] = None
    for row in rows:
        code, parent, name = row["code"], row["parent"], row.get("name", "")
        here = known.get(code)
        if (
            code == top
            or not within(parents, top, parent)
            or within(parents, code, parent)
            or _depth(parents, parent) >= DEPTH
        ):
            refused.append(code)
        elif here is None:
            known[code] = Agency(code=code, name=name, parent=parent, created_at=now)
            session.add(known[code])
            session.flush()
            parents[code] = parent
            changed += 1
        elif within(parents, top, code):
            if here.parent != parent or (name and here.name != name):
                here.parent, here.name = parent, name or here.name
                parents[code] = parent
                changed += 1
        else:
            refused.append(code)
    return changed, refused


def _depth(parents: Mapping[str, str | None], code: str) -> int:
    depth, here = 0, parents.get(code)
    while here is not None and depth < DEPTH:
        depth, here = depth + 1, parents.get(here)
    return depth
