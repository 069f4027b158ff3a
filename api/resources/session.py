"""Signing in and out; who I am; my language and password; "it is you". /public for the log-in page.

In by password, one-time link, passkey, or an OpenID provider (oidc.py). A password or link of somebody who has a second
factor opens no session: 202 says which factors may be shown, and a sealed cookie that the first step was right.
A passkey is two factors by itself and asks for nothing more. Every way ends in `opened`: a new token, the audit line.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth import factors, links, passkeys, passwords, sessions, steps, tries, users
from api.auth.allow import address_of, anyone, cookie_name, myself, signed_in
from api.auth.entry import Step, entered, later, me, opened, second_budget
from api.auth.factors import Factor
from api.auth.seal import seal_of
from api.auth.sessions import Access
from api.problems import Problem
from api.resources import Resource
from api.runtime import VERSION, Runtime
from api.shapes import Code, Credential, In, Language, Me, Options, Out
from api.state.people import User

router = APIRouter(tags=["session"])
ROUTES = Resource("", router)

Mine = Annotated[Access, Depends(signed_in)]
Myself = Annotated[Access, Depends(myself)]
Password = Annotated[str, Field(min_length=1, max_length=passwords.MAX_LENGTH, repr=False)]


class Provider(Out):
    id: str
    name: str


class Public(Out):
    name: str
    role: str
    exercise: bool
    language: Language
    version: str
    setup_needed: bool
    passkeys: bool  # whether this address can have them
    providers: list[Provider]


class Login(In):
    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Password


class LinkLogin(In):
    token: Annotated[str, Field(min_length=20, max_length=128, repr=False)]


class Second(In):
    code: Code


class PasskeyLogin(In):
    credential: Credential


class Confirm(In):
    """One of them: whatever the person has."""

    password: Annotated[str, Field(max_length=passwords.MAX_LENGTH, repr=False)] = ""
    code: Annotated[str, Field(max_length=32, repr=False)] = ""
    credential: Credential | None = None


class Ways(Out):
    password: bool
    factors: list[Factor]
    options: dict[str, Any] | None  # for navigator.credentials.get, when the person has a passkey for this address


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
        passkeys=steps.site_of(node, request) is not None,
        providers=[Provider(id=provider.id, name=provider.name) for provider in node.api.oidc],
    )


@router.post("/session", dependencies=[Depends(anyone)], response_model=Me, responses={202: {"model": Step}})
def log_in(request: Request, response: Response, body: Login) -> Me | Response:
    node: Runtime = request.app.state.node
    username, address = users.folded(body.username), address_of(request)
    try:
        with passwords.admission():
            now = node.clock.now()
            with node.db.read() as session:
                user = users.by_name(session, username)
            budgets = tries.budgets(username, address, node.api.login_tries, steps.known(node, request, user))
            with node.db.write() as session:
                wait = tries.reserve(session, budgets, now, node.api.login_window_s)
            if wait is not None:
                raise later(wait)
            right = passwords.fits(body.password, user.password if user and not user.disabled else None)
    except passwords.Busy:
        raise later(1) from None
    if user is None or not right:
        _refused(node, user, username, address, "password")
        raise Problem("LT-A0402")
    with node.db.write() as session:
        tries.give_back(session, budgets)
    return entered(node, request, response, user, "password")


@router.post("/session/link", dependencies=[Depends(anyone)], response_model=Me, responses={202: {"model": Step}})
def log_in_by_link(request: Request, response: Response, body: LinkLogin) -> Me | Response:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        user = links.use(session, body.token, node.clock.now())
    if user is None:
        raise Problem("LT-A0407")
    return entered(node, request, response, user, "link")


@router.post("/session/second", dependencies=[Depends(anyone)])
def second_step(request: Request, response: Response, body: Second) -> Me:
    node: Runtime = request.app.state.node
    half, now = steps.half(node, request), node.clock.now()
    if half is None:
        raise Problem("LT-A0414")
    factor, user = None, None
    with node.db.write() as session:
        wait = tries.reserve(session, (second_budget(node, half.user_id),), now, node.api.login_window_s)
        if wait is None:
            user = session.get(User, half.user_id)
            if user is not None and not user.disabled and user.revision == half.revision:
                factor = factors.shown(session, seal_of(node.data), user, body.code, now)
                _spent(node, session, user, factor, address_of(request))
    if wait is not None:
        raise later(wait)
    if user is None or factor is None:
        _refused(node, user, "", address_of(request), "second")
        raise Problem("LT-A0411")
    return opened(node, request, response, user, f"{half.way}+{factor}", strong=True)


@router.post("/session/passkey/options", dependencies=[Depends(anyone)])
def passkey_options(request: Request, response: Response) -> Options:
    """What the browser's passkeys must sign; the device offers those that it has for this address."""
    node: Runtime = request.app.state.node
    here = steps.site_of(node, request)
    if here is None:
        raise Problem("LT-A0416")
    return Options(options=passkeys.request(here, steps.put_challenge(node, response, "login")))


@router.post("/session/passkey", dependencies=[Depends(anyone)])
def log_in_by_passkey(request: Request, response: Response, body: PasskeyLogin) -> Me:
    node: Runtime = request.app.state.node
    here, challenge = steps.site_of(node, request), steps.challenge(node, request, "login")
    user = None
    if here is not None and challenge is not None:
        with node.db.write() as session:
            user = passkeys.signed_by(session, here, challenge, body.credential, node.clock.now())
    if user is None:
        raise Problem("LT-A0416")
    return opened(node, request, response, user, "passkey", strong=True)


