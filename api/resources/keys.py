"""My API keys: made with fewer rights than mine, shown once, revoked at once (api/auth/keys.py)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from api.auth import keys, users
from api.auth.allow import anew, myself
from api.auth.sessions import Access
from api.casework import errors
from api.permissions import NEVER_BY_KEY, PERMISSIONS
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Line, Out
from api.state.people import ApiKey
from sensors.clock import rfc3339

router = APIRouter(tags=["account"])
ROUTES = Resource("/account/keys", router)

Myself = Annotated[Access, Depends(myself)]
KeyId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class KeyShape(Out):
    id: int
    name: str
    permissions: list[str]
    agencies: list[str] | None
    agency_names: dict[str, str]
    created_at: str
    ends_at: str
    used_at: str | None
    address: str
    state: str  # live | ended | revoked


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
        return Keys(items=shapes(session, access.user_id, node.clock.now()))


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
        return MadeKey(key=token, **shapes(session, access.user_id, now)[0].model_dump())


@router.delete("/{key_id}", status_code=204)
def revoke_key(request: Request, key_id: KeyId, access: Myself) -> None:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        revoke(node, session, access, key_id, access.user_id)


def revoke(node: Runtime, session: Session, access: Access, key_id: int, owner: int, agency: str | None = None) -> None:
    found = session.get(ApiKey, key_id)
    if found is None or found.user_id != owner or found.revoked_at is not None:
        raise not_found()
    found.revoked_at = node.clock.now()
    node.audit.record(session, access.actor, "key.revoke", f"key:{key_id}", agency=agency, detail={"name": found.name})


def shapes(session: Session, user_id: int, now: float) -> list[KeyShape]:
    """The newest first; what ended stays to be seen."""
    found = keys.of(session, user_id)[:100]
    names = users.named_agencies(session, (code for key in found for code in key.agencies or ()))
    return [
        KeyShape(
            id=key.id, name=key.name, permissions=key.permissions, agencies=key.agencies,
            agency_names={code: names.get(code, code) for code in key.agencies or ()},
            created_at=rfc3339(key.created_at), ends_at=rfc3339(key.ends_at),
            used_at=None if key.used_at is None else rfc3339(key.used_at), address=key.address,
            state="revoked" if key.revoked_at is not None else "ended" if key.ends_at <= now else "live",
        )
        for key in found
    ]  # fmt: skip


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
