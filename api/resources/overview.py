"""The start page: one answer with what needs somebody now; and the self-test that makes the first alert.

Whoever is signed in may ask; each part is made only for who holds its permission, within that permission's scope.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.auth.allow import Allow, signed_in
from api.auth.sessions import Access
from api.overview import now
from api.overview.shapes import Overview
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from sensors.sources import selftest

router = APIRouter(tags=["overview"])
ROUTES = Resource("/overview", router)

Me = Annotated[Access, Depends(signed_in)]
Manager = Annotated[Access, Depends(Allow("sensors.manage"))]


class SelfTestAsked(Out):
    test: str


@router.get("")
def overview(request: Request, access: Me) -> Overview:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        return now.overview(node, session, access)


@router.post("/selftest", status_code=202)
def ask_selftest(request: Request, access: Manager) -> SelfTestAsked:
    """A harmless event for the log role beside this node; its alert comes some seconds later. 429 while one waits: no
    log sensor of this machine has taken it yet."""
    node: Runtime = request.app.state.node
    if selftest.asked(node.data):
        raise Problem("LT-A0429")
    wanted = selftest.Request(secrets.token_hex(8), access.username[:64], node.clock.now())
    with node.db.write() as session:
        node.audit.record(session, access.actor, "selftest.ask", wanted.id, agency=node.node.agency)
    selftest.ask(node.data, wanted)
    return SelfTestAsked(test=wanted.id)
