"""Every route × every role × every agency, from the application's own list of routes.

A route without a row in tests/contract/rows/ fails: whoever adds one says there what a call of it looks like.
`{alert_id}` and the like in a path or body become the id of an object of the person's own agency, and then of another
agency's, where the answer must be 404 (422 where the agency itself is named), nothing may change, and no word of the
other agency may come back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.app import NoDoor, check_doors
from api.auth.allow import Allow, anyone, doors
from api.permissions import PERMISSIONS, ROLES
from api.resources import Resource, all_routes
from tests.servers.people_port import MINE, OTHER, Browser, make_node
from tests.servers.two_agencies import CANARY, LINK, NAMED_IN_BODY, ROWS, World


def routes() -> list[tuple[str, str, APIRoute]]:
    return [
        (method, resource.prefix + route.path, route)
        for resource in all_routes().values()
        for route in resource.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def door(route: APIRoute) -> Any:
    return doors(route.dependant)[0]


def each(wanted: Callable[[str, str, APIRoute], bool] = lambda method, path, route: True) -> pytest.MarkDecorator:
    chosen = [found for found in routes() if wanted(*found)]
    return pytest.mark.parametrize(("method", "path", "route"), chosen, ids=[f"{m} {p}" for m, p, _ in chosen])


def needs_a_permission(method: str, path: str, route: APIRoute) -> bool:
    return isinstance(door(route), Allow) and door(route).permission is not None


def names_an_object(method: str, path: str, route: APIRoute) -> bool:
    body = json.dumps(ROWS[method, path][1] or "") if (method, path) in ROWS else ""
    return needs_a_permission(method, path, route) and ("{" in path or bool(re.search(r"\{\w+\}", body)))


def tells_of_agencies(method: str, path: str, route: APIRoute) -> bool:
    return method == "GET" and path != "/stream" and door(route) is not anyone


def writes(method: str, path: str, route: APIRoute) -> bool:
    return method != "GET" and door(route) is not anyone


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Shared by the calls that change nothing."""
    with make_node(tmp_path_factory.mktemp("world"), role="national", machines=True, more=LINK) as node:
        yield World(node)


def test_every_route_has_a_row() -> None:
    assert sorted(ROWS) == sorted((method, path) for method, path, _ in routes())


@each()
def test_one_door(method: str, path: str, route: APIRoute) -> None:
    found = {id(one): one for one in doors(route.dependant)}
    assert len(found) == 1
    if method not in ("GET", "HEAD"):
        [one] = found.values()
        open_to_all = one is anyone
        ways_in = ("/session", "/session/link", "/session/second", "/session/passkey", "/session/passkey/options")
        assert open_to_all == (path in ways_in and method == "POST")
        if isinstance(one, Allow) and one.permission:
            assert not one.permission.endswith(".read"), "a write needs more than a right to read"


def test_a_route_without_a_door_does_not_start() -> None:
    from fastapi import APIRouter

    router = APIRouter()

    @router.get("/secret")
    def secret() -> str:
        return "x"

    with pytest.raises(NoDoor, match="/secret"):
        check_doors("secret", Resource("", router))


@each()
def test_without_a_session(world: World, method: str, path: str, route: APIRoute) -> None:
    answer = world.call(Browser(world.node), method, path, MINE)
    if door(route) is anyone:
        assert answer.status_code == ROWS[method, path][2]
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "LT-A0401")
    assert CANARY not in answer.text


@each(needs_a_permission)
def test_without_the_permission(world: World, method: str, path: str, route: APIRoute) -> None:
    one = door(route)
    without = {role: b for role, b in world.people.items() if one.permission not in ROLES[role]} | {"-": world.nobody}
    before = world.traces()
    for role, browser in without.items():
        answer = world.call(browser, method, path, MINE)
        assert (answer.status_code, answer.json()["code"]) == (403, "LT-A0403"), role
    assert world.traces() == before


@each(names_an_object)
def test_another_agency_s_object(world: World, method: str, path: str, route: APIRoute) -> None:
    one = door(route)
    before = world.traces()
    for role, browser in world.people.items():
        if one.permission in ROLES[role]:
            answer = world.call(browser, method, path, OTHER)
            assert answer.status_code == (422 if (method, path) in NAMED_IN_BODY else 404), (role, answer.text)
            assert CANARY not in answer.text
            assert "canary-7731" not in answer.text
    assert world.traces() == before


@each(tells_of_agencies)
def test_no_word_of_another_agency(world: World, method: str, path: str, route: APIRoute) -> None:
    for role, browser in world.people.items():
        answer = world.call(browser, method, path, MINE)
        if path != "/session" and answer.status_code == 200:
            assert "7731" not in answer.text, role
            assert CANARY.encode().hex() not in answer.text, role
            assert OTHER not in answer.text, role
            assert "198.51.100.77" not in answer.text, role


