"""Between the password and the session: what a browser carries, sealed, while the log-in is not done.

`half`      the password (or link) was right, a second factor is still owed. No session, no permission; bound to this
            browser by its cookie, to the account as it was (`revision`: a new password or reset ends it), for HALF_S.
`challenge` what a passkey must sign, for CHALLENGE_S.
`known`     this browser has logged in as this user before: it has tries of its own (tries.py). KNOWN_S.
All are HttpOnly, SameSite=Strict cookies of the node's own seal; the server stores none of them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from api.auth.passkeys import CHALLENGE_S, Site, new_challenge, site
from api.auth.seal import seal_of
from api.runtime import Runtime
from api.state.people import User

HALF_S = 5 * 60.0
KNOWN_S = 180 * 86_400.0


@dataclass(frozen=True, slots=True)
class Half:
    user_id: int
    revision: int
    way: str


def cookie(node: Runtime, name: str) -> str:
    """`__Host-` needs Secure, which loopback HTTP cannot keep."""
    return f"__Host-luytre-{name}" if node.tls else f"luytre-{name}"


def put(node: Runtime, response: Response, name: str, said: dict[str, Any], for_s: float, *, lax: bool = False) -> None:
    response.set_cookie(
        cookie(node, name), seal_of(node.data).seal(name, said, node.clock.now() + for_s), max_age=int(for_s), path="/",
        secure=node.tls, httponly=True, samesite="lax" if lax else "strict",
    )  # fmt: skip


def take(node: Runtime, request: Request, name: str) -> dict[str, Any] | None:
    return seal_of(node.data).open_(name, request.cookies.get(cookie(node, name)), node.clock.now())


def drop(node: Runtime, response: Response, name: str) -> None:
    response.delete_cookie(cookie(node, name), path="/", secure=node.tls, httponly=True, samesite="strict")


def put_half(node: Runtime, response: Response, user: User, way: str) -> None:
    put(node, response, "half", {"user": user.id, "revision": user.revision, "way": way}, HALF_S)


def half(node: Runtime, request: Request) -> Half | None:
    said = take(node, request, "half")
    return Half(int(said["user"]), int(said["revision"]), str(said["way"])) if said else None


def put_known(node: Runtime, request: Request, response: Response, user_id: int) -> None:
    """One browser is known for the last person that logged in; its mark stays while it stays theirs."""
    before = take(node, request, "known")
    mark = before["mark"] if before and before["user"] == user_id else secrets.token_hex(8)
    put(node, response, "known", {"user": user_id, "mark": mark}, KNOWN_S)


def known(node: Runtime, request: Request, user: User | None) -> str:
    """The browser's mark, when it has logged in as this user before; else nothing."""
    said = take(node, request, "known")
    return f"{user.id}:{said['mark']}" if said and user and said["user"] == user.id else ""


def put_challenge(node: Runtime, response: Response, purpose: str) -> str:
    challenge = new_challenge()
    put(node, response, "challenge", {"for": purpose, "challenge": challenge}, CHALLENGE_S)
    return challenge


def challenge(node: Runtime, request: Request, purpose: str) -> str | None:
    said = take(node, request, "challenge")
    return str(said["challenge"]) if said and said["for"] == purpose else None


def site_of(node: Runtime, request: Request) -> Site | None:
    """Where this node's passkeys live; None when the address has none."""
    return site(node.api.public_url, "https" if node.tls else "http", request.headers.get("host", ""))
