"""From an alert to an exception: proposed, tested by the engine, saved by who may, in the correlator's file, ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.exceptions import keep, publish
from api.exceptions import preview as trial
from api.jobs import exceptions as job
from api.notices.hours import Office
from api.notices.route import World
from api.state.audit import AuditEntry
from api.state.exceptions import Excepted
from api.state.notices import Matter
from correlator.backtest import Limits
from correlator.engine import Engine
from correlator.exceptions import Exceptions, read
from correlator.pipeline import Pipeline
from sensors.clock import rfc3339
from sensors.event import Event, get
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, make_node

DAY = 86_400.0
LOW, COUNTED, MANY = (f"a1111111-2222-4333-8444-55555555555{n}" for n in range(3))
RULES = f"""title: Failure
id: {LOW}
level: medium
logsource: {{product: linux, service: sshd}}
detection: {{sel: {{event.outcome: failure}}, condition: sel}}
luytre: {{title: {{vi: Đăng nhập thất bại, en: Failure}}, group_by: [source.ip, user.name]}}
---
title: Other failure
id: {COUNTED}
name: counted
level: low
logsource: {{product: linux, service: sshd}}
detection: {{sel: {{event.outcome: odd}}, condition: sel}}
---
title: Many
id: {MANY}
level: critical
correlation: {{type: event_count, rules: [counted], group-by: [source.ip], timespan: 1h, condition: {{gte: 3}}}}
"""
PIPELINE = "name: t\nsources:\n  - when: {event.dataset: system.auth}\n    logsource: {product: linux, service: sshd}\n"


def event(number: int, days_ago: float, host: str, user: str, **more: Any) -> Event:
    at = rfc3339(NOW - days_ago * DAY + number)
    return {
        "@timestamp": at, "organization": {"id": more.get("agency", MINE)}, "host": {"name": host},
        "user": {"name": user}, "source": {"ip": more.get("source", "10.0.0.5")}, "process": {"name": "sshd"},
        "event": {"id": f"e{number}", "dataset": "system.auth", "outcome": more.get("outcome", "failure"),
                  "ingested": at},
    }  # fmt: skip


def stored() -> list[Event]:
    """The scanner `quet` on cong-01, every day for 20 days; a person's mistakes; another agency's same scanner."""
    scans = [event(number, 20 - number // 2, "cong-01", "quet") for number in range(40)]
    people = [event(100 + number, 3, "cong-02", f"lan{number}") for number in range(4)]
    others = [event(200 + number, 2, "cong-01", "quet", agency=OTHER) for number in range(5)]
    odd = [event(300 + number, 1, f"may-{number % 2}", "an", outcome="odd", source="10.0.0.9") for number in range(6)]
    return [*scans, *people, *others, *odd]


@contextmanager
def a_node(folder: Path) -> Iterator[NodeUnderTest]:
    rules = folder / "rules"
    rules.mkdir()
    (rules / "mine.yml").write_text(RULES, "utf-8")
    (folder / "pipeline.yml").write_text(PIPELINE, "utf-8")
    more = f'[correlator]\nrules = ["{rules}"]\npipelines = ["{folder / "pipeline.yml"}"]\n'
    with make_node(folder, more=more) as made:
        events = stored()
        made.store(events)
        made.store(live(made, events), "hits")
        made.index()
        made.fold()
        yield made


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with a_node(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """An analyst and the scanner's alert, for what changes nothing."""
    with a_node(tmp_path_factory.mktemp("asked")) as made:
        lan = analyst(made)
        yield lan, alert_of(lan, LOW, user__name="quet")["id"]


def live(node: NodeUnderTest, events: list[Event], exceptions: Exceptions | None = None) -> list[Event]:
    """What the running correlator says of the events."""
    folder = node.runtime.data
    engine = Engine.load([folder / "rules"], [folder / "pipeline.yml"])
    pipeline = Pipeline(engine, exceptions=exceptions, lateness_s=1.0)
    ordered = sorted(events, key=lambda one: str(one["@timestamp"]))
    return pipeline.feed(ordered) + pipeline.tick(NOW)


