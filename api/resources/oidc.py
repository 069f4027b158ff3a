"""Logging in through an OpenID provider: the browser goes there and comes back (api/auth/oidc.py checks it).

Accounts are made when a mapped person comes for the first time, and their roles here follow the provider's claim at
each log-in: what the claim no longer says is withdrawn. A local account of the same name is never taken over: the names
of these accounts carry the provider's.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth import oidc, steps, tries, users
from api.auth.allow import address_of, anyone
from api.auth.entry import entered, later, opened
from api.auth.oidc import Known, Provider, Refused
from api.permissions import NATIONAL_ROLES, Granted
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.state.people import Agency, Outside, User
from sensors.errors import LuytreError

router = APIRouter(tags=["session"])
ROUTES = Resource("/session/oidc", router)

Name = Annotated[str, Path(max_length=64)]
LINE = 2_048  # of any parameter that comes back


@router.get("/{provider}", dependencies=[Depends(anyone)], status_code=303, response_class=RedirectResponse)
def begin(request: Request, provider: Name) -> Response:
    node: Runtime = request.app.state.node
    known = _provider(request, provider)
    with node.db.write() as session:
        wait = tries.reserve(session, (tries.Budget(f"oidc:{address_of(request)}", tries.PER_ADDRESS),),
                             node.clock.now(), node.api.login_window_s)  # fmt: skip
    if wait is not None:
        raise later(wait)
    try:
        where, flow = known.begin(_back(request, provider))
    except Refused as error:
        node.log.warning("the identity provider does not answer as it should", provider=provider, error=str(error))
        return _home("unreachable")
    answer = RedirectResponse(where, 303)
    # Lax: it must come along when the provider sends the browser back. It opens nothing by itself.
    steps.put(node, answer, "oidc", {"provider": provider, **flow}, oidc.FLOW_S, lax=True)
    return answer


@router.get("/{provider}/back", dependencies=[Depends(anyone)], status_code=303, response_class=RedirectResponse)
def back(request: Request, provider: Name) -> Response:
    """Always on to the page: with a session, with a second factor still owed, or with why not."""
    node: Runtime = request.app.state.node
    known, flow = _provider(request, provider), steps.take(node, request, "oidc")
    said = {name: value[:LINE] for name, value in list(request.query_params.items())[:16]}
    why = "" if flow and flow["provider"] == provider else "no log-in was begun in this browser"
    person: Known | None = None
    if not why and flow:
        try:
            person = known.finish(flow, said, _back(request, provider))
        except (Refused, OSError) as error:
            why = str(error)
    answer = _home("failed")
    if person is not None:
        with node.db.write() as session:
            user = _account(node, session, person)
        if user is None:
            why = "the account is disabled, or none of its roles exists here"
        elif person.strong:
            answer = _home("")
            opened(node, request, answer, user, f"oidc:{provider}", strong=True)
        else:
            answer = _home("")
            step = entered(node, request, answer, user, f"oidc:{provider}")
            if isinstance(step, Response):  # a second factor of ours is owed: its cookie goes along
                answer = _home("second")
                for name, value in step.raw_headers:
                    if name == b"set-cookie":
                        answer.raw_headers.append((name, value))
    if why:
        node.log.warning("a log-in by a provider was refused", provider=provider, why=why)
        with node.db.write() as session:
            actor = Actor("unknown", provider, address_of(request))
            node.audit.record(session, actor, "session.open", outcome="denied", detail={"way": f"oidc:{provider}"})
    steps.drop(node, answer, "oidc")
    return answer


def _provider(request: Request, wanted: str) -> Provider:
    node: Runtime = request.app.state.node
    made: dict[str, Provider] = request.app.state.providers
    table = next((table for table in node.api.oidc if table.id == wanted), None)
    if table is None:
        raise not_found()
    return made.setdefault(wanted, Provider(table, node.clock.now))


def _back(request: Request, provider: str) -> str:
    """Our own address as the provider must know it: what people type, else what this browser typed."""
    node: Runtime = request.app.state.node
    base = node.api.public_url.rstrip("/") or f"{'https' if node.tls else 'http'}://{request.headers.get('host', '')}"
    return f"{base}/api/v1/session/oidc/{provider}/back"


def _home(why: str) -> RedirectResponse:
    return RedirectResponse(f"/#/login?oidc={why}" if why else "/#/", 303)


def _account(node: Runtime, session: Session, person: Known) -> User | None:
    """The account of this person, made or brought up to what the provider says of it now."""
    now = node.clock.now()
    actor = Actor(f"oidc:{person.provider}", person.provider)
    national = node.node.role == "national"
    wanted = [
        grant
        for grant in person.grants
        if (grant.agency is None or session.get(Agency, grant.agency) is not None)
        and (national or grant.role not in NATIONAL_ROLES)
    ]
    row = session.scalar(select(Outside).where(Outside.provider == person.provider, Outside.subject == person.subject))
    if row is None:
        if not wanted:
            return None
        homes = {grant.agency for grant in wanted}
        try:
            user = users.add(
                session, node.audit, actor, f"{person.username[:90]}@{person.provider}", now=now, name=person.name,
                language=node.node.language, national=national, home=homes.pop() if len(homes) == 1 else None,
            )  # fmt: skip
        except LuytreError:  # another subject has that name here
            return None
        session.add(Outside(provider=person.provider, subject=person.subject, user_id=user.id, created_at=now))
    else:
        user = session.get_one(User, row.user_id)
        if user.disabled:
            return None
    held = {(grant.role, grant.agency): grant for grant in user.grants}
    asked = {(grant.role, grant.agency) for grant in wanted}
    for place, grant in held.items():
        if place not in asked and grant.given_by == person.provider:  # what a person here gave stays theirs to take
            users.withdraw(session, node.audit, actor, user, grant, now)
    for role, agency in sorted(asked - set(held), key=repr):
        users.grant(session, node.audit, actor, user, Granted(role, agency), now=now, national=national)
    return user if user.grants else None
