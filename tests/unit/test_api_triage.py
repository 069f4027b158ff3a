"""Triage over HTTP: the acts on alerts and incidents, their history, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.jobs import all_jobs
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        made.store([event(n, source={"ip": "203.0.113.9"}) for n in range(3)])
        made.store(
            [hit(n, at=NOW + n) for n in range(3)] + [hit(7, rule="r-2", source="198.51.100.7", level="critical")],
            "hits",
        )
        made.index()
        made.fold()
        yield made


@pytest.fixture
def lan(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("lan", ("analyst", MINE)))


ONE = "/alerts/CB-2026-000001"


def test_queue_counts_and_filters(lan: Browser) -> None:
    found = lan.get("/alerts")
    assert (found["total"], len(found["items"])) == (2, 2)
    assert found["counts"] == {"level": {"high": 1, "critical": 1}, "status": {"new": 2}}
    assert lan.get("/alerts", level="critical")["total"] == 1
    assert lan.get("/alerts", level="critical")["counts"]["level"] == {"high": 1, "critical": 1}
    assert lan.get("/alerts", sort="-level")["items"][0]["level"] == "critical"
    assert lan.get("/alerts", entity="source.ip:198.51.100.7")["total"] == 1
    assert lan.get("/alerts", assignee="me")["total"] == 0
    assert lan.get("/alerts", rule="r-2")["total"] == 1
    assert lan.get("/alerts", agency=OTHER)["total"] == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"level": "loud"}, 422),
        ({"sort": "secret"}, 422),
        ({"staus": "open"}, 422),
        ({"cursor": "%%%"}, 400),
        ({"cursor": "W10"}, 400),
        ({"limit": "100000"}, 422),
    ],
)
def test_bad_filters_are_refused(lan: Browser, query: dict[str, str], status: int) -> None:
    answer = lan.send("GET", "/alerts?" + "&".join(f"{k}={v}" for k, v in query.items()))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"].startswith("LT-A04")


def test_one_alert_with_hits_and_events(lan: Browser) -> None:
    alert = lan.get(ONE)
    assert (alert["hits_total"], len(alert["hits"])) == (3, 3)
    assert alert["hits"][0]["at"] > alert["hits"][2]["at"]
    first = lan.get(f"{ONE}/events", limit=2)
    assert [e["event"]["id"] for e in first["items"]] == ["e2", "e1"]
    rest = lan.get(f"{ONE}/events", limit=2, cursor=first["next"])
    assert [e["event"]["id"] for e in rest["items"]] == ["e0"]
    assert rest["next"] is None
    assert "không còn" in lan.get("/alerts/CB-2026-000002/events")["partial"]


def test_claim_release_and_history(node: NodeUnderTest, lan: Browser) -> None:
    assert lan.post(f"{ONE}/claim")["assignee"]["name"] == "Lan"
    minh = Browser(node).link(node.add_user("minh", ("analyst", MINE)))
    taken = minh.send("POST", f"{ONE}/claim")
    assert taken.status_code == 409
    assert taken.json()["code"] == "LT-A0409"
    assert lan.get("/alerts", assignee="me")["total"] == 1
    minh.post(f"{ONE}/note", {"text": "Đã gọi cho quản trị máy chủ"})
    assert lan.post(f"{ONE}/release")["status"] == "new"
    history = lan.get(f"{ONE}/history")["items"]
    assert [entry["act"] for entry in history] == ["created", "claimed", "noted", "released"]
    assert history[0]["actor"] == {"id": None, "name": ""}
    assert history[1]["to"] == {"status": "claimed", "assignee": "Lan"}
    assert history[2]["note"] == "Đã gọi cho quản trị máy chủ"
    assert history[2]["actor"]["name"] == "Minh"


def test_close_needs_a_reason(node: NodeUnderTest, lan: Browser) -> None:
    refused = lan.send("POST", f"{ONE}/close", {"disposition": "false_positive"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "note"
    assert lan.send("POST", f"{ONE}/close", {"disposition": "whatever"}).status_code == 422
    closed = lan.post(f"{ONE}/close", {"disposition": "false_positive", "note": "máy quét của mình"})
    assert (closed["status"], closed["disposition"]) == ("closed", "false_positive")
    assert lan.send("POST", f"{ONE}/close", {"disposition": "test"}).status_code == 409
    node.store([hit(20, at=NOW + 60)], "hits")
    node.fold()
    assert lan.get("/alerts", rule="r-1")["items"][0]["id"] != closed["id"]  # a closed one takes no more hits
    again = lan.post(f"{ONE}/reopen", {"note": "nhầm"})
    assert (again["status"], again["disposition"], again["count"]) == ("new", None, 3)


def test_snooze_sleeps_folds_silently_and_wakes(node: NodeUnderTest, lan: Browser) -> None:
    past = lan.send("POST", f"{ONE}/snooze", {"until": rfc3339(NOW - 1), "reason": "x"})
    assert past.status_code == 422
    snoozed = lan.post(f"{ONE}/snooze", {"until": rfc3339(NOW + 600), "reason": "bảo trì đến 15 giờ"})
    assert snoozed["snooze"]["reason"] == "bảo trì đến 15 giờ"
    assert lan.get("/alerts")["total"] == 1
    node.store([hit(30, at=NOW + 30)], "hits")
    node.fold()
    assert lan.get(ONE)["status"] == "snoozed"
    assert lan.get(ONE)["count"] == 4
    wake = all_jobs()["wake"]
    assert wake.run(node.runtime) == ""
    node.clock.move(601)
    assert wake.run(node.runtime) == "1 woken"
    woken = lan.get(ONE)
    assert (woken["status"], woken["woken"], woken["snooze"]) == ("new", True, None)
    assert lan.get("/alerts", status="woken")["total"] == 1
    assert lan.post(f"{ONE}/claim")["woken"] is False


def test_stale_writes_are_refused(lan: Browser) -> None:
    revision = lan.get(ONE)["revision"]
    lan.post(f"{ONE}/claim", None, If_Match=f'"{revision}"')
    stale = lan.send("POST", f"{ONE}/release", {}, If_Match=f'"{revision}"')
    assert stale.status_code == 412
    assert stale.json()["revision"] == revision + 1
    assert lan.send("POST", f"{ONE}/release", {}, If_Match="seven").status_code == 400


def test_unknown_fields_are_refused(lan: Browser) -> None:
    for body in ({"text": "x", "agency": OTHER}, {"text": "x", "actor": 1}, {}, {"text": ""}, {"text": "x" * 10_001}):
        assert lan.send("POST", f"{ONE}/note", body).status_code == 422


def test_incident_from_alerts(node: NodeUnderTest, lan: Browser) -> None:
    opened = lan.post("/incidents", {"alert_ids": ["CB-2026-000001", "CB-2026-000002"]})
    assert opened["id"] == "SC-2026-000001"
    assert (opened["level"], opened["state"], opened["coordinator"]["name"]) == ("critical", "open", "Lan")
    assert {(i["type"], i["value"]) for i in opened["indicators"]} == {
        ("ipv4", "203.0.113.9"),
        ("ipv4", "198.51.100.7"),
    }
    assert lan.get(ONE)["incident_id"] == opened["id"]
    again = lan.send("POST", "/incidents", {"alert_ids": ["CB-2026-000001"]})
    assert again.status_code == 409
    found = lan.get("/incidents", q="198.51.100.7")
    assert (found["total"], found["items"][0]["alerts_count"]) == (1, 2)
    node.store([hit(40, at=NOW + 100)], "hits")
    node.fold()
    assert lan.get("/incidents/SC-2026-000001")["last_seen"] == rfc3339(NOW + 100)


def test_incident_states_and_history(lan: Browser) -> None:
    lan.post("/incidents", {"alert_ids": ["CB-2026-000001"], "title": "Dò mật khẩu cổng", "level": "low"})
    where = "/incidents/SC-2026-000001"
    assert lan.post(f"{where}/state", {"state": "contained", "note": "đã chặn"})["state"] == "contained"
    assert lan.send("POST", f"{where}/state", {"state": "open"}).status_code == 409
    assert lan.post(f"{where}/state", {"state": "closed"})["closed_at"] is not None
    assert lan.send("POST", f"{where}/alerts", {"alert_ids": ["CB-2026-000002"]}).status_code == 409
    assert lan.post(f"{where}/state", {"state": "investigating"})["closed_at"] is None
    assert len(lan.post(f"{where}/alerts", {"alert_ids": ["CB-2026-000002"]})["alerts"]) == 2
    lan.post(f"{where}/note", {"text": "ghi chú"})
    acts = [entry["act"] for entry in lan.get(f"{where}/history")["items"]]
    assert acts == ["created", "moved", "closed", "reopened", "linked", "noted"]
    assert lan.get("/incidents", state="investigating")["total"] == 1


def test_an_incident_stays_in_one_agency(node: NodeUnderTest) -> None:
    node.store([hit(50, agency=OTHER)], "hits")
    node.fold()
    both = Browser(node).link(node.add_user("duc", ("lead", None)))
    [other] = both.get("/alerts", agency=OTHER)["items"]
    mixed = both.send("POST", "/incidents", {"alert_ids": ["CB-2026-000001", other["id"]]})
    assert mixed.status_code == 422
    only_mine = Browser(node).link(node.add_user("lan", ("analyst", MINE)))
    unseen = only_mine.send("POST", "/incidents", {"alert_ids": ["CB-2026-000001", other["id"]]})
    assert unseen.status_code == 404
    assert only_mine.get(ONE)["incident_id"] is None  # nothing happened


def test_event_search(lan: Browser) -> None:
    since = rfc3339(NOW - 60)
    found = lan.get("/events", q="source.ip:203.0.113.0/24", since=since, histogram="true")
    assert found["total"] == 3
    assert sum(bar["count"] for bar in found["histogram"]) == 3
    page = lan.get("/events", q="source.ip:203.0.113.9", since=since, limit=2)
    assert page["next"]
    assert len(lan.get("/events", q="source.ip:203.0.113.9", since=since, limit=2, cursor=page["next"])["items"]) == 1
    bad: Any = lan.send("GET", "/events?q=source.ip:(")
    assert bad.status_code == 400
    assert (bad.json()["code"], bad.json()["position"]) == ("LT-A0424", 12)
    assert lan.send("GET", "/events?since=yesterday").status_code == 422


def test_rules_and_system_answer(node: NodeUnderTest, lan: Browser) -> None:
    run = node.runtime.data / "run"
    run.mkdir(exist_ok=True)
    running = {"id": "r-1", "title": {"vi": "Dò"}, "state": "running", "tags": ["attack.t1110.001", "attack.x"],
               "logsource": "product: linux, service: sshd"}  # fmt: skip
    refused = {"path": "x.yml", "state": "refused", "reason": "bad"}
    off = {"id": "r-2", "state": "disabled", "tuned": {"enabled": False, "level": None, "level_before": "high",
           "reason": "máy quét của Sở", "owner": "lan", "until": "2027-01-31"}}  # fmt: skip
    tuning = {"faults": [{"code": "LT-R0404", "line": 3, "id": "r-9", "reason": "ended on 2026-01-01"}, 7]}
    said = {"name": "correlator", "lag_s": 0.4, "rules": [running, refused, off], "tuning": tuning}
    (run / "correlator.json").write_text(json.dumps(said))
    (run / "torn.json").write_text('{"name": "x')
    rules = lan.get("/rules")
    assert rules["items"][0]["techniques"] == ["T1110.001"]
    assert rules["items"][0]["logsource"] == {"product": "linux", "service": "sshd"}
    assert (rules["running"], rules["refused"], rules["disabled"], rules["items"][0]["hits_24h"]) == (1, 1, 1, 3)
    assert rules["items"][2]["tuned"] == off["tuned"]
    assert rules["items"][0]["tuned"] is None
    assert rules["tuning_faults"] == [{"code": "LT-R0404", "id": "r-9", "line": 3, "reason": "ended on 2026-01-01"}]
    lead = Browser(node).link(node.add_user("duc", ("lead", None)))
    system = lead.get("/system")
    assert system["lag"]["correlator_s"] == 0.4
    assert system["store"]["newest_event_at"] == rfc3339(NOW)
