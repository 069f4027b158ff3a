"""Services out of probe results: states, minutes, outages, windows, notices, links; the clock is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.jobs import services as job
from api.services import windows
from api.services.days import of_day, row_of, since_days
from api.services.minutes import availability, day_of
from api.state.cases import Alert, History, Incident, Place
from api.state.notices import Matter
from api.state.services import Day, Outage, Service
from sensors.event import Event, event_id, new_event, put
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, hit, make_node

KEY = "cong-dvc"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


_numbers = iter(range(1_000_000))


def probe(at: float, state: str = "up", *, agency: str = MINE, key: str = KEY, vantage: str = "cb-1",
          **fields: Any) -> Event:  # fmt: skip
    made = new_event(
        "service.availability", at,
        {"event.id": event_id("x", "probe", str(next(_numbers))), "organization.id": agency, "observer.name": vantage,
         "agent.type": "probe", "service.id": key, "service.name": "Cổng dịch vụ công", "service.type": "http",
         "service.state": state, "event.outcome": "failure" if state == "down" else "success",
         "luytre.probe.kind": "http", "luytre.probe.every_s": 60.0, "destination.address": "dichvucong.example",
         "luytre.probe.latency_ms": None if state == "down" else 120.0,
         "luytre.probe.reason": "timeout" if state == "down" else None},
    )  # fmt: skip
    for path, value in fields.items():
        put(made, path.replace("__", "."), value)
    return made


def beats(node: NodeUnderTest, *states: str, every_s: float = 60.0, **more: Any) -> None:
    """One result after the other, the clock going along."""
    for state in states:
        node.store([probe(node.clock.now(), state, **more)])
        job.run(node.runtime)
        node.clock.move(every_s)


def only(node: NodeUnderTest) -> Service:
    with node.runtime.db.read() as session:
        return session.scalars(select(Service)).one()


def outages(node: NodeUnderTest) -> list[Outage]:
    with node.runtime.db.read() as session:
        return list(session.scalars(select(Outage).order_by(Outage.since)))


def matters(node: NodeUnderTest) -> list[tuple[str, bool]]:
    with node.runtime.db.read() as session:
        return [(row.key, row.over) for row in session.scalars(select(Matter).order_by(Matter.id))]


def test_a_service_appears_with_its_first_result(node: NodeUnderTest) -> None:
    beats(node, "up")
    service = only(node)
    assert (service.id, service.agency, service.key, service.state) == ("DV-2026-000001", MINE, KEY, "up")
    assert (service.name, service.kind, service.latency_ms) == ("Cổng dịch vụ công", "http", 120.0)


def test_one_failure_is_a_suspicion_two_are_an_outage_from_the_first(node: NodeUnderTest) -> None:
    beats(node, "up", "up", "down")
    assert only(node).state == "suspect"
    assert outages(node) == []
    beats(node, "down")
    service = only(node)
    assert (service.state, service.reason) == ("down", "timeout")
    [outage] = outages(node)
    assert outage.since == NOW + 120
    beats(node, "up")
    assert only(node).state == "down"  # coming back needs two as well
    beats(node, "up")
    assert only(node).state == "up"
    [outage] = outages(node)
    assert outage.until == NOW + 240


def test_a_single_failure_is_not_lost(node: NodeUnderTest) -> None:
    beats(node, "up", "down", "up", "up")
    assert outages(node) == []
    with node.runtime.db.read() as session:
        row = session.scalars(select(Day)).one()
        assert (row.down, row.suspect) == (0, 2)
        assert availability(row.ok + row.suspect, row.down) == 1.0


def test_two_vantage_points_must_agree(node: NodeUnderTest) -> None:
    for _ in range(3):
        node.store([probe(node.clock.now(), "down"), probe(node.clock.now(), "up", vantage="cb-2")])
        job.run(node.runtime)
        node.clock.move(60)
    assert only(node).state == "suspect"
    assert outages(node) == []
    since = node.clock.now()
    for _ in range(2):
        node.store([probe(node.clock.now(), "down"), probe(node.clock.now(), "down", vantage="cb-2")])
        job.run(node.runtime)
        node.clock.move(60)
    assert only(node).state == "down"
    assert outages(node)[0].since == since  # from when both agreed


def test_a_silent_probe_is_unknown_not_down(node: NodeUnderTest) -> None:
    beats(node, "up", "up")
    node.clock.move(600)
    job.run(node.runtime)
    service = only(node)
    assert (service.state, service.since) == ("unknown", NOW + 60)
    assert outages(node) == []
    assert matters(node) == []


def test_slow_by_the_expected_latency(node: NodeUnderTest) -> None:
    slow = {"luytre__probe__latency_ms": 900.0, "luytre__probe__slow_ms": 500.0}
    beats(node, "up", "up")
    beats(node, "up", "up", **slow)
    service = only(node)
    assert (service.state, service.reason, service.latency_ms) == ("slow", "slow", 900.0)


def test_told_once_an_outage_and_when_it_stayed_up(node: NodeUnderTest) -> None:
    beats(node, "up", "down", "down", "down", "up", "up")
    [(down, over)] = matters(node)
    assert (down.split(":")[2], over) == ("down", False)
    beats(node, "down", "down", "up", "up")  # flaps: the same outage, nobody is told again
    [outage] = outages(node)
    assert outage.flaps == 1
    assert len(matters(node)) == 1
    beats(node, *["up"] * 6)
    assert [(key.split(":")[2], over) for key, over in matters(node)] == [("down", False), ("up", True)]
    assert outages(node)[0].settled_at is not None


def test_what_happened_long_ago_wakes_nobody(node: NodeUnderTest) -> None:
    node.store([probe(NOW - 10_000 + 60 * n, "down") for n in range(10)])
    node.store([probe(NOW - 9_000 + 60 * n, "up") for n in range(3)])
    job.run(node.runtime)
    assert len(outages(node)) == 1
    assert matters(node) == []


def test_exactly_once_when_killed(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    node.store([probe(NOW - 600 + 60 * n) for n in range(10)])

    def broken(*_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("api.services.follow._move", broken)
    with pytest.raises(RuntimeError):
        job.run(node.runtime)
    monkeypatch.undo()
    with node.runtime.db.read() as session:
        assert session.scalar(select(Service.id)) is None
    job.run(node.runtime)
    with node.runtime.db.write() as session:  # the page comes again, as after a crash before the mark
        session.get_one(Place, "services").cursor = None
        [hour, *_] = of_day(session, only(node).id, day_of(NOW - 600))
        before = dict(hour.sketch)
    job.run(node.runtime)
    with node.runtime.db.read() as session:
        [hour, *_] = of_day(session, only(node).id, day_of(NOW - 600))
        assert hour.sketch == before
    assert job.follower(node.runtime).counters.late == 10


def test_other_events_are_passed_over(node: NodeUnderTest) -> None:
    noise = new_event(
        "network.flow", NOW, {"event.id": "n1", "message": "service.availability", "organization.id": MINE}
    )
    wrong = probe(NOW, "up", service__state="resting")
    ahead = probe(NOW + 3600, "up")
    node.store([noise, wrong, ahead, probe(NOW)])
    job.run(node.runtime)
    counters = job.follower(node.runtime).counters
    assert (counters.results, counters.unreadable) == (1, 2)


def test_planned_work_is_silent_and_not_lost(node: NodeUnderTest) -> None:
    beats(node, "up", "up")
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    window = lead.post("/maintenance", {"services": [only(node).id], "since": at(NOW + 120), "until": at(NOW + 480),
                                        "note": "Nâng cấp"})  # fmt: skip
    assert window["retroactive"] is False
    beats(node, *["down"] * 6)
    assert only(node).maintenance
    assert matters(node) == []
    with node.runtime.db.read() as session:
        [count] = since_days(session, [only(node).id], 1, node.clock.now()).values()
    assert (count.down, count.maintenance) == (0, 6)
    beats(node, "down", "down")  # still down when its window has ended: told then, once
    assert not only(node).maintenance
    assert [key.split(":")[2] for key, _ in matters(node)] == ["down"]


def test_declared_afterwards_with_audit_and_withdrawn(node: NodeUnderTest) -> None:
    beats(node, "up", "up", *["down"] * 5, "up", "up")
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE), ("auditor", MINE)))
    service = only(node).id
    lost = lead.get(f"/services/{service}")["availability"]
    assert lost["minutes_lost"] == 6  # the minute in which it came back was lost as well
    window = lead.post("/maintenance", {"services": [service], "since": at(NOW + 60), "until": at(NOW + 500),
                                        "note": "Quên báo trước"})  # fmt: skip
    assert window["retroactive"] is True
    job.run(node.runtime)
    after = lead.get(f"/services/{service}")["availability"]
    assert (after["minutes_lost"], after["minutes_maintenance"]) == (0, 8)
    acts = [entry["act"] for entry in lead.get("/audit")["items"]]
    assert "maintenance.retroactive" in acts
    lead.post(f"/maintenance/{window['id']}/cancel", {"note": "nhầm"})
    job.run(node.runtime)
    assert lead.get(f"/services/{service}")["availability"]["minutes_lost"] == 6


def test_a_certificate_is_told_at_its_thresholds(node: NodeUnderTest) -> None:
    day = 86_400.0
    ends = NOW + 40.5 * day
    for days in (5, 6, 1, 14, 1, 6, 1, 5, 2, 1, 1):  # it is renewed when it has ended
        if node.clock.now() > ends + day:
            ends += 90 * day
        left = int((ends - node.clock.now()) // day)
        node.store([probe(node.clock.now(), luytre__probe__certificate_days_left=left)])
        job.run(node.runtime)
        node.clock.move(days * day)
    told = [key.split(":")[-1] for key, _ in matters(node) if "certificate" in key]
    assert told == ["30", "14", "7", "0"]


@pytest.mark.parametrize("first", ["incident", "outage"])
def test_outage_and_attack_on_one_host_are_one_incident(node: NodeUnderTest, first: str) -> None:
    """Through the folds, with hits as the correlator makes them; whichever comes first."""
    attack = hit(1, at=NOW, title="Dò mật khẩu") | {"host": {"name": "dichvucong.example"}}
    down = hit(2, at=NOW + 180, rule="27342ce4-1b74-4acd-97d7-ca1d0b342204", title="Dịch vụ ngừng trả lời")
    down["luytre"]["hit"]["group_key"] = f"service.id={KEY}"
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))

    def attacked() -> str:
        node.store([attack], "hits")
        node.fold()
        [alert] = lead.get("/alerts", q="dò mật khẩu")["items"]
        return str(lead.post("/incidents", {"alert_ids": [alert["id"]]})["id"])

    incident = attacked() if first == "incident" else ""
    beats(node, "up", "up", "down", "down")
    node.store([down], "hits")
    node.fold()
    job.run(node.runtime)
    if first == "outage":
        assert outages(node)[0].incident_id is None
        incident = attacked()
        job.run(node.runtime)
    [outage] = outages(node)
    assert outage.incident_id == incident
    assert len(lead.get(f"/incidents/{incident}")["alerts"]) == 2
    notes = [entry["note"] or "" for entry in lead.get(f"/incidents/{incident}/history")["items"]]
    assert any("Linked by the system: same system, outage during attack" in note for note in notes)
    service = only(node).id
    lead.post(f"/services/{service}/outages/{outage.id}/unlink", {})  # a person takes it back
    job.run(node.runtime)
    [outage] = outages(node)
    assert (outage.incident_id, outage.undone) == (None, True)
    with node.runtime.db.read() as session:
        assert session.get_one(Alert, outage.alert_id).incident_id is None
        assert session.get_one(Incident, incident).state == "open"
        assert "unlinked" in [row.act for row in session.scalars(select(History).where(History.object_id == incident))]


def test_an_attack_elsewhere_is_not_joined(node: NodeUnderTest) -> None:
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    node.store([hit(1, at=NOW) | {"host": {"name": "may-khac"}}], "hits")
    down = hit(2, at=NOW + 180, rule="27342ce4-1b74-4acd-97d7-ca1d0b342204")
    down["luytre"]["hit"]["group_key"] = f"service.id={KEY}"
    node.store([down], "hits")
    node.fold()
    [alert] = [one for one in lead.get("/alerts")["items"] if "r-" in one["rule_id"] or "may-khac" in str(one)][:1]
    lead.post("/incidents", {"alert_ids": [alert["id"]]})
    beats(node, "up", "down", "down")
    assert outages(node)[0].incident_id is None


def test_the_rule_that_is_waited_for_exists() -> None:
    from api.services.join import RULE

    text = (Path(__file__).parents[2] / "rules" / "services" / "service_down.yml").read_text("utf-8")
    assert f"id: {RULE}\n" in text


def test_agencies_do_not_share_a_service(node: NodeUnderTest) -> None:
    node.store([probe(NOW), probe(NOW, agency=OTHER)])
    job.run(node.runtime)
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    assert [row["agency"] for row in lead.get("/services")["items"]] == [MINE]


def test_only_the_centre_may_name_another_agency(node: NodeUnderTest) -> None:
    node.store([probe(NOW, key=f"{OTHER}/{KEY}")])
    job.run(node.runtime)
    assert (only(node).agency, only(node).key) == (MINE, f"{OTHER}/{KEY}")


def test_the_centre_watches_for_another_agency(tmp_path: Path) -> None:
    with make_node(tmp_path, role="national") as node:
        node.store([probe(NOW, key=f"{OTHER}/{KEY}"), probe(NOW, agency=OTHER, key=f"{MINE}/{KEY}")])
        job.run(node.runtime)
        with node.runtime.db.read() as session:
            found = sorted((row.agency, row.key) for row in session.scalars(select(Service)))
        assert found == [(OTHER, KEY), (OTHER, f"{MINE}/{KEY}")]


def test_minutes_of_a_day_add_up(node: NodeUnderTest) -> None:
    beats(node, *["up"] * 10, *["down"] * 4, *["up"] * 10)
    with node.runtime.db.read() as session:
        service = session.scalars(select(Service)).one()
        row = row_of(of_day(session, service.id, day_of(NOW)), day_of(NOW), windows.spans([], service.id))
        assert len(row) == 1440
        assert row.count("d") == 5
        assert row.count(".") == 1440 - row.count("o") - row.count("d")


def at(seconds: float) -> str:
    from sensors.clock import rfc3339

    return rfc3339(seconds)