def alert_of(browser: Browser, rule: str, **entity: str) -> dict[str, Any]:
    found = browser.get("/alerts", status="all", rule=rule, agency=MINE, limit=200)["items"]
    wanted = [one for one in found if all(entity[key] in one["entities"].get(key.replace("__", "."), []) or
              one["group"].get(key.replace("__", ".")) == entity[key] for key in entity)]  # fmt: skip
    return dict(wanted[0])


def conditions(**given: str) -> list[dict[str, Any]]:
    return [{"field": name.replace("__", "."), "values": [value]} for name, value in given.items()]


def analyst(node: NodeUnderTest, role: str = "analyst", agency: str = MINE) -> Browser:
    return Browser(node).link(node.add_user(f"{role}-{agency}", (role, agency)))


SCANNER = conditions(host__name="cong-01", user__name="quet")


def test_from_an_alert_to_a_file_and_back(node: NodeUnderTest) -> None:
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    proposal = lan.get(f"/alerts/{alert['id']}/exception")
    chosen = {one["condition"]["field"]: one["condition"]["values"] for one in proposal["conditions"] if one["chosen"]}
    assert chosen == {"source.ip": ["10.0.0.5"], "user.name": ["quet"], "host.name": ["cong-01"]}
    written = {one["condition"]["field"] for one in proposal["conditions"] if one["attacker_chosen"]}
    assert written == {"process.name"}  # anybody may call a program sshd
    assert "organization.id" not in {one["condition"]["field"] for one in proposal["conditions"]}
    assert [rule["id"] for rule in proposal["rules"]] == [LOW]
    assert (proposal["may_save"], proposal["impossible"], proposal["readers"]) == (True, None, [])
    assert proposal["until"] == rfc3339(NOW + 90 * DAY)

    draft = {"alert_id": alert["id"], "conditions": SCANNER}
    said = lan.post("/exceptions/preview", draft)
    assert (said["hits"], said["hits_before"], said["complete"]) == (40, 44, True)
    assert said["by_host"] == [{"value": "cong-01", "count": 40}]
    assert said["by_level"] == {"informational": 0, "low": 0, "medium": said["alerts"], "high": 0, "critical": 0}
    assert (said["alert_hidden"], said["alert_events"]) == (said["alert_events"],) * 2
    assert said["warnings"] == []
    assert said["open_alerts"] == sum(
        one["group"]["user.name"] == "quet" for one in lan.get("/alerts", rule=LOW, limit=200)["items"])  # fmt: skip

    made = lan.post("/exceptions", {**draft, "reason": "Máy quét lỗ hổng của Sở", "close_open": True})
    assert (made["state"], made["force"], made["owner"]) == ("active", "waiting", "Analyst-So-Tttt")
    assert made["closed_alerts"] == said["open_alerts"] >= 1
    closed = lan.get(f"/alerts/{alert['id']}")
    assert (closed["status"], closed["disposition"]) == ("closed", "benign_true")
    history = lan.get(f"/alerts/{alert['id']}/history")["items"]
    assert made["id"] in history[-1]["note"]

    path = publish.folder(node.runtime) / f"{MINE}.yml"
    assert path.stat().st_mode & 0o777 == 0o640
    exceptions = read(path.parent, NOW)
    assert not exceptions.told()
    # What the test said it would hide is what the engine hides, and of its own agency only.
    before, after = live(node, stored()), live(node, stored(), exceptions)
    gone = {one["event"]["id"] for one in before} - {one["event"]["id"] for one in after}
    assert len(gone) == said["hits"]
    assert {get(one, "organization.id") for one in before if one["event"]["id"] in gone} == {MINE}

    ended = lan.post(f"/exceptions/{made['id']}/end", {"reason": "đã thay máy quét"})
    assert (ended["state"], ended["force"], ended["ended"]["reason"]) == ("ended", "over", "đã thay máy quét")
    assert not path.exists()
    assert lan.send("POST", f"/exceptions/{made['id']}/end", {"reason": "x"}).status_code == 409
    with node.runtime.db.read() as session:
        acts = set(session.scalars(select(AuditEntry.act)))
    assert {"exception.created", "exception.ended"} <= acts


