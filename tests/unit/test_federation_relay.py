"""Commune → province → nation, three nodes: items and reports go up, words come down, each in its own branch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from api.federation import item as items
from api.federation import selftest
from api.federation.deliver import Delivery
from api.federation.report_send import Reporting
from api.state.federation import Outgoing, Raised, Spoken
from api.state.national import Reported, SelfTest
from api.state.people import Agency
from tests.servers.people_port import MINE, NOW, Browser, NodeUnderTest, hit, make_node
from tests.servers.two_nodes import LINK, Centre, Sender, an_item

COMMUNE, PROVINCE, NATION = MINE, "tinh", "quoc-gia"


class Tier:
    """One node, and its link to the one above."""

    def __init__(self, node: NodeUnderTest, agency: str) -> None:
        node.runtime.node = msgspec.structs.replace(node.runtime.node, agency=agency, name=agency.upper())
        self.node, self.centre = node, Centre(node)
        self.cut = ""

    def below(self, above: Tier, agency: str) -> None:
        self.sender: Sender = above.centre.enrol(self.node.runtime.data / "keys", agency, f"nut-{agency}")
        line = self.sender.line(lambda: self.cut)
        self.delivery = Delivery(self.node.runtime, random.Random(1), line, lambda *_, **__: None)
        self.reporting = Reporting(self.node.runtime, random.Random(1), line)

    def up(self, runs: int = 2) -> None:
        for _ in range(runs):
            self.delivery.run()
            self.reporting.run()

    def rows(self, table: Any) -> list[Any]:
        with self.node.runtime.db.read() as session:
            return list(session.scalars(select(table)))

    def person(self, role: str, agency: str | None = None) -> Browser:
        return Browser(self.node).link(self.node.add_user(f"{role}-{len(self.rows(Agency))}", (role, agency)))


class Country:
    def __init__(self, folder: Path, more: str = "") -> None:
        self._open = ExitStack()
        tiers = []
        for agency, role, text in ((COMMUNE, "agency", LINK), (PROVINCE, "national", LINK + more),
                                   (NATION, "national", "")):  # fmt: skip
            (folder / agency).mkdir()
            tier = Tier(self._open.enter_context(make_node(folder / agency, role=role, more=text)), agency)
            self._open.callback(tier.centre.close)
            tiers.append(tier)
        self.commune, self.province, self.nation = tiers
        with self.province.node.runtime.db.write() as session:
            province = session.get(Agency, PROVINCE) or Agency(code=PROVINCE, name="Tỉnh", created_at=NOW)
            session.add(province)
            session.flush()
            session.merge(Agency(code=COMMUNE, name="Xã Một", parent=PROVINCE, created_at=NOW))
        with self.nation.node.runtime.db.write() as session:
            session.delete(session.get_one(Agency, COMMUNE))  # the nation hears of it by the province's tree
        self.commune.below(self.province, COMMUNE)
        self.province.below(self.nation, PROVINCE)

    def pass_time(self, seconds: float = 400.0) -> None:
        for tier in (self.commune, self.province, self.nation):
            tier.node.clock.move(seconds)

    def round(self, times: int = 1) -> None:
        for _ in range(times):
            self.commune.up()
            self.province.up()
            self.pass_time()

    def close(self) -> None:
        self._open.close()

    def raised(self, number: int = 1) -> str:
        """An alert of the commune, raised by its lead."""
        node = self.commune.node
        node.store([hit(number, rule=f"r-{number}")], "hits")
        node.fold()
        person = Browser(node).link(node.add_user(f"lan-{number}", ("lead", COMMUNE)))
        ref: str = person.get("/alerts", rule=f"r-{number}")["items"][0]["id"]
        person.post(f"/alerts/{ref}/raise", {"note": "Đề nghị hỗ trợ"})
        person.close()
        return ref


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    made = Country(tmp_path)
    yield made
    made.close()


def test_what_a_commune_raises_reaches_the_nation_once(country: Country) -> None:
    country.round()  # the reports, with the tree
    country.raised()
    country.province.cut = "after"
    country.round()
    country.province.cut = ""
    country.round(3)
    [at_province], [at_nation] = country.province.rows(Raised), country.nation.rows(Raised)
    assert at_nation.item["via"] == [PROVINCE]
    assert (at_nation.agency, at_nation.sender) == (COMMUNE, country.province.sender.name.id)
    same = {"sequence", "via", "revision"}
    assert {k: v for k, v in at_nation.item.items() if k not in same} == {
        k: v for k, v in at_province.item.items() if k not in same
    }
    assert [row.ref for row in country.province.rows(Outgoing)] == [at_province.id]
    assert {row.agency for row in country.nation.rows(Reported)} == {COMMUNE, PROVINCE}


def test_an_agency_unknown_above_waits_for_its_report(country: Country) -> None:
    country.raised()
    country.commune.delivery.run()
    country.province.delivery.run()
    assert country.province.rows(Raised)
    assert country.province.rows(Outgoing) == []  # the nation would refuse it for good
    country.round(3)
    assert [row.agency for row in country.nation.rows(Raised)] == [COMMUNE]
    assert [row.state for row in country.province.rows(Outgoing)] == ["received"]


def test_a_word_of_the_nation_reaches_the_commune_in_its_name(country: Country) -> None:
    country.round()
    ref = country.raised()
    country.round(2)
    duty = country.nation.person("national_duty")
    [row] = duty.get("/inbox")["items"]
    duty.post(f"/inbox/{row['id']}/acknowledge", {"text": "Quốc gia đã tiếp nhận"})
    for _ in range(2):
        country.province.up()
        country.commune.up()
        country.pass_time()
    person = Browser(country.commune.node).link(country.commune.node.add_user("mai", ("lead", COMMUNE)))
    said = [(word["by"], word["text"]) for word in person.get(f"/alerts/{ref}")["words"] if word["kind"] == "note"]
    assert said == [("QUOC-GIA", "Quốc gia đã tiếp nhận")]
    assert len(country.province.rows(Spoken)) == 1
    assert [row.state for row in country.province.rows(Outgoing)] == ["acknowledged"]
    # What the province itself has not looked at stays new there.
    assert [row.state for row in country.province.rows(Raised)] == ["new"]


def test_a_node_speaks_for_its_own_branch_only(country: Country) -> None:
    country.round()
    other = country.nation.centre.enrol(country.nation.node.runtime.data / "other" / "keys", "tinh-hai", "nut-2")
    for agency in (COMMUNE, PROVINCE, NATION):
        answer = other.post(an_item(agency=agency, via=["tinh-hai"]))
        assert (answer.status, agency) == (422 if agency == COMMUNE else answer.status, agency)
        assert answer.status in (409, 422)
    assert country.nation.rows(Raised) == []
    # Nor does the commune speak for the province above it.
    assert country.commune.sender.post(an_item(agency=PROVINCE)).status == 422


def test_who_leads_is_settled_one_step_above_the_agency(country: Country) -> None:
    country.round()
    said = {"act": "offer", "term": 1, "number": 0}
    assert country.commune.sender.post(an_item(1, lead=said)).status == 201
    country.round(2)
    [at_nation] = country.nation.rows(Raised)
    assert "lead" not in at_nation.item
    duty = country.nation.person("national_duty")
    assert duty.get(f"/inbox/{at_nation.id}")["lead"] is None
    assert duty.send("POST", f"/inbox/{at_nation.id}/lead", {"act": "offer"}).status_code == 409
    at_province = country.province.person("national_duty").get("/inbox")["items"][0]
    assert at_province["lead"]["offered_by"] == "agency"


def test_a_self_test_of_the_commune_counts_at_the_nation(country: Country) -> None:
    country.round()
    alert = {"id": "CB-2026-000001", "rule_id": selftest.RULE, "title": {}, "level": "informational", "count": 1,
             "first_seen": "2026-11-18T10:26:40Z", "last_seen": "2026-11-18T10:26:40Z"}  # fmt: skip
    test = an_item(1, kind="alert", level="informational", test=True, alerts=[alert], indicators=[])
    assert items.wrong_with(test) is None
    assert country.commune.sender.post(test).status == 201
    country.round(2)
    assert [row.agency for row in country.nation.rows(SelfTest)] == [COMMUNE]


def test_minor_items_stay_when_the_province_says_so(tmp_path: Path) -> None:
    country = Country(tmp_path, 'relay_level = "critical"\n')
    try:
        country.round()
        assert country.commune.sender.post(an_item(1, level="high")).status == 201
        assert country.commune.sender.post(an_item(2, level="critical")).status == 201
        country.round(2)
        assert [row.level for row in country.nation.rows(Raised)] == ["critical"]
    finally:
        country.close()
