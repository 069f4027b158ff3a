"""What a write route hands to casework: one transaction, the scope of the route's permission, who acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header
from sqlalchemy.orm import Session

from api.auth.sessions import Access
from api.casework.alerts import Desk
from api.problems import Problem
from api.runtime import Runtime

IfMatch = Annotated[str | None, Header(max_length=32)]


@contextmanager
def desk(node: Runtime, access: Access, permission: str) -> Iterator[Desk]:
    with node.db.write() as session:
        yield Desk(session, access.scope(permission), access, node.audit, node.bell, node.clock.now())


def desk_over(node: Runtime, access: Access, permission: str) -> Callable[[Session], Desk]:
    """For what reads first and writes later: the same desk over whichever session."""
    return lambda session: Desk(session, access.scope(permission), access, node.audit, node.bell, node.clock.now())


def revision_of(if_match: str | None) -> int | None:
    """`If-Match: "7"` (or 7, or absent)."""
    text = (if_match or "").strip().strip('"')
    if not text or text == "*":
        return None
    if not (text.isascii() and text.isdecimal()):
        raise Problem("LT-A0400")
    return int(text)
