"""Lists from a paste to the correlator and back: preview, import, set files, sightings, hunts, over the real port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.indicators import hunting, importing
from api.indicators.hunting import Hunter
from api.indicators.importing import DAY_S
from api.indicators.marking import strictest
from api.indicators.publish import Publisher
from api.jobs import indicators as job
from api.state.cases import Indicator as OfIncident
from api.state.federation import RaisedIndicator
from api.state.indicators import IndicatorSource, ListedIndicator
from api.state.inventory import Address
from correlator.engine import Engine
from correlator.indicators.formats import _read as reading
from correlator.indicators.formats import all_formats
from correlator.indicators.kinds import all_kinds
from correlator.indicators.live import Indicators
from correlator.indicators.seam import TLPS
from correlator.indicators.table import IndicatorTable, table_path, tables_folder
from correlator.indicators.warnings import all_warnings
from correlator.pipeline import Pipeline
from sensors.event import Event, new_event
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, hit, make_node

LIST = "45.6.7.8\nevil.example\n8.8.8.8\n10.1.2.3\n45.6.7.8\nwhatever\nmột câu nói gì đó\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path) as made:
        yield made


@pytest.fixture
def lead(node: NodeUnderTest) -> Iterator[Browser]:
    browser = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    yield browser
    browser.close()


def paste(browser: Browser, content: str = LIST, to: str = "import", **more: Any) -> dict[str, Any]:
    body = {"agency": MINE, "content": content, "name": "Công văn 123", **more}
    return dict(browser.post(f"/indicators/{to}", body))


def states(answer: dict[str, Any]) -> dict[str, int]:
    return {state: count for state, count in answer["counts"].items() if count}


def rows(node: NodeUnderTest) -> int:
    with node.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(ListedIndicator)) or 0


def tables(node: NodeUnderTest) -> dict[str, IndicatorTable]:
    found = [IndicatorTable(path) for path in tables_folder(node.runtime.data).glob("*.ltind")]
    return {table.agency: table for table in found}


def flow(number: int, *, agency: str = MINE, to: str = "45.6.7.8") -> Event:
    return new_event("network.flow", NOW + number, {
        "event.id": f"e{number}", "organization.id": agency, "source.ip": "10.0.0.5", "destination.ip": to,
    })  # fmt: skip


def test_a_preview_says_what_would_happen_and_writes_nothing(node: NodeUnderTest, lead: Browser) -> None:
    answer = paste(lead, to="preview")
    assert states(answer) == {"new": 2, "asked": 1, "refused": 1, "wrong": 1, "passed": 1}
    assert answer["kinds"] == {"ip": 1, "domain": 1}
    assert not answer["applied"]
    assert rows(node) == 0
    by_state = {line["state"]: line for line in answer["lines"]}
    assert (by_state["refused"]["line"], by_state["refused"]["list"]) == (4, "special")
    assert (by_state["asked"]["value"], by_state["asked"]["list"]) == ("8.8.8.8", "resolvers")
    assert (by_state["wrong"]["line"], by_state["passed"]["line"]) == (6, 7)
    assert all(line["reason"]["vi"] and line["reason"]["en"] for line in answer["lines"] if line["state"] != "new")


def test_an_import_takes_what_the_preview_said_and_a_yes_only_where_it_was_given(
    node: NodeUnderTest, lead: Browser
) -> None:
    asked = next(line for line in paste(lead, to="preview")["lines"] if line["state"] == "asked")
    refused = next(line for line in paste(lead, to="preview")["lines"] if line["state"] == "refused")
    answer = paste(lead, yes=[asked["key"], refused["key"]])
    assert answer["applied"]
    assert states(answer) == {"new": 3, "refused": 1, "wrong": 1, "passed": 1}
    items = lead.get("/indicators")["items"]
    assert {item["value"]: item["allowed"] for item in items} == {
        "45.6.7.8": "", "evil.example": "", "8.8.8.8": "resolvers"}  # fmt: skip
    assert states(paste(lead))["known"] == 3, "the same list again renews, doubles nothing"
    assert rows(node) == 3
    assert states(paste(lead, name="Nguồn khác", to="preview"))["elsewhere"] == 2
    entry = lead.get("/indicators/sources")
    assert [(one["name"], one["count"], one["agency"]) for one in entry["items"]] == [("Công văn 123", 3, MINE)]


def test_what_is_ours_by_the_inventory_is_refused(node: NodeUnderTest, lead: Browser) -> None:
    with node.runtime.db.write() as session:
        for kind, value in (("network", "45.6.0.0/16"), ("name", "cong.so.example")):
            session.add(Address(agency=MINE, kind=kind, value=value, since=0.0))
        session.add(Address(agency=OTHER, kind="ip", value="46.1.1.1", since=0.0))
    answer = paste(lead, "45.6.7.8\nso.example\n46.1.1.1\n", to="preview")
    assert states(answer) == {"refused": 2, "new": 1}, "another agency's addresses are not told of"


def test_a_feed_s_newest_state_is_all_of_it(node: NodeUnderTest, lead: Browser) -> None:
    paste(lead, "45.6.7.8\n45.6.7.9\n")
    answer = paste(lead, "45.6.7.9\n45.6.7.10\n", replace=True)
    assert answer["removed"] == 1
    assert sorted(item["value"] for item in lead.get("/indicators")["items"]) == ["45.6.7.10", "45.6.7.9"]


def test_a_feed_keeps_what_a_person_took_and_loses_nothing_to_a_cut_list(
    node: NodeUnderTest, lead: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = next(line for line in paste(lead, "8.8.8.8\n45.6.7.8\n", to="preview")["lines"] if line["state"] == "asked")
    paste(lead, "8.8.8.8\n45.6.7.8\n", yes=[asked["key"]])
    assert paste(lead, "8.8.8.8\n45.6.7.8\n", replace=True)["removed"] == 0
    assert rows(node) == 2
    monkeypatch.setattr(reading, "GIVEN_LIMIT", 1)
    assert paste(lead, "45.6.7.8\n8.8.8.8\n", replace=True)["removed"] == 0
    assert rows(node) == 2


def test_only_what_is_in_force_is_in_the_set(node: NodeUnderTest, lead: Browser) -> None:
    publisher = Publisher(node.runtime.db, node.runtime.data)
    assert publisher.run(NOW) == {}
    assert not tables(node)
    paste(lead, "value,expires\n45.6.7.8,\n45.6.7.9,2027-01-01\n45.6.7.10,2020-01-01\n")
    assert publisher.run(NOW, force=True) == {MINE: 2}
    assert publisher.run(NOW, force=True) == {}, "nothing changed"
    assert Publisher(node.runtime.db, node.runtime.data).run(NOW) == {}, "nor after a restart"
    table_path(node.runtime.data, MINE).write_bytes(b"damaged")
    assert Publisher(node.runtime.db, node.runtime.data).run(NOW) == {MINE: 2}
    assert publisher.run(NOW + 60 * DAY_S, force=True) == {MINE: 1}, "one has ended since"
    source = lead.get("/indicators/sources")["items"][0]
    lead.post(f"/indicators/sources/{source['id']}/remove")
    assert publisher.run(NOW + 60 * DAY_S, force=True) == {MINE: 0}
    assert lead.get("/indicators/sources")["items"] == []
    assert rows(node) == 0


def test_one_value_leaves_its_source(node: NodeUnderTest, lead: Browser) -> None:
    paste(lead, "45.6.7.8\n45.6.7.9\n")
    item = lead.get("/indicators", q="45.6.7.8")["items"][0]
    assert lead.post(f"/indicators/{item['id']}/remove")["count"] == 1
    assert lead.get("/indicators", q="45.6.7.8")["total"] == 0
    assert lead.send("GET", f"/indicators/{item['id']}").status_code == 404


def test_from_a_paste_to_sightings_counted_once(node: NodeUnderTest, lead: Browser) -> None:
    paste(lead, "45.6.7.8\nevil.example\n", confidence=90, tlp="green")
    Publisher(node.runtime.db, node.runtime.data).run(NOW)
    pipeline = Pipeline(Engine.load([], []), indicators=Indicators(tables(node)))
    hits = pipeline.feed([flow(n * 10) for n in range(13)] + [flow(200, agency=OTHER), flow(300)]) + pipeline.finish()
    node.store(hits, "hits")
    node.fold()
    node.store(hits, "hits")
    node.fold()
    (item,) = lead.get("/indicators", q="45.6.7.8")["items"]
    assert item["seen"] == 14
    assert item["first_seen"] < item["last_seen"]
    assert lead.get("/indicators", seen=True)["total"] == 1
    (alert,) = lead.get("/alerts")["items"]
    steps = lead.get(f"/alerts/{alert['id']}")["steps"]
    assert len(steps["vi"]) == len(steps["en"]) >= 3
    assert alert["level"] == "high"
    assert "45.6.7.8" in alert["reason"]["vi"]
    assert "Công văn 123" in alert["reason"]["vi"]


def test_sightings_of_others_are_not_told(node: NodeUnderTest, lead: Browser) -> None:
    everywhere = Browser(node).link(node.add_user("chi", ("lead", None)))
    body = {"agency": "", "content": "45.6.7.8\n", "name": "Chung"}
    assert lead.send("POST", "/indicators/import", body).status_code == 403
    assert everywhere.post("/indicators/import", body)["applied"]
    Publisher(node.runtime.db, node.runtime.data).run(NOW)
    pipeline = Pipeline(Engine.load([], []), indicators=Indicators(tables(node)))
    node.store(pipeline.feed([flow(1), flow(2, agency=OTHER)]) + pipeline.finish(), "hits")
    node.fold()
    assert lead.get("/indicators")["items"][0]["seen"] == 1
    assert everywhere.get("/indicators")["items"][0]["seen"] == 2
    source = lead.get("/indicators/sources")["items"][0]
    assert lead.send("POST", f"/indicators/sources/{source['id']}/remove", {}).status_code == 403
    everywhere.close()


def test_a_value_is_found_however_it_is_written(node: NodeUnderTest, lead: Browser) -> None:
    paste(lead, "https://evil.example/a?b=c\nbad.example\n45.9.0.0/16\n2a00::1\n")
    for text, value in (("hxxp://evil[.]example/a?b=c", "https://evil.example/a?b=c"),
                        ("x.BAD.example.", "bad.example"),
                        ("45.9.8.7", "45.9.0.0/16"), ("2a00:0::0001", "2a00::1")):  # fmt: skip
        found = lead.get("/indicators/test", value=text)
        assert [item["value"] for item in found["items"]] == [value], text
    assert lead.get("/indicators/test", value="8.8.8.8")["caution"]["list"] == "resolvers"
    assert lead.get("/indicators", q="BAD[.]example")["total"] == 1
    assert lead.get("/indicators", q="bad")["total"] == 1


def test_a_hunt_in_slices_finds_and_can_be_stopped(node: NodeUnderTest, lead: Browser) -> None:
    node.store([flow(n) for n in range(5)] + [flow(9, agency=OTHER), flow(10, to="45.6.7.1")])
    node.index()
    node.clock.move(60)
    paste(lead, "45.6.7.8\n")
    source = lead.get("/indicators/sources")["items"][0]
    asked = lead.post("/indicators/hunts", {"agency": MINE, "source": source["id"], "days": 7})
    assert asked["state"] == "waiting"
    hunter = Hunter(node.runtime.db, node.runtime.reader, node.clock)
    for _ in range(20):
        if not hunter.run(0.0):
            break
    done = lead.get(f"/indicators/hunts/{asked['id']}")
    assert (done["state"], done["found_total"], done["found"][0]["count"]) == ("done", 1, 5)
    assert done["found"][0]["hosts"] == {"10.0.0.5": 5}
    assert done["ended_at"]
    again = lead.post("/indicators/hunts", {"agency": MINE, "values": ["hxxp://x.example/", "45.6.7.8"]})
    assert lead.post(f"/indicators/hunts/{again['id']}/stop")["state"] == "stopped"
    assert not hunter.run(0.0)
    assert [one["state"] for one in lead.get("/indicators/hunts")["items"]] == ["stopped", "done"]


@pytest.mark.parametrize("body", [
    {"agency": MINE}, {"agency": MINE, "values": ["?"]}, {"agency": OTHER, "values": ["45.6.7.8"]},
    {"agency": MINE, "values": ["45.6.7.8"], "source": 99}, {"agency": MINE, "source": 99},
    {"agency": MINE, "values": []},
])  # fmt: skip
def test_hunts_that_say_nothing_or_belong_to_others(lead: Browser, body: dict[str, Any]) -> None:
    assert lead.send("POST", "/indicators/hunts", body).status_code == 422


def test_hunts_are_bounded(lead: Browser) -> None:
    for number in range(hunting.WAITING):
        lead.post("/indicators/hunts", {"agency": MINE, "values": [f"45.6.7.{number}"]})
    assert lead.send("POST", "/indicators/hunts", {"agency": MINE, "values": ["45.6.7.8"]}).status_code == 422


def test_the_job_makes_sets_and_works_on_hunts(node: NodeUnderTest, lead: Browser) -> None:
    assert job.run(node.runtime) == ""
    paste(lead, "45.6.7.8\n")
    lead.post("/indicators/hunts", {"agency": MINE, "values": ["45.6.7.8"]})
    assert job.run(node.runtime) == f"1 indicators for {MINE}, a slice of a hunt"
    assert tables(node)[MINE].count == 1
    assert job.run(node.runtime) == ""


def test_a_crash_in_between_is_completed_by_the_same_list(
    node: NodeUnderTest, lead: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BLOCK", 10)
    whole, calls = importing._block, []

    def block(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("killed")
        whole(*args)

    monkeypatch.setattr(importing, "_block", block)
    text = "\n".join(f"45.6.7.{n}" for n in range(50))
    assert lead.send("POST", "/indicators/import",
                     {"agency": MINE, "content": text, "name": "Công văn 123"}).status_code == 500  # fmt: skip
    assert rows(node) == 20
    assert Publisher(node.runtime.db, node.runtime.data).run(NOW) == {MINE: 20}
    assert states(paste(lead, text)) == {"new": 30, "known": 20}
    assert rows(node) == 50
    with node.runtime.db.read() as session:
        assert session.scalars(select(IndicatorSource)).one().rows == 50


@pytest.mark.parametrize("more", [
    {"format": "pdf"}, {"agency": OTHER}, {"agency": "nowhere"}, {"name": ""}, {"tlp": "white"}, {"confidence": 101},
    {"days": 0}, {"yes": ["x" * 40]}, {"content": ""}, {"unknown": 1},
])  # fmt: skip
def test_what_is_wrong_is_refused(lead: Browser, more: dict[str, Any]) -> None:
    body = {"agency": MINE, "content": "45.6.7.8", "name": "x", **more}
    assert lead.send("POST", "/indicators/import", body).status_code == 422


def test_what_is_raised_carries_the_strictest_mark(node: NodeUnderTest, lead: Browser) -> None:
    paste(lead, "value,tlp\n45.6.7.8,red\nevil.example,green\n")
    given = [("ipv4", "45.6.7.8", "amber"), ("domain", "evil.example", "amber"), ("ipv4", "45.6.7.9", "amber")]
    with node.runtime.db.read() as session:
        assert [tlp for *_, tlp in strictest(session, MINE, given)] == ["red", "amber", "amber"]
        assert [tlp for *_, tlp in strictest(session, OTHER, given)] == ["amber"] * 3


def test_every_mark_kind_and_warning_list_fits_its_column() -> None:
    """PostgreSQL refuses what is longer, SQLite keeps it: found first at the agency that uses PostgreSQL."""
    for column in (IndicatorSource.tlp, ListedIndicator.tlp, OfIncident.tlp, RaisedIndicator.tlp):
        assert max(map(len, TLPS)) <= column.type.length, column
    assert max(map(len, all_kinds())) <= ListedIndicator.kind.type.length
    assert max(map(len, all_warnings())) <= ListedIndicator.allowed.type.length
    assert max(map(len, all_formats())) <= IndicatorSource.format.type.length


def test_an_incident_s_indicator_carries_every_mark(node: NodeUnderTest) -> None:
    """On PostgreSQL too (tests/scenario/test_on_postgresql.py runs this there)."""
    node.store([hit(1)], "hits")
    node.fold()
    boss = Browser(node).link(node.add_user("boss", ("lead", MINE)))
    (alert,) = boss.get("/alerts")["items"]
    incident = boss.post("/incidents", {"alert_ids": [alert["id"]], "title": "Máy chủ bị chiếm quyền"})["id"]
    with node.runtime.db.write() as session:
        for tlp in TLPS:
            session.add(OfIncident(incident_id=incident, type="domain", value=f"{tlp}.example", tlp=tlp))
    assert set(TLPS) <= {one["tlp"] for one in boss.get(f"/incidents/{incident}")["indicators"]}


def test_how_many_are_in_force_is_told_of_ones_own_agency(node: NodeUnderTest, lead: Browser) -> None:
    said = {"name": "luytre-correlator", "indicators": {"count": 1_111, "by_agency": {"": 1, MINE: 10, OTHER: 1_100}}}
    (node.runtime.data / "run").mkdir(exist_ok=True)
    (node.runtime.data / "run" / "luytre-correlator.json").write_text(json.dumps(said))
    assert lead.get("/indicators/sources")["in_force"] == 11