@each(writes)
def test_a_write_needs_its_csrf_token(world: World, method: str, path: str, route: APIRoute) -> None:
    before = world.traces()
    for headers in ({"X-CSRF-Token": ""}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = world.call(world.people["national_lead"], method, path, MINE, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "LT-A0406")
    assert world.traces() == before


@pytest.mark.parametrize("role", sorted(ROLES))
def test_what_a_role_may_do_works(tmp_path: Path, role: str) -> None:
    with make_node(tmp_path, role="national", machines=True, more=LINK) as node:
        world = World(node)
        browser = world.people[role]
        for method, path, route in sorted(routes(), key=lambda r: (r[1] == "/session" and r[0] == "DELETE", r[1])):
            one = door(route)
            if path == "/stream" or one is anyone or (one.permission and one.permission not in ROLES[role]):
                continue
            answer = world.call(browser, method, path, MINE)
            expected = ROWS[method, path][2]
            if answer.status_code == 403 and answer.json()["code"] == "LT-A0415":
                continue  # a role that this one cannot give: what may be given is test_people_managing's
            assert answer.status_code in (expected, 200 if expected == 409 else 409), f"{method} {path}: {answer.text}"


def test_the_table_of_roles_is_what_was_decided() -> None:
    """A snapshot: a right given or taken shows in a review."""
    analyst = {
        "alerts.read", "alerts.work", "incidents.read", "incidents.work", "events.read", "sensors.read", "rules.read",
        "inventory.read", "services.read", "exceptions.work",
    }  # fmt: skip
    keeps = {"sensors.manage", "users.manage", "system.read", "inventory.manage", "services.manage", "notices.read",
             "notices.manage"}  # fmt: skip
    lead = analyst | keeps | {"incidents.raise", "clocks.manage", "indicators.manage", "exceptions.lead"}
    nation = {"inbox.read", "inbox.work", "national.read"}
    assert {role: set(rights) for role, rights in ROLES.items()} == {
        "analyst": analyst,
        "lead": lead,
        "admin": keeps
        | {"sensors.read", "rules.read", "system.manage", "audit.read", "inventory.read", "services.read"},
        "auditor": {"alerts.read", "incidents.read", "rules.read", "sensors.read", "system.read", "audit.read",
                    "inventory.read", "services.read", "notices.read"},
        "provider": analyst,
        "national_duty": analyst | nation | {"system.read", "notices.read"},
        "national_lead": lead | nation | {"audit.read", "national.manage"},
    }  # fmt: skip
    assert set().union(*ROLES.values()) <= set(PERMISSIONS)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/alerts", "/api/", "/api/v1/alerts/"])
def test_unknown_addresses_are_problems(world: World, path: str) -> None:
    answer = world.nobody.send("GET", path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "LT-A0404"


def test_every_error_has_one_shape_and_both_languages(world: World) -> None:
    for language, title in (("vi", "Không tìm thấy"), ("en", "Not found"), ("de, en;q=0.5", "Not found")):
        problem = Browser(world.node).send("GET", "/nothing", **{"Accept-Language": language}).json()
        assert problem["title"] == title
        assert set(problem) == {"type", "title", "status", "detail", "code", "instance"}


def test_security_headers_are_everywhere(world: World) -> None:
    for path in ("/api/v1/public", "/api/v1/session", "/api/v1/nothing", "/healthz", "/", "/metrics"):
        headers = world.nobody.send("GET", path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"


def test_a_body_over_the_limit(world: World) -> None:
    answer = world.nobody.send("PATCH", "/session", {"language": "x" * 1_100_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "LT-A0413")


def test_an_error_inside_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("mật khẩu của máy chủ là 12345")

    monkeypatch.setattr("api.casework.queue.page", broken)
    answer = world.people["analyst"].send("GET", "/alerts")
    assert (answer.status_code, answer.json()["code"]) == (500, "LT-A0500")
    assert "12345" not in answer.text
    assert "Traceback" not in answer.text
    monkeypatch.undo()
    assert world.people["analyst"].send("GET", "/alerts").status_code == 200


def test_metrics_are_for_this_machine_or_who_may_see_the_system(world: World) -> None:
    assert Browser(world.node, "127.0.0.1").send("GET", "/metrics").status_code == 200
    assert Browser(world.node, "127.0.0.1").send("GET", "/metrics", X_Forwarded_For="1.2.3.4").status_code == 404
    assert Browser(world.node).send("GET", "/metrics").status_code == 404
    assert world.people["analyst"].send("GET", "/metrics").status_code == 404
    assert world.people["lead"].send("GET", "/metrics").status_code == 200
