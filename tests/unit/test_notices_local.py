"""Notices from the command line: a mail channel with its route, the self-test by every route, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from api.auth.machines import Machines
from api.federation.selftest import RULE
from api.local_port import ACTS, Node
from api.node import notices
from api.notices.hours import Office
from api.notices.route import World, gather
from api.state.audit import AuditEntry
from api.state.cases import Alert
from api.state.federation import Outgoing
from api.state.national import SelfTestRun
from api.state.notices import Channel, Matter, Notice, Route
from sensors.errors import LuytreError
from tests.servers.people_port import MINE, NOW, NodeUnderTest, hit, make_node

MAIL = {"host": "thu.so.example", "port": 25, "tls": "none", "sender": "luytre@so.example", "to": ["truc@so.example"]}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


def local(node: NodeUnderTest) -> Node:
    run = node.runtime
    return Node(run.node, run.db, run.audit, cast("Machines", run.machines), run.clock)


def act(node: NodeUnderTest, name: str, /, **body: Any) -> dict[str, Any]:
    return ACTS[name](local(node), body)


def alert_of(node: NodeUnderTest, rule: str) -> str:
    node.store([hit(1, rule=rule, level="informational", at=NOW)], "hits")
    node.fold()
    with node.runtime.db.read() as session:
        return session.scalars(select(Alert.id).where(Alert.rule_id == rule)).one()


def test_one_act_makes_the_channel_and_its_route_on_record(node: NodeUnderTest) -> None:
    made = act(node, "notices-mail", name="Thư báo", settings=MAIL, level="high")
    with node.runtime.db.read() as session:
        assert session.get_one(Channel, made["channel"]).agency == MINE
        assert session.get_one(Route, made["route"]).channel_id == made["channel"]
        acts = set(session.scalars(select(AuditEntry.act)))
    assert {"channel.made", "route.made"} <= acts
    listed = act(node, "notices-list")
    assert listed["channels"][0]["shown"] == "truc@so.example · thu.so.example:25"
    assert listed["routes"][0]["to"] == "Thư báo"


@pytest.mark.parametrize("wrong", [
    {"settings": {**MAIL, "to": ["no address"]}}, {"settings": {**MAIL, "x": 1}}, {"level": "loud"}, {"name": ""},
    {"settings": {**MAIL, "user": "luytre"}, "secret": "mật khẩu"},  # a password in the clear
])  # fmt: skip
def test_what_is_not_valid_is_refused_whole(node: NodeUnderTest, wrong: dict[str, Any]) -> None:
    with pytest.raises(LuytreError, match="LT-N0305") as error:
        act(node, "notices-mail", **{"name": "Thư", "settings": MAIL, "level": "high", **wrong})
    assert "mật khẩu" not in str(error.value)
    assert act(node, "notices-list") == {"channels": [], "routes": []}


def test_a_self_test_goes_by_a_route_of_high_and_an_ordinary_alert_of_its_level_does_not(node: NodeUnderTest) -> None:
    act(node, "notices-mail", name="Thư", settings=MAIL, level="high")
    alert = alert_of(node, RULE)
    told = act(node, "selftest-notice", alert=alert, event="e-1")
    assert act(node, "selftest-notice", alert=alert, event="e-1") == told  # asked twice, told once
    with node.runtime.db.write() as session:
        gather(World.load(session, node.runtime.bell, node.clock.now(), Office()))
        assert session.scalars(select(Notice.count)).all() == [1]
        assert session.scalars(select(Matter.ref)).all() == [alert]
    found = act(node, "notices-sendings", matter=told["matter"])
    assert (found["routed"], found["gathered"]) == (True, True)


@pytest.mark.parametrize("name", ["selftest-notice", "selftest-raise"])
def test_only_the_self_test_s_own_alert_is_taken(node: NodeUnderTest, name: str) -> None:
    alert = alert_of(node, "r-1")
    for given in (alert, "CB-2026-999999"):
        with pytest.raises(LuytreError, match="LT-N0304"):
            act(node, name, alert=given, event="e-1", test="t-1", asked=NOW)


def test_a_raised_self_test_is_marked_and_followed(node: NodeUnderTest) -> None:
    alert = alert_of(node, RULE)
    raised = act(node, "selftest-raise", alert=alert, event="e-1", test="0123456789abcdef", asked=NOW)
    with node.runtime.db.read() as session:
        row = session.get_one(Outgoing, raised["item"])
        assert '"test":true' in row.body
        run = session.scalars(select(SelfTestRun)).one()
    assert (run.alert_id, run.outcome) == (alert, "running")
    act(node, "selftest-raise", alert=alert, event="e-2", test="fedcba9876543210", asked=NOW)  # one runs already
    with node.runtime.db.read() as session:
        assert len(session.scalars(select(SelfTestRun)).all()) == 1


@pytest.mark.parametrize(("text", "host", "port"), [
    ("thu.so.example", "thu.so.example", 587), ("192.0.2.25:25", "192.0.2.25", 25),
    ("[2001:db8::1]:465", "2001:db8::1", 465), ("2001:db8::1", "2001:db8::1", 587),
    ("[2001:db8::1]", "2001:db8::1", 587),
])  # fmt: skip
def test_a_server_is_a_host_or_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert notices._server(text, 587) == (host, port)


@pytest.mark.parametrize("text", ["thu:", "thu:0", "thu:65536", "thu:x", "thu:²"])
def test_what_is_no_port_is_said(text: str) -> None:
    with pytest.raises(SystemExit):
        notices._server(text, 587)


def test_a_server_of_one_s_own_network_must_be_named_first(node: NodeUnderTest) -> None:
    config = node.runtime.config
    assert config is not None
    with pytest.raises(LuytreError, match="LT-N0306") as error:
        notices._reachable(config, "127.0.0.1", 25)
    assert "local_hosts" in error.value.show("vi")
