"""Raising: by a person or by policy, in the transaction of the act, once; never what is marked state-secret."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.casework.fold import Casework, each
from api.federation.config import FederationTable, settings
from api.federation.deliver import Delivery
from api.federation.raising import policy_of
from api.state.audit import AuditEntry, Change
from api.state.base import Database
from api.state.cases import Alert, Place
from api.state.federation import Outgoing, RaisedRevision
from api.state.notices import Matter
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, hit, make_node
from tests.servers.two_nodes import LINK, Centre

POLICY = LINK + 'raise_level = "high"\n'


@contextmanager
def node_with(folder: Path, table: str) -> Iterator[tuple[NodeUnderTest, Casework]]:
    with make_node(folder, more=table) as node:
        runtime = node.runtime
        policy = policy_of(settings(runtime.config), runtime.bell, runtime.audit, exercise=True)
        yield node, Casework(runtime.db, runtime.reader, node.clock, runtime.bell, MINE, each(policy))


def outbox(db: Database) -> list[Outgoing]:
    with db.read() as session:
        return list(session.scalars(select(Outgoing).order_by(Outgoing.sequence)))


def fold(casework: Casework) -> None:
    while casework.step():
        pass


def test_the_policy_raises_what_is_grave_once_and_again_when_it_rises(tmp_path: Path) -> None:
    with node_with(tmp_path, POLICY) as (node, casework):
        node.store([hit(1, rule="a", level="high"), hit(2, rule="b", level="medium"), hit(3, rule="a")], "hits")
        fold(casework)
        [row] = outbox(node.runtime.db)
        assert (row.kind, row.item_revision, row.state) == ("alert", 1, "waiting")
        assert json.loads(row.body)["exercise"] is True
        node.store([hit(4, rule="a", level="critical"), hit(5, rule="b", level="high")], "hits")
        fold(casework)
        raised = [(row.ref, row.item_revision, json.loads(row.body)["level"]) for row in outbox(node.runtime.db)]
        assert sorted(raised) == [
            ("CB-2026-000001", 1, "high"), ("CB-2026-000001", 2, "critical"), ("CB-2026-000002", 1, "high"),
        ]  # fmt: skip


def test_a_replay_raises_nothing_twice(tmp_path: Path) -> None:
    with node_with(tmp_path, POLICY) as (node, casework):
        node.store([hit(n, rule=f"r-{n % 3}") for n in range(30)], "hits")
        for _ in range(3):
            fold(casework)
            with node.runtime.db.write() as session:
                session.execute(Place.__table__.delete())  # type: ignore[attr-defined]  # the store is read anew
        fold(casework)
        assert [row.sequence for row in outbox(node.runtime.db)] == [1, 2, 3]


def test_a_fold_that_fails_has_raised_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with node_with(tmp_path, POLICY) as (node, casework):
        node.store([hit(1)], "hits")
        monkeypatch.setattr("api.casework.fold._move", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            casework.step()
        assert outbox(node.runtime.db) == []
        monkeypatch.undo()
        fold(casework)
        assert len(outbox(node.runtime.db)) == 1


def test_an_alert_that_cannot_be_raised_is_on_record_and_stops_nothing(tmp_path: Path) -> None:
    with node_with(tmp_path, POLICY) as (node, casework):
        odd = hit(1, rule="odd")
        odd["organization"] = {"id": "cơ quan lạ"}
        node.store([odd, hit(2, rule="plain")], "hits")
        fold(casework)
        assert [json.loads(row.body)["alerts"][0]["rule_id"] for row in outbox(node.runtime.db)] == ["plain"]
        with node.runtime.db.read() as session:
            [entry] = session.scalars(select(AuditEntry).where(AuditEntry.act == "alert.raised"))
            assert (entry.outcome, entry.object) == ("refused", "CB-2026-000001")
            assert "$.agency" in entry.detail["reason"]
            assert session.scalar(select(func.count()).select_from(Alert)) == 2


def test_no_policy_without_a_level_or_a_node_above(tmp_path: Path) -> None:
    with make_node(tmp_path) as node:
        for table in (FederationTable(), FederationTable(upstream="https://x:1"), FederationTable(raise_level="low")):
            assert policy_of(table, node.runtime.bell, node.runtime.audit, exercise=False) is None


@pytest.mark.parametrize("marked", ["CONG-01", "203.0.113.9"])
def test_what_is_marked_secret_stays(tmp_path: Path, marked: str) -> None:
    with node_with(tmp_path, POLICY + f'secret = ["{marked}"]\n') as (node, casework):
        node.store([hit(1)], "hits")
        fold(casework)
        person = Browser(node).link(node.add_user("lead", ("lead", MINE)))
        refused = person.send("POST", "/alerts/CB-2026-000001/raise", {})
        assert refused.status_code == 409
        assert "bí mật nhà nước" in refused.json()["detail"]
        incident = person.post("/incidents", {"alert_ids": ["CB-2026-000001"]})["id"]
        assert person.send("POST", f"/incidents/{incident}/raise", {}).status_code == 409
        assert outbox(node.runtime.db) == []
        person.close()


def test_a_full_list_may_hide_a_secret(tmp_path: Path) -> None:
    with node_with(tmp_path, POLICY + 'secret = ["may-mat"]\n') as (node, casework):
        node.store([hit(n, user__name=f"u{n}") for n in range(10)], "hits")
        fold(casework)
        node.store([hit(50, rule="other")], "hits")
        fold(casework)
        assert [row.ref for row in outbox(node.runtime.db)] == ["CB-2026-000002"]
        person = Browser(node).link(node.add_user("lead", ("lead", MINE)))
        assert person.send("POST", "/alerts/CB-2026-000001/raise", {"note": "x"}).status_code == 409
        person.close()


def test_a_system_marked_later_keeps_back_what_waits(tmp_path: Path) -> None:
    """The centre sees no hole in the numbers; the reason stands at the delivery; somebody is told without a title."""
    for name in ("centre", "agency"):
        (tmp_path / name).mkdir()
    with make_node(tmp_path / "centre", role="national", machines=True) as above, make_node(
        tmp_path / "agency", more=LINK
    ) as node:  # fmt: skip
        db, runtime = node.runtime.db, node.runtime
        node.store([hit(n, rule=f"r-{n}", source=f"203.0.113.{n}") for n in (1, 2, 3)], "hits")
        node.fold()
        lead = Browser(node).link(node.add_user("lan", ("lead", MINE), ("auditor", MINE)))
        system = lead.post("/systems", {"name": "Cổng", "kind": "portal", "agency": MINE, "names": ["203.0.113.2"]})
        for number in (1, 2, 3):
            lead.post(f"/alerts/CB-2026-00000{number}/raise", {})
        assert [row.state for row in outbox(db)] == ["waiting"] * 3
        changed = lead.send("PATCH", f"/systems/{system['id']}", {"secret": True})
        assert changed.status_code == 200, changed.text
        centre = Centre(above)
        sender = centre.enrol(runtime.data / "keys")
        delivery = Delivery(runtime, random.Random(1), sender.line(), lambda *_, **__: None)
        for _ in range(4):
            delivery.run()
            node.clock.move(20)
        held, *others = outbox(db)
        assert (held.ref, held.state, held.sequence < 0) == ("CB-2026-000002", "refused", True)
        assert held.reason is not None
        assert "state-secret" in held.reason["en"]
        assert [(row.ref, row.state, row.sequence) for row in others] == [
            ("CB-2026-000001", "received", 1), ("CB-2026-000003", "received", 2),
        ]  # fmt: skip
        assert lead.get("/alerts/CB-2026-000002")["delivery"]["state"] == "refused"
        with above.runtime.db.read() as session:
            assert sorted(json.loads(body)["id"][:14] for body in session.scalars(select(RaisedRevision.body))) == [
                "CB-2026-000001", "CB-2026-000003",
            ]  # fmt: skip
        with db.read() as session:
            told = session.scalars(select(Matter).where(Matter.key.startswith("held:"))).one()
            assert told.marked
            acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act == "alert.held-back")).all()
            assert len(acts) == 1
        delivery.close()
        centre.close()


def test_a_person_raises_once_however_often_the_button_is_pressed(tmp_path: Path) -> None:
    with make_node(tmp_path, more=LINK) as node:
        node.store([hit(1, rule="a"), hit(2, rule="b")], "hits")
        node.fold()
        person = Browser(node).link(node.add_user("lead", ("lead", MINE)))
        incident = person.post("/incidents", {"alert_ids": ["CB-2026-000001"], "title": "Tấn công cổng"})
        path = f"/incidents/{incident['id']}"
        raised = [person.post(f"{path}/raise", {"note": "gấp"})["delivery"]["item_revision"] for _ in range(3)]
        assert raised == [1, 1, 1]
        person.post(f"{path}/state", {"state": "investigating"})
        assert person.post(f"{path}/raise")["delivery"]["item_revision"] == 2
        assert person.post(f"{path}/raise", {"note": "thêm"})["delivery"]["item_revision"] == 3
        stale = person.send("POST", f"{path}/raise", {}, If_Match=f'"{incident["revision"]}"')
        assert stale.status_code == 412
        acts = [entry["act"] for entry in person.get(f"{path}/history")["items"]]
        assert acts.count("raised") == 3
        assert person.get("/alerts/CB-2026-000002")["delivery"] is None
        person.post("/alerts/CB-2026-000002/raise")
        assert person.get("/alerts/CB-2026-000002")["delivery"]["state"] == "waiting"
        [first, *_] = outbox(node.runtime.db)
        item = json.loads(first.body)
        assert (item["kind"], item["title"], item["note"], item["alerts_count"]) == (
            "incident",
            "Tấn công cổng",
            "gấp",
            1,
        )
        with node.runtime.db.read() as session:
            topics = [(row.topic, row.object_id, row.kind) for row in session.scalars(select(Change))]
        assert ("delivery", incident["id"], "created") in topics
        person.close()


def test_without_a_node_above_there_is_nothing_to_raise_to(tmp_path: Path) -> None:
    with make_node(tmp_path) as node:
        node.store([hit(1)], "hits")
        node.fold()
        person = Browser(node).link(node.add_user("lead", ("lead", MINE)))
        assert person.send("POST", "/alerts/CB-2026-000001/raise", {}).status_code == 409
        person.close()


def test_who_sees_which_delivery(tmp_path: Path) -> None:
    with make_node(tmp_path, more=LINK) as node:
        node.store([hit(1, agency=MINE, rule="a"), hit(2, agency=OTHER, rule="b")], "hits")
        node.fold()
        both = Browser(node).link(node.add_user("both", ("lead", MINE), ("lead", OTHER)))
        mine = Browser(node).link(node.add_user("mine", ("lead", MINE)))
        for number in (1, 2):
            both.post(f"/alerts/CB-2026-00000{number}/raise")
        assert mine.send("POST", "/alerts/CB-2026-000002/raise", {}).status_code == 404
        assert both.get("/deliveries")["total"] == 2
        assert [row["ref"] for row in mine.get("/deliveries")["items"]] == ["CB-2026-000001"]
        assert mine.get("/deliveries", state="received")["items"] == []
        both.close()
        mine.close()
