"""Signing in: passwords, links, lock-out, sessions and their end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select

from api.auth import links, passwords, users
from api.state.audit import AuditEntry
from api.state.people import LoginLink, LoginSession, User
from tests.servers.people_port import MINE, PASSWORD, Browser, NodeUnderTest, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


@pytest.fixture
def lan(node: NodeUnderTest) -> int:
    return node.add_user("lan", ("analyst", None), password=PASSWORD)


def test_password_opens_a_session(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    assert browser.send("GET", "/session").status_code == 401
    answer = browser.log_in("LAN", PASSWORD)
    assert answer.status_code == 200
    assert answer.json()["user"]["username"] == "lan"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("luytre=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get("/session")["permissions"] == sorted(browser.get("/session")["permissions"])


def test_cookie_under_tls(tmp_path: Path) -> None:
    with make_node(tmp_path, tls=True) as node:
        node.add_user("lan", ("analyst", None), password=PASSWORD)
        answer = Browser(node).log_in("lan")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-luytre=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert "max-age" in answer.headers["strict-transport-security"]


def test_nothing_secret_is_stored(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    browser.log_in("lan", PASSWORD)
    token = browser.http.cookies["luytre"]
    with node.runtime.db.read() as session:
        for row in session.scalars(select(LoginSession)):
            assert token not in row.id_hash
        assert PASSWORD not in str(session.scalars(select(User.password)).all())
        assert all(len(row.token_hash) == 64 for row in session.scalars(select(LoginLink)))


def test_wrong_password_and_unknown_user_look_alike(node: NodeUnderTest, lan: int) -> None:
    def body(username: str) -> dict[str, object]:
        answer = Browser(node).log_in(username, "sai mật khẩu rồi đấy")
        assert answer.status_code == 401
        return {key: value for key, value in answer.json().items() if key != "instance"}

    assert body("lan") == body("nobody")


def test_whoever_is_tried_it_costs_one_hash_of_the_same_price_and_the_same_statements(
    node: NodeUnderTest, lan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What time could tell, counted instead of timed (reliability.md S14); `./soc bench login` measures it."""
    node.add_user("linkonly", ("analyst", None))
    node.add_user("gone", ("analyst", None), password=PASSWORD)
    with node.runtime.db.write() as session:
        users.disable(session, node.runtime.audit, users.Actor("local", "t"), users.by_name(session, "gone"))  # type: ignore[arg-type]
    prices: list[str] = []
    statements: list[str] = []
    whole = passwords._hasher.verify

    def verify(password: str, stored: str) -> bool:
        prices.append(stored.rsplit("$", 2)[0])
        return whole(password, stored)

    monkeypatch.setattr(passwords._hasher, "verify", verify)

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split(" WHERE")[0])

    seen = []
    event.listen(Engine, "before_cursor_execute", note)
    try:
        for username in ("lan", "linkonly", "gone", "nobody"):
            del prices[:], statements[:]
            assert Browser(node, f"10.9.0.{len(seen)}").log_in(username, "sai mật khẩu rồi đấy").status_code == 401
            seen.append((list(prices), sorted(statements)))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert seen[0][0] == ["$argon2id$v=19$m=19456,t=2,p=1"]
    assert [prices for prices, _ in seen] == [seen[0][0]] * 4
    assert [statements for _, statements in seen] == [seen[0][1]] * 4


def test_lock_out_and_its_end(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    for _ in range(5):
        assert browser.log_in("lan", "sai mật khẩu rồi đấy").status_code == 401
    locked = browser.log_in("lan", PASSWORD)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["retry-after"]) <= 900
    assert Browser(node, "10.2.2.2").log_in("lan").status_code == 200  # the person elsewhere is not locked out
    node.clock.move(901)
    assert browser.log_in("lan").status_code == 200