@router.get("/session")
def who_am_i(request: Request, access: Mine) -> Me:
    return me(request.app.state.node, access)


@router.patch("/session")
def settings(request: Request, body: Settings, access: Myself) -> Me:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        user = session.get_one(User, access.user_id)
        user.language = body.language
    found = _again(node, request, access)
    request.state.language = body.language
    return me(node, found)


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response, access: Myself) -> None:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        sessions.end(session, access.session_hash)
        node.audit.record(session, access.actor, "session.close")
    response.delete_cookie(cookie_name(node), path="/", secure=node.tls, httponly=True, samesite="strict")


@router.get("/session/confirm")
def ways_to_confirm(request: Request, response: Response, access: Myself) -> Ways:
    """What this person can show that it is them."""
    node: Runtime = request.app.state.node
    here = steps.site_of(node, request)
    with node.db.read() as session:
        user = session.get_one(User, access.user_id)
        keys = passkeys.of(session, user.id)
        found = factors.of(session, user.id)
    options = None
    if here is not None and keys:
        options = passkeys.request(here, steps.put_challenge(node, response, f"confirm:{user.id}"), keys)
    return Ways(password=user.password is not None, factors=[f for f in found if f != "recovery"], options=options)


@router.post("/session/confirm", status_code=204)
def confirm(request: Request, body: Confirm, access: Myself) -> None:
    """It is you: for five minutes acts of power are open. Who has a second factor shows that, not the password."""
    node: Runtime = request.app.state.node
    now, budget = node.clock.now(), second_budget(node, access.user_id)
    with node.db.write() as session:
        wait = tries.reserve(session, (budget,), now, node.api.login_window_s)
        user = session.get_one(User, access.user_id)
        owned = factors.of(session, user.id)
        way = "" if wait is not None else _shown(node, request, session, user, body, owned, now)
    if wait is not None:
        raise later(wait)
    if not way and body.password and not owned and user.password is not None:
        try:
            with passwords.admission():
                way = "password" if passwords.fits(body.password, user.password) else ""
        except passwords.Busy:
            raise later(1) from None
    with node.db.write() as session:
        if way:
            tries.give_back(session, (budget,))
            sessions.confirm(session, access.session_hash, now, strong=way != "password")
        node.audit.record(session, access.actor, "session.confirm", outcome="done" if way else "denied",
                          detail={"way": way})  # fmt: skip
    if not way:
        raise Problem("LT-A0411")


@router.post("/session/password", status_code=204)
def new_password(request: Request, body: NewPassword, access: Myself) -> None:
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
                raise later(wait)
            if stored is not None and not passwords.fits(body.old, stored):
                raise Problem("LT-A0402", ("Mật khẩu hiện tại không đúng.", "The present password is wrong."))
            context = (access.username, access.name, node.node.agency, node.node.name)
            weak = passwords.weakness(body.new, *context, refused=node.api.refused_passwords)
            if weak:
                raise Problem("LT-A0423", weak, errors=[{"field": "new", "message": weak[access.language == "en"]}])
            hashed = passwords.hash_password(body.new)
    except passwords.Busy:
        raise later(1) from None
    with node.db.write() as session:
        tries.give_back(session, (budget,))
        user = session.get_one(User, access.user_id)
        users.set_password(session, node.audit, access.actor, user, hashed, now=now, keep=access.session_hash)


def _shown(node: Runtime, request: Request, session: Session, user: User, body: Confirm, owned: Any, now: float) -> str:
    here, challenge = steps.site_of(node, request), steps.challenge(node, request, f"confirm:{user.id}")
    if body.credential is not None and here is not None and challenge is not None:
        found = passkeys.signed_by(session, here, challenge, body.credential, now)
        return "passkey" if found is not None and found.id == user.id else ""
    if body.code and "totp" in owned:
        factor = factors.shown(session, seal_of(node.data), user, body.code, now)
        _spent(node, session, user, factor, address_of(request))
        return factor or ""
    return ""


def _spent(node: Runtime, session: Session, user: User, factor: Factor | None, address: str) -> None:
    """A recovery code is used up for good: an entry of its own, so that no older backup brings it back."""
    if factor == "recovery":
        actor = Actor(f"user:{user.id}", user.name or user.username, address)
        node.audit.record(session, actor, "factor.use", f"user:{user.id}",
                          detail={"factor": factor, "left": factors.codes_left(session, user.id)})  # fmt: skip


def _refused(node: Runtime, user: User | None, username: str, address: str, way: str) -> None:
    """On record without what was typed: people type a password into the user name's field. Who is unknown is a mark,
    the same for the same text, that says nothing of it."""
    if user is not None:
        actor = Actor(f"user:{user.id}", user.name or user.username, address)
    else:
        actor = Actor("unknown", f"#{seal_of(node.data).mark('username', username)}", address)
    with node.db.write() as session:
        node.audit.record(session, actor, "session.open", outcome="denied", detail={"way": way})


def _again(node: Runtime, request: Request, access: Access) -> Access:
    token = request.cookies[cookie_name(node)]
    with node.db.read() as session:
        found = sessions.find(session, token, node.clock.now(), node.limits, access.address)
    if found is None:
        raise Problem("LT-A0401")
    return found[0]
