"""Giving an alert to another person: who may be given it, who gives it on, on record, and the person is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from api.state.cases import History
from api.state.notices import Matter
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as found:
        found.store([hit(1), hit(2, rule="r-2")], "hits")
        found.fold()
        yield found


def test_assigned_to_another_who_is_told_and_takes_it_over(node: NodeUnderTest) -> None:
    lan_id, minh_id = node.add_user("lan", ("analyst", MINE)), node.add_user("minh", ("analyst", MINE))
    hoa_id, an_id = node.add_user("hoa", ("analyst", OTHER)), node.add_user("an", ("admin", MINE))
    lan, minh = Browser(node).link(lan_id), Browser(node).link(minh_id)
    alert = lan.get("/alerts")["items"][0]
    path = f"/alerts/{alert['id']}"
    assert {one["id"] for one in lan.get(f"{path}/assignees")["items"]} == {lan_id, minh_id}
    for nobody in (hoa_id, an_id, 10**6):  # of another agency; without the right; not there: the same answer
        assert lan.send("POST", f"{path}/assign", {"to": nobody}).json()["errors"][0]["field"] == "to"
    assert lan.send("POST", f"{path}/assign", {"to": minh_id}, If_Match='"0"').status_code == 412
    given = lan.post(f"{path}/assign", {"to": minh_id, "note": "hết ca"}, If_Match=f'"{alert["revision"]}"')
    assert (given["status"], given["assignee"]["id"]) == ("claimed", minh_id)
    assert lan.send("POST", f"{path}/assign", {"to": minh_id}).status_code == 409  # has it already
    assert lan.send("POST", f"{path}/assign", {"to": lan_id}).status_code == 409  # no longer hers to give
    back = minh.post(f"{path}/assign", {"to": lan_id})
    assert back["assignee"]["id"] == lan_id
    with node.runtime.db.read() as session:
        told = session.scalars(select(Matter.to_user).where(Matter.key.startswith("assigned:"))).all()
        acts = session.scalars(select(History).where(History.act == "assigned").order_by(History.id)).all()
    assert told == [minh_id, lan_id]
    assert [(act.actor_id, (act.after or {}).get("assignee_id"), act.note) for act in acts] == [
        (lan_id, minh_id, "hết ca"), (minh_id, lan_id, None),
    ]  # fmt: skip


def test_a_lead_gives_what_another_works_on_and_taking_it_oneself_tells_nobody(node: NodeUnderTest) -> None:
    lan_id, minh_id = node.add_user("lan", ("analyst", MINE)), node.add_user("minh", ("analyst", MINE))
    ha_id = node.add_user("ha", ("lead", MINE))
    lan, ha = Browser(node).link(lan_id), Browser(node).link(ha_id)
    first, second = (alert["id"] for alert in lan.get("/alerts")["items"])
    lan.post(f"/alerts/{first}/claim")
    assert ha.post(f"/alerts/{first}/assign", {"to": minh_id})["assignee"]["id"] == minh_id
    assert lan.post(f"/alerts/{second}/assign", {"to": lan_id})["assignee"]["id"] == lan_id
    with node.runtime.db.read() as session:
        told = session.scalars(select(Matter.to_user).where(Matter.key.startswith("assigned:"))).all()
    assert told == [minh_id]
    lan.post(f"/alerts/{second}/close", {"disposition": "test"})
    assert ha.send("POST", f"/alerts/{second}/assign", {"to": minh_id}).status_code == 409


def test_a_role_that_has_ended_is_given_nothing(node: NodeUnderTest) -> None:
    lan_id, thue_id = node.add_user("lan", ("analyst", MINE)), node.add_user("thue", ("provider", MINE))
    lan = Browser(node).link(lan_id)
    alert = lan.get("/alerts")["items"][0]["id"]
    incident = lan.post("/incidents", {"alert_ids": [alert]})["id"]

    def able() -> list[set[int]]:
        return [
            {one["id"] for one in lan.get(f"/alerts/{alert}/assignees")["items"]},
            {one["id"] for one in lan.get(f"/incidents/{incident}/handover")["able"]} | {lan_id},
        ]

    assert able() == [{lan_id, thue_id}] * 2
    node.clock.move(301 * 86_400)
    lan = Browser(node).link(lan_id)
    assert able() == [{lan_id}] * 2
