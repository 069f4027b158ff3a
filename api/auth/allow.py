"""The door of the people's port: one `Allow(permission)` (or `anyone`) stands before every route; without one the
application does not start.

In:  a request with its cookie, or with an API key (never both). Out: the `Access` of a live session or key that has the
     permission somewhere, else a problem: 401 nobody, 403 no permission (on record), and for writes of a session 403
     without its X-CSRF-Token (a key is no cookie: no page can make a browser send it).
The permission only opens the door: what is seen behind it is limited by `access.scope(permission)`, which every store
call takes. `signed_in` is for what filters by itself (the live stream); `myself` for what concerns the person alone,
where no key is let in. `anew(access, now)` behind a door asks that the person has shown lately who they are.
"""

from __future__ import annotations

import hmac
import math
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from starlette.concurrency import run_in_threadpool

from api.auth import keys, sessions
from api.auth.sessions import Access
from api.permissions import NEVER_BY_KEY, PERMISSIONS
from api.problems import Problem
from api.runtime import Runtime

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
COOKIE_TLS, COOKIE_PLAIN = "__Host-luytre", "luytre"  # __Host- needs Secure, which loopback HTTP cannot keep
DENIAL_EVERY_S = 10.0  # the same person at the same route is written down at most this often


class Allow:
    def __init__(self, permission: str | None, *, person: bool = False) -> None:
        """`person`: only somebody in a session, no API key."""
        if permission is not None and permission not in PERMISSIONS:
            raise ValueError(f"unknown permission {permission!r}")
        self.permission, self.person = permission, person or permission in NEVER_BY_KEY

    async def __call__(self, request: Request) -> Access:
        """On the event loop: only who is not known, and what is refused, costs a thread and the database."""
        node: Runtime = request.app.state.node
        access = await access_now(request, node)
        if access is None:
            raise Problem("LT-A0401")
        request.state.language = access.language
        request.state.access = access
        if access.key_id is not None:
            wait = request.app.state.key_rates.wait(access.key_id, node.clock.monotonic())
            if wait is not None:
                raise Problem("LT-A0429", headers={"Retry-After": str(max(1, math.ceil(wait)))})
            if self.person or (self.permission is None and request.method not in SAFE):
                await run_in_threadpool(denied, request, node, access, "key")
                raise Problem("LT-A0403")
        elif request.method not in SAFE and not hmac.compare_digest(
            request.headers.get("x-csrf-token", "").encode("utf-8", "replace"), access.csrf.encode()
        ):
            await run_in_threadpool(denied, request, node, access, "csrf")
            raise Problem("LT-A0406")
        if self.permission is not None and self.permission not in access.permissions:
            await run_in_threadpool(denied, request, node, access, self.permission)
            raise Problem("LT-A0403")
        return access


signed_in = Allow(None)
myself = Allow(None, person=True)


def anew(access: Access, now: float) -> None:
    """Acts of power, and changes to how one logs in, need the person to have shown lately that it is them."""
    if not access.confirmed(now):
        raise Problem("LT-A0410")


def anyone() -> None:
    """Open to everybody, on purpose: log-in, the log-in page's facts."""


def doors(dependant: Dependant) -> list[Any]:
    """The doors before a route: `Allow`s and `anyone`s in its dependencies."""
    found: list[Any] = [dependant.call] if isinstance(dependant.call, Allow) or dependant.call is anyone else []
    for inner in dependant.dependencies:
        found += doors(inner)
    return found


async def access_now(request: Request, node: Runtime) -> Access | None:
    """`access_of` for the event loop."""
    return known_to(request, node) or await run_in_threadpool(access_of, request, node)


def known_to(request: Request, node: Runtime) -> Access | None:
    """Whose session this is, when that needs no database (api/auth/known.py)."""
    token = request.cookies.get(cookie_name(node))
    if not token or "authorization" in request.headers:
        return None
    return node.known.of(token, node.clock.now(), node.limits, address_of(request))


def access_of(request: Request, node: Runtime) -> Access | None:
    token, bearer = request.cookies.get(cookie_name(node)), request.headers.get("authorization")
    if bearer is not None:
        # Both at once is nobody: a page could ride on the cookie, or a mistake would pick the stronger of two.
        return None if token else _by_key(request, node, bearer)
    if not token:
        return None
    now = node.clock.now()
    found = node.known.find(token, now, node.limits, address_of(request))
    if found is None:
        return None
    access, touch = found
    if touch:
        with node.db.write() as session:
            sessions.touch(session, access.session_hash, now)
    return access


def _by_key(request: Request, node: Runtime, bearer: str) -> Access | None:
    scheme, _, token = bearer.partition(" ")
    if scheme.lower() != "bearer":
        return None
    now, address = node.clock.now(), address_of(request)
    with node.db.read() as session:
        found = keys.find(session, token.strip(), now, node.limits, address)
    if found is None:
        return None
    access, touch = found
    if touch and access.key_id is not None:
        with node.db.write() as session:
            keys.touch(session, access.key_id, now, address)
    return access


def cookie_name(node: Runtime) -> str:
    return COOKIE_TLS if node.tls else COOKIE_PLAIN


def address_of(request: Request) -> str:
    """The peer's address. X-Forwarded-For is what the client says, so it is not asked."""
    return request.client.host if request.client else ""


def denied(request: Request, node: Runtime, access: Access, why: str) -> None:
    """Write a denial into the audit (bounded: see DENIAL_EVERY_S)."""
    now = node.clock.now()
    recent: dict[tuple[int, str, str], float] = request.app.state.denials
    key = (access.user_id, request.method, request.url.path[:128])
    if now - recent.get(key, -DENIAL_EVERY_S) < DENIAL_EVERY_S:
        return
    if len(recent) > 1000:
        recent.clear()
    recent[key] = now
    with node.db.write() as session:
        node.audit.record(
            session, access.actor, "denied", request.url.path, outcome="denied",
            detail={"method": request.method, "why": why},
        )  # fmt: skip
