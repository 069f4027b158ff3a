"""When each kind of data came last: by scope, the longest quiet first, asked of the store once a minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, make_node

HOUR_S = 3_600


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as node:
        rows = [
            (1, MINE, NOW - 30 * HOUR_S, "zeek.dns"), (2, MINE, NOW - 60, "nginx.access"),
            (3, MINE, NOW - 30, "nginx.access"), (4, OTHER, NOW - 10, "canary.secret"),
            (5, MINE, NOW + HOUR_S * 5, "ahead.clock"), (6, MINE, NOW - 8 * 24 * HOUR_S, "old.data"),
        ]  # fmt: skip
        node.store([event(number, agency, at, event__dataset=kind) for number, agency, at, kind in rows])
        node.index()
        yield node


def rows(node: NodeUnderTest, *grants: tuple[str, str | None]) -> dict[str, Any]:
    found = Browser(node).link(node.add_user(f"u{len(grants)}{grants[0][1]}", *grants)).get("/system/data")
    return {one["dataset"]: one for one in found["items"]}


def test_the_longest_quiet_comes_first(node: NodeUnderTest) -> None:
    found = Browser(node).link(node.add_user("lan", ("admin", None))).get("/system/data")
    assert [one["dataset"] for one in found["items"]] == ["zeek.dns", "nginx.access", "canary.secret"]
    assert [one["day"] for one in found["items"]] == [0, 2, 1]
    assert found["items"][1]["last_at"] == rfc3339(NOW - 30)
    assert (found["more"], found["partial"]) == (False, "")


def test_an_agency_sees_its_own_kinds(node: NodeUnderTest) -> None:
    assert set(rows(node, ("admin", MINE))) == {"zeek.dns", "nginx.access"}
    assert set(rows(node, ("admin", OTHER))) == {"canary.secret"}


def test_the_store_is_asked_once_a_minute(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(node).link(node.add_user("lan", ("admin", MINE)))
    asked: list[object] = []
    inner = node.runtime.reader.search
    monkeypatch.setattr(node.runtime.reader, "search", lambda *more: asked.append(more) or inner(*more))
    for _ in range(5):
        browser.get("/system/data")
    assert len(asked) == 2
    node.clock.move(61)
    browser.get("/system/data")
    assert len(asked) == 4
