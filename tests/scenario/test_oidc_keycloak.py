"""Logging in through a real OpenID provider: Keycloak, its own log-in form over HTTP, our checks of what comes back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.auth import oidc
from api.config import ApiTable, OidcRole, OidcTable
from tests.servers import keycloak
from tests.servers.people_port import MINE, Browser, NodeUnderTest, make_node

pytestmark = pytest.mark.slow
BACK = "http://soc.test/api/v1/session/oidc/tinh/back"
START = "/session/oidc/tinh"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[keycloak.Realm]:
    with keycloak.running(tmp_path_factory.mktemp("kc"), BACK) as made:
        yield made


def table(realm: keycloak.Realm, folder: Path, **more: Any) -> ApiTable:
    (folder / "secret").write_text(realm.secret + "\n")
    fields: dict[str, Any] = {
        "id": "tinh", "name": "Tỉnh", "issuer": realm.issuer, "client_id": realm.client_id, "private": True,
        "client_secret_file": str(folder / "secret"), "roles": (OidcRole(value="soc", role="analyst", agency=MINE),),
    }  # fmt: skip
    return ApiTable(second_factor="none", oidc=(OidcTable(**(fields | more)),))


@pytest.fixture
def node(realm: keycloak.Realm, tmp_path: Path) -> Iterator[NodeUnderTest]:
    import time

    with make_node(tmp_path, api=table(realm, tmp_path)) as made:
        made.clock.move(time.time() - made.clock.now())
        yield made


def at_provider(where: str, username: str) -> str:
    """The path and query with which the provider sends the browser back, after its own form."""
    with httpx.Client(timeout=30) as person:
        page = person.get(where)
        assert page.status_code == 200, page.text[:500]
        form = html.unescape(re.search(r'action="([^"]+)"', page.text)[1])  # type: ignore[index]
        # Keycloak's cookies are Secure; browsers send them to loopback nevertheless, httpx does not.
        kept = "; ".join(line.split(";", 1)[0] for line in page.headers.get_list("set-cookie"))
        answer = person.post(form, headers={"Cookie": kept}, data={"username": username, "password": keycloak.PASSWORD})
        assert answer.status_code == 302, answer.text[:500]
    went = answer.headers["location"]
    assert went.startswith(BACK)
    return went.removeprefix("http://soc.test")


def begun(browser: Browser) -> str:
    answer = browser.send("GET", START)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_mapped_person_comes_in_and_gets_the_mapped_role(node: NodeUnderTest) -> None:
    for _ in range(2):  # made at the first time, the same account at the second
        browser = Browser(node)
        where = begun(browser)
        asked = parse_qs(urlsplit(where).query)
        assert asked["code_challenge_method"] == ["S256"]
        answer = browser.send("GET", at_provider(where, "lan"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/#/")
        me = browser.get("/session")
        assert me["user"]["username"] == "lan@tinh"
        assert me["user"]["name"] == "Lan Nguyễn"
        assert [(g["role"], g["agency"]) for g in me["grants"]] == [("analyst", MINE)]


def test_who_is_mapped_to_nothing_stays_out(node: NodeUnderTest) -> None:
    browser = Browser(node)
    answer = browser.send("GET", at_provider(begun(browser), "minh"))
    assert answer.headers["location"] == "/#/login?oidc=failed"
    assert browser.send("GET", "/session").status_code == 401


def test_an_answer_is_good_in_its_own_browser_and_once(node: NodeUnderTest) -> None:
    browser = Browser(node)
    back = at_provider(begun(browser), "lan")
    assert Browser(node).send("GET", back).headers["location"] == "/#/login?oidc=failed"  # no cookie of ours
    other = Browser(node)
    begun(other)
    assert other.send("GET", back).headers["location"] == "/#/login?oidc=failed"  # another log-in's state
    assert browser.send("GET", re.sub("state=[^&]+", "state=x", back)).headers["location"] == "/#/login?oidc=failed"
    assert browser.send("GET", "/session").status_code == 401


def test_a_rotated_key_is_read_anew_and_not_more_often_than_allowed(realm: keycloak.Realm, node: NodeUnderTest) -> None:
    first = Browser(node)
    assert first.send("GET", at_provider(begun(first), "lan")).headers["location"] == "/#/"
    provider = node.app.state.providers["tinh"]
    asked: list[str] = []
    whole = provider._ask

    def ask(method: str, url: str, *more: Any) -> Any:
        asked.append(url.rsplit("/", 1)[1])
        return whole(method, url, *more)

    provider._ask = ask
    realm.rotate()
    soon = Browser(node)  # whoever signs with keys that we don't know can't make us ask the provider each time
    assert soon.send("GET", at_provider(begun(soon), "lan")).headers["location"] == "/#/login?oidc=failed"
    assert asked.count("certs") == 0
    node.clock.move(oidc.REFRESH_S + 1)
    later = Browser(node)
    assert later.send("GET", at_provider(begun(later), "lan")).headers["location"] == "/#/"
    assert asked.count("certs") == 1
    assert later.get("/session")["user"]["username"] == "lan@tinh"


@pytest.mark.parametrize("wrong", [{"client_id": "other"}, {"private": False}, {"roles": ()}])
def test_a_wrong_set_up_lets_nobody_in(realm: keycloak.Realm, tmp_path: Path, wrong: dict[str, Any]) -> None:
    with make_node(tmp_path, api=table(realm, tmp_path, **wrong)) as node:
        browser = Browser(node)
        answer = browser.send("GET", START)
        if wrong == {"private": False}:
            assert answer.headers["location"] == "/#/login?oidc=unreachable"  # loopback, and plain HTTP at that
        elif "roles" in wrong:
            answer = browser.send("GET", at_provider(str(answer.headers["location"]), "lan"))
            assert answer.headers["location"] == "/#/login?oidc=failed"
        assert browser.send("GET", "/session").status_code == 401
