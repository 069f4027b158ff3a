"""Rules of deadlines as files and between nodes: taken in once, in the centre's order, edited only at the top."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from api.audit import Audit
from api.clocks import exchange, local, rules
from api.clocks.rules import Rule
from api.federation import clock_rules
from api.federation.clock_rules import ASK_S, RulesDown
from api.state.audit import AuditEntry
from api.state.clocks import ClockRule
from sensors.errors import LuytreError
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, make_node
from tests.servers.two_nodes import LINK, Centre

DAY = date(2026, 11, 22)


def rule(rule_id: str = "own", hours: float = 48, **more: Any) -> Rule:
    base = {"id": rule_id, "text": {"vi": "Báo cáo"}, "valid_from": "2026-01-01", "trigger": "incident",
            "clock": {"starts": "detection", "hours": hours}}  # fmt: skip
    return Rule.model_validate(base | more)


class Two:
    """A centre and a node below, with the link between them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        for name in ("centre", "agency"):
            (folder / name).mkdir()
        self.above = stack.enter_context(make_node(folder / "centre", role="national"))
        self.centre = Centre(self.above)
        stack.callback(self.centre.close)
        self.below = stack.enter_context(make_node(folder / "agency", more=LINK))
        self.sender = self.centre.enrol(self.below.runtime.data / "keys")
        self.moment = ""
        self.down = self.again()

    def again(self) -> RulesDown:
        """As after a start: nothing is remembered but the database."""
        return RulesDown(self.below.runtime, connect=self.sender.line(lambda: self.moment))

    def later(self) -> str:
        self.below.clock.move(2 * ASK_S)
        return self.down.run()

    def add(self, node: NodeUnderTest, *given: Rule) -> None:
        with node.runtime.db.write() as session:
            for one in given:
                rules.add(session, one, note="vì sao", now=NOW, made_by=None, made_name="Trung tâm")

    def versions(self, node: NodeUnderTest) -> dict[str, list[Rule]]:
        with node.runtime.db.read() as session:
            found: dict[str, list[Rule]] = {}
            for (rule_id, _), one in sorted(rules.versions(session).items()):
                found.setdefault(rule_id, []).append(one)
            return found


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with ExitStack() as stack:
        yield Two(tmp_path, stack)


def in_force(two: Two, node: NodeUnderTest) -> dict[str, Rule]:
    with node.runtime.db.read() as session:
        return {rule_id: one for rule_id, (_, one) in rules.in_force(rules.versions(session), DAY).items()}


def test_what_the_centre_changes_holds_below_once_and_with_its_reason(two: Two) -> None:
    two.down.run()  # both have the shipped rules: nothing to add
    assert two.versions(two.below) == two.versions(two.above)
    two.add(two.above, rule("incident-72h", 36), rule("new"))
    assert "2 rules" in two.later()
    assert two.later() == ""
    two.down = two.again()
    assert two.later() == ""  # a restart adds nothing either
    assert in_force(two, two.below) == in_force(two, two.above)
    with two.below.runtime.db.read() as session:
        newest = session.scalars(select(ClockRule).where(ClockRule.rule_id == "incident-72h")).all()[-1]
        assert (newest.version, newest.note, newest.made_by, newest.made_name) == (2, "vì sao", None, "Sở Thông tin")
        heard = session.scalars(select(AuditEntry).where(AuditEntry.act == "clock_rule.heard")).all()
    assert len(heard) == 1


def test_what_was_edited_here_before_gives_way_and_stays_as_an_older_version(two: Two) -> None:
    two.add(two.below, rule("incident-72h", 12), rule("only-here"))
    two.down.run()
    assert in_force(two, two.below)["incident-72h"] == in_force(two, two.above)["incident-72h"]
    assert [one.clock.hours for one in two.versions(two.below)["incident-72h"]] == [72, 12, 72]
    assert "only-here" in in_force(two, two.below)


