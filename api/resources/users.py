"""People, for who manages them: accounts, roles with their ends, links, second factors, sessions and keys; and what
service providers did in one's agencies.

Every act is within the manager's own rights (api/auth/managing.py), needs a recent "it is you", is on record with the
agency it concerns, and takes effect with the other person's next request. A link is shown once, in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from api.audit import Actor, Audit
from api.auth import factors, links, managing, sessions, users
from api.auth.allow import Allow, anew
from api.auth.sessions import Access, tree
from api.auth.shown import KeyShape, SessionId, SessionShape, key_shapes, revoke, session_shapes
from api.casework import errors
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.notices.tell import tell
from api.permissions import BOUNDED_ROLES, NATIONAL_ROLES, ROLES, Granted, may_give
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Language, Line, Listed, Out
from api.state.audit import AuditEntry
from api.state.people import Agency, Grant, User
from sensors.clock import rfc3339
from sensors.errors import LuytreError

router = APIRouter(tags=["users"])
ROUTES = Resource("/users", router)

Doing = Callable[[Session, Audit, Actor, User], None]
Manager = Annotated[Access, Depends(Allow("users.manage"))]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
NO_AGENCY = ("Không có đơn vị này trong phạm vi được giao.", "No such agency in your scope.")
USERS = 5_000  # shown at once: an agency has tens, a nation's centre hundreds


class GrantFull(Out):
    id: int
    role: str
    agency: str | None
    agency_name: str | None
    until: str | None
    ended: bool
    given_at: str | None
    given_by: str | None


class UserShort(Out):
    id: int
    username: str
    name: str
    home: str | None
    home_name: str | None
    grants: list[GrantFull]
    elsewhere: bool  # more grants, in agencies that you do not manage
    second_factor: bool
    required: bool
    seen_at: str | None
    created_at: str
    disabled: bool
    mine: bool  # within your rights: you may disable, give a link, reset


class Act(Out):
    seq: int
    at: str
    actor: str
    actor_name: str
    act: str
    object: str
    agency: str | None
    outcome: str


class UserFull(UserShort):
    password: bool
    factors: list[str]
    sessions: list[SessionShape]
    keys: list[KeyShape]
    acts: list[Act]


class Choice(Out):
    role: str
    bounded: bool
    everywhere: bool
    agencies: list[str]


class Place(Out):
    code: str
    name: str
    parent: str | None


class Choices(Out):
    """What this manager may give, and where."""

    roles: list[Choice]
    agencies: list[Place]
    everywhere: bool  # whether an account may be made that belongs to no agency


class NewGrant(In):
    role: Annotated[str, Field(max_length=32)]
    agency: Annotated[str, Field(max_length=64)] | None = None
    until: AwareDatetime | None = None


class NewUser(In):
    username: Annotated[Line, Field(min_length=1, max_length=128)]
    name: Annotated[Line, Field(max_length=256)] = ""
    language: Language = "vi"
    home: Annotated[str, Field(max_length=64)] | None = None
    grants: Annotated[list[NewGrant], Field(max_length=20)] = Field(default_factory=list)


class LoginLinkShape(Out):
    link: str
    qr: str
    minutes: int


class MadeUser(LoginLinkShape):
    id: int


@router.get("")
def list_users(request: Request, access: Manager) -> Listed[UserShort]:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        rows = session.scalars(
            select(User)
            .where(managing.seen(access))
            .options(selectinload(User.grants))
            .order_by(User.username)
            .limit(USERS)
        ).all()
        total = session.scalar(select(func.count()).select_from(User).where(managing.seen(access))) or 0
        return Listed(items=_shapes(node, session, access, rows), total=total)


@router.get("/choices")
def choices(request: Request, access: Manager) -> Choices:
    node: Runtime = request.app.state.node
    scope, now = access.scope("users.manage"), node.clock.now()
    with node.db.read() as session:
        agencies = [a for a in session.scalars(select(Agency).order_by(Agency.name)) if scope.sees(a.code)]
    parents = access.parents
    national = node.node.role == "national"
    found = []
    for role in sorted(ROLES):
        if role in NATIONAL_ROLES and not national:
            continue
        until = now + 1 if role in BOUNDED_ROLES else None
        places = (None, *(agency.code for agency in agencies))
        held = [place for place in places if may_give(Granted(role, place, until), access.grants, parents)]
        if held:
            own = [code for code in held if code is not None]
            found.append(Choice(role=role, bounded=role in BOUNDED_ROLES, everywhere=None in held, agencies=own))
    return Choices(
        roles=found,
        agencies=[Place(code=a.code, name=a.name or a.code, parent=a.parent) for a in agencies],
        everywhere=scope.agencies is None,
    )


@router.get("/acts")
def acts_of_providers(
    request: Request,
    access: Manager,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
    cursor: Annotated[str, Query(max_length=1024)] = "",
) -> Listed[Act]:
    """What people with a provider's grant did in the agencies that I manage, newest first."""
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        mine = inside(AuditEntry.agency, access.scope("users.manage"))
        found = select(AuditEntry).where(managing.of_providers(), mine)
        total = session.scalar(select(func.count()).select_from(found.subquery())) or 0
        page = [Key(AuditEntry.seq, down=True)]
        if cursor:
            found = found.where(after(page, cursor))
        rows = session.scalars(found.order_by(AuditEntry.seq.desc()).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    return Listed(items=[_act(row) for row in rows], next=cursor_of(page, rows[-1]) if more else None, total=total)


@router.get("/{user_id}")
def show_user(request: Request, user_id: Id, access: Manager) -> UserFull:
    """Sessions and keys only of who is within the manager's rights: addresses are not everybody's business."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    with node.db.read() as session:
        user = managing.one(session, access, user_id)
        [short] = _shapes(node, session, access, [user])
        near = inside(AuditEntry.agency, access.scope("users.manage"))
        acts = session.scalars(
            select(AuditEntry).where(managing.by_user(user.id), near).order_by(AuditEntry.seq.desc()).limit(50)
        ).all()
        return UserFull(
            **short.model_dump(),
            password=user.password is not None,
            factors=list(factors.of(session, user.id)),
            sessions=session_shapes(node, session, user.id, access.session_hash) if short.mine else [],
            keys=key_shapes(session, user.id, now) if short.mine else [],
            acts=[_act(row) for row in acts],
        )


@router.post("", status_code=201)
def add_user(request: Request, body: NewUser, access: Manager) -> MadeUser:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    scope = access.scope("users.manage")
    if body.home is None and scope.agencies is not None:
        raise errors.Invalid("home", "Chọn đơn vị của tài khoản.", "Choose the account's agency.")
    with node.db.write() as session:
        if body.home is not None and (session.get(Agency, body.home) is None or not scope.sees(body.home)):
            raise errors.Invalid("home", *NO_AGENCY)
        wanted = [_granted(session, access, grant) for grant in body.grants]
        try:
            user = users.add(
                session, node.audit, access.actor, body.username, now=now, name=body.name, language=body.language,
                grants=wanted, national=node.node.role == "national", home=body.home,
            )  # fmt: skip
        except LuytreError as error:
            raise _told(error, "username") from None
        token = links.add(session, user.id, now)
        node.audit.record(session, access.actor, "user.link", f"user:{user.id}", agency=user.home)
        made = user.id
    return MadeUser(id=made, **_link(request, token))


@router.post("/{user_id}/grants", status_code=201)
def give(request: Request, user_id: Id, body: NewGrant, access: Manager) -> UserShort:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.one(session, access, user_id)
        granted = _granted(session, access, body)
        before = next((g for g in user.grants if (g.role, g.agency) == (granted.role, granted.agency)), None)
        if before is not None:  # its end moves: that is also taking away
            _within(session, access, Granted(before.role, before.agency, before.until))
        try:
            national = node.node.role == "national"
            users.grant(session, node.audit, access.actor, user, granted, now=now, national=national)
        except LuytreError as error:
            raise _told(error, "until") from None
        [short] = _shapes(node, session, access, [user])
    return short


@router.delete("/{user_id}/grants/{grant_id}", status_code=204)
def withdraw(request: Request, user_id: Id, grant_id: Id, access: Manager) -> None:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.one(session, access, user_id)
        found = session.get(Grant, grant_id)
        scope = access.scope("users.manage")
        if found is None or found.user_id != user.id or not (scope.agencies is None or scope.sees(found.agency)):
            raise not_found()
        _within(session, access, Granted(found.role, found.agency, now))  # power today is what counts
        users.withdraw(session, node.audit, access.actor, user, found, now)


@router.post("/{user_id}/disable")
def disable(request: Request, user_id: Id, access: Manager) -> UserShort:
    return _act_on(request, access, user_id, users.disable, when=False)


@router.post("/{user_id}/enable")
def enable(request: Request, user_id: Id, access: Manager) -> UserShort:
    return _act_on(request, access, user_id, users.enable, when=True)


@router.post("/{user_id}/reset-factor")
def reset_factor(request: Request, user_id: Id, access: Manager) -> UserShort:
    return _act_on(request, access, user_id, users.reset_factor)


@router.post("/{user_id}/link")
def new_link(request: Request, user_id: Id, access: Manager) -> LoginLinkShape:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.touched(session, access, user_id, now)
        if user.disabled:
            raise Problem("LT-A0409")
        token = links.add(session, user.id, now)
        node.audit.record(session, access.actor, "user.link", f"user:{user.id}", agency=user.home)
    return LoginLinkShape(**_link(request, token))


@router.delete("/{user_id}/sessions", status_code=204)
def end_sessions(request: Request, user_id: Id, access: Manager) -> None:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.touched(session, access, user_id, now)
        count = sessions.end_all(session, user.id, but=access.session_hash)
        node.audit.record(session, access.actor, "session.end", f"user:{user.id}", agency=user.home,
                          detail={"count": count})  # fmt: skip


@router.delete("/{user_id}/sessions/{session_id}", status_code=204)
def end_session(request: Request, user_id: Id, session_id: SessionId, access: Manager) -> None:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.touched(session, access, user_id, now)
        found = sessions.named(session, user.id, session_id)
        if found is None:
            raise not_found()
        session.delete(found)
        node.audit.record(session, access.actor, "session.end", f"user:{user.id}", agency=user.home,
                          detail={"count": 1})  # fmt: skip


@router.delete("/{user_id}/keys/{key_id}", status_code=204)
def revoke_key(request: Request, user_id: Id, key_id: Id, access: Manager) -> None:
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.touched(session, access, user_id, now)
        revoke(node, session, access, key_id, user.id, user.home)


def _act_on(request: Request, access: Access, user_id: int, act: Doing, *, when: bool | None = None) -> UserShort:
    """`when`: the state (disabled) in which the act makes sense."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = managing.touched(session, access, user_id, now)
        if user.id == access.user_id or (when is not None and user.disabled != when):
            raise Problem("LT-A0409")
        act(session, node.audit, access.actor, user)
        session.flush()
        if act is users.reset_factor:  # whose factors are gone hears of it, should it not have been their wish
            tell(
                session, key=f"reset-factor:{user.id}:{user.revision}", kind="account", ref=user.username, now=now,
                agency=user.home or node.node.agency, level="high", link="#/account", to_user=user.id,
                title={"vi": "Các yếu tố xác thực của bạn đã bị xóa", "en": "Your second factors were reset"},
            )  # fmt: skip
        [short] = _shapes(node, session, access, [user])
    return short


def _granted(session: Session, access: Access, body: NewGrant) -> Granted:
    """The grant that is asked for, when it lies within the giver's own."""
    scope = access.scope("users.manage")
    if body.agency is not None and (session.get(Agency, body.agency) is None or not scope.sees(body.agency)):
        raise errors.Invalid("agency", *NO_AGENCY)
    if body.role not in ROLES:
        raise errors.Invalid("role", "Không có vai trò này.", "There is no such role.")
    if body.until is None and body.role in BOUNDED_ROLES:
        raise errors.Invalid("until", "Vai trò này phải có ngày hết hạn.", "This role needs a last day.")
    granted = Granted(body.role, body.agency, body.until.timestamp() if body.until else None)
    _within(session, access, granted)
    return granted


def _within(session: Session, access: Access, granted: Granted) -> None:
    if not may_give(granted, access.grants, tree(session, access.grants, always=True)):
        raise Problem("LT-A0415")


def _told(error: LuytreError, field: str) -> errors.Invalid:
    said = error.problems[0]
    return errors.Invalid(field, said.vi, said.en)


def _link(request: Request, token: str) -> dict[str, Any]:
    """A link to where the manager's own browser is: what the node listens on need not be what people type."""
    node: Runtime = request.app.state.node
    base = node.api.public_url or f"{'https' if node.tls else 'http'}://{request.headers.get('host', '')}"
    text = links.address(base, token)
    return {"link": text, "qr": factors.qr(text), "minutes": links.GOOD_FOR_S // 60}


def _shapes(node: Runtime, session: Session, access: Access, rows: Sequence[User]) -> list[UserShort]:
    now, scope = node.clock.now(), access.scope("users.manage")
    names = users.named_agencies(session, {c for u in rows for c in (u.home, *(g.agency for g in u.grants))})
    factored, parents = sessions.with_factor(session), tree(session, access.grants, always=True)
    found = []
    for user in rows:
        shown = [grant for grant in user.grants if scope.agencies is None or scope.sees(grant.agency)]
        home = user.home if scope.agencies is None or scope.sees(user.home) else None
        live = sessions.living(user.grants, now)
        found.append(
            UserShort(
                id=user.id,
                username=user.username,
                name=user.name,
                home=home,
                home_name=names.get(home or ""),
                grants=[_grant(grant, names, now) for grant in shown],
                elsewhere=len(shown) < len(user.grants),
                second_factor=user.id in factored,
                required=sessions.must_show(live, node.limits),
                seen_at=_time(user.seen_at),
                created_at=rfc3339(user.created_at),
                disabled=user.disabled,
                mine=not managing.above(access, user, live, parents, now),
            )
        )
    return found


def _grant(grant: Grant, names: Mapping[str, str], now: float) -> GrantFull:
    return GrantFull(
        id=grant.id,
        role=grant.role,
        agency=grant.agency,
        agency_name=names.get(grant.agency or ""),
        until=_time(grant.until),
        ended=grant.until is not None and grant.until <= now,
        given_at=_time(grant.given_at),
        given_by=grant.given_by,
    )


def _act(row: AuditEntry) -> Act:
    return Act(
        seq=row.seq, at=rfc3339(row.at), actor=row.actor, actor_name=row.actor_name, act=row.act, object=row.object,
        agency=row.agency, outcome=row.outcome,
    )  # fmt: skip


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
