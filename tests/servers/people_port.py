"""A node's people's port for tests: the real application over the real embedded store and SQLite in a folder.

`make_node(folder)` opens it; `Browser` signs people in through the application itself (in-process, no socket), as a
browser would: it keeps the cookie and sends the CSRF token. `hit(...)` makes a hit as the correlator does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.audit import THE_SYSTEM, Audit
from api.auth import links, passwords, users
from api.auth.ca import Authority
from api.auth.machines import Machines
from api.casework.fold import Casework
from api.config import ApiTable
from api.permissions import BOUNDED_ROLES, Granted
from api.runtime import Runtime
from correlator.hit import Verdict, make_hit
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from correlator.store.journal import EmbeddedWriter
from sensors.clock import ManualClock, rfc3339
from sensors.config import Config, NodeTable
from sensors.daemon import logger
from sensors.event import Event, new_event
from tests.servers.database import open_database

AGENCIES = {"so-tttt": "Sở Thông tin", "so-yte": "Sở Y tế"}
MINE, OTHER = tuple(AGENCIES)
NOW = 1_795_000_000.0  # 2026-11-18T10:26:40Z
PASSWORD = "tre già măng mọc 1954"
T = TypeVar("T")


@dataclass
class NodeUnderTest:
    runtime: Runtime
    app: FastAPI
    clock: ManualClock
    casework: Casework

    def add_user(self, username: str, *grants: tuple[str, str | None], password: str = "") -> int:
        hashed = passwords.hash_password(password) if password else None
        with self.runtime.db.write() as session:
            return users.add(
                session, self.runtime.audit, THE_SYSTEM, username, now=self.clock.now(), name=username.title(),
                password_hash=hashed, grants=[Granted(*grant, until=_end(grant[0])) for grant in grants],
                national=True,
            ).id  # fmt: skip

    def store(self, events: Sequence[Event], stream: str = "events") -> None:
        self.runtime.writer.append(events, stream)  # type: ignore[arg-type]

    def index(self) -> None:
        """What luytre-correlator index does, until everything stored can be found."""
        for stream in ("events", "hits"):
            indexer = StreamIndexer(self.runtime.data / "journal" / stream, self.runtime.data / "index" / stream)
            while indexer.step():
                pass
            indexer.flush()
            indexer.close()

    def fold(self) -> None:
        while self.casework.step():
            pass


def _end(role: str) -> float | None:
    return NOW + 300 * 86_400 if role in BOUNDED_ROLES else None


@contextmanager
def make_node(
    folder: Path,
    *,
    role: str = "agency",
    tls: bool = False,
    machines: bool = False,
    more: str = "",
    api: ApiTable | None = None,
) -> Iterator[NodeUnderTest]:
    """`more`: further tables of luytre.toml, as text. `api`: the default asks nobody for a second factor."""
    clock = ManualClock(NOW)
    (folder / "luytre.toml").write_text(more, "utf-8")
    config = Config(folder / "luytre.toml", environ={})
    node = NodeTable(data=str(folder), role=role, agency=MINE, name=AGENCIES[MINE])
    db = open_database(folder / "state" / "luytre.db")
    with db.write() as session:
        for code, name in AGENCIES.items():
            users.ensure_agency(session, code, name, clock.now())
    writer, reader = EmbeddedWriter(folder), EmbeddedReader(folder)
    runtime = Runtime(
        config=config, node=node, api=api or ApiTable(second_factor="none"), db=db, reader=reader, writer=writer,
        audit=Audit(folder / "keys" / "audit.head", clock.now), log=logger("test"), clock=clock, tls=tls,
        machines=Machines(db, Authority.open(folder / "keys", MINE, clock), clock) if machines else None,
    )  # fmt: skip
    try:
        yield NodeUnderTest(runtime, create_app(runtime), clock, Casework(db, reader, clock, runtime.bell, MINE))
    finally:
        reader.close()
        writer.close()
        db.close()


class _Loop:
    """One event loop in a thread, so that tests stay plain functions (starlette's TestClient wants another httpx)."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


_LOOP = _Loop()


class Browser:
    """One person's browser, or (before `link`/`log_in`) nobody's."""

    def __init__(self, node: NodeUnderTest, address: str = "10.1.1.1") -> None:
        self.node = node
        scheme = "https" if node.runtime.tls else "http"
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(node.app, raise_app_exceptions=False, client=(address, 50000)),
            base_url=f"{scheme}://soc.test", headers={"Accept-Language": "en"}, timeout=30,
        )  # fmt: skip
        self.csrf = ""

    def link(self, user_id: int) -> Browser:
        token = links.make(self.node.runtime.db, user_id, self.node.clock.now())
        answer = self.send("POST", "/session/link", {"token": token})
        assert answer.status_code == 200, answer.text
        self.csrf = answer.json()["csrf"]
        return self

    def log_in(self, username: str, password: str = PASSWORD) -> httpx.Response:
        answer = self.send("POST", "/session", {"username": username, "password": password})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        where = (
            path if path.startswith("/api") or path in ("/", "/metrics", "/healthz", "/readyz") else f"/api/v1{path}"
        )
        return _LOOP.run(self.http.request(method, where, json=body, headers=sent))

    def raw(self, method: str, url: str, **more: Any) -> httpx.Response:
        """A request as another tool made it, sent as this person."""
        headers = {**more.pop("headers", {}), **({"X-CSRF-Token": self.csrf} if self.csrf else {})}
        more.pop("cookies", None)
        return _LOOP.run(self.http.request(method, url, headers=headers, **more))

    def get(self, path: str, **query: Any) -> Any:
        answer = _LOOP.run(self.http.get(f"/api/v1{path}", params=query))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.send("POST", path, {} if body is None else body, **headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def close(self) -> None:
        _LOOP.run(self.http.aclose())


def event(number: int, agency: str = MINE, at: float = NOW, **fields: Any) -> Event:
    made = new_event("system.auth", at, {"event.id": f"e{number}", "organization.id": agency})
    for path, value in fields.items():
        here = made
        *heads, last = path.split("__")
        for head in heads:
            here = here.setdefault(head, {})
        here[last] = value
    return made


def hit(
    number: int, *, agency: str = MINE, rule: str = "r-1", level: str = "high", at: float = NOW,
    source: str = "203.0.113.9", title: str = "Dò mật khẩu SSH", **fields: Any,
) -> Event:  # fmt: skip
    behind = event(number, agency, at, source__ip=source, host__name="cong-01", **fields)
    return make_hit(
        Verdict(
            rule_id=rule, name=title, level=level, kind="sigma", group={"source.ip": source},  # type: ignore[arg-type]
            title={"vi": title, "en": f"{title} (en)"},
            reason={"vi": f"{source} thử mật khẩu lần {number}", "en": f"{source} tried password {number}"},
            tags=("attack.t1110.001",),
        ),
        behind, when=rfc3339(at),
    )  # fmt: skip
