"""Notices: who is told, when, once; escalation; nobody is told of what they may not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.jobs import notices as job
from api.notices import matters
from api.notices.outbox import Outbox
from api.notices.tell import tell
from api.notices.work import work_of
from api.state.cases import Alert
from api.state.notices import Matter, Notice, Sending
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, hit, make_node

MONDAY_9 = 1_795_399_200.0  # 2026-11-23T02:00:00Z, Monday 09:00 in Vietnam


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        made.clock.move(MONDAY_9 - made.clock.now())
        made.casework._policy = matters.policy_of(None)
        yield made


class Desk:
    """A lead at the screen, and a week's roster of one person."""

    def __init__(self, node: NodeUnderTest) -> None:
        self.node = node
        self.lead = node.add_user("lead", ("lead", MINE))
        self.lan = node.add_user("lan", ("analyst", MINE))
        self.minh = node.add_user("minh", ("analyst", MINE))
        self.stranger = node.add_user("stranger", ("analyst", OTHER))
        self.browser = Browser(node).link(self.lead)
        self.team = self.browser.post(
            "/duty/teams", {"agency": MINE, "name": "Tổ trực", "lead_id": self.lead, "members": [self.lan, self.minh]}
        )["id"]

    def always(self, user: int) -> None:
        self.browser.post(f"/duty/teams/{self.team}/shifts",
                          {"user_id": user, "weekdays": [*range(7)], "from_min": 0, "until_min": 0})  # fmt: skip

    def route(self, **more: Any) -> int:
        body = {"agency": MINE, "level": "high", "team_id": self.team, **more}
        return int(self.browser.post("/notices/routes", body)["id"])

    def tell(self, key: str = "k", **more: Any) -> None:
        given = {"kind": "alert", "agency": MINE, "ref": "CB-1", "level": "high", "title": {"vi": "x", "en": "x"},
                 "link": "#/alerts/CB-1", "now": self.node.clock.now()} | more  # fmt: skip
        with self.node.runtime.db.write() as session:
            tell(session, key=key, **given)

    def sendings(self) -> list[Sending]:
        with self.node.runtime.db.read() as session:
            return list(session.scalars(select(Sending).order_by(Sending.id)))

    def told(self) -> list[tuple[int | None, str]]:
        return [(row.user_id, row.why) for row in self.sendings()]


@pytest.fixture
def at(node: NodeUnderTest) -> Desk:
    return Desk(node)


