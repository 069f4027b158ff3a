"""The second factor, "it is you", sessions, API keys, known browsers: through the application, as a browser would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import delete, select

from api.auth import agents, passkeys
from api.auth.keys import RATE
from api.auth.seal import seal_of
from api.config import ApiTable
from api.state.audit import AuditEntry
from api.state.people import ApiKey, Grant, RecoveryCode, Totp
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, PASSWORD, Browser, NodeUnderTest, make_node

SAI = "sai mật khẩu rồi đấy"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


@pytest.fixture
def lan(node: NodeUnderTest) -> int:
    return node.add_user("lan", ("analyst", None), password=PASSWORD)


def enrol(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    made = browser.post("/account/totp")
    assert made["qr"].startswith("<svg")
    totp = pyotp.TOTP(made["secret"])
    now = browser.node.clock.now()
    codes = browser.post("/account/totp/check", {"code": totp.at(now)})["codes"]
    return totp, codes


def second(browser: Browser, code: str) -> Any:
    answer = browser.send("POST", "/session/second", {"code": code})
    if answer.status_code == 200:
        browser.csrf = answer.json()["csrf"]
    return answer


def key_of(browser: Browser, *permissions: str, agencies: list[str] | None = None, days: float = 30) -> str:
    body = {"name": "kịch bản", "permissions": list(permissions), "agencies": agencies,
            "ends_at": rfc3339(browser.node.clock.now() + days * 86_400)}  # fmt: skip
    return str(browser.post("/account/keys", body)["key"])


def by_key(node: NodeUnderTest, key: str, method: str, path: str, body: Any = None) -> Any:
    return Browser(node).send(method, path, body, Authorization=f"Bearer {key}")


def test_password_then_code_then_session(node: NodeUnderTest, lan: int) -> None:
    totp, codes = enrol(Browser(node).link(lan))
    assert len(set(codes)) == 10
    node.clock.move(60)
    browser = Browser(node)
    owed = browser.log_in("lan")
    assert owed.status_code == 202
    assert owed.json() == {"second": ["totp", "recovery"]}
    assert "luytre=" not in owed.headers["set-cookie"].replace("luytre-half=", "")
    assert browser.send("GET", "/session").status_code == 401  # the first step opens nothing
    assert second(browser, "000000").json()["code"] == "LT-A0411"
    assert second(browser, totp.at(node.clock.now())).status_code == 200
    assert browser.get("/session")["user"]["username"] == "lan"


def test_a_code_counts_once_and_its_neighbours_too(node: NodeUnderTest, lan: int) -> None:
    totp, _ = enrol(Browser(node).link(lan))
    node.clock.move(90)
    code = totp.at(node.clock.now() - 30)  # a clock half a minute behind
    for status in (200, 401):
        browser = Browser(node)
        browser.log_in("lan")
        assert second(browser, code).status_code == status
    late = Browser(node)
    late.log_in("lan")
    assert second(late, totp.at(node.clock.now() - 90)).status_code == 401


def test_a_recovery_code_is_spent(node: NodeUnderTest, lan: int) -> None:
    _, codes = enrol(Browser(node).link(lan))
    for status in (200, 401):
        browser = Browser(node)
        browser.log_in("lan")
        assert second(browser, codes[0].lower()).status_code == status
    with node.runtime.db.read() as session:
        assert len(session.scalars(select(RecoveryCode)).all()) == 9


def test_guessing_codes_ends(node: NodeUnderTest, lan: int) -> None:
    totp, _ = enrol(Browser(node).link(lan))
    node.clock.move(60)
    browser = Browser(node)
    browser.log_in("lan")
    assert [second(browser, f"{n:06}").status_code for n in range(6)] == [401] * 5 + [429]
    assert second(browser, totp.at(node.clock.now())).status_code == 429


def test_the_half_session_is_this_browser_s_and_short(node: NodeUnderTest, lan: int) -> None:
    totp, _ = enrol(Browser(node).link(lan))
    node.clock.move(60)
    assert second(Browser(node), totp.at(node.clock.now())).json()["code"] == "LT-A0414"
    browser = Browser(node)
    browser.log_in("lan")
    node.clock.move(301)
    assert second(browser, totp.at(node.clock.now())).json()["code"] == "LT-A0414"


def test_a_link_asks_for_the_second_factor_too(node: NodeUnderTest, lan: int) -> None:
    from api.auth import links

    enrol(Browser(node).link(lan))
    token = links.make(node.runtime.db, lan, node.clock.now())
    assert Browser(node).send("POST", "/session/link", {"token": token}).status_code == 202


def test_who_has_power_sets_up_a_factor_first(tmp_path: Path) -> None:
    with make_node(tmp_path, api=ApiTable(second_factor="admins")) as node:
        boss = Browser(node).link(node.add_user("boss", ("lead", None)))
        assert boss.get("/session")["setup"] is True
        assert boss.get("/session")["permissions"] == []
        assert boss.send("GET", "/alerts").status_code == 403
        enrol(boss)
        assert boss.get("/session")["setup"] is False
        assert boss.send("GET", "/alerts").status_code == 200
        assert Browser(node).link(node.add_user("lan", ("analyst", None))).get("/session")["setup"] is False


def test_nothing_secret_is_stored_or_on_record(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    secret = browser.post("/account/totp")["secret"]
    codes = browser.post("/account/totp/check", {"code": pyotp.TOTP(secret).at(node.clock.now())})["codes"]
    key = key_of(browser, "alerts.read")
    Browser(node).log_in(PASSWORD, SAI)  # typed into the wrong field
    Browser(node).log_in("lan", SAI)
    with node.runtime.db.read() as session:
        rows = [
            str(vars(row))
            for table in (Totp, RecoveryCode, ApiKey, AuditEntry)
            for row in session.scalars(select(table))
        ]  # type: ignore[var-annotated]
    for canary in (secret, *codes, *(code.replace("-", "") for code in codes), key, PASSWORD, SAI):
        assert not any(canary in row for row in rows)
    assert (node.runtime.data / "keys" / "people.key").stat().st_mode & 0o777 == 0o600


def test_unknown_names_leave_a_mark_only(node: NodeUnderTest) -> None:
    for name in (PASSWORD, PASSWORD, "ai đó khác"):
        Browser(node).log_in(name, SAI)
    with node.runtime.db.read() as session:
        names = [r.actor_name for r in session.scalars(select(AuditEntry).where(AuditEntry.outcome == "denied"))]
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("#") and len(name) == 13 for name in names)


def test_acts_of_power_need_a_recent_it_is_you(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    browser.log_in("lan")
    node.clock.move(301)
    body = {"name": "k", "permissions": ["alerts.read"], "ends_at": rfc3339(node.clock.now() + 9e5)}
    assert browser.send("POST", "/account/keys", body).json()["code"] == "LT-A0410"
    assert browser.send("POST", "/account/totp").json()["code"] == "LT-A0410"
    assert browser.get("/session/confirm")["password"] is True
    assert browser.send("POST", "/session/confirm", {"password": SAI}).status_code == 401
    browser.post("/session/confirm", {"password": PASSWORD})
    assert browser.send("POST", "/account/keys", body).status_code == 201


def test_with_a_factor_the_password_alone_confirms_nothing(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    totp, _ = enrol(browser)
    node.clock.move(301)
    assert browser.send("POST", "/session/confirm", {"password": PASSWORD}).status_code == 401
    assert browser.send("POST", "/session/confirm", {"code": totp.at(node.clock.now())}).status_code == 204
    assert browser.send("DELETE", "/account/totp").status_code == 204


def test_sessions_are_seen_and_ended(node: NodeUnderTest, lan: int) -> None:
    here, there = Browser(node).link(lan), Browser(node, "10.3.3.3").link(lan)
    items = here.get("/account/sessions")["items"]
    assert {item["address"] for item in items} == {"10.1.1.1", "10.3.3.3"}
    [other] = [item for item in items if not item["here"]]
    assert here.send("DELETE", f"/account/sessions/{other['id']}").status_code == 204
    assert there.send("GET", "/session").status_code == 401
    third = Browser(node).link(lan)
    assert here.send("DELETE", "/account/sessions").status_code == 204
    assert third.send("GET", "/session").status_code == 401
    assert here.send("GET", "/session").status_code == 200


def test_a_new_log_in_is_a_new_token(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node)
    browser.log_in("lan")
    first = browser.http.cookies["luytre"]
    browser.log_in("lan")
    assert browser.http.cookies["luytre"] != first


def test_a_key_has_the_rights_it_was_given_and_no_more(node: NodeUnderTest) -> None:
    user = node.add_user("hoa", ("lead", MINE), ("analyst", OTHER))
    browser = Browser(node).link(user)
    key = key_of(browser, "alerts.read", "sensors.read", agencies=[MINE])
    me = by_key(node, key, "GET", "/session").json()
    assert me["permissions"] == ["alerts.read", "sensors.read"]
    assert {grant["agency"] for grant in me["grants"]} == {MINE}
    assert by_key(node, key, "GET", "/alerts").status_code == 200
    assert by_key(node, key, "GET", "/incidents").status_code == 403
    for method, path, body in (
        ("GET", "/users", None), ("GET", "/account/keys", None), ("GET", "/account", None),
        ("DELETE", "/session", None),
        ("PATCH", "/session", {"language": "vi"}), ("POST", "/session/password", {"new": PASSWORD}),
    ):  # fmt: skip
        assert by_key(node, key, method, path, body).status_code == 403, path


def test_a_key_carries_nothing_that_its_owner_lacks(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    for permissions, ends in (
        (["users.manage"], 9e5),
        (["audit.read"], 9e5),
        (["alerts.read"], 400 * 86_400),
        (["alerts.read"], -1),
    ):
        body = {"name": "k", "permissions": permissions, "ends_at": rfc3339(NOW + ends)}
        assert browser.send("POST", "/account/keys", body).status_code == 422
    hoa = Browser(node).link(node.add_user("hoa", ("analyst", MINE)))
    body = {"name": "k", "permissions": ["alerts.read"], "agencies": [OTHER], "ends_at": rfc3339(NOW + 9e5)}
    assert hoa.send("POST", "/account/keys", body).status_code == 422


def test_a_key_needs_no_csrf_token_and_no_cookie_beside_it(tmp_path: Path) -> None:
    with make_node(tmp_path, machines=True) as node:
        browser = Browser(node).link(node.add_user("hoa", ("lead", MINE)))
        key = key_of(browser, "sensors.manage")
        body = {"name": "cb-7", "role": "sensor", "agency": MINE}
        assert by_key(node, key, "POST", "/sensors/tokens", body).status_code == 201
        assert browser.send("GET", "/session", Authorization=f"Bearer {key}").status_code == 401
        assert by_key(node, "luytre_" + "x" * 43, "GET", "/session").status_code == 401


def test_keys_end(node: NodeUnderTest, lan: int) -> None:
    browser = Browser(node).link(lan)
    revoked, short, roleless = (key_of(browser, "alerts.read", days=days) for days in (30, 1, 30))
    key_id = browser.get("/account/keys")["items"][2]["id"]
    assert browser.send("DELETE", f"/account/keys/{key_id}").status_code == 204
    assert by_key(node, revoked, "GET", "/alerts").status_code == 401
    node.clock.move(86_401)
    assert by_key(node, short, "GET", "/alerts").status_code == 401
    assert by_key(node, roleless, "GET", "/alerts").status_code == 200
    with node.runtime.db.write() as session:
        session.execute(delete(Grant).where(Grant.user_id == lan))
    assert by_key(node, roleless, "GET", "/alerts").status_code == 403


def test_keys_are_limited(node: NodeUnderTest, lan: int) -> None:
    rates = node.app.state.key_rates
    key = key_of(Browser(node).link(lan), "alerts.read")
    key_id = 1
    for _ in range(RATE):
        assert rates.wait(key_id, node.clock.monotonic()) is None
    assert by_key(node, key, "GET", "/session").status_code == 429


def test_a_known_browser_gets_in_while_strangers_wait(node: NodeUnderTest, lan: int) -> None:
    mine = Browser(node, "10.9.9.9")
    assert mine.log_in("lan").status_code == 200
    mine.send("DELETE", "/session")
    mine.csrf = ""
    statuses = []
    for number in range(60):
        statuses.append(Browser(node, f"203.0.113.{number}").log_in("lan", SAI).status_code)  # noqa: PERF401
    assert statuses[:20] == [401] * 20
    assert 429 in statuses[20:]
    assert Browser(node, "198.51.100.1").log_in("lan").status_code == 429  # a stranger waits, even with the password
    assert mine.log_in("lan").status_code == 200


def test_strangers_wait_longer_each_time_and_not_for_ever(node: NodeUnderTest, lan: int) -> None:
    waits = []
    for number in range(400):
        answer = Browser(node, f"203.0.{number // 250}.{number % 250}").log_in("lan", SAI)
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            node.clock.move(waits[-1])
        if len(waits) == 12:
            break
    assert waits[:5] == sorted(waits[:5])
    assert waits[-1] > waits[0]
    assert max(waits) <= 900


def test_a_mark_for_one_person_is_none_for_another(node: NodeUnderTest, lan: int) -> None:
    node.add_user("minh", ("analyst", None), password=PASSWORD)
    browser = Browser(node)
    browser.log_in("minh")
    assert [browser.log_in("lan", SAI).status_code for _ in range(6)] == [401] * 5 + [429]


def test_seals_end_and_know_their_purpose(tmp_path: Path) -> None:
    seal = seal_of(tmp_path)
    sealed = seal.seal("half", {"user": 1}, 100.0)
    assert seal.open_("half", sealed, 99.0) == {"user": 1, "ends_at": 100.0}
    assert seal.open_("half", sealed, 100.0) is None
    assert seal.open_("known", sealed, 99.0) is None
    assert seal.open_("half", sealed[:-2] + "AA", 99.0) is None
    assert seal.open_("half", "é" * 10, 99.0) is None
    assert seal_of(tmp_path / "other").open_("half", sealed, 99.0) is None


@pytest.mark.parametrize(
    ("public", "host", "site"),
    [
        ("", "localhost:8443", "localhost"),
        ("", "127.0.0.1:8443", None),
        ("", "soc.gov.vn", None),
        ("https://soc.gov.vn/", "10.0.0.1", "soc.gov.vn"),
        ("https://[::1]:8443", "x", None),
    ],
)
def test_where_passkeys_live(public: str, host: str, site: str | None) -> None:
    found = passkeys.site(public, "http", host)
    assert (found.id if found else None) == site


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
        ("<script>alert(1)</script>" * 1000, ""),
    ],
)
def test_browsers_have_the_names_people_use(text: str, name: str) -> None:
    assert agents.named(text) == name
