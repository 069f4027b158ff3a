"""A page of the queue is made once while nothing moves, is never older than the last write, and never another's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from api.casework.shown import Shown
from api.resources.alerts import IDS
from api.state.base import Database
from api.state.cases import Alert
from api.state.people import User
from sensors.clock import ManualClock
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        made.store([hit(1), hit(2, rule="r-2"), hit(3, agency=OTHER)], "hits")
        made.fold()
        yield made


def made(node: NodeUnderTest) -> int:
    count: int = node.app.state.shown.made
    return count


def queue(browser: Browser, **query: Any) -> list[str]:
    return [alert["id"] for alert in browser.get("/alerts", **query)["items"]]


def test_many_who_ask_cost_one_reading(node: NodeUnderTest) -> None:
    first, second = (Browser(node).link(node.add_user(name, ("analyst", MINE))) for name in ("lan", "minh"))
    pages = [browser.get("/alerts") for browser in (first, second, first)]
    assert pages[0] == pages[1] == pages[2]
    assert made(node) == 1
    node.clock.move(600.0)  # `as_of` and the sparklines' hours move with the clock alone
    assert first.get("/alerts")["as_of"] != pages[0]["as_of"]


class Moving:
    """A database of which only the numbers are asked."""

    def __init__(self) -> None:
        self.number, self.asked = 1, threading.Semaphore(0)

    def moves(self, *_: object) -> tuple[int, ...]:
        self.asked.release()
        return (0, self.number)


def test_who_waits_takes_what_holds_all_that_they_knew() -> None:
    db, bodies = Moving(), iter((b"first", b"second"))
    shown = Shown(cast("Database", db), ManualClock())
    got: list[bytes] = []
    waiting = threading.Thread(target=lambda: got.append(shown.page("key", lambda: next(bodies))))

    def make() -> bytes:
        while db.asked.acquire(blocking=False):
            pass
        waiting.start()
        assert db.asked.acquire(timeout=10)  # they have asked, and wait for us
        db.number += 1  # something is written while we read
        return next(bodies)

    assert shown.page("key", make) == b"first"
    waiting.join(10)
    assert got == [b"first"]
    assert shown.made == 1
    assert shown.page("key", lambda: next(bodies)) == b"second"  # asked after the write


def test_who_writes_reads_what_they_wrote(node: NodeUnderTest) -> None:
    lan = Browser(node).link(node.add_user("lan", ("analyst", MINE)))
    for _ in range(3):
        [first, *_] = lan.get("/alerts", sort="first_seen")["items"]
        lan.post(f"/alerts/{first['id']}/note", {"text": "x"})
        assert lan.get("/alerts", sort="first_seen")["items"][0]["revision"] == first["revision"] + 1
    node.store([hit(9, rule="r-9")], "hits")
    node.fold()
    assert lan.get("/alerts")["total"] == 3
    with node.runtime.db.write() as session:  # SQL that names no table to us
        session.execute(text("UPDATE alert SET status = 'closed'"))
    assert lan.get("/alerts")["total"] == 0


def test_a_page_is_shown_to_nobody_else(node: NodeUnderTest) -> None:
    people = (("lan", MINE), ("minh", OTHER), ("hoa", MINE))
    mine, theirs, other = (Browser(node).link(node.add_user(name, ("analyst", of))) for name, of in people)
    assert len(queue(mine)) == 2
    assert len(queue(theirs)) == 1
    assert not set(queue(mine)) & set(queue(theirs))
    mine.post(f"/alerts/{queue(mine)[0]}/claim")
    assert len(queue(mine, assignee="me")) == 1
    assert queue(other, assignee="me") == []


def test_moves_tell_tables_apart_and_count_what_has_ended(node: NodeUnderTest) -> None:
    db = node.runtime.db
    before = db.moves(Alert), db.moves(User)
    with db.write() as session:
        session.get_one(Alert, "CB-2026-000001").count += 1
        session.flush()
        assert db.moves(Alert) == before[0]  # not yet: nobody else can see it
    assert db.moves(Alert) != before[0]
    assert db.moves(User) == before[1]


def test_rows_by_id_are_those_of_the_scope_and_no_others(node: NodeUnderTest) -> None:
    people = (("lan", MINE), ("minh", OTHER))
    mine, theirs = (Browser(node).link(node.add_user(name, ("analyst", of))) for name, of in people)
    [here, also], [there] = queue(mine), queue(theirs)
    mine.post(f"/alerts/{here}/close", {"disposition": "test"})
    asked = [here, here, there, "CB-2026-999999"]
    page = mine.get("/alerts", id=asked, status="all")
    assert [alert["id"] for alert in page["items"]] == [here]
    assert (page["total"], page["next"]) == (1, None)
    whole = mine.get(f"/alerts/{here}")
    assert whole == whole | page["items"][0]  # what its own page says of it
    assert queue(mine, id=asked) == []  # the other filters hold as ever: it is closed
    assert queue(mine, id=[here, also]) == [also]
    assert queue(theirs, id=asked, status="all") == [there]


def test_rows_by_id_are_bounded_and_crowd_no_page_out(node: NodeUnderTest) -> None:
    lan = Browser(node).link(node.add_user("lan", ("analyst", MINE)))
    ids = [f"CB-2026-{number:06d}" for number in range(IDS + 1)]
    words = [f"id={one}" for one in ids]
    assert lan.send("GET", f"/alerts?{'&'.join(words)}").status_code == 422
    assert lan.send("GET", f"/alerts?id={'x' * 25}").status_code == 422
    lan.get("/alerts")
    before = made(node)
    for one in ids:
        lan.get("/alerts", id=one)
    lan.get("/alerts")
    assert made(node) == before
