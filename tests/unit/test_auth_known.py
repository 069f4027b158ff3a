"""A session that is known costs no query, and never lives longer for it: what ends, ends with the next request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from api.auth import sessions
from api.auth.sessions import TOUCH_S
from api.state.people import Agency, Grant, LoginSession, User
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


def asked(node: NodeUnderTest) -> int:
    return node.runtime.known.asked


def status(browser: Browser, path: str = "/alerts") -> int:
    return browser.send("GET", path).status_code


def test_one_look_up_while_nothing_moves(node: NodeUnderTest) -> None:
    lan = Browser(node).link(node.add_user("lan", ("analyst", MINE)))
    assert status(lan) == 200
    before = asked(node)
    for _ in range(5):
        assert status(lan) == 200
    assert asked(node) == before


def test_being_seen_moves_nothing_and_is_still_written(node: NodeUnderTest) -> None:
    lan, minh = (Browser(node).link(node.add_user(name, ("analyst", MINE))) for name in ("lan", "minh"))
    assert (status(lan), status(minh)) == (200, 200)
    node.clock.move(TOUCH_S + 1)
    moves = node.runtime.db.moves(User, LoginSession)
    assert status(lan) == 200
    assert node.runtime.db.moves(User, LoginSession) == moves
    with node.runtime.db.read() as session:
        seen = session.scalars(select(LoginSession.seen_at).order_by(LoginSession.seen_at)).all()
    assert seen[-1] == node.clock.now()
    assert seen[0] < node.clock.now()


CHANGES: dict[str, Callable[[NodeUnderTest, int], None]] = {
    "disabled": lambda node, who: _write(node, update(User).where(User.id == who).values(disabled=True)),
    "signed out elsewhere": lambda node, who: _write(node, delete(LoginSession).where(LoginSession.user_id == who)),
    "out of time": lambda node, _: node.clock.move(node.runtime.limits.idle_s),
}


def _write(node: NodeUnderTest, statement: object) -> None:
    with node.runtime.db.write() as session:
        session.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("why", CHANGES)
def test_who_is_gone_is_gone_at_once(node: NodeUnderTest, why: str) -> None:
    who = node.add_user("lan", ("analyst", MINE))
    lan = Browser(node).link(who)
    assert status(lan) == 200
    CHANGES[why](node, who)
    assert status(lan) == 401


def test_a_right_goes_with_its_grant_and_with_its_end(node: NodeUnderTest) -> None:
    who = node.add_user("lan", ("analyst", MINE))
    lan = Browser(node).link(who)
    mine = update(Grant).where(Grant.user_id == who)
    _write(node, mine.values(until=node.clock.now() + 30.0))  # sooner than the session is due to be written as seen
    assert status(lan) == 200
    node.clock.move(30.0)
    assert status(lan) == 403
    _write(node, mine.values(until=None))
    assert status(lan) == 200
    _write(node, delete(Grant).where(Grant.user_id == who))
    assert status(lan) == 403


def test_a_place_in_the_tree_is_read_again_when_it_moves(node: NodeUnderTest) -> None:
    node.store([hit(1), hit(2, agency=OTHER)], "hits")
    node.fold()
    lan = Browser(node).link(node.add_user("lan", ("analyst", MINE)))
    assert lan.get("/alerts")["total"] == 1
    with node.runtime.db.write() as session:
        session.get_one(Agency, OTHER).parent = MINE
    assert lan.get("/alerts")["total"] == 2


def test_only_who_was_let_in_is_kept_and_only_so_many(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.auth.known.KEPT", 2)
    who = node.add_user("lan", ("analyst", MINE))
    now, limits, known = node.clock.now(), node.runtime.limits, node.runtime.known
    with node.runtime.db.write() as session:
        tokens = [sessions.start(session, who, now, limits) for _ in range(3)]
    for token in (*tokens, "x", "x" * 10_000):
        known.find(token, now, limits, "")
    assert [known.of(token, now, limits, "") is not None for token in (*tokens, "x")] == [False, True, True, False]
    assert known.of("x" * 10_000, now, limits, "") is None
    assert known.of(tokens[2], now - 1.0, limits, "") is None  # a clock that was set back
    found = known.of(tokens[2], now + 1.0, limits, "10.9.9.9")
    assert found is not None
    assert found.address == "10.9.9.9"  # the audit names where this request came from
