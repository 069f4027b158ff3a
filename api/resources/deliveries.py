"""What this node has raised, item by item, with the state of each and of the link."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from api import shapes
from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.federation.config import settings
from api.federation.status import show
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from api.state.federation import Link, Outgoing
from sensors.clock import rfc3339

router = APIRouter(tags=["federation"])
ROUTES = Resource("/deliveries", router)

Reader = Annotated[Access, Depends(Allow("incidents.read"))]
CONNECTED_S = 60.0  # a link that was heard of within this time is up


class LinkShape(Out):
    upstream: str
    connected: bool
    last_contact_at: str | None
    last_error: str | None


class DeliveryShape(shapes.Delivery):
    kind: Literal["incident", "alert"]
    ref: str


class DeliveryList(shapes.Listed[DeliveryShape]):
    link: LinkShape


class DeliveryQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "all", "waiting", "sent", "received", "refused", "acknowledged"] = ""
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


@router.get("")
def list_deliveries(request: Request, wanted: Annotated[DeliveryQuery, Query()], access: Reader) -> DeliveryList:
    node: Runtime = request.app.state.node
    conditions = [inside(Outgoing.agency, access.scope("incidents.read"))]
    if wanted.state not in ("", "all"):
        conditions.append(Outgoing.state == wanted.state)
    keys = [Key(Outgoing.id, down=True)]
    found = select(Outgoing).where(*conditions)
    if wanted.cursor:
        found = found.where(after(keys, wanted.cursor))
    with node.db.read() as session:
        rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(wanted.limit + 1)).all()
        more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
        link = session.get(Link, 1)
        heard = link.last_contact_at if link else None
        return DeliveryList(
            items=[DeliveryShape(**show(row).model_dump() | {"kind": row.kind, "ref": row.ref}) for row in rows],
            next=cursor_of(keys, rows[-1]) if more else None,
            total=session.scalar(select(func.count()).select_from(Outgoing).where(*conditions)) or 0,
            link=LinkShape(
                upstream=settings(node.config).upstream,
                connected=heard is not None
                and node.clock.now() - heard < CONNECTED_S
                and not (link and link.last_error),
                last_contact_at=None if heard is None else rfc3339(heard),
                last_error=link.last_error if link else None,
            ),
        )
