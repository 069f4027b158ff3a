"""An agency's or provider's user reaches not one row outside their scope by any route, filter, id, count, export or
search, whatever the tree, the grants (ended ones too) and the API key: drawn by Hypothesis, walked over every route of
the application, compared with a twin that says the scope slowly.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.auth.allow import Allow, doors
from api.permissions import BOUNDED_ROLES, NEVER_BY_KEY, PERMISSIONS, ROLES
from api.resources import all_routes
from tests.servers.many_agencies import CODES, SAID, TOKENS, Held, Nation, Part, Twin, leaks
from tests.servers.people_port import Browser, make_node
from tests.servers.two_agencies import LINK, ROWS

EXAMPLES = int(os.environ.get("LUYTRE_SCOPE_EXAMPLES", "6"))
DAY = 86_400.0
ROUTES = [
    (method, resource.prefix + route.path, doors(route.dependant)[0])
    for resource in all_routes().values()
    for route in resource.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
READS = [(path, door.permission) for method, path, door in ROUTES
         if method == "GET" and path != "/stream" and isinstance(door, Allow)]  # fmt: skip
WRITES = [(method, path, door.permission) for method, path, door in ROUTES
          if method != "GET" and isinstance(door, Allow) and door.permission]  # fmt: skip
# Lists whose items say whose they are, by which name, with which filter everything is shown.
LISTS = {
    "/alerts": {"status": "all"}, "/incidents": {}, "/systems": {}, "/assets": {}, "/services": {}, "/sensors": {},
    "/inbox": {"state": "all"}, "/audit": {"act": "test"}, "/clocks": {"state": "all"},
    "/notices/deliveries": {}, "/notices/channels": {}, "/notices/routes": {}, "/duty/teams": {}, "/duty/holidays": {},
    "/maintenance": {}, "/events": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with make_node(tmp_path_factory.mktemp("nation"), role="national", machines=True, more=LINK) as node:
        yield Nation(node)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str | None]:
    """Any parent for each, a circle now and then: the centre takes trees from nodes below."""
    if draw(st.integers(0, 9)) == 0:
        return {code: draw(st.sampled_from((None, *CODES))) for code in CODES}
    return {code: draw(st.sampled_from((None, *CODES[:number]))) for number, code in enumerate(CODES)}


@st.composite
def grants(draw: st.DrawFn) -> Held:
    role = draw(st.sampled_from(sorted(ROLES)))
    agency = draw(st.sampled_from((*CODES, None) if role not in BOUNDED_ROLES else CODES))
    ends = st.sampled_from((-DAY, -1.0, 0.0, 1.0, DAY))
    return Held(role, agency, draw(ends if role in BOUNDED_ROLES else st.none() | ends))


PARTS = st.none() | st.builds(
    Part,
    st.frozensets(st.sampled_from(sorted(set(PERMISSIONS) - NEVER_BY_KEY)), min_size=1),
    st.none() | st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True).map(tuple),
)
HELD = st.lists(grants(), min_size=1, max_size=4)
SLOWLY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # each example is a walk over every route: shrinking takes too long
)


@pytest.mark.slow
@SLOWLY
@given(parents=trees(), held=HELD, part=PARTS, data=st.data())
def test_no_route_tells_of_what_is_outside(
    nation: Nation, parents: dict[str, str | None], held: list[Held], part: Part | None, data: st.DataObject
) -> None:
    nation.arrange(parents, held)
    twin, browser = Twin(nation.agencies(), held, part), nation.browser(part)
    try:
        for path, permission in READS:
            inside = twin.inside(permission)
            outside = set(twin.parents) - inside
            for agency in data.draw(st.permutations(CODES))[: 2 if "{" in path else 1]:
                answer = nation.world.call(browser, "GET", path, agency)
                _said(answer, path, permission, twin)
                assert not leaks(answer, outside), (path, agency)
                named = [name for name in nation.world.ids[agency] if "{" + name + "}" in path]
                if named and permission and agency not in inside and answer.status_code != 429:
                    assert answer.status_code in (401, 403, 404), (path, agency, answer.status_code)
            if outside & set(CODES) and "{" not in path:
                _searched(
                    nation, browser, path, data.draw(st.sampled_from(sorted(outside & set(CODES)))), outside, data
                )
    finally:
        browser.close()


def _said(answer: Any, path: str, permission: str | None, twin: Twin) -> None:
    """The door stands where the twin says."""
    assert answer.status_code < 500, (path, answer.text)
    if permission and answer.status_code != 429:
        refused = answer.status_code in (401, 403)
        assert refused == (not twin.may(permission)), (path, permission, answer.status_code)


def _searched(nation: Nation, browser: Browser, path: str, other: str, outside: set[str], data: st.DataObject) -> None:
    """Everything that a person could type to find another's: their words, codes, ids, and another's cursor."""
    ids, said = nation.world.ids[other], SAID[other]
    ways: tuple[dict[str, str], ...] = (
        {"q": TOKENS[other], "status": "all", "state": "all"}, {"q": f"*{TOKENS[other][2:]}*", "histogram": "true"},
        {"agency": other}, {"q": f'organization.id:"{other}"'}, {"entity": f"source.ip:{said.source}", "status": "all"},
        {"system": ids["system_id"]}, {"object": ids["incident_id"]}, {"actor": TOKENS[other]}, {"sender": other},
        {"providers": "true", "actor": TOKENS[other]}, {"sort": "-count", "status": "all"}, {"rule": "r-1"},
        {"service": ids["service_id"]}, {"incident": ids["incident_id"]}, {"kind": "services"},
    )  # fmt: skip
    for query in data.draw(st.permutations(ways))[:3]:
        answer = browser.raw("GET", f"/api/v1{path}", params=query)
        assert answer.status_code < 500, (path, query, answer.text)
        if answer.status_code == 200:
            assert not leaks(answer, outside), (path, query)
    theirs = nation.boss.raw("GET", f"/api/v1{path}", params={"limit": "1", "agency": other})
    cursor = theirs.json().get("next") if theirs.headers["content-type"] == "application/json" else None
    if isinstance(cursor, str):
        answer = browser.raw("GET", f"/api/v1{path}", params={"limit": "5", "cursor": cursor})
        assert answer.status_code < 500, (path, answer.text)
        assert not leaks(answer, outside), (path, "cursor")


@pytest.mark.slow
@SLOWLY
@given(parents=trees(), held=HELD, part=PARTS)
def test_lists_and_totals_are_what_the_twin_counts(
    nation: Nation, parents: dict[str, str | None], held: list[Held], part: Part | None
) -> None:
    nation.arrange(parents, held)
    twin, browser = Twin(nation.agencies(), held, part), nation.browser(part)
    doors_of = dict(READS)
    try:
        for path, query in LISTS.items():
            permission = doors_of[path]
            assert permission is not None
            if not twin.may(permission):
                continue
            all_, _ = _walked(nation.boss, path, query)
            mine, total = _walked(browser, path, query)
            expected = [item for item in all_ if twin.sees(permission, _owner(item))]
            assert sorted(map(_key, mine)) == sorted(map(_key, expected)), path
            assert total in (None, len(expected)), path
            if path == "/alerts":
                counts = browser.raw("GET", "/api/v1/alerts", params={"status": "all"}).json()["counts"]
                for name in ("level", "status"):
                    wanted: dict[str, int] = {}
                    for item in expected:
                        wanted[item[name]] = wanted.get(item[name], 0) + 1
                    assert counts[name] == wanted
    finally:
        browser.close()


def _owner(item: dict[str, Any]) -> str | None:
    if "organization" in item:
        return str(item["organization"]["id"])
    found = item["agency"]
    return None if found is None else str(found["code"] if isinstance(found, dict) else found)


def _key(item: dict[str, Any]) -> str:
    return str(item.get("id") or item.get("seq") or item.get("item_id") or item.get("event", {}).get("id"))


def _walked(browser: Browser, path: str, query: dict[str, str]) -> tuple[list[dict[str, Any]], int | None]:
    found: list[dict[str, Any]] = []
    cursor, total = "", None
    for _ in range(50):
        answer = browser.raw("GET", f"/api/v1{path}", params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, (path, answer.text)
        body = answer.json()
        found += body["items"]
        total, cursor = body.get("total"), body.get("next")
        if not cursor:
            return found, total
    raise AssertionError(f"{path}: no end")


@pytest.mark.slow
@SLOWLY
@given(parents=trees(), held=HELD, part=PARTS, data=st.data())
def test_a_write_to_what_is_outside_changes_no_row(
    nation: Nation, parents: dict[str, str | None], held: list[Held], part: Part | None, data: st.DataObject
) -> None:
    """Each route with ids of another agency, and with ids of which some are another's."""
    nation.arrange(parents, held)
    twin, browser = Twin(nation.agencies(), held, part), nation.browser(part)
    before = nation.rows()
    try:
        for method, path, permission in WRITES:
            inside = sorted(twin.inside(permission) & set(CODES))
            outside = sorted(set(CODES) - set(inside))
            named = _names(nation, method, path)
            if not named or not outside:
                continue
            other = data.draw(st.sampled_from(outside))
            chosen = dict.fromkeys(named, other)
            if inside and len(named) > 1:
                own = data.draw(st.sets(st.sampled_from(named), max_size=len(named) - 1))
                chosen |= {name: data.draw(st.sampled_from(inside)) for name in sorted(own)}
            answer = _call(nation, browser, method, path, chosen)
            assert 400 <= answer.status_code < 500, (method, path, chosen, answer.text)
            assert not leaks(answer, outside), (method, path, chosen)
        after = nation.rows()
        assert {name for name in before if before[name] != after[name]} == set()
    finally:
        browser.close()


def _names(nation: Nation, method: str, path: str) -> list[str]:
    """Whose ids the path and the body name."""
    text = path + json.dumps(ROWS[method, path][1])
    return sorted(name for name in nation.world.ids[CODES[0]] if "{" + name + "}" in text)


def _call(nation: Nation, browser: Browser, method: str, path: str, chosen: dict[str, str]) -> Any:
    query, body, _ = ROWS[method, path]
    text = json.dumps(body)
    for name, agency in chosen.items():
        path = path.replace("{" + name + "}", nation.world.ids[agency][name])
        text = text.replace("{" + name + "}", nation.world.ids[agency][name])
    return browser.send(method, path + query, json.loads(text))
