"""Hits become alerts: one open alert per group, each hit counted once, whatever is repeated, late or killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.casework.fold import QUIET_S
from api.casework.queue import Filter, page
from api.shapes import Alert, AlertList
from api.state.cases import Alert as Row
from api.state.cases import AlertHit
from correlator.store.base import EVERYTHING
from tests.servers.people_port import MINE, NOW, OTHER, NodeUnderTest, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


def queue(node: NodeUnderTest, **wanted: str) -> AlertList:
    with node.runtime.db.read() as session:
        return page(
            session, EVERYTHING, Filter(**({"status": "all"} | wanted)), limit=200, cursor="", now=node.clock.now()
        )  # type: ignore[arg-type]


def only(node: NodeUnderTest) -> Alert:
    [alert] = queue(node).items
    return alert


def test_hits_of_one_group_are_one_alert(node: NodeUnderTest) -> None:
    node.store([hit(n, at=NOW + n) for n in range(5)], "hits")
    node.fold()
    alert = only(node)
    assert (alert.count, alert.status, alert.agency) == (5, "new", MINE)
    assert alert.id == "CB-2026-000001"
    assert alert.reason.vi == "203.0.113.9 thử mật khẩu lần 4"  # the newest speaks
    assert alert.entities["source.ip"] == ["203.0.113.9"]
    assert alert.techniques == ["T1110.001"]
    assert sum(alert.spark) == 5


def test_agency_rule_and_group_keep_alerts_apart(node: NodeUnderTest) -> None:
    node.store([hit(1), hit(2, agency=OTHER), hit(3, rule="r-2"), hit(4, source="203.0.113.10")], "hits")
    node.fold()
    assert queue(node).total == 4


def test_a_hit_stored_twice_is_counted_once(node: NodeUnderTest) -> None:
    node.store([hit(1), hit(2)], "hits")
    node.fold()
    node.casework.step()
    with node.runtime.db.write() as session:  # the page comes again, as after a crash before the mark
        from api.state.cases import Place

        session.get_one(Place, "casework").cursor = None
    node.fold()
    assert only(node).count == 2
    assert node.casework.counters.repeated == 2


def test_cursor_and_counts_move_together(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    node.store([hit(n) for n in range(20)], "hits")

    def broken(*_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("api.casework.fold._move", broken)
    with pytest.raises(RuntimeError):
        node.casework.step()
    monkeypatch.undo()
    assert queue(node).total == 0
    node.fold()
    assert only(node).count == 20


def test_quiet_for_a_day_opens_a_new_alert(node: NodeUnderTest) -> None:
    node.store([hit(1, at=NOW), hit(2, at=NOW + QUIET_S - 1), hit(3, at=NOW + 2 * QUIET_S)], "hits")
    node.fold()
    assert sorted(alert.count for alert in queue(node).items) == [1, 2]
    node.store([hit(4, at=NOW + 2 * QUIET_S + 5)], "hits")
    node.fold()
    assert sorted(alert.count for alert in queue(node).items) == [2, 2]


def test_a_late_hit_counts_and_does_not_speak(node: NodeUnderTest) -> None:
    node.store([hit(1, at=NOW), hit(2, at=NOW - 3600)], "hits")
    node.fold()
    alert = only(node)
    assert alert.count == 2
    assert alert.reason.en == "203.0.113.9 tried password 1"
    assert alert.first_seen < alert.last_seen


def test_what_is_no_hit_is_counted_and_passed_over(node: NodeUnderTest) -> None:
    bad = [{"event": {"id": "x"}}, {"rule": {"id": "r"}, "event": {"id": "y" * 65}, "luytre": {"hit": {}}},
           {"rule": {"id": 7}, "event": {"id": "z"}, "luytre": {"hit": []}}]  # fmt: skip
    odd = hit(9)
    odd["luytre"]["hit"] |= {"level": "apocalyptic", "count": -5, "title": 3, "group": "?", "event_ids": {"a": 1}}
    odd["@timestamp"] = "yesterday"
    node.store([*bad, odd], "hits")
    node.fold()
    assert node.casework.counters.unreadable == 3
    assert only(node).level == "medium"


def test_entities_and_hit_rows_are_bounded(node: NodeUnderTest) -> None:
    node.store([hit(n, user__name=f"u{n}") for n in range(60)], "hits")
    node.fold()
    alert = only(node)
    assert len(alert.entities["user.name"]) == 10
    assert alert.count == 60


def test_old_hit_rows_go_and_the_count_stays(node: NodeUnderTest) -> None:
    from api.casework.fold import HIT_MEMORY_S, HITS_KEPT
    from api.jobs import all_jobs

    node.store([hit(n, at=NOW + n) for n in range(HITS_KEPT + 50)], "hits")
    node.fold()
    jobs = all_jobs()
    assert "50 hits" not in jobs["clean"].run(node.runtime)
    node.clock.move(HIT_MEMORY_S + 60)
    assert "50 hits" in jobs["clean"].run(node.runtime)
    with node.runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(AlertHit)) == HITS_KEPT
        assert session.scalar(select(Row.count)) == HITS_KEPT + 50


def test_paging_shows_each_alert_once(node: NodeUnderTest) -> None:
    node.store([hit(n, rule=f"r-{n}", at=NOW + n % 3) for n in range(25)], "hits")
    node.fold()
    for sort in ("-last_seen", "level", "-count", "first_seen"):
        seen: list[str] = []
        cursor = ""
        while True:
            with node.runtime.db.read() as session:
                found = page(session, EVERYTHING, Filter(sort=sort), limit=7, cursor=cursor, now=NOW)
            seen += [alert.id for alert in found.items]
            if found.next is None:
                break
            cursor = found.next
        assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize("query", ["da nang", "Đà Nẵng", "ĐÀ NẴNG", "203.0.113.9", "cb-2026-000001"])
def test_search_without_marks(node: NodeUnderTest, query: str) -> None:
    node.store(
        [hit(1, title="Cổng dịch vụ công Đà Nẵng bị dò quét"), hit(2, source="198.51.100.7", title="Khác")], "hits"
    )
    node.fold()
    assert queue(node, q=query).total == 1
    assert queue(node, q="100%_").total == 0
