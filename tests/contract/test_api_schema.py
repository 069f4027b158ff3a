"""Schemathesis over the whole API with each role: no 500, and every answer, refusals too, is one that the schema names.

The application's own OpenAPI document makes the requests; paths get ids of objects that exist (of the person's own
agency and of another's) as often as invented ones, so that the generated bodies reach the code behind the door.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.permissions import ROLES
from tests.servers.people_port import MINE, OTHER, Browser, make_node
from tests.servers.two_agencies import CANARY, LINK, World

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = {("GET", "/api/v1/stream")}  # test_api_live.py reads it
EXAMPLES = int(os.environ.get("LUYTRE_SCHEMA_EXAMPLES", "4"))  # requests a route and role; 200 for a longer hunt


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_node(tmp_path_factory.mktemp("schema"), role="national", machines=True, more=LINK) as node:
        yield World(node)


@pytest.mark.slow
@pytest.mark.parametrize("role", [*sorted(ROLES), "nobody"])
def test_no_answer_outside_the_schema(world: World, role: str) -> None:
    schema = schemathesis.openapi.from_dict(world.node.app.openapi())
    reached: Counter[str] = Counter()
    wrong: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in ENDLESS:
            try:
                _try(world, role, operation, reached)
            except (Exception, BaseExceptionGroup) as error:
                inner = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
                wrong += [f"{operation.method.upper()} {operation.path}: {one!s}"[:1_000] for one in inner]
    assert not wrong, "\n\n".join(wrong)
    print(role, dict(reached))
    if role in ("lead", "national_lead"):
        assert reached["2xx"] > sum(reached.values()) / 10, reached


def _try(world: World, role: str, operation: Any, reached: Counter[str]) -> None:
    @given(data=st.data())
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def one(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        for name in case.path_parameters or {}:
            known = [world.ids[agency][name] for agency in (MINE, OTHER) if name in world.ids[agency]]
            if known and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known))
        answer = _send(world, role, case)
        reached[f"{answer.status_code // 100}xx"] += 1
        case.validate_response(answer, checks=CHECKS)
        assert CANARY not in answer.text

    one()


def _send(world: World, role: str, case: Any) -> Any:
    """As a browser of this role would send it; who logged out or was disabled by an example before comes anew."""
    browser = world.nobody if role == "nobody" else world.people[role]
    if role != "nobody" and browser.send("GET", "/session").status_code != 200:
        browser = world.people[role] = _again(world, role)
    return browser.raw(**case.as_transport_kwargs(base_url="http://soc.test"))


def _again(world: World, role: str) -> Browser:
    return Browser(world.node).link(world.node.add_user(f"{role}-{len(world.people)}-{id(object())}", (role, MINE)))