def test_the_difference_counts_correlations_and_needs_a_lead(node: NodeUnderTest) -> None:
    """A low rule that only a critical correlation reads: an analyst must not blind that."""
    lan = analyst(node)
    alert = alert_of(lan, MANY)
    proposal = lan.get(f"/alerts/{alert['id']}/exception")
    assert [rule["id"] for rule in proposal["rules"]] == [COUNTED]
    assert [one["id"] for one in proposal["readers"]] == [MANY]
    assert (proposal["level"], proposal["may_save"]) == ("critical", False)
    draft = {"alert_id": alert["id"], "conditions": conditions(source__ip="10.0.0.9")}
    said = lan.post("/exceptions/preview", draft)
    [reader] = said["readers"]
    assert reader["hits_before"] > 0
    assert reader["hits_after"] == 0
    assert {"hides_high", "correlations", "only_addresses"} <= set(said["warnings"])
    assert said["by_level"]["critical"] >= 1
    answer = lan.send("POST", "/exceptions", {**draft, "reason": "x", "accepted": said["must_accept"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "LT-A0403")
    lead = analyst(node, "lead")
    answer = lead.send("POST", "/exceptions", {**draft, "reason": "x"})
    assert answer.status_code == 409
    assert answer.json()["unread"] == sorted(said["must_accept"])
    made = lead.post("/exceptions", {**draft, "reason": "x", "accepted": said["must_accept"]})
    assert made["level"] == "critical"
    assert live(node, [one for one in stored() if one["event"]["outcome"] == "odd"],
                read(publish.folder(node.runtime), NOW)) == []  # fmt: skip


def test_part_of_a_window_is_part_of_its_alert(node: NodeUnderTest) -> None:
    lead = analyst(node, "lead")
    alert = alert_of(lead, MANY)
    said = lead.post("/exceptions/preview",
                     {"alert_id": alert["id"], "conditions": conditions(host__name="may-1")})  # fmt: skip
    [reader] = said["readers"]
    assert 0 < reader["hits_after"] < reader["hits_before"]
    assert said["alerts"] == 0  # the correlation still says it
    assert "not_this_alert" in said["warnings"]
    assert said["open_alerts"] == 0


@pytest.mark.parametrize(("given", "warning"), [
    (conditions(source__ip="10.0.0.5"), "only_addresses"),
    (conditions(source__ip="10.0.0.5"), "other_hosts"),
    (conditions(user_agent__original="curl", host__name="cong-01"), "attacker_chosen"),
    (conditions(process__executable="/tmp/x"), "attacker_chosen"),
    (conditions(host__name="cong-02"), "not_this_alert"),
])  # fmt: skip
def test_what_is_told_before_it_is_saved(given: list[dict[str, Any]], warning: str, asked: tuple[Browser, str]) -> None:
    lan, alert = asked
    draft = {"alert_id": alert, "conditions": given}
    said = lan.post("/exceptions/preview", draft)
    assert warning in said["must_accept"]
    answer = lan.send("POST", "/exceptions", {**draft, "reason": "x"})
    assert (answer.status_code, warning in answer.json()["unread"]) == (409, True)


@pytest.mark.parametrize("given", [
    [], conditions(organization__id="so-yte"), conditions(**{"user.name|re": ".*"}), conditions(host__name=""),
    [{"field": "user.name", "op": "contains", "values": ["a"]}], [{"field": "user.name", "op": "re", "values": ["a"]}],
    conditions(user__name="x" * 600), [{"field": "user.name", "values": []}],
    conditions(user__name="a") * 2, conditions(user__name="a") * 20, conditions(user__name="a\x00"),
])  # fmt: skip
def test_what_no_filter_can_say_is_refused_by_field(given: list[dict[str, Any]], asked: tuple[Browser, str]) -> None:
    lan, alert = asked
    answer = lan.send("POST", "/exceptions/preview", {"alert_id": alert, "conditions": given})
    assert (answer.status_code, answer.json()["code"]) == (422, "LT-A0422")


@pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", rfc3339(NOW + 366 * DAY), "soon"])
def test_an_end_within_a_year(until: str, asked: tuple[Browser, str]) -> None:
    lan, alert = asked
    body = {"alert_id": alert, "conditions": SCANNER, "reason": "x", "until": until}
    assert lan.send("POST", "/exceptions", body).status_code == 422


def test_one_agency_never_meets_another_s(node: NodeUnderTest) -> None:
    lan, binh = analyst(node), analyst(node, agency=OTHER)
    alert = alert_of(lan, LOW, user__name="quet")
    draft = {"alert_id": alert["id"], "conditions": SCANNER}
    made = lan.post("/exceptions", {**draft, "reason": "bí mật"})
    assert binh.get("/exceptions") == {"items": [], "next": None, "total": 0,
                                       "counts": {"active": 0, "ended": 0, "expired": 0}}  # fmt: skip
    for method, path, body in (
        ("GET", f"/exceptions/{made['id']}", None), ("GET", f"/alerts/{alert['id']}/exception", None),
        ("POST", f"/exceptions/{made['id']}/end", {"reason": "x"}), ("POST", "/exceptions/preview", draft),
        ("POST", "/exceptions", {**draft, "reason": "x"}),
    ):  # fmt: skip
        answer = binh.send(method, path, body)
        assert answer.status_code == 404, path
        assert "bí mật" not in answer.text
    assert [path.name for path in publish.folder(node.runtime).glob("*")] == [f"{MINE}.yml"]


def test_the_calendar_ends_it_and_its_owner_hears_before_and_after(node: NodeUnderTest) -> None:
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    made = lan.post("/exceptions", {"alert_id": alert["id"], "conditions": SCANNER, "reason": "x",
                                    "until": rfc3339(NOW + 10 * DAY)})  # fmt: skip
    path = publish.folder(node.runtime) / f"{MINE}.yml"
    data = path.read_bytes()
    path.write_text("somebody's hand")
    assert job.run(node.runtime) == "1 files"
    assert path.read_bytes() == data
    path.unlink()
    job.run(node.runtime)
    assert path.read_bytes() == data
    foreign, stale = path.with_name("own.yml"), path.with_name("gone.yml")
    foreign.write_text("title: x")
    stale.write_bytes(data)
    assert job.run(node.runtime) == "1 files"
    assert (foreign.exists(), stale.exists()) == (True, False)
    assert job.run(node.runtime) == ""
    node.clock.move(4 * DAY)
    assert job.run(node.runtime) == "1 warned"
    assert job.run(node.runtime) == ""
    node.clock.move(6 * DAY)
    assert job.run(node.runtime) == "1 expired, 1 files"
    assert not path.exists()
    with node.runtime.db.read() as session:
        row = session.get(Excepted, made["id"])
        assert row is not None
        told = [matter.to_user for matter in session.scalars(select(Matter).where(Matter.ref == made["id"]))]
        assert (row.state, told) == ("expired", [row.owner_id] * 2)


def test_the_correlator_s_word_is_shown_and_its_refusal_told(node: NodeUnderTest) -> None:
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    made = lan.post("/exceptions", {"alert_id": alert["id"], "conditions": SCANNER, "reason": "x"})
    run = node.runtime.data / "run"
    run.mkdir(exist_ok=True)

    def says(**body: Any) -> dict[str, Any]:
        (run / "correlator.json").write_text(json.dumps({"name": "correlator", "exceptions": body}))
        job.run(node.runtime)
        return dict(lan.get(f"/exceptions/{made['id']}"))

    shown = says(in_force={made["id"]: {"hidden": 7, "last": rfc3339(NOW)}}, faults=[])
    assert (shown["force"], shown["hidden"], shown["hidden_at"]) == ("in_force", 7, rfc3339(NOW))
    shown = says(in_force={}, faults=[{"code": "LT-R0703", "id": made["id"], "reason": "x", "line": 3, "path": "p"}, 5])
    assert (shown["force"], shown["fault"], shown["hidden"]) == ("refused", "LT-R0703", 7)
    with node.runtime.db.read() as session:
        assert len(session.scalars(select(Matter).where(Matter.ref == made["id"])).all()) == 1
    assert says(in_force=[], faults="x")["force"] == "waiting"
    assert lan.get("/exceptions", state="active")["items"][0]["hidden"] == 7


def test_an_alert_whose_rule_is_gone_or_that_has_none_says_so(node: NodeUnderTest) -> None:
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    (node.runtime.data / "rules" / "mine.yml").unlink()
    node.clock.move(60)
    proposal = lan.get(f"/alerts/{alert['id']}/exception")
    assert proposal["rules"] == []
    assert "no longer loaded" in proposal["impossible"]["en"]
    answer = lan.send("POST", "/exceptions/preview", {"alert_id": alert["id"], "conditions": SCANNER})
    assert answer.status_code == 409


def test_what_others_work_on_is_not_closed_for_them(node: NodeUnderTest) -> None:
    lan, other = analyst(node), analyst(node, "lead")
    alert = alert_of(lan, LOW, user__name="quet")
    other.post(f"/alerts/{alert['id']}/claim")
    draft = {"alert_id": alert["id"], "conditions": SCANNER}
    covered = lan.post("/exceptions/preview", draft)["open_alerts"]
    made = lan.post("/exceptions", {**draft, "reason": "x", "close_open": True})
    assert lan.get(f"/alerts/{alert['id']}")["status"] == "claimed"
    assert made["closed_alerts"] == covered - 1


def test_one_test_at_a_time(asked: tuple[Browser, str], monkeypatch: pytest.MonkeyPatch) -> None:
    lan, alert = asked
    monkeypatch.setattr(trial, "WAIT_S", 0.0)
    with trial._ONE_AT_A_TIME:
        answer = lan.send("POST", "/exceptions/preview", {"alert_id": alert, "conditions": SCANNER})
        assert (answer.status_code, answer.json()["code"]) == (503, "LT-A0503")
    assert lan.send("POST", "/exceptions/preview", {"alert_id": alert, "conditions": SCANNER}).status_code == 200


def test_a_test_that_is_cut_short_says_so(asked: tuple[Browser, str], monkeypatch: pytest.MonkeyPatch) -> None:
    lan, alert = asked
    defaults = list(trial.preview.__defaults__ or ())
    monkeypatch.setattr(trial.preview, "__defaults__", (*defaults[:-1], Limits(events=5, time_s=5.0)))
    said = lan.post("/exceptions/preview", {"alert_id": alert, "conditions": SCANNER})
    assert "incomplete" in said["warnings"]
    assert said["hits_before"] < 44


def test_limits(node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    monkeypatch.setattr(keep, "ACTIVE", 0)
    answer = lan.send("POST", "/exceptions", {"alert_id": alert["id"], "conditions": SCANNER, "reason": "x"})
    assert answer.status_code == 409


def test_the_owner_who_is_told_may_hear_it(node: NodeUnderTest) -> None:
    """An analyst has no right to the system's own matters, so it is a matter of its own kind."""
    lan = analyst(node)
    alert = alert_of(lan, LOW, user__name="quet")
    made = lan.post("/exceptions", {"alert_id": alert["id"], "conditions": SCANNER, "reason": "x"})
    analyst(node, "lead").post(f"/exceptions/{made['id']}/end", {"reason": "không còn máy quét"})
    with node.runtime.db.read() as session:
        [matter] = session.scalars(select(Matter).where(Matter.ref == made["id"]))
        world = World.load(session, node.runtime.bell, node.clock.now(), Office())
        assert matter.to_user is not None
        assert world.may_hear(matter.to_user, matter.kind, matter.agency)
        assert "kết thúc" in matter.title["vi"]
