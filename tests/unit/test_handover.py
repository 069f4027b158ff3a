"""Handing an incident over: one coordinator at any time, the other has to accept, everything is on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from api.state.notices import Matter
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, hit, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as found:
        found.store([hit(1)], "hits")
        found.fold()
        yield found


def test_offer_accept_decline_withdraw(node: NodeUnderTest) -> None:
    lan_id, minh_id = node.add_user("lan", ("analyst", MINE)), node.add_user("minh", ("analyst", MINE))
    hoa_id = node.add_user("hoa", ("analyst", OTHER))
    lan, minh = Browser(node).link(lan_id), Browser(node).link(minh_id)
    [alert] = lan.get("/alerts")["items"]
    incident = lan.post("/incidents", {"alert_ids": [alert["id"]]})
    path = f"/incidents/{incident['id']}/handover"

    assert [person["id"] for person in lan.get(path)["able"]] == [minh_id]
    assert lan.send("POST", path, {"to": hoa_id}).status_code == 422  # of another agency
    assert minh.send("POST", path, {"to": minh_id}).status_code == 409  # not the coordinator
    assert lan.send("POST", path, {"to": minh_id}, If_Match='"0"').status_code == 412
    offered = lan.post(path, {"to": minh_id, "note": "hết ca"})
    assert (offered["coordinator"]["id"], offered["offer"]["to"]["id"]) == (lan_id, minh_id)
    assert lan.send("POST", path, {"to": minh_id}).status_code == 409  # one at a time
    assert lan.send("POST", f"{path}/answer", {"answer": "accept"}).status_code == 404  # not hers to answer

    declined = minh.post(f"{path}/answer", {"answer": "decline", "reason": "đang bận"})
    assert (declined["coordinator"]["id"], declined["offer"]) == (lan_id, None)
    lan.post(path, {"to": minh_id})
    assert minh.send("POST", f"{path}/answer", {"answer": "withdraw"}).status_code == 409
    lan.post(f"{path}/answer", {"answer": "withdraw"})
    lan.post(path, {"to": minh_id})
    assert minh.get(path)["offer"]["mine"] is True
    accepted = minh.post(f"{path}/answer", {"answer": "accept"})
    assert accepted["coordinator"]["id"] == minh_id
    assert minh.get(f"/incidents/{incident['id']}")["coordinator"]["id"] == minh_id
    assert minh.send("POST", f"{path}/answer", {"answer": "accept"}).status_code == 404  # once

    acts = [entry["act"] for entry in lan.get(f"/incidents/{incident['id']}/history")["items"]]
    assert sorted(acts) == sorted(["created", "offered", "declined", "offered", "withdrawn", "offered", "accepted"])
    with node.runtime.db.read() as session:
        told = list(session.scalars(select(Matter.to_user).where(Matter.key.startswith("handover/"))))
    assert told.count(minh_id) == 3
    assert told.count(lan_id) == 2
