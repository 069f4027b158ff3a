"""Signing in and out, by password or one-time link; who I am; my language and password. /public for the log-in page."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth import links, passwords, sessions, tries, users
from api.auth.allow import address_of, anyone, cookie_name, signed_in
from api.auth.sessions import Access
from api.problems import Problem
from api.resources import Resource
from api.runtime import VERSION, Runtime
from api.shapes import GrantShape, In, Language, Me, NodeShape, Out, UserShape
from api.state.people import User
from sensors.clock import rfc3339

router = APIRouter(tags=["session"])
ROUTES = Resource("", router)

Mine = Annotated[Access, Depends(signed_in)]
Password = Annotated[str, Field(min_length=1, max_length=passwords.MAX_LENGTH, repr=False)]


class Public(Out):
    name: str
    role: str
    exercise: bool
    language: Language
    version: str
    setup_needed: bool


class Login(In):
    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Password


class LinkLogin(In):
    token: Annotated[str, Field(min_length=20, max_length=128, repr=False)]


class Settings(In):
    language: Language


class NewPassword(In):
    old: Annotated[str, Field(max_length=passwords.MAX_LENGTH, repr=False)] = ""
    new: Password


@router.get("/public", dependencies=[Depends(anyone)])
def public(request: Request) -> Public:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        empty = users.count(session) == 0
    return Public(
        name=node.node.name or node.node.agency,
        role=node.node.role,
        exercise=node.node.exercise,
        language="en" if node.node.language == "en" else "vi",
        version=VERSION,
        setup_needed=empty,
    )


@router.post("/session", dependencies=[Depends(anyone)])
def log_in(request: Request, response: Response, body: Login) -> Me:
    node: Runtime = request.app.state.node
    username, address = users.folded(body.username), address_of(request)
    budgets = tries.budgets(username, address, node.api.login_tries)
    try:
        with passwords.admission():
            now = node.clock.now()
            with node.db.write() as session:
                wait = tries.reserve(session, budgets, now, node.api.login_window_s)
            if wait is not None:
                raise _later(wait)
            with node.db.read() as session:
                user = users.by_name(session, username)
            right = passwords.fits(body.password, user.password if user and not user.disabled else None)
    except passwords.Busy:
        raise _later(1) from None
    with node.db.write() as session:
        if user is None or not right:
            actor = Actor(f"user:{user.id}" if user else "unknown", username, address)
            node.audit.record(session, actor, "session.open", outcome="denied")
            raise_after = True
        else:
            raise_after = False
            tries.give_back(session, budgets)
            token = _open(node, session, user, address, "password")
    if raise_after:
        raise Problem("LT-A0402")
    return _welcome(node, request, response, token)


@router.post("/session/link", dependencies=[Depends(anyone)])
def log_in_by_link(request: Request, response: Response, body: LinkLogin) -> Me:
    node: Runtime = request.app.state.node
    address = address_of(request)
    with node.db.write() as session:
        user = links.use(session, body.token, node.clock.now())
        token = _open(node, session, user, address, "link") if user else None
    if token is None:
        raise Problem("LT-A0407")
    return _welcome(node, request, response, token)


@router.get("/session")
def who_am_i(request: Request, access: Mine) -> Me:
    return _me(request.app.state.node, access)


@router.patch("/session")
def settings(request: Request, body: Settings, access: Mine) -> Me:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        user = session.get_one(User, access.user_id)
        user.language = body.language
    found = _again(node, request, access)
    request.state.language = body.language
    return _me(node, found)


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response, access: Mine) -> None:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        sessions.end(session, access.session_hash)
        node.audit.record(session, access.actor, "session.close")
    response.delete_cookie(cookie_name(node), path="/", secure=node.tls, httponly=True, samesite="strict")


@router.post("/session/password", status_code=204)
def new_password(request: Request, body: NewPassword, access: Mine) -> None:
    """Ends the person's other sessions. Who has no password yet (came by a link) leaves `old` empty."""
    node: Runtime = request.app.state.node
    budget = tries.Budget(f"password:{access.user_id}", node.api.login_tries)
    try:
        with passwords.admission():
            now = node.clock.now()
            with node.db.write() as session:
                wait = tries.reserve(session, (budget,), now, node.api.login_window_s)
                stored = session.get_one(User, access.user_id).password
            if wait is not None:
                raise _later(wait)
            if stored is not None and not passwords.fits(body.old, stored):
                raise Problem("LT-A0402", ("Mật khẩu hiện tại không đúng.", "The present password is wrong."))
            weak = passwords.weakness(body.new, access.username, access.name, node.node.agency, "luytre")
            if weak:
                raise Problem("LT-A0423", weak, errors=[{"field": "new", "message": weak[access.language == "en"]}])
            hashed = passwords.hash_password(body.new)
    except passwords.Busy:
        raise _later(1) from None
    with node.db.write() as session:
        tries.give_back(session, (budget,))
        user = session.get_one(User, access.user_id)
        users.set_password(session, node.audit, access.actor, user, hashed, now=now, keep=access.session_hash)


def _open(node: Runtime, session: Session, user: User, address: str, way: str) -> str:
    actor = Actor(f"user:{user.id}", user.name or user.username, address)
    node.audit.record(session, actor, "session.open", detail={"way": way})
    return sessions.start(session, user.id, node.clock.now(), node.limits, address)


def _welcome(node: Runtime, request: Request, response: Response, token: str) -> Me:
    response.set_cookie(
        cookie_name(node),
        token,
        max_age=node.api.session_limit_s,
        path="/",
        secure=node.tls,
        httponly=True,
        samesite="strict",
    )
    with node.db.read() as session:
        found = sessions.find(session, token, node.clock.now(), node.limits, address_of(request))
    if found is None:  # disabled between the two transactions
        raise Problem("LT-A0401")
    return _me(node, found[0])


def _again(node: Runtime, request: Request, access: Access) -> Access:
    token = request.cookies[cookie_name(node)]
    with node.db.read() as session:
        found = sessions.find(session, token, node.clock.now(), node.limits, access.address)
    if found is None:
        raise Problem("LT-A0401")
    return found[0]


def _me(node: Runtime, access: Access) -> Me:
    return Me(
        user=UserShape(
            id=access.user_id,
            username=access.username,
            name=access.name,
            language="en" if access.language == "en" else "vi",
        ),
        grants=[GrantShape(role=grant.role, agency=grant.agency) for grant in access.grants],
        permissions=sorted(access.permissions),
        csrf=access.csrf,
        expires_at=rfc3339(access.expires_at),
        node=NodeShape(
            name=node.node.name or node.node.agency,
            agency=node.node.agency,
            role="national" if node.node.role == "national" else "agency",
            exercise=node.node.exercise,
            version=VERSION,
        ),
    )


def _later(seconds: float) -> Problem:
    return Problem("LT-A0429", headers={"Retry-After": str(max(1, math.ceil(seconds)))})
