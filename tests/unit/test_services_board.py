"""What goes up to the centre, what the centre makes of it, and the file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.jobs import services as job
from api.services.summary import summary
from api.state.inventory import System
from api.state.national import Reported
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, make_node
from tests.unit.test_services import beats, probe


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path, role="national") as made:
        yield made


def test_the_summary_names_no_host_and_no_secret_system(node: NodeUnderTest) -> None:
    with node.runtime.db.write() as session:
        for system_id, name, hidden in (("HT-2026-000001", "Một cửa", False), ("HT-2026-000002", "Tối mật", True)):
            session.add(System(id=system_id, agency=MINE, name=name, kind="web", grade=3, secret=hidden, created_at=NOW,
                               owner="", contact="", provider="", note="", search_text=""))  # fmt: skip
    beats(
        node, "up", luytre__probe__system="một cửa", destination__address="noi-bo-7.local", url__full="http://noi-bo-7"
    )
    beats(node, "up", key="kin", luytre__probe__system="HT-2026-000002")
    with node.runtime.db.read() as session:
        found = summary(session, MINE, node.clock.now())
        assert summary(session, OTHER, node.clock.now()) == []
    assert [(row["id"], row["system"], row["grade"], row["state"]) for row in found] == [
        ("cong-dvc", "Một cửa", 3, "up")
    ]
    assert "noi-bo" not in str(found)
    assert set(found[0]) == {
        "id", "name", "system", "kind", "grade", "state", "since", "availability_30d", "minutes_watched_30d",
        "minutes_lost_30d", "latency_ms", "certificate_expires_at", "checked_at",
    }  # fmt: skip


def report(node: NodeUnderTest, agency: str, state: str, age_s: float = 0.0) -> None:
    body = {"services": [{"id": "cong-dvc", "name": "Cổng", "state": state, "minutes_watched_30d": 1000,
                          "minutes_lost_30d": 10, "grade": 3}, {"id": 7}, "?"]}  # fmt: skip
    with node.runtime.db.write() as session:
        session.merge(Reported(agency=agency, sender="x", at=NOW, received_at=node.clock.now() - age_s, body=body))


def test_the_board(node: NodeUnderTest) -> None:
    duty = Browser(node).link(node.add_user("truc", ("national_duty", None)))
    report(node, OTHER, "up")
    beats(node, "down", "down", key=f"{OTHER}/cong-dvc")
    [agency] = duty.get("/services/board")["items"]
    [service] = agency["services"]
    assert (service["verdict"], service["said"], service["reached"]) == ("unreachable", "up", "down")
    assert (service["availability_30d"], service["minutes_watched_30d"], service["grade"]) == (0.99, 1000, 3)
    report(node, OTHER, "down")
    assert duty.get("/services/board")["counts"]["down"] == 1
    report(node, OTHER, "up", age_s=3600)
    [agency] = duty.get("/services/board")["items"]
    assert (agency["silent"], agency["services"][0]["verdict"]) == (True, "unknown")


def test_the_board_is_the_centres(node: NodeUnderTest) -> None:
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    assert lead.send("GET", "/services/board").status_code == 403


def test_csv_opens_with_its_diacritics_and_starts_no_formula(node: NodeUnderTest) -> None:
    node.store([probe(NOW, service__name='=HYPERLINK("http://x")'), probe(NOW, key="b", service__name="Cổng, dịch vụ")])
    job.run(node.runtime)
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    answer = lead.send("GET", "/services/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert sorted(row["name"] for row in rows) == ['\'=HYPERLINK("http://x")', "Cổng, dịch vụ"]
    assert {row["minutes_watched_30d"] for row in rows} == {"1"}


def test_list_filters_sorts_and_pages(node: NodeUnderTest) -> None:
    beats(node, "down", "down", key="a", service__name="An")
    for key, name in (("b", "Bình"), ("c", "Chi")):
        node.store([probe(node.clock.now(), key=key, service__name=name)])
    job.run(node.runtime)
    lead = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    found = lead.get("/services")
    assert [row["name"] for row in found["items"]] == ["An", "Bình", "Chi"]  # now down first
    assert (found["states"]["down"], found["states"]["up"]) == (1, 2)
    assert [row["name"] for row in lead.get("/services", state="up", sort="-name")["items"]] == ["Chi", "Bình"]
    assert [row["name"] for row in lead.get("/services", q="binh")["items"]] == ["Bình"]
    first = lead.get("/services", limit=2)
    assert [row["name"] for row in lead.get("/services", limit=2, cursor=first["next"])["items"]] == ["Chi"]
    assert lead.send("GET", "/services?cursor=%00").status_code in (400, 422)
