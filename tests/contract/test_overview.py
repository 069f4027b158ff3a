"""GET /overview: each part inside its permission and scope, counted right, and what a new node still lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.auth.ca import Name
from api.auth.machines import Traffic
from api.node.keeping import ledger
from api.overview import now
from api.permissions import ROLES
from api.state.cases import Alert, Incident
from api.state.clocks import Clock
from api.state.machines import Machine
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, hit, make_node

HOUR = 3600.0
PART_OF = {
    "alerts": "alerts.read",
    "trend": "alerts.read",
    "incidents": "incidents.read",
    "services": "services.read",
    "sensors": "sensors.read",
    "raised": "incidents.read",
    "backup": "system.read",
    "duty": "notices.read",
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path, machines=True) as made:
        yield made


def alerts(node: NodeUnderTest, count: int = 3, agency: str = MINE) -> None:
    node.store([hit(n, agency=agency, rule=f"r-{agency}-{n}") for n in range(count)], "hits")
    node.index()
    node.fold()


@pytest.mark.parametrize("role", [role for role in sorted(ROLES) if not role.startswith("national")])
def test_a_part_is_there_exactly_when_its_permission_is(node: NodeUnderTest, role: str) -> None:
    found = Browser(node).link(node.add_user("one", (role, MINE))).get("/overview")
    for part, permission in PART_OF.items():
        assert (found[part] is not None) == (permission in ROLES[role]), part
    assert found["inbox"] is None
    assert found["failed"] == []


def test_who_sees_the_whole_node(node: NodeUnderTest) -> None:
    """An open scope is another condition in SQL than a list of agencies."""
    alerts(node, 2)
    found = Browser(node).link(node.add_user("lead", ("lead", None), ("admin", None))).get("/overview")
    assert (found["alerts"]["new"], found["failed"]) == (2, [])
    assert len(found["start"]) == 7


def test_who_has_no_role_learns_nothing(node: NodeUnderTest) -> None:
    alerts(node)
    found = Browser(node).link(node.add_user("nobody")).get("/overview")
    assert all(found[part] is None for part in (*PART_OF, "inbox", "start"))


def test_alerts_by_level_and_grade_and_the_trend(node: NodeUnderTest) -> None:
    alerts(node, 3)
    alerts(node, 2, OTHER)
    with node.runtime.db.write() as session:
        rows = session.query(Alert).where(Alert.agency == MINE).order_by(Alert.id).all()
        for row in rows:
            row.created_at = NOW - 60
        rows[0].grade, rows[0].level = 4, "critical"
        rows[1].created_at = NOW - 3 * 86_400
        rows[2].status, rows[2].created_at = "closed", NOW - 20 * 86_400
    lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
    found = lead.get("/overview")
    assert found["alerts"]["new"] == 2
    assert {(cell["level"], cell["grade"]): cell["count"] for cell in found["alerts"]["cells"]}["critical", 4] == 1
    days = found["trend"]
    assert len(days) == 14
    assert days[-1]["day"] == "2026-11-18"  # of official time
    assert days[-1]["critical"] == 1
    assert sum(sum(value for key, value in day.items() if key != "day") for day in days) == 2


def test_clocks_soonest_first_and_overdue(node: NodeUnderTest) -> None:
    alerts(node, 1)
    lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
    [alert] = lead.get("/alerts")["items"]
    made = lead.post("/incidents", {"alert_ids": [alert["id"]], "title": "Cổng bị chiếm"})
    before = lead.get("/overview")["incidents"]
    with node.runtime.db.write() as session:
        rule, version = next(iter(sorted(_rules(session))))
        session.query(Clock).delete()
        for n, due in enumerate((NOW - HOUR, NOW + HOUR)):
            session.add(Clock(key=f"k{n}", agency=MINE, incident_id=made["id"], rule_id=rule, rule_version=version,
                              start_at=NOW - 2 * HOUR, due_at=due, state="running"))  # fmt: skip
        assert session.get(Incident, made["id"]) is not None
    found = lead.get("/overview")["incidents"]
    assert (before["open"], found["clocks"], found["overdue"]) == (1, 2, 1)
    assert [clock["overdue"] for clock in found["next"]] == [True, False]
    assert found["next"][0]["title"] == "Cổng bị chiếm"


def _rules(session: object) -> list[tuple[str, int]]:
    from api.clocks import rules

    return list(rules.versions(session))  # type: ignore[arg-type]


def test_a_sensor_that_only_beats_is_blind(node: NodeUnderTest) -> None:
    machines = node.runtime.machines
    assert machines
    name = Name(MINE, "sensor", "cb-1")
    machines.new_api_key(name, "test")
    with node.runtime.db.write() as session:
        session.get_one(Machine, name.id).enrolled_at = NOW - 86_400
    machines.saw(name, "packet", Traffic(stored=1, heartbeat=(NOW, 0, 0, 0), beat_lag_s=0.1, version="0.1.0"))
    machines.flush()
    lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
    found = lead.get("/overview")["sensors"]
    assert (found["total"], found["ok"], found["blind"], found["real_at"]) == (1, 1, 1, None)
    [sensor] = lead.get("/sensors")["items"]
    assert sensor["lamps"] == {"connection": "ok", "data": "bad", "clock": "ok"}
    assert sensor["roles"][0]["version"] == "0.1.0"
    machines.saw(name, "packet", Traffic(stored=5, real=5, last_event_at=NOW))
    machines.flush()
    [sensor] = lead.get("/sensors")["items"]
    assert (sensor["lamps"]["data"], sensor["roles"][0]["hours"][-1]) == ("ok", 5)
    node.clock.move(3600)
    later = Browser(node).link(node.add_user("later", ("lead", MINE)))  # the other session has ended meanwhile
    assert [one["name"] for one in later.get("/overview")["sensors"]["worst"]] == ["cb-1"]


def test_a_new_node_says_what_it_lacks_and_ticks_by_data(node: NodeUnderTest) -> None:
    admin = Browser(node).link(node.add_user("admin", ("admin", MINE), ("lead", MINE)))
    steps = {step["key"]: step for step in admin.get("/overview")["start"]}
    assert set(steps) == {"sensor", "alert", "inventory", "channel", "person", "upstream", "backup"}
    assert not any(step["done"] for step in steps.values())
    alerts(node, 1)
    ledger.note(node.runtime.data, last_good_at=NOW)
    node.add_user("second", ("analyst", MINE))
    done = {step["key"] for step in admin.get("/overview")["start"] if step["done"]}
    assert done == {"alert", "person"}  # a backup without a target was made by hand, once: not ticked
    assert Browser(node).link(node.add_user("eyes", ("analyst", MINE))).get("/overview")["start"] is None


def test_the_selftest_is_asked_for_once(node: NodeUnderTest) -> None:
    lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
    assert lead.send("POST", "/overview/selftest", {}).status_code == 202
    assert lead.send("POST", "/overview/selftest", {}).status_code == 429
    assert len(list((node.runtime.data / "run" / "selftest").glob("*.json"))) == 1


def test_what_cannot_be_made_fails_alone(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setitem(now.PARTS, "backup", ("system.read", away))
    found = Browser(node).link(node.add_user("lead", ("lead", MINE))).get("/overview")
    assert found["failed"] == ["backup"]
    assert found["alerts"] is not None


def test_a_typed_name_that_is_another_s_revokes_nothing(node: NodeUnderTest) -> None:
    assert node.runtime.machines
    node.runtime.machines.new_api_key(Name(MINE, "sensor", "cb-1"), "test")
    lead = Browser(node).link(node.add_user("lead", ("lead", MINE)))
    path = f"/sensors/{MINE}:sensor:cb-1/revoke"
    assert lead.send("POST", path, {"reason": "x", "name": "cb-2"}).status_code == 422
    assert lead.get("/sensors")["items"][0]["revoked_at"] is None
    assert lead.send("POST", path, {"reason": "x", "name": "cb-1"}).json()["state"] == "revoked"