def test_who_is_on_duty_is_told_once(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route()
    at.tell()
    at.tell()
    for _ in range(3):
        job.run(node.runtime)
    assert at.told() == [(at.lan, "duty")]
    lan = Browser(node).link(at.lan)
    [mine] = lan.get("/duty/mine")["items"]
    assert (mine["level"], mine["ref"], mine["why"]) == ("high", "CB-1", "duty")


def test_a_gap_falls_to_the_lead(node: NodeUnderTest, at: Desk) -> None:
    at.route()
    at.tell()
    job.run(node.runtime)
    assert at.told() == [(at.lead, "gap")]


def test_a_storm_is_one_notice_and_one_digest_a_window(node: NodeUnderTest, at: Desk) -> None:
    """10,000 alerts in ten minutes: not 10,000 mails."""
    at.always(at.lan)
    at.route(window_s=300)
    for second in range(20):
        with node.runtime.db.write() as session:
            session.add_all(
                Matter(key=f"{second}-{n}", at=node.clock.now(), kind="alert", agency=MINE, ref=f"CB-{n}",
                       level="critical" if n == 7 else "high", title={}, link="#/x") for n in range(500)
            )  # fmt: skip
        job.run(node.runtime)
        node.clock.move(30)
    node.clock.move(300)
    job.run(node.runtime)
    with node.runtime.db.read() as session:
        notices = session.scalars(select(Notice).order_by(Notice.id)).all()
        assert sum(notice.count for notice in notices) == 10_000
        assert len(notices) <= 4
        assert {notice.level for notice in notices} == {"critical"}
        assert session.scalar(select(func.count()).select_from(Sending)) == len(notices)


def test_the_first_goes_at_once_and_what_follows_waits_for_its_window(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route(window_s=300)
    at.tell("a")
    job.run(node.runtime)
    assert len(at.sendings()) == 1
    node.clock.move(10)
    at.tell("b", ref="CB-2")
    at.tell("c", ref="CB-3", level="critical")
    job.run(node.runtime)
    assert len(at.sendings()) == 1
    node.clock.move(291)
    job.run(node.runtime)
    assert len(at.sendings()) == 2
    lan = Browser(node).link(at.lan)
    first, second = lan.get("/duty/mine")["items"]
    assert (first["count"], first["level"], first["ref"], second["count"]) == (2, "critical", "CB-3", 1)


@pytest.mark.parametrize(
    ("more", "matter", "taken"),
    [
        ({}, {}, True),
        ({"level": "critical"}, {}, False),
        ({"kinds": ["incident"]}, {}, False),
        ({"kinds": ["incident", "alert"]}, {}, True),
        ({"grade": 3}, {"grade": 3}, True),
        ({"grade": 3}, {"grade": 2}, False),
        ({"grade": 3}, {}, False),
        ({"hours": "office"}, {}, True),
        ({"hours": "off"}, {}, False),
        ({"enabled": False}, {}, False),
        ({}, {"over": True}, False),
        ({}, {"agency": OTHER}, False),
    ],
)
def test_what_a_route_takes(
    node: NodeUnderTest, at: Desk, more: dict[str, Any], matter: dict[str, Any], taken: bool
) -> None:
    at.route(**more)
    at.tell(**matter)
    job.run(node.runtime)
    assert bool(at.sendings()) is taken


def test_holidays_count_as_out_of_office_hours(node: NodeUnderTest, at: Desk) -> None:
    at.browser.post("/duty/holidays", {"agency": MINE, "day": "2026-11-23", "name": "Nghỉ bù"})
    at.route(hours="off")
    at.tell()
    job.run(node.runtime)
    assert len(at.sendings()) == 1


def test_escalation_goes_down_the_line_until_somebody_takes_it(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route(steps=[5, 15, 30])
    at.tell()
    job.run(node.runtime)
    node.clock.move(299)
    job.run(node.runtime)
    assert at.told() == [(at.lan, "duty")]
    node.clock.move(1)
    job.run(node.runtime)
    assert at.told()[1:] == [(at.minh, "next")]
    node.clock.move(600)
    job.run(node.runtime)
    assert at.told()[2:] == [(at.lead, "lead")]
    minh = Browser(node).link(at.minh)
    [mine] = minh.get("/duty/mine")["items"]
    minh.post(f"/duty/mine/{mine['id']}/acknowledge")
    node.clock.move(3600)
    job.run(node.runtime)
    assert len(at.told()) == 3
    assert Browser(node).link(at.lan).get("/duty/mine")["total"] == 0


def test_claiming_the_alert_acknowledges_and_acknowledging_claims_it(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route(steps=[5], window_s=60)
    for number in range(2):
        node.store([hit(number, rule=f"r-{number}", at=node.clock.now())], "hits")
        node.fold()
        job.run(node.runtime)
        node.clock.move(61)
    lan = Browser(node).link(at.lan)
    newest, oldest = sorted(lan.get("/duty/mine")["items"], key=lambda item: -item["id"])
    lan.post(f"/alerts/{newest['ref']}/claim")
    lan.post(f"/duty/mine/{oldest['id']}/acknowledge")
    assert lan.get(f"/alerts/{oldest['ref']}")["assignee"]["id"] == at.lan
    node.clock.move(3600)
    job.run(node.runtime)
    assert {user for user, _ in at.told()} == {at.lan}


def test_passing_on_and_putting_off(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route(steps=[5])
    node.store([hit(1, at=node.clock.now())], "hits")
    node.fold()
    job.run(node.runtime)
    lan, minh = Browser(node).link(at.lan), Browser(node).link(at.minh)
    [mine] = lan.get("/duty/mine")["items"]
    assert lan.post(f"/duty/mine/{mine['id']}/pass")["total"] == 0
    [his] = minh.get("/duty/mine")["items"]
    assert his["why"] == "passed"
    assert minh.post(f"/duty/mine/{mine['id']}/put-off", {"minutes": 60})["total"] == 0
    assert minh.get(f"/alerts/{mine['ref']}")["status"] == "snoozed"
    node.clock.move(3599)
    job.run(node.runtime)
    minh = Browser(node).link(at.minh)
    assert minh.get("/duty/mine")["total"] == 0
    node.clock.move(2)
    assert minh.get("/duty/mine")["total"] == 1


def test_a_person_without_the_right_is_never_told(node: NodeUnderTest, at: Desk) -> None:
    with node.runtime.db.write() as session:
        tell(session, key="k", kind="alert", agency=MINE, ref="CB-1", level="high", title={}, link="#/x",
             now=node.clock.now(), to_user=at.stranger)  # fmt: skip
    job.run(node.runtime)
    [row] = at.sendings()
    assert (row.user_id, row.state) == (None, "given_up")
    assert Browser(node).link(at.stranger).get("/duty/mine")["total"] == 0


def test_another_s_notice_is_not_there(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route()
    at.tell()
    job.run(node.runtime)
    [mine] = Browser(node).link(at.lan).get("/duty/mine")["items"]
    for act in ("acknowledge", "pass", "put-off"):
        assert Browser(node).link(at.minh).send("POST", f"/duty/mine/{mine['id']}/{act}", {}).status_code == 404


def test_quiet_hours_hold_what_is_not_critical_and_not_duty(node: NodeUnderTest, at: Desk) -> None:
    channel = at.browser.post("/notices/channels", {
        "agency": MINE, "name": "Thư", "kind": "mail", "personal": "high",
        "settings": {"host": "mail.example.vn", "sender": "soc@example.vn", "tls": "none", "port": 25}})  # fmt: skip
    lan = Browser(node).link(at.lan)
    reach = {"mail": "lan@example.vn", "quiet_from": 8 * 60, "quiet_until": 10 * 60}
    assert lan.send("PUT", "/duty/me", reach).status_code == 200
    at.always(at.lan)
    at.route()
    for number, (level, to) in enumerate([("high", at.lan), ("critical", at.lan), ("high", None)]):
        at.tell(f"q{number}", level=level, to_user=to, ref=f"CB-{number}")
        with node.runtime.db.write() as session:
            from api.notices import route

            world = route.World.load(session, node.runtime.bell, node.clock.now(), work_of(node.runtime).office)
            route.gather(world)
            route.send_due(world)
        node.clock.move(301)
    rows = [row for row in at.sendings() if row.channel_id == channel["id"]]
    assert [row.next_at - row.made_at > 600 for row in rows] == [True, False, False]


def test_what_woke_is_told_to_who_has_it(node: NodeUnderTest, at: Desk) -> None:
    node.store([hit(1, level="medium", at=node.clock.now())], "hits")
    node.fold()
    lan = Browser(node).link(at.lan)
    [alert] = lan.get("/alerts")["items"]
    lan.post(f"/alerts/{alert['id']}/claim")
    from api.jobs import wake
    from sensors.clock import rfc3339

    lan.post(f"/alerts/{alert['id']}/snooze", {"until": rfc3339(node.clock.now() + 60), "reason": "x"})
    node.clock.move(61)
    wake.run(node.runtime)
    job.run(node.runtime)
    assert at.told() == [(at.lan, "assigned")]


def test_an_alert_that_rises_is_told_again_and_a_low_one_never(node: NodeUnderTest, at: Desk) -> None:
    for number, level in enumerate(("medium", "high", "high", "critical")):
        node.store([hit(number, level=level, at=node.clock.now())], "hits")
        node.fold()
    with node.runtime.db.read() as session:
        [alert] = session.scalars(select(Alert.id))
        assert list(session.scalars(select(Matter.key).order_by(Matter.id))) == [
            f"alert:{alert}:high", f"alert:{alert}:critical",
        ]  # fmt: skip


def test_no_request_leaves_until_an_operator_made_a_channel(node: NodeUnderTest, at: Desk) -> None:
    at.always(at.lan)
    at.route()
    at.tell()
    job.run(node.runtime)
    assert all(row.channel_id is None for row in at.sendings())
    started: list[Any] = []
    assert Outbox(node.runtime, run=started.append).step() == 0


def test_the_machine_tells_of_its_disk_once_and_of_a_restart(node: NodeUnderTest, at: Desk) -> None:
    machine = matters.Machine(node.runtime.data, MINE, percent=101)
    run = node.runtime.data / "run"
    run.mkdir(exist_ok=True)
    for started in (NOW, NOW, NOW + 5):
        (run / "luytre-sensor.json").write_text(f'{{"started": {started}}}', "utf-8")
        with node.runtime.db.write() as session:
            machine.look(session, node.clock.now())
        node.clock.move(7200)
    with node.runtime.db.read() as session:
        refs = sorted(session.scalars(select(Matter.ref)))
    assert refs == ["disk", "luytre-sensor"]
