"""My API keys: made with fewer rights than mine, shown once, revoked at once (api/auth/keys.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AwareDatetime, Field

from api.auth import keys
from api.auth.allow import anew, myself
from api.auth.sessions import Access
from api.auth.shown import KeyShape, key_shapes, revoke
from api.casework import errors
from api.permissions import NEVER_BY_KEY, PERMISSIONS
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Line, Out
from sensors.clock import rfc3339

router = APIRouter(tags=["account"])
ROUTES = Resource("/account/keys", router)

Myself = Annotated[Access, Depends(myself)]
KeyId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Keys(Out):
    items: list[KeyShape]


class NewKey(In):
    name: Annotated[Line, Field(min_length=1, max_length=64)]
    permissions: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=len(PERMISSIONS))]
    agencies: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=200)] | None = None
    ends_at: AwareDatetime


class MadeKey(KeyShape):
    key: str


@router.get("")
def list_keys(request: Request, access: Myself) -> Keys:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return Keys(items=key_shapes(session, access.user_id, node.clock.now()))


@router.post("", status_code=201)
def make_key(request: Request, body: NewKey, access: Myself) -> MadeKey:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    _within(access, body, now)
    with node.db.write() as session:
        live = [key for key in keys.of(session, access.user_id) if key.revoked_at is None and key.ends_at > now]
        if len(live) >= keys.PER_USER:
            raise Problem("LT-A0409")
        made, token = keys.make(
            session, access.user_id, body.name, body.permissions, body.agencies, body.ends_at.timestamp(), now
        )
        node.audit.record(session, access.actor, "key.add", f"key:{made.id}",
                          detail={"name": made.name, "permissions": made.permissions, "agencies": made.agencies,
                                  "ends_at": rfc3339(made.ends_at)})  # fmt: skip
        return MadeKey(key=token, **key_shapes(session, access.user_id, now)[0].model_dump())


@router.delete("/{key_id}", status_code=204)
def revoke_key(request: Request, key_id: KeyId, access: Myself) -> None:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        revoke(node, session, access, key_id, access.user_id)


def _within(access: Access, body: NewKey, now: float) -> None:
    """A key is a part of its owner: no permission and no agency that they lack, no end beyond a year."""
    for permission in body.permissions:
        if permission in NEVER_BY_KEY or permission not in access.permissions:
            raise errors.Invalid("permissions", "Khóa không thể mang quyền này.", "A key cannot carry this permission.")
        scope = access.scope(permission)
        if body.agencies and not all(scope.sees(code) for code in body.agencies):
            raise errors.Invalid("agencies", "Đơn vị nằm ngoài phạm vi của quyền đã chọn.",
                                 "An agency lies outside the scope of a chosen permission.")  # fmt: skip
    if not now < body.ends_at.timestamp() <= now + keys.LONGEST_S:
        raise errors.Invalid("ends_at", "Khóa phải hết hạn trong vòng một năm tới.", "A key ends within the next year.")