@given(
    st.lists(st.sampled_from([12, 24, 36]), min_size=1, max_size=5), st.lists(st.sampled_from([12, 24, 36]), max_size=4)
)
def test_the_list_here_ends_with_the_centre_s_and_a_second_time_adds_nothing(above: list[int], here: list[int]) -> None:
    wanted, held = [rule(hours=n) for n in above], [rule(hours=n) for n in here]
    after = [*held, *wanted[exchange._held(held, wanted) :]]
    assert after[-len(wanted) :] == wanted
    assert after[: len(held)] == held  # nothing here is overwritten
    assert exchange._held(after, wanted) == len(wanted)


def test_a_cut_a_change_while_reading_and_a_rule_that_makes_no_sense_change_nothing(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.add(two.above, rule("new"))
    before = two.versions(two.below)
    for moment in ("before", "after"):
        two.moment = moment
        assert two.later() == ""
    two.moment = ""
    monkeypatch.setattr(clock_rules, "PAGE", 5)
    real, asked = clock_rules.page, []

    def changing(*args: Any) -> dict[str, Any]:
        asked.append(args)
        if len(asked) == 2:
            two.add(two.above, rule("newer"))
        return real(*args)

    monkeypatch.setattr(clock_rules, "page", changing)
    assert two.later() == ""
    assert two.versions(two.below) == before
    assert "2 rules" in two.later()  # in pages
    broken = {"mark": "x", "by": "", "total": 1, "rules": [{"rule": {"id": "evil", "text": 1}, "note": ""}]}
    monkeypatch.setattr(clock_rules, "page", lambda *_: broken)
    assert two.later() == ""
    assert "evil" not in two.versions(two.below)


def test_rules_pass_through_a_node_in_the_middle(two: Two) -> None:
    two.add(two.above, rule("new"))
    two.down.run()
    given = clock_rules.page(two.below.runtime.db, "giữa", "", 0)
    assert "new" in {one["rule"]["id"] for one in given["rules"]}
    assert clock_rules.page(two.below.runtime.db, "giữa", given["mark"], 0) == {"mark": given["mark"]}


def test_who_may_edit_and_where(two: Two) -> None:
    body = {**rule("own").model_dump(mode="json"), "note": "thử"}
    above, below = two.above, two.below
    lead = Browser(above).link(above.add_user("hoa", ("lead", MINE)))
    assert lead.get("/clock-rules")["editable"] is True
    assert lead.post("/clock-rules", body)["version"] == 1
    outside = Browser(above).link(above.add_user("minh", ("lead", OTHER)))  # leads another agency than the node's own
    assert outside.get("/clock-rules")["editable"] is False
    assert outside.send("POST", "/clock-rules", body).json()["code"] == "LT-A0403"
    analyst = Browser(above).link(above.add_user("lan", ("analyst", MINE)))
    assert analyst.send("POST", "/clock-rules", body).status_code == 403
    under = Browser(below).link(below.add_user("hoa", ("lead", MINE)))
    said = under.get("/clock-rules")
    assert (said["from_above"], said["editable"]) == (True, False)
    refused = under.send("POST", "/clock-rules", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "LT-A0409")


def test_a_file_of_rules_goes_round_and_adds_only_what_differs(two: Two) -> None:
    text = exchange.written(rules.starter())
    assert tuple(rules.parse(text)) == rules.starter()
    node: Any = SimpleNamespace(
        db=two.above.runtime.db, audit=two.above.runtime.audit, clock=two.above.clock, table=two.above.runtime.node
    )
    assert isinstance(node.audit, Audit)
    found, after = [], ""
    while True:
        page = json.loads(json.dumps(local.clock_rules(node, {"after": after})))
        found += page["rules"]
        if page["next"] is None:
            break
        after = page["next"]
    assert {one["id"] for one in found} == {one.id for one in rules.starter()}
    assert local.clock_rules_import(node, {"rules": found[:10]}) == {"added": 0}
    changed = {**found[0], "article": 'Điều "5" \\ khoản 2'}
    assert local.clock_rules_import(node, {"rules": [changed], "note": "mới"}) == {"added": 1}
    assert local.clock_rules_import(node, {"rules": [changed], "note": "mới"}) == {"added": 0}
    assert rules.parse(exchange.written([Rule.model_validate(changed)]))[0].article == 'Điều "5" \\ khoản 2'
    with pytest.raises(LuytreError, match="LT-N0701"):
        local.clock_rules_import(node, {"rules": [{"id": "x"}]})
