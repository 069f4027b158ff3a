"""What every way of logging in ends in: a session in this browser, or the question for the second factor.

In:  a person who has shown a password, link, passkey or an OpenID provider's word. Out: `Me` with a new cookie, or 202
     with what is still owed and a sealed cookie that the first step was right.
"""

from __future__ import annotations

import math

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth import agents, factors, places, sessions, steps, tries, users
from api.auth.allow import address_of, cookie_name
from api.auth.factors import Factor
from api.auth.sessions import Access
from api.notices.tell import tell
from api.problems import Problem
from api.runtime import VERSION, Runtime
from api.shapes import GrantShape, Me, NodeShape, Out, UserShape
from api.state.people import User
from sensors.clock import rfc3339


class Step(Out):
    """The first step was right; one of these is still owed."""

    second: list[Factor]


def entered(node: Runtime, request: Request, response: Response, user: User, way: str) -> Me | Response:
    """The first step was right: a session, or (for who has a second factor) the question for it."""
    with node.db.read() as session:
        owed = factors.of(session, user.id)
    if not owed:
        return opened(node, request, response, user, way)
    here = steps.site_of(node, request)
    wanted = [factor for factor in owed if factor != "passkey" or here is not None]
    answer = JSONResponse(Step(second=wanted).model_dump(), 202)
    steps.put_half(node, answer, user, way)
    return answer


def opened(node: Runtime, request: Request, response: Response, user: User, way: str, *, strong: bool = False) -> Me:
    """A new session of this person in this browser."""
    address = address_of(request)
    agent = agents.named(request.headers.get("user-agent", ""))
    with node.db.write() as session:
        if strong:
            tries.give_back(session, (second_budget(node, user.id),))
        actor = Actor(f"user:{user.id}", user.name or user.username, address)
        node.audit.record(session, actor, "session.open", detail={"way": way})
        _from_where(node, session, actor, user.id, places.place_of(address, agent))
        token = sessions.start(
            session, user.id, node.clock.now(), node.limits, address, agent=agent, way=way[:16], strong=strong
        )
    response.set_cookie(
        cookie_name(node),
        token,
        max_age=node.api.session_limit_s,
        path="/",
        secure=node.tls,
        httponly=True,
        samesite="strict",
    )
    steps.put_known(node, request, response, user.id)
    for name in ("half", "challenge"):
        if steps.cookie(node, name) in request.cookies:
            steps.drop(node, response, name)
    with node.db.read() as session:
        found = sessions.find(session, token, node.clock.now(), node.limits, address)
    if found is None:  # disabled between the two transactions
        raise Problem("LT-A0401")
    return me(node, found[0])


def _from_where(node: Runtime, session: Session, actor: Actor, user_id: int, here: places.Place) -> None:
    """A place that is new to the person is told to them and stands in the audit: it may not be they."""
    now = node.clock.now()
    user = session.get_one(User, user_id)
    if places.came(session, user, here, now) is None:
        return
    detail = {"network": here.network, "browser": here.browser}
    node.audit.record(session, actor, "session.new-place", f"user:{user.id}", detail=detail)
    tell(
        session, key=f"place:{user.id}:{here.network}:{here.browser}:{int(now)}", kind="account", ref=user.username,
        agency=user.home or node.node.agency, level="medium", link="#/account", now=now, to_user=user.id,
        title={"vi": f"Tài khoản của bạn được đăng nhập từ nơi mới: {here.said('vi')}",
               "en": f"Your account was signed in to from a new place: {here.said('en')}"},
    )  # fmt: skip


def later(seconds: float) -> Problem:
    return Problem("LT-A0429", headers={"Retry-After": str(max(1, math.ceil(seconds)))})


def second_budget(node: Runtime, user_id: int) -> tries.Budget:
    return tries.Budget(f"second:{user_id}", node.api.login_tries)


def me(node: Runtime, access: Access) -> Me:
    with node.db.read() as session:
        names = users.named_agencies(session, (grant.agency for grant in access.grants))
    return Me(
        user=UserShape(
            id=access.user_id,
            username=access.username,
            name=access.name,
            language="en" if access.language == "en" else "vi",
        ),
        grants=[
            GrantShape(
                role=grant.role,
                agency=grant.agency,
                agency_name=names.get(grant.agency or ""),
                until=rfc3339(grant.until) if grant.until else None,
            )
            for grant in access.grants
        ],
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
        setup=access.setup,
    )
