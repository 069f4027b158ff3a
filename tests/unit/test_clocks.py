"""Deadlines: validity windows, versions, days of Vietnam, flags, reminders; what people end, what the machine does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from api.clocks import keep, reckon, rules
from api.clocks.reckon import HANOI
from api.clocks.rules import ClockStage, Rule, Ticking
from api.config import ApiTable
from api.jobs.clocks import run
from api.state.cases import Incident
from api.state.clocks import Clock, ClockRule, Organisation
from api.state.notices import Matter
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, hit, make_node

HOUR = 3600.0
YEARLY = Ticking(starts="calendar", day="12-20", period_from="12-15", period_to="12-14")


@pytest.fixture
def role(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "agency"))


@pytest.fixture
def node(tmp_path: Path, role: str) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path, role=role) as made:
        made.runtime.api = ApiTable(session_idle_s=10**7, session_limit_s=10**8, second_factor="none")  # days pass
        made.store([hit(n, at=NOW - 86_400, rule=f"r-{n}") for n in range(3)], "hits")
        made.index()
        made.fold()
        yield made


@pytest.fixture
def lan(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("lan", ("analyst", MINE)))


def opened(lan: Browser, alert: int = 1) -> str:
    return str(lan.post("/incidents", {"alert_ids": [f"CB-2026-{alert:06d}"], "title": "Sự cố"})["id"])


def clocks(lan: Browser, incident: str) -> dict[str, Any]:
    return {clock["rule_id"]: clock for clock in lan.get(f"/incidents/{incident}/clocks")["clocks"]}


def assess(lan: Browser, incident: str, **flags: Any) -> dict[str, Any]:
    said = lan.post(f"/incidents/{incident}/assessment", {"reason": "đã xác minh", **flags})
    return {clock["rule_id"]: clock for clock in said["clocks"]}


def told(node: NodeUnderTest) -> list[Matter]:
    with node.runtime.db.read() as session:
        return list(session.scalars(select(Matter).where(Matter.kind == "clock").order_by(Matter.id)))


def rule(**more: Any) -> Rule:
    base = {"id": "r", "text": {"vi": "x"}, "valid_from": "2026-01-01", "trigger": "incident",
            "clock": {"starts": "detection", "hours": 24}}  # fmt: skip
    return Rule.model_validate(base | more)


# ---- which rule holds on a day


def test_a_rule_holds_from_its_first_to_its_last_day() -> None:
    known = {("r", 1): rule(valid_from="2026-08-19", valid_to="2026-12-31")}
    days = {"2026-08-18": False, "2026-08-19": True, "2026-12-31": True, "2027-01-01": False}
    assert {day: "r" in rules.in_force(known, date.fromisoformat(day)) for day in days} == days


def test_a_later_version_takes_over_on_its_day_and_one_with_an_end_ends_the_rule() -> None:
    known = {
        ("r", 1): rule(),
        ("r", 2): rule(valid_from="2027-01-01", valid_to="2027-06-30", clock={"starts": "detection", "hours": 12}),
    }
    assert rules.in_force(known, date(2026, 12, 31))["r"][0] == 1
    assert rules.in_force(known, date(2027, 1, 1))["r"][0] == 2
    assert rules.in_force(known, date(2027, 7, 1)) == {}  # not version 1 again


def test_of_two_versions_for_the_same_day_the_newer_holds() -> None:
    known = {("r", 1): rule(), ("r", 2): rule(article="corrected")}
    assert rules.in_force(known, date(2026, 3, 1))["r"][1].article == "corrected"


@given(st.lists(st.tuples(st.integers(0, 400), st.none() | st.integers(0, 400)), max_size=6), st.integers(-5, 405))
def test_at_most_one_version_of_a_rule_holds_and_it_covers_the_day(spans: list[Any], on: int) -> None:
    def day(n: int) -> date:
        return date.fromordinal(date(2026, 1, 1).toordinal() + n)

    known = {
        ("r", n): rule(valid_from=day(start).isoformat(), valid_to=day(start + more).isoformat() if more else None)
        for n, (start, more) in enumerate(spans, 1)
    }
    found = rules.in_force(known, day(on))
    begun = [n for n, (start, _) in enumerate(spans, 1) if start <= on]
    if found:
        version, holds = found["r"]
        assert version == max(begun)
        assert holds.covers(day(on))
    else:
        assert not begun or not known["r", max(begun)].covers(day(on))


def test_the_shipped_rules_are_whole_and_none_claims_to_be_verified() -> None:
    shipped = {rule.id: rule for rule in rules.starter()}
    assert all(rule.source and rule.text.en and rule.recipients and not rule.verified_by for rule in shipped.values())
    assert (shipped["urgent"].clock.hours, shipped["urgent"].clock.starts) == (0, "flag")
    assert (shipped["serious-24h"].clock.hours, shipped["incident-72h"].clock.hours) == (24, 72)
    old = [rule for rule in shipped.values() if rule.valid_from.year < 2026]
    assert old
    assert {rule.valid_to for rule in old} == {date(2026, 6, 30)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"clock": {"starts": "calendar", "hours": 4}},
        {"clock": {"starts": "calendar", "day": "02-30", "period_from": "01-01", "period_to": "12-31"}},
        {"clock": {"starts": "detection"}},
        {"clock": {"starts": "detection", "hours": -1}},
        {"valid_to": "2025-01-01"},
        {"grades": [6]},
        {"trigger": "calendar"},
        {"stages": [{"share": 0.5, "left_s": 60, "level": "low"}]},
        {"stages": [{"late_s": 60, "level": "low"}, {"late_s": 60, "level": "high"}]},
        {"id": "../x"},
        {"unknown": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


# ---- days and periods


def test_days_are_days_of_vietnam() -> None:
    assert reckon.day_of(datetime(2026, 12, 14, 23, 59, tzinfo=HANOI).timestamp()) == date(2026, 12, 14)
    assert reckon.day_of(datetime(2026, 12, 15, 0, 0, tzinfo=HANOI).timestamp()) == date(2026, 12, 15)
    due = datetime.fromtimestamp(reckon.end_of(date(2026, 12, 20)), HANOI)
    assert due.isoformat() == "2026-12-20T23:59:59+07:00"


def test_29_february_is_the_28th_in_a_common_year() -> None:
    days = {2026: 28, 2028: 29, 2100: 28, 2000: 29}
    assert {year: reckon.day_in(year, "02-29").day for year in days} == days


@pytest.mark.parametrize(
    ("today", "periods"),
    [
        ("2026-12-14", ["2026"]),
        ("2026-12-15", ["2026", "2027"]),  # the new period has begun, the old one's report is still due
        ("2026-12-20", ["2026", "2027"]),
        ("2026-12-21", ["2027"]),
    ],
)
def test_the_reporting_year_turns_between_14_and_15_december(today: str, periods: list[str]) -> None:
    found = list(reckon.periods_at(YEARLY, date.fromisoformat(today)))
    assert [period.name for period in found] == periods
    assert all(period.end.strftime("%m-%d") == "12-14" for period in found)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_each_day_lies_in_one_yearly_period(today: date) -> None:
    inside = [p for p in reckon.periods_at(YEARLY, today) if p.start <= today <= p.end]
    assert len(inside) == 1
    assert (inside[0].end - inside[0].start).days in (364, 365)


def test_a_period_whose_report_is_due_in_the_next_year() -> None:
    half = Ticking(starts="calendar", day="01-05", period_from="07-01", period_to="12-31")
    assert reckon.period(half, 2026).due == date(2027, 1, 5)
    assert [p.name for p in reckon.periods_at(half, date(2027, 1, 3))] == ["2026"]


# ---- clocks of an incident


def test_clocks_run_from_the_first_alert_not_from_the_event_nor_from_opening(node: NodeUnderTest, lan: Browser) -> None:
    node.clock.move(5 * HOUR)
    where = opened(lan)
    whole = lan.get(f"/incidents/{where}/clocks")
    assert (whole["detected_at"], whole["detected_how"]) == (rfc3339(NOW), "alert")  # its event was a day before
    [clock] = whole["clocks"]
    assert (clock["rule_id"], clock["start_at"], clock["due_at"]) == (
        "incident-72h", rfc3339(NOW), rfc3339(NOW + 72 * HOUR))  # fmt: skip
    assert clock["source"]
    assert clock["verified_by"] == ""


def test_flags_set_off_clocks_and_setting_back_ends_them_on_record(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    node.clock.move(2 * HOUR)
    found = assess(lan, where, serious=True, harm=True, personal_data=True)
    assert set(found) == {"incident-72h", "serious-24h", "urgent", "personal-data-72h"}
    assert found["serious-24h"]["due_at"] == rfc3339(NOW + 24 * HOUR)  # from detection, not from the flag
    assert found["urgent"]["start_at"] == found["urgent"]["due_at"] == rfc3339(NOW + 2 * HOUR)
    assert (found["urgent"]["state"], found["urgent"]["at_once"]) == ("overdue", True)
    found = assess(lan, where, serious=False)
    assert (found["serious-24h"]["state"], found["urgent"]["state"]) == ("void", "overdue")
    assert found["serious-24h"]["reason"]["vi"]
    assert assess(lan, where, serious=True)["serious-24h"]["state"] == "running"
    acts = [e for e in lan.get(f"/incidents/{where}/history")["items"] if e["act"] == "assessed"]
    assert [e["note"] for e in acts] == ["đã xác minh"] * 3
    assert acts[1]["to"] == {"serious": False} or acts[-2]["to"] == {"serious": False}


def test_saying_nothing_new_is_refused_and_a_reason_is_needed(lan: Browser) -> None:
    where = opened(lan)
    assert lan.send("POST", f"/incidents/{where}/assessment", {"serious": False, "reason": "x"}).status_code == 409
    assert lan.send("POST", f"/incidents/{where}/assessment", {"serious": True, "reason": ""}).status_code == 422
    assert lan.send("POST", f"/incidents/{where}/assessment", {"serious": True}).status_code == 422


def test_a_complex_incident_is_reported_again_after_closing(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    assert set(assess(lan, where, complex=True)) == {"incident-72h", "complex-update"}
    node.clock.move(HOUR)
    lan.post(f"/incidents/{where}/state", {"state": "closed"})
    assert clocks(lan, where)["complex-final"]["start_at"] == rfc3339(NOW + HOUR)
    lan.post(f"/incidents/{where}/state", {"state": "investigating"})
    assert clocks(lan, where)["complex-final"]["state"] == "void"
    node.clock.move(HOUR)
    lan.post(f"/incidents/{where}/state", {"state": "closed"})
    final = clocks(lan, where)["complex-final"]
    assert (final["state"], final["start_at"]) == ("running", rfc3339(NOW + 2 * HOUR))


def chain(lan: Browser, incident: str, rule: str = "complex-update") -> list[dict[str, Any]]:
    found = [one for one in lan.get(f"/incidents/{incident}/clocks")["clocks"] if one["rule_id"] == rule]
    return sorted(found, key=lambda one: one["id"])


def test_the_update_of_a_complex_incident_is_due_again_after_each_report_until_closing(
    node: NodeUnderTest, lan: Browser
) -> None:
    where = opened(lan)
    assess(lan, where, complex=True)
    for count in (1, 2):
        node.clock.move(50 * HOUR)
        *_, last = chain(lan, where)
        lan.post(f"/clocks/{last['id']}/meet", {"at": rfc3339(node.clock.now()), "number": f"{count}/BC"})
        rows = chain(lan, where)
        assert [row["state"] for row in rows] == ["met"] * count + ["running"]
        assert rows[-1]["start_at"] == rfc3339(node.clock.now())
        assert rows[-1]["due_at"] == rfc3339(node.clock.now() + 72 * HOUR)
    lan.post(f"/incidents/{where}/note", {"text": "x"})  # an act that changes nothing about it
    assert len(chain(lan, where)) == 3
    lan.post(f"/incidents/{where}/state", {"state": "closed"})
    assert [row["state"] for row in chain(lan, where)] == ["met", "met", "void"]
    lan.post(f"/incidents/{where}/state", {"state": "investigating"})
    rows = chain(lan, where)
    assert [row["state"] for row in rows] == ["met", "met", "running"]
    assert rows[-1]["start_at"] == rows[1]["met_at"]
    assess(lan, where, complex=False)
    assert chain(lan, where)[-1]["state"] == "void"


def test_an_overdue_update_stays_overdue_when_the_incident_is_closed(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    assess(lan, where, complex=True)
    node.clock.move(73 * HOUR)
    lan.post(f"/incidents/{where}/state", {"state": "closed"})
    assert [row["state"] for row in chain(lan, where)] == ["overdue"]


def test_a_report_noted_by_mistake_takes_the_clock_back_that_it_had_started(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    assess(lan, where, complex=True)
    [first] = chain(lan, where)
    lan.post(f"/clocks/{first['id']}/meet", {"at": rfc3339(NOW)})
    lan.post(f"/clocks/{first['id']}/resume", {"reason": "nhầm"})
    assert [(row["id"], row["state"]) for row in chain(lan, where)] == [(first["id"], "running")]
    lan.post(f"/clocks/{first['id']}/meet", {"at": rfc3339(NOW)})
    second = chain(lan, where)[-1]
    lan.post(f"/clocks/{second['id']}/meet", {"at": rfc3339(NOW)})
    assert lan.send("POST", f"/clocks/{first['id']}/resume", {"reason": "nhầm"}).status_code == 409


def test_serious_is_suggested_with_reasons_and_never_set_by_itself(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)

    def suggested() -> list[str]:
        found = lan.get(f"/incidents/{where}/clocks")
        assert found["assessment"]["serious"] is None
        assert "serious-24h" not in {one["rule_id"] for one in found["clocks"] if one["state"] == "running"}
        return [reason["vi"] for one in found["suggested"] for reason in one["reasons"] if one["flag"] == "serious"]

    assert suggested() == []
    with node.runtime.db.write() as session:
        session.get_one(Incident, where).grade = 4
    assert suggested() == ["Hệ thống cấp độ 4"]
    node.clock.move(25 * HOUR)
    assert len(suggested()) == 2
    assess(lan, where, serious=True)
    assert lan.get(f"/incidents/{where}/clocks")["suggested"] == []
    assess(lan, where, serious=False)
    assert suggested() == []  # a person has answered


def test_a_corrected_detection_moves_the_clocks_on_record(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    assess(lan, where, detected_at=rfc3339(NOW - 3 * HOUR))
    whole = lan.get(f"/incidents/{where}/clocks")
    assert (whole["detected_how"], whole["clocks"][0]["due_at"]) == ("person", rfc3339(NOW + 69 * HOUR))
    bad = lan.send("POST", f"/incidents/{where}/assessment", {"detected_at": rfc3339(NOW + 2 * HOUR), "reason": "x"})
    assert bad.status_code == 422


def test_an_earlier_alert_moves_the_clocks(node: NodeUnderTest, lan: Browser) -> None:
    node.clock.move(HOUR)
    node.store([hit(9, at=NOW, rule="r-9", source="192.0.2.9")], "hits")
    node.index()
    node.fold()
    where = opened(lan, alert=4)
    assert clocks(lan, where)["incident-72h"]["start_at"] == rfc3339(NOW + HOUR)
    lan.post(f"/incidents/{where}/alerts", {"alert_ids": ["CB-2026-000001"]})
    assert clocks(lan, where)["incident-72h"]["start_at"] == rfc3339(NOW)


def test_met_late_stays_late_and_ended_clocks_stay_as_people_left_them(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    found = assess(lan, where, serious=True, harm=True)
    node.clock.move(30 * HOUR)
    path = {rule_id: f"/clocks/{clock['id']}" for rule_id, clock in found.items()}
    late = lan.post(f"{path['serious-24h']}/meet", {"at": rfc3339(NOW + 25 * HOUR), "number": "21/BC-SKHCN"})
    assert (late["state"], late["late"], late["number"], late["ended_name"]) == ("met", True, "21/BC-SKHCN", "Lan")
    future = lan.send("POST", f"{path['incident-72h']}/meet", {"at": rfc3339(NOW + 99 * HOUR)})
    assert future.status_code == 422
    early = lan.post(f"{path['incident-72h']}/meet", {"at": rfc3339(NOW + 29 * HOUR)})
    assert early["late"] is False
    assert lan.post(f"{path['urgent']}/meet", {"at": rfc3339(NOW + HOUR)})["late"] is None
    back = lan.post(f"{path['serious-24h']}/resume", {"reason": "nhầm sự cố"})
    assert (back["state"], back["number"]) == ("overdue", None)
    lan.post(f"{path['serious-24h']}/meet", {"at": rfc3339(NOW + 25 * HOUR)})
    assess(lan, where, serious=False)
    assert clocks(lan, where)["serious-24h"]["state"] == "met"


def test_not_applicable_needs_a_reason_and_survives_later_acts(lan: Browser) -> None:
    where = opened(lan)
    [clock] = clocks(lan, where).values()
    assert lan.send("POST", f"/clocks/{clock['id']}/void", {"reason": ""}).status_code == 422
    lan.post(f"/clocks/{clock['id']}/void", {"reason": "sự cố diễn tập"})
    lan.post(f"/incidents/{where}/note", {"text": "x"})
    clock = clocks(lan, where)["incident-72h"]
    assert (clock["state"], clock["reason"]["vi"]) == ("void", "sự cố diễn tập")


@pytest.mark.parametrize("role", ["national"], indirect=True)
def test_an_old_incident_keeps_its_version_and_a_new_one_gets_the_new(node: NodeUnderTest, lan: Browser) -> None:
    first = opened(lan)
    lead = Browser(node).link(node.add_user("chief", ("national_lead", None)))
    body = next(r for r in lead.get("/clock-rules")["items"] if r["id"] == "incident-72h")
    fields = ("id", "text", "article", "valid_from", "valid_to", "trigger", "stages", "recipients", "form_id", "source")
    new = {key: body[key] for key in fields} | {
        "clock": {"starts": "detection", "hours": 48}, "verified_by": "Vụ Pháp chế", "note": "đã đối chiếu",
    }  # fmt: skip
    assert lead.post("/clock-rules", new)["version"] == 2
    second = opened(lan, alert=2)
    lan.post(f"/incidents/{first}/note", {"text": "x"})
    assert clocks(lan, first)["incident-72h"]["rule_version"] == 1
    assert clocks(lan, second)["incident-72h"]["rule_version"] == 2
    assert clocks(lan, second)["incident-72h"]["verified_by"] == "Vụ Pháp chế"
    assert clocks(lan, second)["incident-72h"]["due_at"] == rfc3339(NOW + 48 * HOUR)
    with node.runtime.db.read() as session:  # nothing was overwritten
        assert session.get_one(ClockRule, ("incident-72h", 1)).body["clock"]["hours"] == 72


def test_an_incident_from_before_july_2026_keeps_the_clock_of_its_time(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    day = datetime(2026, 6, 30, 23, 0, tzinfo=HANOI).timestamp()
    assess(lan, where, detected_at=rfc3339(day))
    found = clocks(lan, where)
    assert found["circular20-5d"]["state"] == "overdue"
    assert found["incident-72h"]["state"] == "void"


def test_an_unknown_grade_excuses_nothing(node: NodeUnderTest) -> None:
    serious = rule(grades=[3, 4, 5], kinds=["portal"])
    assert reckon.applies(serious, None, None)
    assert reckon.applies(serious, 4, "portal")
    assert not reckon.applies(serious, 2, "portal")
    assert not reckon.applies(serious, 4, "mail")


# ---- reminders


def test_each_stage_is_told_once_and_levels_rise(node: NodeUnderTest, lan: Browser) -> None:
    opened(lan)
    levels = []
    for hours in (1, 35, 1, 22, 12, 1, 5):  # at 1, 36, 37, 59, 71, 72, 77 hours
        node.clock.move(hours * HOUR)
        run(node.runtime)
        run(node.runtime)
        levels.append([matter.level for matter in told(node) if matter.ref.startswith("SC-")])
    assert [len(found) for found in levels] == [0, 1, 1, 2, 3, 4, 5]
    assert levels[-1] == ["low", "medium", "high", "high", "critical"]
    first, *_, last = [matter for matter in told(node) if matter.ref.startswith("SC-")]
    assert first.to_user is not None
    assert last.to_user is None
    assert last.title["vi"].startswith("Quá hạn 5 giờ 0 phút: ")


def test_after_a_long_pause_only_the_latest_stage_is_told(node: NodeUnderTest, lan: Browser) -> None:
    opened(lan)
    node.clock.move(80 * HOUR)
    run(node.runtime)
    assert [m.level for m in told(node) if m.ref.startswith("SC-")] == ["critical"]
    node.clock.move(999 * HOUR)
    run(node.runtime)
    assert len([m for m in told(node) if m.ref.startswith("SC-")]) == 1


def test_a_met_clock_reminds_no_more_and_an_overdue_one_says_that_it_is_over(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    node.clock.move(73 * HOUR)
    run(node.runtime)
    [clock] = clocks(lan, where).values()
    lan.post(f"/clocks/{clock['id']}/meet", {"at": rfc3339(node.clock.now())})
    node.clock.move(10 * HOUR)
    run(node.runtime)
    found = [m for m in told(node) if m.ref.startswith("SC-")]
    assert [m.over for m in found] == [False, True]


def test_the_urgent_clock_is_told_at_once_and_has_no_reminder_before(node: NodeUnderTest, lan: Browser) -> None:
    where = opened(lan)
    assess(lan, where, interrupted=True)
    run(node.runtime)
    [matter] = [m for m in told(node) if m.ref == where]
    assert (matter.level, matter.link) == ("high", f"#/incidents/{where}")


def test_an_incident_from_before_the_clocks_gets_them_from_the_job(node: NodeUnderTest, lan: Browser) -> None:
    with node.runtime.db.write() as session:
        for number, state in enumerate(("open", "closed")):
            session.add(
                Incident(
                    id=f"SC-2026-90000{number}", agency=MINE, title="cũ", level="low", level_order=1, state=state,
                    coordinator_id=1, first_seen=NOW, last_seen=NOW, created_at=NOW, search_text="",
                )
            )  # fmt: skip
    run(node.runtime)
    assert set(clocks(lan, "SC-2026-900000")) == {"incident-72h"}
    assert clocks(lan, "SC-2026-900001") == {}
    assert "clocks" not in run(node.runtime)


def test_calendar_clocks_once_per_agency_and_period(node: NodeUnderTest, lan: Browser) -> None:
    with node.runtime.db.write() as session:
        session.add(Organisation(agency=OTHER, body={}, changed_at=NOW, changed_name="x"))
    run(node.runtime)
    run(node.runtime)
    mine = lan.get("/clocks", kind="calendar")["items"]
    assert [(c["rule_id"], c["period"], c["due_at"]) for c in mine] == [
        ("yearly-operator", "2026", "2026-12-20T16:59:59Z"), ("yearly-owner", "2026", "2026-12-25T16:59:59Z"),
    ]  # fmt: skip
    node.clock.move(datetime(2026, 12, 15, tzinfo=HANOI).timestamp() - NOW)
    run(node.runtime)
    with node.runtime.db.read() as session:
        rows = session.execute(select(Clock.agency, Clock.period).where(Clock.incident_id.is_(None))).all()
    assert len(rows) == len({*rows}) * 2 == 8


def test_the_list_is_soonest_first_with_overdue_on_top(node: NodeUnderTest, lan: Browser) -> None:
    one, two = opened(lan), opened(lan, alert=2)
    assess(lan, two, serious=True)
    node.clock.move(25 * HOUR)
    listed = lan.get("/clocks", kind="incident")
    assert [(c["incident"]["id"], c["rule_id"], c["state"]) for c in listed["items"]] == [
        (two, "serious-24h", "overdue"), (one, "incident-72h", "running"), (two, "incident-72h", "running"),
    ]  # fmt: skip
    assert (listed["total"], listed["overdue"]) == (3, 1)
    assert lan.get("/clocks", state="overdue")["total"] == 1
    assert lan.get("/clocks", agency=OTHER)["total"] == 0
    first = lan.get("/clocks", kind="incident", limit=2)
    rest = lan.get("/clocks", kind="incident", limit=2, cursor=first["next"])
    assert [c["id"] for c in [*first["items"], *rest["items"]]] == [c["id"] for c in listed["items"]]


@given(
    st.floats(0, 1e6), st.floats(0, 1e6), st.lists(st.floats(0, 3e6), min_size=1, max_size=12),
    st.lists(st.sampled_from([0.2, 0.5, 0.8]), unique=True), st.lists(st.integers(0, 10**6), unique=True, max_size=4),
)  # fmt: skip
def test_whatever_the_job_s_times_no_stage_is_told_twice_nor_before_its_time(
    start: float, length: float, looks: list[float], shares: list[float], lates: list[int]
) -> None:
    stages = [ClockStage(share=s, level="low") for s in shares] + [ClockStage(late_s=s, level="high") for s in lates]
    said: list[str] = []
    for now in sorted(looks):
        found = reckon.reached(stages, start, start + length, now, said)
        assert all((reckon.moment(stage, start, start + length) or 0) <= now for stage in found)
        assert not {stage.key for stage in found} & set(said)
        said += [stage.key for stage in found]
        following = reckon.next_look(stages, start, start + length, said)
        assert following is None or following > now


def test_flags_are_all_in_the_triggers() -> None:
    assert {flag for flags in keep._SET_OFF.values() for flag in flags} == set(keep.FLAGS)
