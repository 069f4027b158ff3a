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
from sqlalchemy import func, select

from api.app import NoDoor, check_doors
from api.audit import THE_SYSTEM
from api.auth.allow import Allow, anyone, doors
from api.auth.ca import Name
from api.ingest.dead import DeadLetters, Letter
from api.permissions import PERMISSIONS, ROLES
from api.resources import Resource, all_routes
from api.state.audit import AuditEntry
from api.state.cases import History
from api.state.federation import Outgoing, Raised, RaisedIndicator, RaisedRevision
from tests.contract.rows import Row, all_rows
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, hit, make_node

CANARY = "canary-bí-mật-7731"
LINK = '[federation]\nupstream = "https://127.0.0.1:1"\n'
KINDS = all_rows()
ROWS: dict[tuple[str, str], Row] = {key: row for kind in KINDS.values() for key, row in kind.rows.items()}
NAMED_IN_BODY = frozenset().union(*(kind.named_in_body for kind in KINDS.values()))


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


class World:
    """A node with one of everything in each of two agencies, and a person of every role in MINE."""

    def __init__(self, node: NodeUnderTest) -> None:
        self.node = node
        for number, agency in enumerate((MINE, OTHER)):
            words = {"message": CANARY} if agency == OTHER else {"message": "canary không phải bí mật"}
            title = CANARY if agency == OTHER else "Dò quét"
            source = "203.0.113.5" if agency == MINE else "198.51.100.77"
            node.store([event(100 + number, agency, user={"name": words["message"]}, **words)])
            node.store(
                [hit(1000 * number + n, agency=agency, rule=f"r-{n}", title=title, source=source) for n in range(3)],
                "hits",
            )
            name = Name(agency, "sensor", f"cb-{number}" if agency == MINE else "canary-7731")
            assert node.runtime.machines
            node.runtime.machines.new_api_key(name, "test")
            with node.runtime.db.write() as session:
                node.runtime.audit.record(session, THE_SYSTEM, "test", title, agency=agency, detail={"w": title})
            self._raise(agency, f"TN-2026-00000{number}", title)
        dead = DeadLetters(node.runtime.data / "dead" / "ingest", node.clock)
        dead.add(
            [Letter(f"{agency}:sensor:x", 400, CANARY if agency == OTHER else "x", b"{") for agency in (MINE, OTHER)]
        )
        dead.close()
        node.index()
        node.fold()
        boss = Browser(node).link(node.add_user("boss", ("lead", None), ("auditor", None)))
        self.ids: dict[str, dict[str, str]] = {}
        for agency in (MINE, OTHER):
            alerts = [alert["id"] for alert in boss.get("/alerts", agency=agency, sort="first_seen")["items"]]
            incident = boss.post("/incidents", {"alert_ids": [alerts[0]], "title": CANARY if agency == OTHER else "x"})
            [sensor] = [s["id"] for s in boss.get("/sensors")["items"] if s["agency"] == agency]
            self.ids[agency] = {
                "alert_id": alerts[1], "free_alert": alerts[2], "incident_id": incident["id"], "sensor_id": sensor,
                "agency": agency, "raised_id": f"TN-2026-00000{(MINE, OTHER).index(agency)}",
            }  # fmt: skip
            for kind in KINDS.values():
                if kind.make:
                    self.ids[agency] |= kind.make(node, agency, CANARY if agency == OTHER else "không phải bí mật")
        self.people = {role: Browser(node).link(node.add_user(role, (role, MINE))) for role in ROLES}
        self.nobody = Browser(node).link(node.add_user("nobody"))

    def _raise(self, agency: str, raised_id: str, title: str) -> None:
        """An item that this agency has raised, in the outbox and in the inbox; both met the same address."""
        item = {"id": f"{agency}/SC-1", "title": title, "alerts": [], "indicators": [], "agency": agency}
        with self.node.runtime.db.write() as session:
            session.add(
                Raised(
                    id=raised_id, sender=f"{agency}:node:n", agency=agency, item_id=item["id"], item_revision=1,
                    sequence=1, kind="incident", title=title, level="high", level_order=3, state="new", first_seen=NOW,
                    last_seen=NOW, received_at=NOW, alerts_count=1, item=item, search_text=title,
                )
            )  # fmt: skip
            session.flush()
            for value in ("192.0.2.66", title.encode().hex()):
                session.add(
                    RaisedIndicator(raised_id=raised_id, type="domain", value=value, tlp="amber", agency=agency)
                )
            session.add(
                RaisedRevision(raised_id=raised_id, item_revision=1, sequence=1, receipt_id=raised_id, received_at=NOW,
                               body=json.dumps(item), signature="")
            )  # fmt: skip
            session.add(
                Outgoing(
                    sequence=1_000 + int(raised_id[-1]), item_id=f"x-{raised_id}", item_revision=1, kind="incident",
                    ref=title[:20], agency=agency, body=title, state="refused", queued_at=NOW, last_error=title,
                    reason={"vi": title, "en": title},
                )
            )  # fmt: skip

    def call(self, browser: Browser, method: str, path: str, agency: str, **headers: str) -> Any:
        query, body, _ = ROWS[method, path]
        for name, value in self.ids[agency].items():
            path = path.replace("{" + name + "}", value)
            body = json.loads(json.dumps(body).replace("{" + name + "}", value))
        return browser.send(method, path + query, body, **headers)

    def traces(self) -> tuple[int, int]:
        with self.node.runtime.db.read() as session:
            acts = session.scalar(select(func.count()).select_from(History)) or 0
            done = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.outcome == "done")) or 0
            return acts, done


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
        assert open_to_all == (path in ("/session", "/session/link") and method == "POST")
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
            assert answer.status_code in (expected, 200 if expected == 409 else 409), f"{method} {path}: {answer.text}"


def test_the_table_of_roles_is_what_was_decided() -> None:
    """A snapshot: a right given or taken shows in a review."""
    analyst = {
        "alerts.read", "alerts.work", "incidents.read", "incidents.work", "events.read", "sensors.read", "rules.read",
        "inventory.read", "services.read",
    }  # fmt: skip
    keeps = {"sensors.manage", "users.manage", "system.read", "inventory.manage", "services.manage", "notices.read",
             "notices.manage"}  # fmt: skip
    lead = analyst | keeps | {"incidents.raise"}
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
        "national_lead": lead | nation | {"audit.read", "national.manage", "clocks.manage"},
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