def test_a_right_try_gives_the_count_back(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    for _ in range(3):
        for _ in range(4):
            assert browser.log_in("lan", "sai mật khẩu rồi đấy").status_code == 401
        assert browser.log_in("lan").status_code == 200


def test_parallel_tries_are_counted_exactly(node: NodeUnderTest, lan: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def slow(password: str, stored: str | None) -> bool:
        tried.append(password)
        time.sleep(0.002)
        return False

    monkeypatch.setattr(passwords, "fits", slow)
    browser = Browser(node)
    statuses: list[int] = []

    def knock() -> None:
        for _ in range(25):
            statuses.append(browser.log_in("lan", "sai mật khẩu rồi đấy").status_code)  # noqa: PERF401

    threads = [threading.Thread(target=knock) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 500
    assert len(tried) == 5  # exactly the limit reached the password, however many came at once
    assert set(statuses) == {401, 429}


def test_links_are_good_once_and_for_half_an_hour(node: NodeUnderTest, lan: int) -> None:
    token = links.make(node.runtime.db, lan, node.clock.now())
    browser = Browser(node)
    assert browser.send("POST", "/session/link", {"token": token}).status_code == 200
    assert Browser(node).send("POST", "/session/link", {"token": token}).status_code == 401
    late = links.make(node.runtime.db, lan, node.clock.now())
    node.clock.move(30 * 60)
    assert Browser(node).send("POST", "/session/link", {"token": late}).status_code == 401
    assert Browser(node).send("POST", "/session/link", {"token": "x" * 43}).status_code == 401
    assert links.address("https://soc.vn/", "t") == "https://soc.vn/#/login?token=t"


def test_one_link_two_at_once(node: NodeUnderTest, lan: int) -> None:
    token = links.make(node.runtime.db, lan, node.clock.now())
    statuses: list[int] = []

    def use() -> None:
        statuses.append(Browser(node).send("POST", "/session/link", {"token": token}).status_code)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 7


def test_sessions_end(node: NodeUnderTest, lan: int) -> None:
    out, idle, absolute, other = (Browser(node).link(lan) for _ in range(4))
    cookie = out.http.cookies["luytre"]
    assert out.send("DELETE", "/session").status_code == 204
    out.http.cookies.set("luytre", cookie, domain="soc.test")
    assert out.send("GET", "/session").status_code == 401
    node.clock.move(29 * 60)
    assert absolute.send("GET", "/session").status_code == 200
    node.clock.move(2 * 60)
    assert idle.send("GET", "/session").status_code == 401
    for _ in range(12 * 60 // 29):
        node.clock.move(29 * 60)
        last = absolute.send("GET", "/session").status_code
    assert last == 401
    assert other.send("GET", "/session").status_code == 401


def test_a_disabled_user_is_out_at_once(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    with node.runtime.db.write() as session:
        users.disable(session, node.runtime.audit, users.Actor("local", "t"), session.get_one(User, lan))
    assert browser.send("GET", "/session").status_code == 401
    assert Browser(node).log_in("lan").status_code == 401


def test_a_lost_role_is_lost_at_once(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    assert browser.send("GET", "/alerts").status_code == 200
    with node.runtime.db.write() as session:
        user = session.get_one(User, lan)
        user.grants.clear()
    assert browser.send("GET", "/alerts").status_code == 403


def test_a_new_password_ends_other_sessions(node: NodeUnderTest, lan: int) -> None:
    here, there = Browser(node).link(lan), Browser(node).link(lan)
    new = "một mật khẩu khác hẳn 2026"
    assert here.send("POST", "/session/password", {"old": "sai", "new": new}).status_code == 401
    assert here.send("POST", "/session/password", {"old": PASSWORD, "new": "ngắn"}).status_code == 422
    assert here.send("POST", "/session/password", {"old": PASSWORD, "new": new}).status_code == 204
    assert here.send("GET", "/session").status_code == 200
    assert there.send("GET", "/session").status_code == 401
    assert Browser(node).log_in("lan", PASSWORD).status_code == 401
    assert Browser(node).log_in("lan", new).status_code == 200


def test_who_came_by_a_link_sets_a_first_password(node: NodeUnderTest) -> None:
    browser = Browser(node).link(node.add_user("minh", ("lead", None)))
    assert Browser(node).log_in("minh", "").status_code == 422
    assert browser.send("POST", "/session/password", {"new": PASSWORD}).status_code == 204
    assert Browser(node).log_in("minh").status_code == 200


def test_nfc_and_nfd_are_one_password() -> None:
    import unicodedata

    stored = passwords.hash_password(unicodedata.normalize("NFC", PASSWORD))
    assert passwords.fits(unicodedata.normalize("NFD", PASSWORD), stored)
    assert not passwords.fits(PASSWORD, "$argon2id$damaged")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://soc.test"}, 200),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://soc.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": "sai đấy".encode()}, 403),
        ({"X-CSRF-Token": ""}, 403),
    ],
)
def test_a_write_comes_from_our_own_pages(node: NodeUnderTest, lan: int, headers: dict[str, str], status: int) -> None:
    browser = Browser(node).link(lan)
    assert browser.send("PATCH", "/session", {"language": "en"}, **headers).status_code == status


def test_log_ins_and_denials_are_on_record(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    browser.log_in("lan", "sai mật khẩu rồi đấy")
    browser.log_in("lan")
    assert browser.send("GET", "/audit").status_code == 403
    with node.runtime.db.read() as session:
        rows = [(row.act, row.outcome, row.actor) for row in session.scalars(select(AuditEntry))][-3:]
        text = str([row.detail for row in session.scalars(select(AuditEntry))])
    assert rows == [
        ("session.open", "denied", f"user:{lan}"),
        ("session.open", "done", f"user:{lan}"),
        ("denied", "denied", f"user:{lan}"),
    ]
    assert "sai mật khẩu" not in text
    assert PASSWORD not in text


def test_scope_of_a_grant_is_its_agency(node: NodeUnderTest) -> None:
    browser = Browser(node).link(node.add_user("hoa", ("analyst", MINE)))
    assert browser.get("/session")["grants"] == [
        {"role": "analyst", "agency": MINE, "agency_name": "Sở Thông tin", "until": None}
    ]
