"""My account: how I can log in, my authenticator app, my recovery codes, my passkeys.

Whoever adds or removes a way to log in has shown lately that it is them (`anew`), except for the very first one of an
account that has none: it came by a one-time link a moment ago. Each change is on record and ends the person's other
sessions.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from api.auth import factors, passkeys, sessions, steps, tries
from api.auth.allow import anew, myself
from api.auth.entry import later
from api.auth.factors import Factor
from api.auth.seal import seal_of
from api.auth.sessions import Access
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Code, Credential, In, Line, Options, Out
from api.state.people import Passkey, Totp, User
from sensors.clock import rfc3339

router = APIRouter(tags=["account"])
ROUTES = Resource("/account", router)

Myself = Annotated[Access, Depends(myself)]
PasskeyId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class PasskeyShape(Out):
    id: int
    name: str
    created_at: str
    used_at: str | None


class Account(Out):
    password: bool
    password_at: str | None
    factors: list[Factor]
    required: bool  # whether the node's policy asks this person for a second factor
    totp_at: str | None
    totp_used_at: str | None
    recovery_left: int
    passkeys: list[PasskeyShape]
    passkeys_here: bool  # whether this address can have them


class NewTotp(Out):
    secret: str
    uri: str
    qr: str  # an SVG of its own, to be shown as an image (data:image/svg+xml)


class CodeIn(In):
    code: Code


class Codes(Out):
    codes: list[str]


class NewPasskey(In):
    name: Annotated[Line, Field(min_length=1, max_length=64)]
    credential: Credential


class Name(In):
    name: Annotated[Line, Field(min_length=1, max_length=64)]


@router.get("")
def account(request: Request, access: Myself) -> Account:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        user = session.get_one(User, access.user_id)
        totp = session.get(Totp, user.id)
        confirmed = totp is not None and totp.confirmed_at is not None
        grants = sessions.live_grants(session, user.id, node.clock.now())
        return Account(
            password=user.password is not None,
            password_at=_time(user.password_at),
            factors=factors.of(session, user.id),
            required=sessions.must_show(grants, node.limits),
            totp_at=_time(totp.confirmed_at) if totp and confirmed else None,
            totp_used_at=_time(totp.used_at) if totp and confirmed else None,
            recovery_left=factors.codes_left(session, user.id),
            passkeys=[_shape(key) for key in passkeys.of(session, user.id)],
            passkeys_here=steps.site_of(node, request) is not None,
        )


@router.post("/totp", status_code=201)
def begin_totp(request: Request, access: Myself) -> NewTotp:
    """A new secret; it counts once a code of it was shown (`/totp/check`)."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    with node.db.write() as session:
        user = session.get_one(User, access.user_id)
        owned = factors.of(session, user.id)
        _sure(access, user, owned, now)
        if "totp" in owned:
            raise Problem("LT-A0409")
        secret = factors.begin(session, seal_of(node.data), user, now)
    said = factors.uri(secret, access.username, f"{passkeys.NAME} {node.node.name or node.node.agency}"[:64])
    return NewTotp(secret=secret, uri=said, qr=factors.qr(said))


@router.post("/totp/check")
def check_totp(request: Request, body: CodeIn, access: Myself) -> Codes:
    """The first right code makes it the second factor; the answer is ten recovery codes, shown this once."""
    node: Runtime = request.app.state.node
    now, budget = node.clock.now(), tries.Budget(f"second:{access.user_id}", node.api.login_tries)
    codes: list[str] = []
    with node.db.write() as session:
        wait = tries.reserve(session, (budget,), now, node.api.login_window_s)
        user = session.get_one(User, access.user_id)
        if wait is None and factors.confirm(session, seal_of(node.data), user, body.code, now):
            tries.give_back(session, (budget,))
            codes = factors.new_codes(session, user, now)
            sessions.confirm(session, access.session_hash, now, strong=True)
            sessions.end_all(session, user.id, but=access.session_hash)
            node.audit.record(session, access.actor, "factor.add", f"user:{user.id}", detail={"factor": "totp"})
    if wait is not None:
        raise later(wait)
    if not codes:
        raise Problem("LT-A0411")
    return Codes(codes=codes)


