"""The local port: every act answers whatever it is asked, by an object or a problem; the socket is its owner's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.local_port import ACTS, LIMIT_BYTES, Node, listen, local_app, socket_path
from api.node.init import FIRST_USER, default_tables, make_node, opened
from api.state.audit import AuditEntry
from sensors.config import Config

HOSTILE: tuple[Any, ...] = (
    {}, [], None, 7, "x", {"username": None}, {"username": ["a"], "role": {}},
    {"username": "x" * 300, "role": "analyst"}, {"username": "\x1b[2J", "role": "analyst"},
    {"username": "a", "roles": 7}, {"username": FIRST_USER, "role": "lead", "until": "9999-99-99"},
    {"username": FIRST_USER, "password": None}, {"agency": "../..", "name": "x", "role": "node"},
    {"agency": "so-y-te", "name": "a" * 5000, "role": "king"}, {"id": 5, "reason": {}}, {"names": 5}, {"text": 5},
    {"into": "/etc/passwd"}, {"channel": -1}, {"code": "\x00"}, {"days": "many"},
)  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    tables = default_tables(tmp_path / "data", "so-y-te", "Sở Y tế", "agency")
    with opened(Config(make_node(tables), environ={})) as made:
        yield made


def send(node: Node, act: str, body: bytes) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        transport = httpx.ASGITransport(local_app(node), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as http:
            answer = await http.post(f"/{act}", content=body)
            return answer.status_code, answer.json()

    return asyncio.run(ask())


@pytest.mark.parametrize("act", sorted(ACTS))
def test_whatever_is_asked_the_answer_is_an_object_or_a_problem(node: Node, act: str) -> None:
    for asked in HOSTILE:
        status, said = send(node, act, json.dumps(asked).encode())
        assert status in (200, 400), (asked, said)
        if status == 400:
            problem = said["problem"]
            assert problem["code"].startswith("LT-"), asked
            assert problem["vi"], asked
            assert problem["en"], asked


def test_no_act_of_that_name_no_json_and_too_much(node: Node) -> None:
    for act, body in (("nothing", b"{}"), ("user-list", b"{"), ("user-list", b"x" * (LIMIT_BYTES + 1))):
        status, said = send(node, act, body)
        assert status == 400
        assert said["problem"]["code"] in ("LT-A0107", "LT-A0108")


def test_what_is_done_there_is_on_record_as_the_machine_s(node: Node) -> None:
    send(node, "user-add", b'{"username": "lan", "role": "analyst"}')
    send(node, "user-disable", b'{"username": "lan"}')
    with node.db.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()
    assert [(row.act, row.actor) for row in rows[-3:]] == [
        ("user.grant", "local"), ("user.add", "local"), ("user.disable", "local")
    ]  # fmt: skip


def test_an_act_that_fails_leaves_nothing(node: Node) -> None:
    """The second role does not exist: neither the account nor the first role stays."""
    status, _ = send(node, "user-add", b'{"username": "lan", "roles": ["analyst", "king"]}')
    assert status == 400
    assert [user["username"] for user in ACTS["user-list"](node, {})["users"]] == [FIRST_USER]


def test_the_socket_is_for_who_runs_the_node(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with listen(tmp_path):
            assert socket_path(tmp_path).stat().st_mode & 0o777 == 0o600
            assert socket_path(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)
