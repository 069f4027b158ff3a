"""A log-in from a new place is told to the person alone, and stands in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from api.auth import places
from api.jobs import notices as job
from api.state.audit import AuditEntry
from api.state.notices import Matter
from api.state.people import Grant, KnownPlace, User
from tests.servers.people_port import MINE, Browser, NodeUnderTest, make_node

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER = FIREFOX.replace("140.0", "141.0")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
DAY_S = 86_400


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as node:
        yield node


@pytest.fixture
def lan(node: NodeUnderTest) -> int:
    return node.add_user("lan", ("analyst", MINE))


def enter(node: NodeUnderTest, user: int, address: str, agent: str = FIREFOX) -> Browser:
    browser = Browser(node, address)
    browser.http.headers["User-Agent"] = agent
    return browser.link(user)


def told(node: NodeUnderTest) -> list[str]:
    with node.runtime.db.read() as session:
        return [row.title["en"] for row in session.scalars(select(Matter).where(Matter.kind == "account"))]


def test_the_first_log_in_and_the_usual_place_are_not_told(node: NodeUnderTest, lan: int) -> None:
    enter(node, lan, "203.0.113.9")
    enter(node, lan, "203.0.113.77", NEWER)  # another address of the same line; the browser has been updated
    assert told(node) == []


@pytest.mark.parametrize(
    ("address", "agent", "said"),
    [
        ("198.51.100.7", FIREFOX, "Firefox · Windows, 198.51.100.0/24"),
        ("203.0.113.9", CHROME, "Chrome · Linux, 203.0.113.0/24"),
        ("2001:db8:1:2::3", FIREFOX, "Firefox · Windows, 2001:db8:1::/48"),
        ("::ffff:198.51.100.7", "x", "unknown browser, 198.51.100.0/24"),
        ("not an address", "", "unknown browser, unknown address"),
    ],
)
def test_a_new_place_is_told_once(node: NodeUnderTest, lan: int, address: str, agent: str, said: str) -> None:
    enter(node, lan, "203.0.113.9")
    enter(node, lan, address, agent)
    enter(node, lan, address, agent)
    assert told(node) == [f"Your account was signed in to from a new place: {said}"]
    with node.runtime.db.read() as session:
        acts = list(session.scalars(select(AuditEntry).where(AuditEntry.act == "session.new-place")))
    assert [(row.actor, row.object) for row in acts] == [(f"user:{lan}", f"user:{lan}")]
    assert set(acts[0].detail or {}) == {"network", "browser"}


def test_what_was_not_seen_for_ninety_days_is_new_again(node: NodeUnderTest, lan: int) -> None:
    enter(node, lan, "203.0.113.9")
    node.clock.move(89 * DAY_S)
    enter(node, lan, "203.0.113.9")
    node.clock.move(89 * DAY_S)
    with node.runtime.db.write() as session:
        assert places.clean(session, node.clock.now()) == 0, "each log-in keeps the place"
    enter(node, lan, "203.0.113.9")
    assert told(node) == []
    node.clock.move(90 * DAY_S)
    with node.runtime.db.write() as session:
        assert places.clean(session, node.clock.now()) == 1
    enter(node, lan, "203.0.113.9")
    assert len(told(node)) == 1


def test_only_the_person_hears_and_without_any_right(node: NodeUnderTest, lan: int) -> None:
    minh = node.add_user("minh", ("lead", MINE))
    with node.runtime.db.write() as session:
        session.execute(delete(Grant).where(Grant.user_id == lan))  # every role is gone: that is when one wants to know
    enter(node, lan, "203.0.113.9")
    browser = enter(node, lan, "198.51.100.7")
    job.run(node.runtime)
    assert Browser(node, "203.0.113.9").link(minh).get("/duty/mine")["items"] == []
    [mine] = browser.get("/duty/mine")["items"]
    assert (mine["kind"], mine["link"], mine["level"]) == ("account", "#/account", "medium")
    assert browser.send("POST", f"/duty/mine/{mine['id']}/pass", {}).status_code == 409
    browser.post(f"/duty/mine/{mine['id']}/acknowledge")
    assert browser.get("/duty/mine")["total"] == 0


def test_places_are_bounded_and_go_with_the_person(node: NodeUnderTest, lan: int) -> None:
    with node.runtime.db.write() as session:
        user = session.get_one(User, lan)
        for number in range(places.PER_USER + 20):
            places.came(session, user, places.place_of(f"10.0.{number}.1", "Firefox"), float(number))
            session.flush()
        kept = set(session.scalars(select(KnownPlace.network).where(KnownPlace.user_id == lan)))
        assert len(kept) == places.PER_USER
        assert {"10.0.69.0/24", "10.0.20.0/24"} <= kept, "the longest unused gives way"
        session.delete(user)
        session.flush()
        session.expire_all()
        assert session.scalars(select(KnownPlace)).all() == []
