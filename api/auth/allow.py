"""The door of the people's port: one `Allow(permission)` (or `anyone`) stands before every route; without one the
application does not start.

In:  a request with its cookie. Out: the `Access` of a live session that has the permission somewhere, else a problem:
     401 no session, 403 no permission (on record), and for writes 403 without the session's X-CSRF-Token.
The permission only opens the door: what is seen behind it is limited by `access.scope(permission)`, which every store
call takes. `signed_in` is for what concerns the person alone, or what filters by itself (the live stream).
"""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant

from api.auth import sessions
from api.auth.sessions import Access
from api.permissions import PERMISSIONS
from api.problems import Problem
from api.runtime import Runtime

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
COOKIE_TLS, COOKIE_PLAIN = "__Host-luytre", "luytre"  # __Host- needs Secure, which loopback HTTP cannot keep
DENIAL_EVERY_S = 10.0  # the same person at the same route is written down at most this often


class Allow:
    def __init__(self, permission: str | None) -> None:
        if permission is not None and permission not in PERMISSIONS:
            raise ValueError(f"unknown permission {permission!r}")
        self.permission = permission

    def __call__(self, request: Request) -> Access:
        node: Runtime = request.app.state.node
        access = access_of(request, node)
        if access is None:
            raise Problem("LT-A0401")
        request.state.language = access.language
        request.state.access = access
        if request.method not in SAFE and not hmac.compare_digest(
            request.headers.get("x-csrf-token", "").encode("utf-8", "replace"), access.csrf.encode()
        ):
            denied(request, node, access, "csrf")
            raise Problem("LT-A0406")
        if self.permission is not None and self.permission not in access.permissions:
            denied(request, node, access, self.permission)
            raise Problem("LT-A0403")
        return access


signed_in = Allow(None)


def anyone() -> None:
    """Open to everybody, on purpose: log-in, the log-in page's facts."""


def doors(dependant: Dependant) -> list[Any]:
    """The doors before a route: `Allow`s and `anyone`s in its dependencies."""
    found: list[Any] = [dependant.call] if isinstance(dependant.call, Allow) or dependant.call is anyone else []
    for inner in dependant.dependencies:
        found += doors(inner)
    return found


def access_of(request: Request, node: Runtime) -> Access | None:
    token = request.cookies.get(cookie_name(node))
    if not token:
        return None
    now = node.clock.now()
    with node.db.read() as session:
        found = sessions.find(session, token, now, node.limits, address_of(request))
    if found is None:
        return None
    access, touch = found
    if touch:
        with node.db.write() as session:
            sessions.touch(session, access.session_hash, now)
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
