"""What a route of the machine port is given and gives: one `Call` of a machine that is known, one `Reply`.

In:  the ASGI request, the machine's name. Out: JSON. A body may be read once, within the bounds of `api.ingest.limits`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api.auth.ca import Name
from api.ingest import answer, body
from api.ingest.limits import LIMITS, Limits
from api.tls_h11 import PEER

_decode = msgspec.json.decode


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        return Reply(status, msgspec.json.encode(value), headers or {})

    @staticmethod
    def refused(status: int, reason: str) -> Reply:
        return Reply(status, answer.error(status, reason))


class Call:
    """One request of a machine that is known. `body()` may be read once, within the bounds."""

    def __init__(self, scope: Mapping[str, Any], receive: body.Receive, name: Name, limits: Limits,
                 share: body.Share) -> None:  # fmt: skip
        self.name = name
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.peer: bytes | None = scope.get(PEER)  # the verified certificate, DER
        self.index = ""  # of /{index}/_bulk
        self._receive, self._limits, self._share = receive, limits, share
        self.read = False

    async def body(self, wire_bytes: int | None = None) -> bytes:
        """The body as sent (still compressed)."""
        data = await body.read(self._receive, self.headers, self._limits, self._share, wire_bytes)
        self.read = True
        return data

    async def json(self, wire_bytes: int = LIMITS.small_body_bytes) -> Any:
        """The body as JSON, inflated to at most four times `wire_bytes`; BodyRefused (400) when it is none."""
        coding = body.coding_of(self.headers)
        data = await self.body(wire_bytes)
        plain = await asyncio.to_thread(body.inflate, data, coding, 4 * wire_bytes)
        try:
            return _decode(plain)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise body.BodyRefused(400, "the body is not JSON") from None


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    handler: Handler
    roles: frozenset[str]  # empty: no identity is needed
