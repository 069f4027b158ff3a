"""Passkeys through the application, by a device in software: made, named, shown to log in and to confirm, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.auth import passkeys, steps
from api.config import ApiTable
from sensors.clock import rfc3339
from tests.servers.authenticator import Authenticator
from tests.servers.people_port import Browser, NodeUnderTest, make_node

ORIGIN = "https://soc.test"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path, tls=True, api=ApiTable(second_factor="admins", public_url=ORIGIN)) as made:
        yield made


def made_by(browser: Browser, name: str = "Máy tính cơ quan", **liberties: Any) -> tuple[Authenticator, Any]:
    device = Authenticator(ORIGIN)
    options = browser.post("/account/passkeys/options")["options"]
    body = {"name": name, "credential": device.make(options, **liberties)}
    return device, browser.send("POST", "/account/passkeys", body)


def shown_by(browser: Browser, device: Authenticator, **liberties: Any) -> Any:
    options = browser.post("/session/passkey/options")["options"]
    answer = browser.send("POST", "/session/passkey", {"credential": device.show(options, **liberties)})
    if answer.status_code == 200:
        browser.csrf = answer.json()["csrf"]
    return answer


@pytest.fixture
def boss(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("boss", ("lead", None), ("admin", None)))


def test_a_passkey_is_the_second_factor_that_power_needs_and_logs_in_by_itself(
    node: NodeUnderTest, boss: Browser
) -> None:
    assert boss.get("/session")["setup"] is True
    device, answer = made_by(boss)
    assert answer.status_code == 201, answer.text
    assert boss.get("/session")["setup"] is False
    browser = Browser(node)
    assert shown_by(browser, device).json()["user"]["username"] == "boss"
    assert browser.send("GET", "/users").status_code == 200


def test_it_is_renamed_and_tells_when_it_was_used(node: NodeUnderTest, boss: Browser) -> None:
    device, answer = made_by(boss)
    key = answer.json()
    assert (key["name"], key["used_at"]) == ("Máy tính cơ quan", None)
    assert boss.send("PATCH", f"/account/passkeys/{key['id']}", {"name": "Khóa USB"}).json()["name"] == "Khóa USB"
    for name in ("", "x" * 65):
        assert boss.send("PATCH", f"/account/passkeys/{key['id']}", {"name": name}).status_code == 422
    node.clock.move(3600 * 24)
    browser = Browser(node)
    shown_by(browser, device)
    [mine] = browser.get("/account")["passkeys"]
    assert (mine["name"], mine["used_at"]) == ("Khóa USB", rfc3339(node.clock.now()))


def test_another_person_s_passkey_is_neither_renamed_nor_removed(node: NodeUnderTest, boss: Browser) -> None:
    _, answer = made_by(boss)
    other = Browser(node).link(node.add_user("lan", ("analyst", None)))
    for method, body in (("PATCH", {"name": "của tôi"}), ("DELETE", None)):
        assert other.send(method, f"/account/passkeys/{answer.json()['id']}", body).status_code == 404


def test_it_confirms_that_it_is_you(node: NodeUnderTest, boss: Browser) -> None:
    device, _ = made_by(boss)
    node.clock.move(301)
    add = {"username": "lan", "grants": [{"role": "analyst"}]}
    assert boss.send("POST", "/users", add).json()["code"] == "LT-A0410"
    ways = boss.get("/session/confirm")
    assert ways["factors"] == ["passkey"]
    assert boss.send("POST", "/session/confirm", {"credential": device.show(ways["options"])}).status_code == 204
    assert boss.send("POST", "/users", add).status_code == 201


def test_another_s_passkey_confirms_nothing(node: NodeUnderTest, boss: Browser) -> None:
    made_by(boss)
    lan = Browser(node).link(node.add_user("lan", ("analyst", None)))
    theirs, _ = made_by(lan)
    node.clock.move(301)
    options = boss.get("/session/confirm")["options"]
    assert boss.send("POST", "/session/confirm", {"credential": theirs.show(options)}).json()["code"] == "LT-A0411"


def test_a_removed_one_opens_nothing_and_ends_the_other_sessions(node: NodeUnderTest, boss: Browser) -> None:
    device, answer = made_by(boss)
    there = Browser(node)
    shown_by(there, device)
    assert boss.send("DELETE", f"/account/passkeys/{answer.json()['id']}").status_code == 204
    assert there.send("GET", "/session").status_code == 401
    assert shown_by(Browser(node), device).json()["code"] == "LT-A0416"


@pytest.mark.parametrize(
    "liberties",
    [
        {"origin": "https://soc.test.evil.vn"},
        {"origin": "http://soc.test"},
        {"rp": "evil.vn"},
        {"verified": False},
        {"kind": "webauthn.create"},
        {"challenge": "A" * 43},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"count": 1},  # a copy of the device: its counter is behind ours
    ],
    ids=lambda liberties: next(iter(liberties)),
)
def test_what_a_hostile_page_or_device_answers_is_refused(
    node: NodeUnderTest, boss: Browser, liberties: dict[str, Any]
) -> None:
    device, _ = made_by(boss)
    assert shown_by(Browser(node), device).status_code == 200
    assert shown_by(Browser(node), device, **liberties).json()["code"] == "LT-A0416"


def test_an_answer_is_good_once_and_in_its_own_browser(node: NodeUnderTest, boss: Browser) -> None:
    device, _ = made_by(boss)
    browser, other = Browser(node), Browser(node)
    answer = device.show(browser.post("/session/passkey/options")["options"])
    name = steps.cookie(node.runtime, "challenge")
    cookie = browser.http.cookies[name]
    assert other.send("POST", "/session/passkey", {"credential": answer}).status_code == 401
    assert browser.send("POST", "/session/passkey", {"credential": answer}).status_code == 200
    other.http.cookies.set(name, cookie, domain="soc.test")  # who kept the challenge's cookie shows the answer again
    assert other.send("POST", "/session/passkey", {"credential": answer}).status_code == 401


def test_a_disabled_person_s_passkey_opens_nothing(node: NodeUnderTest, boss: Browser) -> None:
    lan_id = node.add_user("lan", ("analyst", None))
    device, _ = made_by(Browser(node).link(lan_id))
    made_by(boss)
    boss.post(f"/users/{lan_id}/disable")
    assert shown_by(Browser(node), device).json()["code"] == "LT-A0416"


@pytest.mark.parametrize("liberties", [{"origin": "https://evil.vn"}, {"verified": False}, {"rp": "evil.vn"}], ids=str)
def test_none_is_made_for_another_page_or_without_the_person(boss: Browser, liberties: dict[str, Any]) -> None:
    _, answer = made_by(boss, **liberties)
    assert answer.json()["code"] == "LT-A0416"
    assert boss.get("/account")["passkeys"] == []


def test_a_person_has_so_many_and_no_more(node: NodeUnderTest, boss: Browser) -> None:
    assert [made_by(boss)[1].status_code for _ in range(passkeys.PER_USER + 1)] == [201] * passkeys.PER_USER + [409]
