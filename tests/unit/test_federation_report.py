"""Reports upwards: two real nodes over the real port; what is refused and why; who is connected, by what arrived."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from api.federation import coverage, national, remind, report, selftest
from api.federation.deliver import Delivery
from api.federation.report_send import Reporting
from api.federation.signing import sign
from api.state.federation import Raised
from api.state.national import Connection, ConnectionChange, Reported, SelfTest, SelfTestRun, TileDay
from api.state.notices import Matter
from api.state.people import Agency
from sensors.clock import rfc3339
from sensors.sources import selftest as source
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, hit, make_node
from tests.servers.two_nodes import LINK, Centre, Sender

DAY_S = 86_400.0


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    folder = tmp_path / "centre"
    folder.mkdir()
    with make_node(folder, role="national") as node:
        # The nation's own node is no agency that reports to it.
        node.runtime.node = msgspec.structs.replace(node.runtime.node, agency="quoc-gia")
        found = Centre(node)
        yield found
        found.close()


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[NodeUnderTest]:
    folder = tmp_path / "agency"
    folder.mkdir()
    with make_node(folder, machines=True, more=LINK) as node:
        yield node


def reporting(node: NodeUnderTest, sender: Sender) -> Reporting:
    return Reporting(node.runtime, random.Random(1), sender.line())


def a_report(agency: str = MINE, number: int = 1, **parts: Any) -> dict[str, Any]:
    return report.build(agency, number, NOW, {"data": {"last_at": rfc3339(NOW - 60)}} | parts, {})


def post(sender: Sender, made: dict[str, Any], *, as_sender: str = "") -> Any:
    text = report.canonical(made)
    signature = sign(
        text, made.get("number", 1), as_sender or sender.name.id, sender.keys / "node.key", sender.certificate
    )
    body = msgspec.json.encode({"report": text, "signature": signature})
    return sender.centre.ask(sender.certificate, "POST", "/federation/v1/reports", body)


def held(centre: Centre, agency: str = MINE) -> Reported | None:
    with centre.node.runtime.db.read() as session:
        return session.get(Reported, agency)


def state(centre: Centre, agency: str = MINE) -> coverage.Judged:
    with centre.node.runtime.db.read() as session:
        found = session.get(Reported, agency), session.get(SelfTest, agency)
    return coverage.judge(*found, centre.node.clock.now())


def test_a_node_reports_and_the_centre_keeps_it(centre: Centre, agency: NodeUnderTest) -> None:
    agency.store([event(1)])
    agency.index()
    up = reporting(agency, centre.enrol(agency.runtime.data / "keys"))
    assert up.run() == "1 reported"
    row = held(centre)
    assert row is not None
    assert row.body["parts"]["data"]["last_at"] is not None
    assert row.body["parts"]["incidents"] == {"by_state": {}, "oldest_at": None}
    assert up.run() == ""  # not due
    before = row.body["number"]
    agency.clock.move(400)
    assert up.run() == "1 reported"
    after = held(centre)
    assert after is not None
    assert after.body["number"] > before
    assert after.body["parts"].keys() == row.body["parts"].keys()  # what was left out is still there


def test_nothing_of_content_or_names_leaves(centre: Centre, agency: NodeUnderTest) -> None:
    agency.store([event(1, message="bí mật-7731", host__name="may-chu-7731")])
    agency.store([hit(1, title="bí mật-7731")], "hits")
    agency.index()
    agency.fold()
    reporting(agency, centre.enrol(agency.runtime.data / "keys")).run()
    row = held(centre)
    assert row is not None
    assert row.body["parts"]["alerts"]["open"] == {"high": 1}
    assert "7731" not in report.canonical(row.body)
    assert "cong-01" not in report.canonical(row.body)


def test_the_centre_asks_for_what_it_does_not_hold(centre: Centre, agency: NodeUnderTest) -> None:
    up = reporting(agency, centre.enrol(agency.runtime.data / "keys"))
    up.run()
    with centre.node.runtime.db.write() as session:  # it came back from a backup
        session.delete(session.get_one(Reported, MINE))
    agency.clock.move(400)
    assert up.run() == "1 reported"
    row = held(centre)
    assert row is not None
    assert "alerts" in row.body["parts"]


def test_who_may_report_for_whom(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    answer = post(sender, a_report(OTHER))
    assert answer.status == 422
    assert "the certificate is of" in answer.json()["refused"]["en"]
    assert post(sender, a_report("quoc-gia")).status == 422
    with centre.node.runtime.db.write() as session:
        session.add(Agency(code="xa-1", name="Xã 1", parent=MINE, created_at=NOW))
    assert post(sender, a_report("xa-1")).status == 200
    assert held(centre, OTHER) is None


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"parts": {"data": {"last_at": "hôm qua"}}}, "$.parts.data.last_at"),
        ({"parts": {"sensors": {"machines": -1, "roles": {}}}}, "$.parts.sensors.machines"),
        ({"parts": {"sensors": {"machines": 1, "roles": {}, "host": "x"}}}, "$.parts.sensors"),
        ({"agency": "a b"}, "$.agency"),
        ({"extra": 1}, "$"),
        ({"via": ["a"] * 9}, "$.via"),
    ],
)
def test_a_malformed_report_is_refused_with_its_place(centre: Centre, broken: dict[str, Any], place: str) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    answer = post(sender, a_report() | broken)
    assert answer.status == 422
    assert place in answer.json()["refused"]["en"]
    assert held(centre) is None


def test_a_report_of_another_signature_is_none(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    assert post(sender, a_report(), as_sender="so-yte:node:nut-1").status == 400
    assert centre.ask(sender.certificate, "POST", "/federation/v1/reports", b'{"report": 1}').status == 400
    sensor = centre.enrol(centre.node.runtime.data / "sensor" / "keys", role="sensor", name="cb")
    assert post(sensor, a_report()).status in (401, 403)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_anything_is_a_report_or_says_why_not(value: Any) -> None:
    assert report.wrong_with(value) is None or report.wrong_with(value).startswith("$")  # type: ignore[union-attr]
    made = a_report() | {"parts": value}
    wrong = report.wrong_with(made)
    assert wrong is None or wrong.startswith("$")


def test_connected_needs_data_and_a_self_test(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    assert state(centre).state == "never"
    post(sender, a_report(data={"last_at": None}))
    assert (state(centre).state, state(centre).reason) == ("silent", "no_data")
    post(sender, a_report(number=2))
    assert (state(centre).state, state(centre).reason) == ("lagging", "no_selftest")
    with centre.node.runtime.db.write() as session:
        session.add(SelfTest(agency=MINE, raised_id="x", seen_at=NOW, received_at=NOW))
    assert state(centre).state == "connected"
    centre.node.clock.move(DAY_S - 120)
    assert state(centre).state == "connected"
    centre.node.clock.move(120)
    assert (state(centre).state, state(centre).reason) == ("silent", "no_report")
    centre.node.clock.move(7 * DAY_S)
    post(sender, report.build(MINE, 9, NOW + 8 * DAY_S, {"data": {"last_at": rfc3339(NOW + 8 * DAY_S)}}, {}))
    assert (state(centre).state, state(centre).reason) == ("lagging", "selftest_old")


def test_a_clock_that_runs_ahead_makes_nothing_fresher(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    ahead = NOW + 30 * DAY_S
    post(sender, report.build(MINE, 1, ahead, {"data": {"last_at": rfc3339(ahead - 2 * DAY_S)}}, {}))
    assert (state(centre).state, state(centre).reason) == ("silent", "data_old")


def test_silence_is_written_down_and_told_once(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    post(sender, a_report())
    centre.node.clock.move(25 * 3600.0)
    for _ in range(3):
        national.step(centre.node.runtime)
    with centre.node.runtime.db.read() as session:
        row = session.get_one(Connection, MINE)
        changes = list(session.scalars(select(ConnectionChange.state).where(ConnectionChange.agency == MINE)))
        told = session.scalars(select(Matter).where(Matter.kind == "national")).all()
    assert (row.state, row.reason, row.since) == ("silent", "no_report", NOW + 25 * 3600.0)
    assert changes == ["lagging", "silent"]
    assert [matter.agency for matter in told] == [MINE]


def test_a_province_passes_on_what_lies_below_it(tmp_path: Path, centre: Centre, agency: NodeUnderTest) -> None:
    province = Centre(agency)
    agency.runtime.node = msgspec.structs.replace(agency.runtime.node, role="national")
    below = province.enrol(tmp_path / "xa" / "keys", agency="xa-1")
    with agency.runtime.db.write() as session:
        session.add(Agency(code="xa-1", name="Xã Một", parent=MINE, created_at=NOW))
    assert post(below, a_report("xa-1")).status == 200
    with agency.runtime.db.write() as session:
        session.add(SelfTest(agency="xa-1", raised_id="x", seen_at=NOW, received_at=NOW - 100))
    agency.clock.move(1000)
    centre.node.clock.move(1000)
    up = reporting(agency, centre.enrol(agency.runtime.data / "keys"))
    assert up.run() == "2 reported"
    row = held(centre, "xa-1")
    assert row is not None
    assert row.body["via"] == [MINE]
    with centre.node.runtime.db.read() as session:
        assert (session.get_one(Agency, "xa-1").parent, session.get_one(Agency, "xa-1").name) == (MINE, "Xã Một")
    judged = state(centre, "xa-1")
    assert judged.state == "connected"
    assert judged.reported_s == pytest.approx(1000, abs=1)
    assert judged.data_s == pytest.approx(1060, abs=1)
    assert judged.selftest_s == pytest.approx(1100, abs=1)
    agency.clock.move(400)
    assert up.run() == "1 reported"  # the commune has said nothing since
    province.close()


def test_a_sender_cannot_take_another_s_branch(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    tree = [{"code": OTHER, "parent": MINE}, {"code": "quoc-gia", "parent": MINE}, {"code": "xa-2", "parent": OTHER},
            {"code": "xa-1", "name": "Xã 1", "parent": MINE}]  # fmt: skip
    assert post(sender, a_report(tree=tree)).status == 200
    with centre.node.runtime.db.read() as session:
        parents = {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416
    assert parents[OTHER] is None
    assert parents["xa-1"] == MINE
    assert "xa-2" not in parents


def test_the_self_test_goes_the_whole_way(centre: Centre, agency: NodeUnderTest) -> None:
    keys = agency.runtime.data / "keys"
    sender = centre.enrol(keys)
    from api.auth.ca import Name
    from api.ingest.stamp import Stamp
    from api.state.machines import MachineStream

    assert agency.runtime.machines is not None
    agency.runtime.machines.new_api_key(Name(MINE, "sensor", "cb"), "test")
    assert selftest.step(agency.runtime) == ""  # no sensor has sent anything yet
    with agency.runtime.db.write() as session:
        stream = MachineStream(machine_id=f"{MINE}:sensor:cb", stream="log", first_data_at=NOW - 600, last_data_at=NOW)
        session.add(stream)
    assert selftest.step(agency.runtime) == "self-test started"
    [(path, request)] = source.asked(agency.runtime.data)
    made = source.event(request, "may-chu", NOW)
    source.done(path)
    # As ship sends it and ingest stores it: under an id of the node's own. What correlator and rule make of the event
    # is tests/scenario/test_selftest_weekly.py; here the hit that names it.
    made["event"]["sequence"], made["luytre"]["spool"] = 7, {"epoch": 1}
    stored = Stamp(Name(MINE, "sensor", "cb"), NOW, {"log"})(made, None, b"as sent").event
    assert stored["event"]["id"] != source.event(request, "x", NOW)["event"]["id"]
    agency.store([stored])
    older = hit(4, rule=selftest.RULE, level="informational", title="Lũy Tre tự kiểm tra", source="203.0.113.8")
    found = hit(5, rule=selftest.RULE, level="informational", title="Lũy Tre tự kiểm tra")
    agency.store([older, _naming(found, stored["event"]["id"])], "hits")
    agency.index()
    agency.fold()
    assert selftest.step(agency.runtime) == "self-test raised"
    delivery = Delivery(agency.runtime, random.Random(1), sender.line(), lambda *_, **__: None)
    delivery.run()
    agency.clock.move(20)
    delivery.run()
    assert selftest.step(agency.runtime) == "self-test passed"
    with centre.node.runtime.db.read() as session:
        raised = session.scalars(select(Raised)).one()
        assert raised.state == "acknowledged"  # no person had to
        assert session.get_one(SelfTest, MINE).raised_id == raised.id
    with agency.runtime.db.read() as session:
        assert session.scalars(select(SelfTestRun.outcome)).one() == "passed"
    queue = Browser(agency).link(agency.add_user("lan", ("lead", None))).get("/alerts", status="all")["items"]
    said = sorted((alert["status"], alert["disposition"]) for alert in queue)
    assert said == [("closed", "test"), ("new", None)]  # an older test's alert is not taken for this one's
    assert selftest.step(agency.runtime) == ""


def _naming(found: Any, event_id: str) -> Any:
    """The hit with the event that it names."""
    import json

    text = json.dumps(found)
    return json.loads(text.replace('"e5"', json.dumps(event_id)))


def test_a_real_alert_marked_as_a_test_is_not_believed(centre: Centre) -> None:
    item = {"test": True, "kind": "alert", "alerts": [{"rule_id": selftest.RULE}, {"rule_id": "r-1"}]}
    assert not selftest.is_one(item)
    assert not selftest.is_one({**item, "alerts": []})
    assert not selftest.is_one({**item, "alerts": item["alerts"][:1], "kind": "incident"})
    assert selftest.is_one({**item, "alerts": item["alerts"][:1]})


def test_a_self_test_that_is_lost_is_told(agency: NodeUnderTest) -> None:
    with agency.runtime.db.write() as session:
        session.add(SelfTestRun(id="a", asked_at=NOW, event_id="e", outcome="running"))
    agency.clock.move(3601)
    assert selftest.step(agency.runtime) == "self-test lost"
    with agency.runtime.db.read() as session:
        assert session.scalars(select(Matter.kind)).one() == "system"


def test_the_percentages(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    national.step(centre.node.runtime)  # takes in the register
    sharing = [{"kind": "sharing", "grade": 3, "count": 1, "sensed": 1}]
    post(sender, a_report(systems=sharing, services={"total": 1, "national_platform_at": rfc3339(NOW - 60)}))
    boss = Browser(centre.node).link(centre.node.add_user("boss", ("national_lead", None)))
    boss.post(f"/national/agencies/{MINE}/unit", {"unit": "bac-giang"})
    with centre.node.runtime.db.write() as session:
        session.add(SelfTest(agency=MINE, raised_id="x", seen_at=NOW, received_at=NOW))
    answer = boss.get("/national")
    assert {tile["id"]: (tile["part"], tile["whole"]) for tile in answer["tiles"]} == {
        "platform": (1, 51), "exchange": (1, 1), "monitored": (1, 51),
    }  # fmt: skip
    assert answer["counted"] == "units"
    [cell] = answer["cells"]
    assert (cell["unit"], cell["state"], cell["connected"]) == ("bac-ninh", "connected", 1)  # what Bac Giang is today
    assert sum(answer["states"].values()) == len(answer["agencies"]) == 52  # OTHER belongs to no unit
    national.step(centre.node.runtime)
    with centre.node.runtime.db.read() as session:
        assert session.get_one(TileDay, ("2026-11-18", "monitored")).part == 1


def test_a_reminder_reaches_the_agency(centre: Centre, agency: NodeUnderTest) -> None:
    sender = centre.enrol(agency.runtime.data / "keys")
    duty = Browser(centre.node).link(centre.node.add_user("truc", ("national_duty", None)))
    draft = duty.get(f"/national/agencies/{MINE}/reminder")
    assert draft["about"] == "silent"
    assert draft["text"].startswith("Kính gửi: ")
    assert "!" not in draft["text"]
    sent = duty.post(f"/national/agencies/{MINE}/reminder", {"about": "silent", "text": draft["text"]})
    delivery = Delivery(agency.runtime, random.Random(1), sender.line(), lambda *_, **__: None)
    delivery.run()
    agency.clock.move(60)
    delivery.run()
    lan = Browser(agency).link(agency.add_user("lan", ("lead", None)))
    [shown] = lan.get("/reminders")["items"]
    assert (shown["text"], shown["ref"]) == (draft["text"], sent["id"])
    assert lan.post(f"/reminders/{shown['id']}/read")["read_by"] == "Lan"
    assert duty.get(f"/national/agencies/{MINE}")["reminders"][0]["fetched_at"] is not None
    with agency.runtime.db.read() as session:
        assert session.scalars(select(Matter.kind)).one() == "national"


def test_a_reminder_of_somebody_else_stays(centre: Centre, agency: NodeUnderTest) -> None:
    other = centre.enrol(agency.runtime.data / "keys2", agency=OTHER)
    duty = Browser(centre.node).link(centre.node.add_user("truc", ("national_duty", None)))
    duty.post(f"/national/agencies/{MINE}/reminder", {"about": "other", "text": "x"})
    assert other.words()["words"] == []


def test_a_part_of_the_nation_sees_its_part(centre: Centre) -> None:
    sender = centre.enrol(centre.node.runtime.data / "other" / "keys")
    post(sender, a_report())
    part = Browser(centre.node).link(centre.node.add_user("mot", ("national_duty", OTHER)))
    answer = part.get("/national")
    assert [row["agency"] for row in answer["agencies"]] == [OTHER]
    assert part.send("GET", f"/national/agencies/{MINE}").status_code == 404


@pytest.mark.parametrize("about", ["silent", "selftest", "late", "certificate", "sensors", "other"])
def test_each_letter_is_whole(about: Any) -> None:
    text = remind.draft(about, centre="Trung tâm", agency="Đơn vị A", since="")
    assert "{" not in text
    assert text.count("Đơn vị A") >= 2


def test_vietnamese_moments() -> None:
    assert national.vietnamese(1_770_257_100.0) == "09 giờ 05 phút ngày 05 tháng 02 năm 2026"
