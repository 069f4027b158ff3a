"""The local port: a Unix socket in the data directory, for the `luytre` commands of whoever runs this node.

Only luytre-api writes the database, so `luytre users` and `luytre enrol` ask it. Whoever may open the socket (0600, in
a folder of the node's own user) owns every key on the machine already: the socket grants nothing that the disk doesn't.
When no API is running the same acts run in the command's own process, under the same lock.

In:  `POST /<act>` with a JSON object. Out: a JSON object, or {"problem": {code, vi, en}} with status 400.
Bound: a body of 64 KiB; one act at a time (a write transaction each).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.audit import Actor, Audit
from api.auth import links, passwords, sessions, users
from api.auth.ca import Name
from api.auth.machines import Machines
from api.clocks.local import clock_rules, clock_rules_import
from api.organisation.local import organisation_import, organisation_page
from api.permissions import Granted
from api.state.base import Database
from api.state.machines import EnrolmentToken, Machine
from api.state.people import User
from sensors.clock import Clock, rfc3339
from sensors.config import NodeTable
from sensors.errors import Hint, LuytreError, Problem

LIMIT_BYTES = 64 * 1024
WHO = Actor("local", "quản trị máy chủ")
Acts = Mapping[str, Callable[["Node", Mapping[str, Any]], dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Node:
    """What an act may touch."""

    table: NodeTable
    db: Database
    audit: Audit
    machines: Machines
    clock: Clock
    refused_passwords: str = ""  # of [api]


def user_add(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{username, name, role or roles, agency?, until?} → {id}; they come in by a link and then set a password."""
    agency, roles = body.get("agency"), body.get("roles") or [body["role"]]
    with node.db.write() as session:
        user = users.add(
            session, node.audit, WHO, str(body["username"]), now=node.clock.now(), name=str(body.get("name", "")),
            language=node.table.language, national=node.table.role == "national",
            grants=[_granted({**body, "role": role}) for role in dict.fromkeys(map(str, roles))],
            home=str(agency) if agency else None,
        )  # fmt: skip
        return {"id": user.id}