@router.delete("/totp", status_code=204)
def remove_totp(request: Request, access: Myself) -> None:
    node: Runtime = request.app.state.node
    anew(access, node.clock.now())
    with node.db.write() as session:
        if not factors.remove_totp(session, access.user_id):
            raise not_found()
        sessions.end_all(session, access.user_id, but=access.session_hash)
        node.audit.record(session, access.actor, "factor.remove", f"user:{access.user_id}", detail={"factor": "totp"})


@router.post("/recovery")
def recovery_codes(request: Request, access: Myself) -> Codes:
    """Ten new codes in place of those before."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    anew(access, now)
    with node.db.write() as session:
        user = session.get_one(User, access.user_id)
        if not factors.of(session, user.id):
            raise Problem("LT-A0409")
        node.audit.record(session, access.actor, "factor.add", f"user:{user.id}", detail={"factor": "recovery"})
        return Codes(codes=factors.new_codes(session, user, now))


@router.post("/passkeys/options")
def passkey_options(request: Request, response: Response, access: Myself) -> Options:
    node: Runtime = request.app.state.node
    here = steps.site_of(node, request)
    if here is None:
        raise Problem("LT-A0416")
    with node.db.read() as session:
        user = session.get_one(User, access.user_id)
        known = passkeys.of(session, user.id)
        _sure(access, user, factors.of(session, user.id), node.clock.now())
    challenge = steps.put_challenge(node, response, f"register:{user.id}")
    return Options(options=passkeys.registration(here, challenge, user, known))


@router.post("/passkeys", status_code=201)
def add_passkey(request: Request, response: Response, body: NewPasskey, access: Myself) -> PasskeyShape:
    node: Runtime = request.app.state.node
    here, now = steps.site_of(node, request), node.clock.now()
    challenge = steps.challenge(node, request, f"register:{access.user_id}")
    if here is None or challenge is None:
        raise Problem("LT-A0416")
    with node.db.write() as session:
        user = session.get_one(User, access.user_id)
        if len(passkeys.of(session, user.id)) >= passkeys.PER_USER:
            raise Problem("LT-A0409")
        made = passkeys.register(session, here, challenge, user, body.credential, body.name, now)
        if made is not None:
            sessions.confirm(session, access.session_hash, now, strong=True)
            node.audit.record(session, access.actor, "factor.add", f"user:{user.id}",
                              detail={"factor": "passkey", "name": body.name})  # fmt: skip
    steps.drop(node, response, "challenge")
    if made is None:
        raise Problem("LT-A0416")
    return _shape(made)


@router.patch("/passkeys/{passkey_id}")
def rename_passkey(request: Request, passkey_id: PasskeyId, body: Name, access: Myself) -> PasskeyShape:
    node: Runtime = request.app.state.node
    with node.db.write() as session:
        key = session.get(Passkey, passkey_id)
        if key is None or key.user_id != access.user_id:
            raise not_found()
        key.name = body.name
        return _shape(key)


@router.delete("/passkeys/{passkey_id}", status_code=204)
def remove_passkey(request: Request, passkey_id: PasskeyId, access: Myself) -> None:
    node: Runtime = request.app.state.node
    anew(access, node.clock.now())
    with node.db.write() as session:
        key = session.get(Passkey, passkey_id)
        if key is None or key.user_id != access.user_id:
            raise not_found()
        session.delete(key)
        sessions.end_all(session, access.user_id, but=access.session_hash)
        node.audit.record(session, access.actor, "factor.remove", f"user:{access.user_id}",
                          detail={"factor": "passkey", "name": key.name})  # fmt: skip


def _sure(access: Access, user: User, owned: list[Factor], now: float) -> None:
    if owned or user.password is not None:
        anew(access, now)


def _shape(key: Passkey) -> PasskeyShape:
    return PasskeyShape(id=key.id, name=key.name, created_at=rfc3339(key.created_at), used_at=_time(key.used_at))


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
