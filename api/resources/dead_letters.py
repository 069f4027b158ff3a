"""What ingest refused for good, with the reason: what a sensor's keeper looks at when data is missing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.ingest.dead import page
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Listed, Out

router = APIRouter(tags=["sensors"])
ROUTES = Resource("/dead-letters", router)

Reader = Annotated[Access, Depends(Allow("sensors.read"))]
LOOK = 5_000  # letters looked through for one page; those of agencies outside the scope are passed over


class DeadLetter(Out):
    at: str
    sender: str
    dataset: str
    status: int
    reason: str
    excerpt: str


@router.get("")
def list_dead_letters(
    request: Request,
    access: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=64, pattern=r"^(\d+:\d+:\d+)?$")] = "",
) -> Listed[DeadLetter]:
    """Oldest first from the cursor. `sender` is a machine's id, "<agency>:<role>:<name>": its agency is the scope."""
    node: Runtime = request.app.state.node
    scope = access.scope("sensors.read")
    letters, following = page(
        node.data / "dead" / "ingest", cursor or None, LOOK if scope.agencies is not None else limit
    )
    seen = [letter for letter in letters if scope.sees(str(letter.get("sender", "")).partition(":")[0])]
    more = len(letters) == (LOOK if scope.agencies is not None else limit)
    items = [
        DeadLetter(
            at=str(letter.get("at", "")),
            sender=str(letter.get("sender", "")),
            dataset=str(letter.get("dataset", "")),
            status=int(letter.get("status", 0)),
            reason=str(letter.get("reason", "")),
            excerpt=str(letter.get("excerpt", "")),
        )
        for letter in seen
    ]
    return Listed[DeadLetter](items=items, next=following if more else None, total=len(items))