def user_link(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{username} → {token}, good once and for 30 minutes."""
    with node.db.read() as session:
        user = users.by_name(session, str(body["username"]))
    if user is None or user.disabled:
        raise LuytreError(Problem("LT-A0105", f"không có người dùng `{body['username']}`", "no such user"))
    return {"token": links.make(node.db, user.id, node.clock.now())}


def user_password(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{username, password} → {}; by the rules of the screen; ends the person's sessions."""
    with node.db.read() as session:
        user = users.by_name(session, str(body["username"]))
    if user is None:
        raise LuytreError(Problem("LT-A0105", f"không có người dùng `{body['username']}`", "no such user"))
    context = (user.username, user.name, node.table.agency, node.table.name)
    weak = passwords.weakness(str(body["password"]), *context, refused=node.refused_passwords)
    if weak:
        raise LuytreError(Problem("LT-A0116", *weak))
    hashed = passwords.hash_password(str(body["password"]))
    with node.db.write() as session:
        user = session.get_one(User, user.id)
        users.set_password(session, node.audit, WHO, user, hashed, now=node.clock.now())
    return {}


def user_list(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {users: [{username, name, disabled, password, second_factor, seen_at, grants: [[role, agency, until]]}]}"""
    with node.db.read() as session:
        factored = sessions.with_factor(session)
        return {"users": [
            {"username": user.username, "name": user.name, "disabled": user.disabled,
             "password": user.password is not None, "second_factor": user.id in factored,
             "seen_at": rfc3339(user.seen_at) if user.seen_at else None,
             "grants": [[grant.role, grant.agency, rfc3339(grant.until) if grant.until else None]
                        for grant in user.grants]}
            for user in session.scalars(select(User).options(selectinload(User.grants)).order_by(User.username))
        ]}  # fmt: skip


def user_grant(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{username, role, agency?, until?} → {}"""
    with node.db.write() as session:
        users.grant(session, node.audit, WHO, _user(session, body), _granted(body), now=node.clock.now(),
                    national=node.table.role == "national")  # fmt: skip
    return {}


def user_revoke(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{username, role, agency?} → {}"""
    wanted = _granted(body)
    with node.db.write() as session:
        user = _user(session, body)
        held = next((g for g in user.grants if (g.role, g.agency) == (wanted.role, wanted.agency)), None)
        if held is None:
            raise LuytreError(Problem("LT-A0115", "người này không có vai trò đó", "this person has no such role"))
        users.withdraw(session, node.audit, WHO, user, held, node.clock.now())
    return {}


def user_disable(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    return _user_act(node, body, users.disable)


def user_enable(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    return _user_act(node, body, users.enable)


def user_reset_factor(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    return _user_act(node, body, users.reset_factor)


def _user_act(
    node: Node, body: Mapping[str, Any], act: Callable[[Session, Audit, Actor, User], None]
) -> dict[str, Any]:
    with node.db.write() as session:
        act(session, node.audit, WHO, _user(session, body))
    return {}


def _user(session: Session, body: Mapping[str, Any]) -> User:
    user = users.by_name(session, str(body["username"]))
    if user is None:
        raise LuytreError(Problem("LT-A0105", f"không có người dùng `{body['username']}`", "no such user"))
    return user


def _granted(body: Mapping[str, Any]) -> Granted:
    """`until` is a day; the role holds to its end, in Vietnam's time."""
    agency, until = body.get("agency"), str(body.get("until") or "")
    try:
        ends = datetime.fromisoformat(f"{until}T23:59:59+07:00").timestamp() if until else None
    except ValueError:
        raise LuytreError(Problem("LT-A0114", f"không phải một ngày: `{until}`", f"not a day: `{until}`",
                                  hints=("2027-01-31",))) from None  # fmt: skip
    return Granted(str(body["role"]), str(agency) if agency else None, ends)


def token_make(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{agency, role: sensor | node, name} → {token, expires_at, fingerprint}"""
    role = str(body.get("role", "sensor"))
    try:
        if role not in ("sensor", "node"):
            raise ValueError(f"role {role!r}")
        name = Name(str(body["agency"]), role, str(body["name"]))
    except ValueError as error:
        raise LuytreError(Problem("LT-A0106", f"tên máy không hợp lệ: {error}", str(error))) from None
    with node.db.write() as session:
        users.ensure_agency(session, name.agency, str(body.get("agency_name", "")), node.clock.now())
        node.audit.record(session, WHO, "machine.token", name.id, agency=name.agency)
    token, ends = node.machines.issue_token(name, WHO.name)
    return {"token": token, "expires_at": ends, "fingerprint": node.machines.authority.fingerprint}


def machine_revoke(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{id, reason} → {revoked: bool}"""
    machine = str(body["id"])
    with node.db.write() as session:
        node.audit.record(session, WHO, "machine.revoke", machine, detail={"reason": str(body.get("reason", ""))})
    return {"revoked": node.machines.revoke(machine, str(body.get("reason", "")))}


def machine_list(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {machines: [id], revoked: {id: reason}, details: {id: times}, tokens: [[id, expires_at]] not yet used}"""
    with node.db.read() as session:
        known = list(session.scalars(select(Machine).order_by(Machine.id)))
        gone = {machine.id: machine.revoked_reason or "" for machine in known if machine.revoked_at is not None}
        rows = {machine.id: {"enrolled_at": machine.enrolled_at, "seen_at": machine.last_seen_at,
                             "ends_at": machine.certificate_expires_at} for machine in known}  # fmt: skip
        now = node.clock.now()
        open_tokens = [
            [f"{row.agency}:{row.role}:{row.name}", row.expires_at]
            for row in session.scalars(select(EnrolmentToken).where(EnrolmentToken.used_at.is_(None)))
            if row.expires_at > now
        ]
        return {"machines": list(rows), "revoked": gone, "details": rows, "tokens": open_tokens}


def backup_snapshot(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.node.keeping.make import snapshot

    return snapshot(node, body)


def backup_confirm(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.node.keeping.confirm import confirm

    return confirm(node, body)


def inventory_import(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.inventory.local import take_in

    return take_in(node, body)


def inventory_export(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.inventory.local import give_out

    return give_out(node, body)


def indicators_import(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.indicators.local import take_in

    return take_in(node, body)


def indicators_list(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.indicators.local import listed

    return listed(node, body)


def indicators_test(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.indicators.local import test

    return test(node, body)


def indicators_remove(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.indicators.local import remove

    return remove(node, body)


def indicators_hunt(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.indicators.local import hunt

    return hunt(node, body)


def notices_mail(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.notices.local import mail

    return mail(node, body)


def notices_list(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.notices.local import listed

    return listed(node, body)


def notices_test(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.notices.local import test

    return test(node, body)


def notices_sendings(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.notices.local import sendings

    return sendings(node, body)


def selftest_notice(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.notices.local import tell_selftest

    return tell_selftest(node, body)


def selftest_raise(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    from api.federation.selftest_local import raise_selftest

    return raise_selftest(node, body)


ACTS: Acts = {
    "notices-mail": notices_mail, "notices-list": notices_list, "notices-test": notices_test,
    "notices-sendings": notices_sendings, "selftest-notice": selftest_notice, "selftest-raise": selftest_raise,
    "clock-rules": clock_rules, "clock-rules-import": clock_rules_import,
    "organisation-import": organisation_import, "organisation-page": organisation_page,
    "indicators-import": indicators_import, "indicators-list": indicators_list, "indicators-test": indicators_test,
    "indicators-remove": indicators_remove, "indicators-hunt": indicators_hunt,
    "inventory-import": inventory_import, "inventory-export": inventory_export,
    "backup-snapshot": backup_snapshot, "backup-confirm": backup_confirm,
    "user-grant": user_grant, "user-revoke": user_revoke, "user-disable": user_disable, "user-enable": user_enable,
    "user-reset-factor": user_reset_factor,
    "user-add": user_add, "user-link": user_link, "user-password": user_password, "user-list": user_list,
    "token": token_make, "revoke": machine_revoke, "machines": machine_list,
}  # fmt: skip


def socket_path(data: Path) -> Path:
    return data / "run" / "api.sock"


def local_app(node: Node, acts: Acts = ACTS) -> Starlette:
    """The application to serve at `socket_path`."""

    async def act(request: Request) -> JSONResponse:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LIMIT_BYTES:
                return _problem(Problem("LT-A0108", "yêu cầu quá dài", "the request is too long"))
        return await run_in_threadpool(_carry_out, acts, node, request.path_params["act"], body)

    return Starlette(routes=[Route("/{act}", act, methods=["POST"])])


def _carry_out(acts: Acts, node: Node, act: str, body: bytes) -> JSONResponse:
    try:
        wanted = json.loads(body or b"{}")
        return JSONResponse(acts[act](node, wanted))
    except LuytreError as error:
        return _problem(error.problems[0])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _problem(Problem("LT-A0107", f"yêu cầu không hợp lệ: {error!r}", f"not a valid request: {error!r}"))


def _problem(problem: Problem) -> JSONResponse:
    body = {"problem": {"code": problem.code, "vi": problem.vi, "en": problem.en, "hints": problem.hints}}
    return JSONResponse(body, status_code=400)


def listen(data: Path) -> socket.socket:
    """The bound socket, 0600 from the first moment; what a killed API left behind is replaced."""
    path = socket_path(data)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _within_limit(path) as short:
            listening.bind(short)
    finally:
        os.umask(before)
    listening.listen(16)
    return listening


@contextmanager
def _within_limit(path: Path) -> Iterator[str]:
    """The path by way of its folder's descriptor: a socket's own path may not be longer than 107 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with _within_limit(self._path) as short:
            self.sock.connect(short)


def ask(data: Path, act: str, /, *, timeout_s: float = 30.0, **body: Any) -> dict[str, Any] | None:
    """The answer of the running API; None when none is running. Raises LuytreError with the API's own words."""
    connection = _Connection(socket_path(data), timeout_s)
    try:
        connection.request("POST", f"/{act}", json.dumps(body))
        answer: dict[str, Any] = json.loads(connection.getresponse().read(1 << 20))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except TimeoutError:
        raise LuytreError(Problem("LT-A0502", f"nút chưa trả lời sau {timeout_s:.0f} giây",
                                  f"no answer from the node after {timeout_s:.0f} s")) from None  # fmt: skip
    finally:
        connection.close()
    if "problem" in answer:
        said = answer["problem"]
        hints = tuple(Hint(*hint) if isinstance(hint, list) else str(hint) for hint in said.get("hints", ()))
        raise LuytreError(Problem(said["code"], said["vi"], said["en"], hints=hints))
    return answer
