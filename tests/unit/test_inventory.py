"""The inventory: acts on record, addresses by time, naming of alerts, priority, state-secret, import, summary."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.casework.folding import fold
from api.inventory import naming, renaming, seen, summary
from api.inventory.table import ROWS
from api.state.cases import Alert, Incident
from sensors.clock import rfc3339
from tests.servers.people_port import MINE, NOW, OTHER, Browser, NodeUnderTest, event, hit, make_node

LINK = '[federation]\nupstream = "https://127.0.0.1:1"\n'


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    with make_node(tmp_path, more=LINK) as one:
        yield one


@pytest.fixture
def lead(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("lan", ("lead", MINE), ("auditor", MINE)))


def add_system(lead: Browser, name: str = "Cổng dịch vụ công", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = lead.post("/systems", {"name": name, "kind": "services", "agency": MINE, **more})
    return made


def add_asset(lead: Browser, host: str, *addresses: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = lead.post("/assets", {"host": host, "addresses": list(addresses), "agency": MINE, **more})
    return made


def patch(lead: Browser, path: str, body: Any, revision: int) -> Any:
    return lead.send("PATCH", path, body, If_Match=f'"{revision}"')


def rename(node: NodeUnderTest) -> None:
    renaming.run(node.runtime.db, node.runtime.bell, node.clock.now())


def test_a_change_is_on_record_with_before_and_after(node: NodeUnderTest, lead: Browser) -> None:
    system = add_system(lead, grade=3)
    changed = patch(lead, f"/systems/{system['id']}", {"grade": 4, "owner": "Sở"}, system["revision"])
    assert changed.status_code == 200
    assert patch(lead, f"/systems/{system['id']}", {"grade": 5}, system["revision"]).status_code == 412
    entries = lead.get(f"/systems/{system['id']}/history")["items"]
    assert [entry["act"] for entry in entries] == ["created", "changed"]
    assert (entries[1]["from"], entries[1]["to"]) == ({"grade": 3, "owner": ""}, {"grade": 4, "owner": "Sở"})
    acts = [entry["act"] for entry in lead.get("/audit")["items"]]
    assert {"system.created", "system.changed"} <= set(acts)
    again = patch(lead, f"/systems/{system['id']}", {"grade": 4}, changed.json()["revision"])
    assert again.json()["revision"] == changed.json()["revision"]  # nothing changed, nothing recorded


def test_found_without_diacritics_counted_and_paged(lead: Browser) -> None:
    for number in range(7):
        add_system(lead, f"Hệ thống {number}", grade=number % 3 or None)
    add_system(lead, "Thư điện tử Đà Nẵng", kind="mail", names=["https://mail.danang.example/x"])
    assert [row["name"] for row in lead.get("/systems", q="da nang")["items"]] == ["Thư điện tử Đà Nẵng"]
    assert lead.get("/systems", q="mail.danang")["total"] == 1
    assert lead.get("/systems")["counts"] == {"kind": {"services": 7, "mail": 1}, "grade": {"0": 4, "1": 2, "2": 2}}
    for sort in ("name", "-name", "grade", "-grade", "kind", "created_at"):
        whole = [row["id"] for row in lead.get("/systems", sort=sort)["items"]]
        met, cursor = [], ""
        while cursor is not None:
            page = lead.get("/systems", sort=sort, limit=3, cursor=cursor)
            met += [row["id"] for row in page["items"]]
            cursor = page["next"]
        assert met == whole, sort
        assert len(set(whole)) == 8
    grades = [row["grade"] or 0 for row in lead.get("/systems", sort="-grade")["items"]]
    assert grades == sorted(grades, reverse=True)


def test_an_address_passes_on_and_the_past_keeps_its_holder(node: NodeUnderTest, lead: Browser) -> None:
    old, new = add_system(lead, "Cũ", grade=2), add_system(lead, "Mới", grade=5)
    first = add_asset(lead, "may-cu", "10.0.0.5", system=old["id"])
    node.clock.move(1000)
    add_asset(lead, "may-moi", "10.0.0.5", system=new["id"])
    [ended] = [one for one in lead.get(f"/assets/{first['id']}")["bindings"] if one["until"]]
    assert ended["now_of"]["host"] == "may-moi"
    assert [entry["act"] for entry in lead.get(f"/assets/{first['id']}/history")["items"]] == ["created", "lost"]
    with node.runtime.db.read() as session:
        for at, wanted in ((NOW - 9e6, "Cũ"), (NOW + 999, "Cũ"), (NOW + 1000, "Mới")):
            found = naming.system_of(session, MINE, [("source.ip", "10.0.0.5")], at)
            assert found is not None
            assert found.name == wanted
        assert naming.system_of(session, OTHER, [("source.ip", "10.0.0.5")], NOW) is None


def test_the_choice_is_target_then_grade_and_the_longest_prefix(node: NodeUnderTest, lead: Browser) -> None:
    wan = add_system(lead, "WAN", grade=5, names=["10.0.0.0/8"])
    lan = add_system(lead, "LAN", grade=1, names=["10.1.0.0/16", "::ffff:10.1.2.3"])
    web = add_system(lead, "Web", grade=2, names=["https://dichvucong.example/a"])
    with node.runtime.db.read() as session:

        def of(*entities: tuple[str, str]) -> str | None:
            found = naming.system_of(session, MINE, entities, NOW)
            return found.id if found else None

        assert of(("source.ip", "10.1.9.9")) == lan["id"]
        assert of(("source.ip", "10.2.9.9")) == wan["id"]
        assert of(("source.ip", "10.2.9.9"), ("url.domain", "DICHVUCONG.example")) == web["id"]
        assert of(("destination.ip", "10.2.9.9"), ("url.domain", "dichvucong.example")) == wan["id"]
        assert of(("luytre.probe.system", web["id"]), ("source.ip", "10.2.9.9")) == web["id"]
        assert of(("source.ip", "192.0.2.1"), ("user.name", "10.1.1.1")) is None


def test_alerts_and_incidents_name_their_system_and_the_queue_is_in_order(node: NodeUnderTest, lead: Browser) -> None:
    system = add_system(lead, grade=4)
    add_asset(lead, "cong-01.example", "10.7.7.7", system=system["id"])
    node.store([hit(1, rule="r-high", level="high", source="203.0.113.1", destination__ip="192.0.2.9")], "hits")
    node.store([hit(2, rule="r-low", level="medium", source="203.0.113.2", destination__ip="10.7.7.7")], "hits")
    node.store([hit(3, rule="r-top", level="high", source="203.0.113.3", destination__ip="10.7.7.7")], "hits")
    node.fold()
    rows = lead.get("/alerts")["items"]
    assert [(row["rule_id"], row["priority"]) for row in rows] == [("r-top", 80), ("r-low", 60), ("r-high", 60)]
    assert rows[0]["system"] == {"id": system["id"], "name": system["name"], "kind": "services", "grade": 4}
    assert [term["points"] for term in rows[0]["priority_terms"]] == [60, 20]
    assert rows[0]["priority_terms"][1]["vi"] == "hệ thống cấp độ 4"
    assert [row["rule_id"] for row in lead.get("/alerts", system=system["id"])["items"]] == ["r-top", "r-low"]
    assert [row["rule_id"] for row in lead.get("/alerts", grade="none")["items"]] == ["r-high"]
    pages, cursor = [], ""
    while cursor is not None:
        page = lead.get("/alerts", limit=1, cursor=cursor)
        pages += [row["rule_id"] for row in page["items"]]
        cursor = page["next"]
    assert pages == ["r-top", "r-low", "r-high"]
    incident = lead.post("/incidents", {"alert_ids": [rows[2]["id"], rows[1]["id"]]})
    assert incident["system"]["id"] == system["id"]
    for words in (system["name"], fold(system["name"]).upper()):  # the queue is searched by what people call it
        assert [row["rule_id"] for row in lead.get("/alerts", q=words)["items"]] == ["r-top", "r-low"]
        assert [row["id"] for row in lead.get("/incidents", q=words)["items"]] == [incident["id"]]
    # The inventory changes: what is open follows, what is closed keeps its name.
    lead.post(f"/alerts/{rows[0]['id']}/close", {"disposition": "test"})
    assert patch(lead, f"/systems/{system['id']}", {"grade": 5}, system["revision"]).status_code == 200
    rename(node)
    assert lead.get(f"/alerts/{rows[1]['id']}")["priority"] == 70
    assert lead.get(f"/alerts/{rows[0]['id']}")["priority"] == 80
    assert lead.get(f"/incidents/{incident['id']}")["system"]["grade"] == 5
    with node.runtime.db.read() as session:
        assert session.get_one(Incident, incident["id"]).grade == 5
        assert session.get_one(Alert, rows[1]["id"]).grade == 5


def test_an_alert_that_rises_moves_up(node: NodeUnderTest, lead: Browser) -> None:
    node.store([hit(1, level="low")], "hits")
    node.fold()
    node.store([hit(2, level="critical")], "hits")
    node.fold()
    assert lead.get("/alerts")["items"][0]["priority"] == 80


def test_a_walk_over_open_alerts_goes_on_where_it_was(node: NodeUnderTest, lead: Browser,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(renaming, "AT_ONCE", 2)
    node.store([hit(n, rule=f"r-{n}", source=f"10.9.0.{n}") for n in range(5)], "hits")
    node.fold()
    system = add_system(lead, names=["10.9.0.0/24"])
    with node.runtime.db.write() as session:
        assert renaming.step(session, node.runtime.bell, MINE, NOW) == (2, 2)
    rename(node)
    assert {row["system"]["id"] for row in lead.get("/alerts")["items"]} == {system["id"]}
    assert renaming.run(node.runtime.db, node.runtime.bell, NOW) == (0, 0)


@pytest.mark.parametrize("way", ["named", "only met", "probe"])
def test_what_a_state_secret_system_produces_is_held_back(node: NodeUnderTest, lead: Browser, way: str) -> None:
    system = add_system(lead, "Hệ thống mật", grade=5, secret=True, names=["10.66.0.1", "192.168.66.0/24"])
    add_system(lead, "Cổng", grade=1, names=["10.77.0.1"])
    if way == "named":
        made = hit(1, destination__ip="10.66.0.1")
    elif way == "only met":  # the alert is told of another system; the secret one is only its source
        made = hit(1, source="192.168.66.9", destination__ip="10.77.0.1")
    else:
        made = hit(1, luytre={"probe": {"system": system["id"]}})
    node.store([made, hit(2, rule="r-free", source="198.51.100.1")], "hits")
    node.fold()
    alerts = {row["rule_id"]: row["id"] for row in lead.get("/alerts")["items"]}
    held = lead.send("POST", f"/alerts/{alerts['r-1']}/raise", {})
    assert (held.status_code, held.json()["code"]) == (409, "LT-A0409")
    assert lead.send("POST", f"/alerts/{alerts['r-free']}/raise", {}).status_code == 200
    incident = lead.post("/incidents", {"alert_ids": [alerts["r-1"]]})
    assert lead.send("POST", f"/incidents/{incident['id']}/raise", {}).status_code == 409
    with node.runtime.db.read() as session:
        assert [one["name"] for one in summary.summary(session, MINE, NOW)] == ["Cổng"]


def test_last_data_comes_from_the_events_and_is_kept_as_rows(node: NodeUnderTest, lead: Browser) -> None:
    system = add_system(lead, names=["dichvucong.example"])
    silent = add_system(lead, "Thư")
    asset = add_asset(lead, "web-01", "10.5.0.1", system=system["id"])
    node.store(
        [
            event(1, at=NOW - 500, host__name="web-01.so.example", observer__name="cb-1"),
            event(2, at=NOW - 50, destination__ip="10.5.0.1", observer__name="cb-2"),
            event(3, at=NOW - 5, agency=OTHER, destination__ip="10.5.0.1", observer__name="cb-canary"),
        ]
    )
    node.index()
    seen.refresh(node.runtime.db, node.runtime.reader, NOW)
    whole = lead.get(f"/systems/{system['id']}")
    assert (whole["sensed"], whole["last_data_at"]) == (True, rfc3339(NOW - 50))
    assert whole["assets_listed"][0]["last_data_at"] == rfc3339(NOW - 50)
    assert lead.get(f"/assets/{asset['id']}")["last_data_at"] == rfc3339(NOW - 50)
    assert [sensor["name"] for sensor in whole["sensors"]] == ["cb-2"]
    assert {row["id"]: row["sensed"] for row in lead.get("/systems")["items"]} == {
        system["id"]: True, silent["id"]: False,
    }  # fmt: skip
    with node.runtime.db.read() as session:
        told = {one["id"]: one for one in summary.summary(session, MINE, NOW)}
        later = summary.summary(session, MINE, NOW + 2 * 86400)
    assert told[system["id"]]["last_data_at"] == rfc3339(NOW - 50)
    assert told[silent["id"]]["sensed"] is False
    assert not any(one["sensed"] for one in later)


def send_file(lead: Browser, of: str, text: str, *, apply: bool = False, encoding: str = "utf-8") -> dict[str, Any]:
    content = base64.b64encode(text.encode(encoding)).decode()
    plan: dict[str, Any] = lead.post(f"/{of}/import", {"agency": MINE, "content": content, "apply": apply})
    return plan


def sums(plan: dict[str, Any]) -> tuple[int, int, int, int]:
    return plan["new"], plan["changed"], plan["unchanged"], len(plan["wrong"])


def test_a_table_is_previewed_then_applied_and_is_idempotent(node: NodeUnderTest, lead: Browser) -> None:
    text = "Tên hệ thống;Loại;Cấp độ;Tên miền, URL\nCổng;Cổng dịch vụ công;4;https://a.example b.example\nThư;mail;;\n"
    assert sums(send_file(lead, "systems", text)) == (2, 0, 0, 0)
    assert lead.get("/systems")["total"] == 0
    assert send_file(lead, "systems", text, apply=True, encoding="utf-16")["applied"]
    assert sums(send_file(lead, "systems", text, apply=True)) == (0, 0, 2, 0)
    assert sums(send_file(lead, "systems", text.replace(";4;", ";5;"), apply=True)) == (0, 1, 1, 0)
    [system] = lead.get("/systems", q="cong")["items"]
    assert (system["grade"], sorted(system["names"])) == (5, ["a.example", "b.example"])
    acts = [entry["act"] for entry in lead.get(f"/systems/{system['id']}/history")["items"]]
    assert acts == ["created", "changed"]
    machines = "Host,IP,System\nweb-01,10.0.0.1 10.0.0.2,Cổng\nweb-02,10.0.0.3,\n"
    assert sums(send_file(lead, "assets", machines, apply=True)) == (2, 0, 0, 0)
    assert sums(send_file(lead, "assets", machines.replace("10.0.0.3", "10.0.0.2"))) == (0, 1, 1, 1)
    for of in ("systems", "assets"):  # what goes out comes in again as it was
        out = lead.send("GET", f"/{of}/export").content
        again = lead.post(f"/{of}/import", {"agency": MINE, "content": base64.b64encode(out).decode(), "apply": True})
        assert sums(again) == (0, 0, 2, 0)


def test_every_wrong_cell_is_told_by_row_and_column_and_nothing_is_written(lead: Browser) -> None:
    text = "Tên hệ thống;Loại;Cấp độ;Tên miền, URL;Lạ\n"
    text += "A;mail;9;;\n;mail;1;;\nB;nonsense;1;10.0.0.256;\nA;mail;1;;\nC;;;;\n"
    plan = send_file(lead, "systems", text, apply=True)
    assert [(wrong["row"], wrong["column"]) for wrong in plan["wrong"]] == [
        (1, "Lạ"), (2, "grade"), (3, "name"), (4, "kind"), (4, "names"),
    ]  # fmt: skip
    assert not plan["applied"]
    assert lead.get("/systems")["total"] == 0
    twice = send_file(lead, "systems", "Name\nA\na\n", apply=True)
    assert [(wrong["row"], wrong["vi"]) for wrong in twice["wrong"]] == [(3, "Trùng với dòng 2.")]
    foreign = send_file(lead, "systems", f"Name,Agency\nA,{OTHER}\n", apply=True)
    assert [(wrong["row"], wrong["column"]) for wrong in foreign["wrong"]] == [(2, "agency")]
    assert send_file(lead, "assets", "Kind\nserver\n")["wrong"][0]["column"] == "host"
    long = send_file(lead, "assets", "Host\n" + "".join(f"h{n}\n" for n in range(ROWS + 1)))
    assert long["wrong"][-1]["row"] == ROWS + 2


def test_retiring_gives_back_the_addresses(node: NodeUnderTest, lead: Browser) -> None:
    system = add_system(lead, names=["a.example"])
    asset = add_asset(lead, "m-1", "10.3.0.1", system=system["id"])
    node.clock.move(10)
    lead.post(f"/assets/{asset['id']}/retire", {}, If_Match=f'"{asset["revision"]}"')
    lead.post(f"/systems/{system['id']}/retire")
    assert lead.get("/systems")["total"] == 0
    assert lead.get("/systems", state="retired")["total"] == 1
    assert lead.send("PATCH", f"/systems/{system['id']}", {"grade": 1}).status_code == 409
    with node.runtime.db.read() as session:
        assert naming.system_of(session, MINE, [("url.domain", "a.example")], NOW + 10) is None
        assert naming.system_of(session, MINE, [("url.domain", "a.example")], NOW + 5) is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [({"grade": 6}, "grade"), ({"kind": "nonsense"}, "kind"), ({"names": ["0.0.0.0/0"]}, "names"),
     ({"name": " "}, "name"),
     ({"owner": None}, "owner"), ({"role": "x"}, "role")],
)  # fmt: skip
def test_what_is_not_valid_is_named(lead: Browser, body: dict[str, Any], field: str) -> None:
    system = add_system(lead)
    refused = patch(lead, f"/systems/{system['id']}", body, system["revision"])
    assert refused.status_code == 422
    assert field in {error["field"] for error in refused.json()["errors"]}
