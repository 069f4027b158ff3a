"""The machine port: TLS with client certificates (or an ApiKey), a handful of routes, nothing for people.

    verified certificate, or ApiKey ─→ Machines: Name ─→ route by (method, path), allowed by the role ─→ Reply

In:  ASGI requests of uvicorn with `api.tls_h11.TlsH11Protocol`. Out: JSON. Who is asking is settled before a byte of
     the body is read. `/`, `/_healthz`, `/enrol/ca` and `POST /enrol` need no identity; everything else does.
Routes of others (federation) are added with `port.route(...)`.
Bound: `api.ingest.limits`; header time-out in the protocol; `connections` in uvicorn.
Life:  `machine_app(runtime)` opens the CA, the tables, the commit thread; `port.start()` begins upkeep (counters to
       SQL, revocations of other workers, the port's own certificate); `port.close()` ends both.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import os
import socket
import ssl
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import uvicorn

from api.auth.ca import ROLES, Authority, Name, fingerprint_of
from api.auth.machines import REFRESH_S, Machines, Stranger
from api.ingest import answer, body, shippers
from api.ingest.commit import Committer
from api.ingest.dead import DeadLetters
from api.ingest.limits import LIMITS, Limits
from api.ingest.routes import Ingest
from api.ingest.seen import Seen
from api.machine_call import Call, Handler, Reply, Route
from api.runtime import Runtime
from api.tls_h11 import PEER, TlsH11Protocol

FLUSH_S = 5.0
CERTIFICATES_S = 3600.0
KEEP_ALIVE_S = 75  # a sensor on a thin link should not shake hands anew for every batch
_DRAIN_S = 1.0
_NOBODY = Name("nobody", "sensor", "nobody")


class MachinePort:
    def __init__(self, runtime: Runtime, limits: Limits = LIMITS) -> None:
        self.runtime, self.limits = runtime, limits
        data, clock = runtime.data, runtime.clock
        self.keys = data / "keys"
        self.authority = Authority.open(self.keys, runtime.node.agency, clock)
        self.machines = Machines(runtime.db, self.authority, clock)
        self.machines.audit = runtime.audit
        self._seen = Seen(data / "state" / "seen.db", clock)
        self._seen.catch_up(runtime.reader)
        self.dead = DeadLetters(data / "dead" / "ingest", clock)
        self.committer = Committer(runtime.writer, runtime.reader, self._seen, self.dead, limits, self._fatal,
                                   _budget_of(runtime))  # fmt: skip
        self.ingest = Ingest(self.machines, self.committer, limits, clock)
        self.held = body.Held(limits)
        self.statuses: Counter[int] = Counter()
        self._routes: dict[tuple[str, str], Route] = {}
        self._uuid = str(uuid.UUID(self.authority.fingerprint[:32]))
        self._tls: ssl.SSLContext | None = None
        self._stop = threading.Event()
        self._upkeep: threading.Thread | None = None
        everyone = frozenset(ROLES) - {"node"}
        for method, path, handler, roles in (
            ("POST", "/_bulk", self.ingest.bulk, everyone),
            ("PUT", "/_bulk", self.ingest.bulk, everyone),
            ("GET", "/_healthz", _healthz, frozenset[str]()),
            ("GET", "/enrol/ca", self._ca, frozenset[str]()),
            ("POST", "/enrol", self._enrol, frozenset[str]()),
            ("POST", "/renew", self._renew, frozenset(ROLES) - {"shipper"}),
        ):
            self.route(method, path, handler, roles)
        if importlib.util.find_spec("api.federation.routes"):
            importlib.import_module("api.federation.routes").mount(self)
        runtime.machines = self.machines
        runtime.counters["ingest"] = self.counters
        self._certificates()

    def route(self, method: str, path: str, handler: Handler, roles: frozenset[str] | set[str]) -> None:
        """Add a route. `roles`: which machines may call it; empty: anyone at all."""
        if (method, path) in self._routes or not set(roles) <= set(ROLES):
            raise ValueError(f"{method} {path}: taken, or unknown roles {roles}")
        self._routes[method, path] = Route(handler, frozenset(roles))

    @property
    def routes(self) -> Mapping[tuple[str, str], Route]:
        return self._routes

    def counters(self) -> dict[str, Any]:
        return {
            **self.committer.counters, "fsync_ms": self.committer.last_fsync_ms, "held_bytes": self.held.held_bytes,
            "dead_letters": self.dead.count, "http": {str(status): n for status, n in sorted(self.statuses.items())},
        }  # fmt: skip

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._upkeep = threading.Thread(target=self._keep_up, name="machine-upkeep", daemon=True)
        self._upkeep.start()

    def close(self) -> None:
        self._stop.set()
        if self._upkeep is not None:
            self._upkeep.join(10)
        self.ingest.close()
        self.committer.close()
        self.machines.flush()
        self.dead.close()
        self._seen.close()

    def tls(self) -> ssl.SSLContext:
        """TLS 1.2 or better; a client certificate is asked for, and one that is not of our CA ends the handshake."""
        if self._tls is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=self.authority.pem.decode())
            context.load_cert_chain(self.keys / "machine.pem", self.keys / "machine.key")
            self._tls = context
        return self._tls

    def server(self, host: str, port: int, connections: int = 500) -> uvicorn.Config:
        """The settings that this port needs from uvicorn."""
        return uvicorn.Config(
            self, host=host, port=port, http=TlsH11Protocol, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, limit_concurrency=connections,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=10, h11_max_incomplete_event_size=16 * 1024,
            ssl_context_factory=lambda _config, _default: self.tls(),
        )  # fmt: skip

    def _keep_up(self) -> None:
        clock = self.runtime.clock
        refreshed = renewed = clock.monotonic()
        while not clock.wait(self._stop, FLUSH_S):
            try:
                self.machines.flush()
                if clock.monotonic() - refreshed >= REFRESH_S:
                    refreshed = clock.monotonic()
                    self.machines.refresh()
                if clock.monotonic() - renewed >= CERTIFICATES_S:
                    renewed = clock.monotonic()
                    self._certificates()
            except Exception as error:  # a locked database is no reason to stop receiving
                self.runtime.log.warning("machine upkeep failed", error=str(error)[:300])

    def _certificates(self) -> None:
        """The port's own certificate, and those of this node's own programs."""
        node = self.runtime.node
        observer = node.observer or socket.gethostname()
        if self.authority.server(self.keys, _names(self.runtime)) and self._tls is not None:
            self._tls.load_cert_chain(self.keys / "machine.pem", self.keys / "machine.key")
        for role in ("sensor", "correlator"):
            self.machines.local(self.keys, role, Name(node.agency, role, observer))

    def _fatal(self, error: BaseException) -> NoReturn:
        """After a failed write the journal's state is unknown: end, and recover at the next start."""
        self.runtime.log.error("the journal cannot be written; this process ends to recover", error=repr(error)[:300])
        os._exit(75)

    # --- requests --------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: body.Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        call: Call | None = None
        try:
            route, index = self._find(scope["method"], scope["path"])
            name = _NOBODY if route and not route.roles else self._who(scope, headers)
            if route is None:
                reply = self._probe(scope)
            elif route.roles and name.role not in route.roles:
                reply = Reply.refused(403, f"a {name.role} may not do this")
            else:
                sender = name.id if route.roles else f"address {(scope.get('client') or ('',))[0]}"
                with self.held.request(sender) as share:
                    call = Call(scope, receive, name, self.limits, share)
                    call.index = index
                    reply = await route.handler(call)
        except Stranger as error:
            reply = Reply.refused(error.status, error.reason)
        except body.BodyRefused as error:
            wait = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else {}
            reply = Reply(error.status, answer.error(error.status, error.reason), wait)
        except Exception as error:  # an unforeseen error is ours: the sender keeps its batch and tries again
            self.runtime.log.error("machine request failed", path=scope["path"][:200], exc_info=error)
            reply = Reply.refused(500, "internal error")
        self.statuses[reply.status] += 1
        await _send(scope, receive, send, reply, whole=call is not None and call.read)

    def _find(self, method: str, path: str) -> tuple[Route | None, str]:
        route = self._routes.get((method, path))
        if route is None and path.endswith("/_bulk") and path.count("/") == 2:
            return self._routes.get((method, "/_bulk")), path[1:-6][:255]
        return route, ""

    def _who(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Name:
        peer = scope.get(PEER)
        if peer is not None:
            return self.machines.of_certificate(peer)
        return self.machines.of_header(headers.get(b"authorization", b"").decode("latin-1"))

    def _probe(self, scope: Mapping[str, Any]) -> Reply:
        found = shippers.probe(scope["method"], scope["path"], self._uuid)
        return Reply(*found) if found else Reply.refused(404, "there is nothing here")

    async def _ca(self, call: Call) -> Reply:
        return Reply.json({"ca": self.authority.pem.decode(), "fingerprint": self.authority.fingerprint})

    async def _enrol(self, call: Call) -> Reply:
        asked = await call.json()
        if not (isinstance(asked, dict) and isinstance(asked.get("token"), str) and isinstance(asked.get("csr"), str)):
            raise body.BodyRefused(400, "token and csr are needed")
        return await self._issued(self.machines.enrol, asked["token"], asked["csr"].encode())

    async def _renew(self, call: Call) -> Reply:
        asked = await call.json()
        if not (isinstance(asked, dict) and isinstance(asked.get("csr"), str)):
            raise body.BodyRefused(400, "csr is needed")
        return await self._issued(self.machines.renew, call.name, asked["csr"].encode())

    async def _issued(self, make: Callable[..., Any], *arguments: Any) -> Reply:
        try:
            issued = await asyncio.to_thread(functools.partial(make, *arguments))
        except ValueError as error:
            raise body.BodyRefused(400, f"the CSR is refused: {str(error)[:120]}") from None
        name: Name = issued.name
        self.runtime.log.info("certificate issued", machine=name.id, serial=issued.serial)
        return Reply.json({
            "certificate": issued.pem.decode(), "ca": self.authority.pem.decode(), "expires_at": issued.expires_at,
            "agency": name.agency, "role": name.role, "name": name.name,
        }, 201)  # fmt: skip


def machine_app(runtime: Runtime, limits: Limits = LIMITS) -> MachinePort:
    return MachinePort(runtime, limits)


async def _healthz(call: Call) -> Reply:
    return Reply.json({"status": "ok"})


async def _send(scope: Mapping[str, Any], receive: body.Receive, send: Callable[[Any], Awaitable[None]], reply: Reply,
                *, whole: bool) -> None:  # fmt: skip
    """The answer; when the body was not read to its end, the connection is closed once the sender has had a second to
    read: closing over unread bytes would reset it and take the answer away."""
    headers = {"content-type": "application/json", "content-length": str(len(reply.body)), **shippers.PRODUCT,
               **reply.headers}  # fmt: skip
    names = dict(scope["headers"])
    unread = not whole and (b"transfer-encoding" in names or names.get(b"content-length", b"0") != b"0")
    if unread:
        headers["connection"] = "close"
    raw = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if unread:
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        try:
            async with asyncio.timeout(_DRAIN_S):
                while (await receive()).get("more_body"):
                    pass
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": reply.body})


def _names(runtime: Runtime) -> set[str]:
    """By what names sensors may reach this port."""
    found = {socket.gethostname(), socket.getfqdn(), *getattr(runtime.api, "machine_names", ())}
    host = runtime.api.machines.rpartition(":")[0].strip("[]")
    if host not in ("", "0.0.0.0", "::"):  # noqa: S104
        found.add(host)
    if runtime.api.public_url:
        found.add(urlsplit(runtime.api.public_url).hostname or "")
    return {name for name in found if name and name.isascii() and len(name) <= 253 and " " not in name}


def _budget_of(runtime: Runtime) -> int | None:
    if runtime.config is None:
        return None
    from correlator.store.config import StoreTable

    return runtime.config.table("store", StoreTable).limit_bytes


__all__ = ["Call", "MachinePort", "Reply", "fingerprint_of", "machine_app"]
