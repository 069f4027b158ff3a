"""The centre's door: each of a sender's items once, in order, as itself; everything else gets a typed answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.auth.sessions import Access
from api.federation import quota
from api.live import may_see
from api.permissions import Granted
from api.state.audit import AuditEntry, Change
from api.state.federation import Raised, RaisedRevision
from api.state.people import Agency
from sensors.clock import ManualClock
from tests.servers.people_port import MINE, OTHER, Browser, NodeUnderTest, make_node
from tests.servers.two_nodes import Centre, Sender, an_item


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    (tmp_path / "centre").mkdir()
    with make_node(tmp_path / "centre", role="national") as node:
        made = Centre(node)
        yield made
        made.close()


@pytest.fixture
def sender(centre: Centre, tmp_path: Path) -> Sender:
    return centre.enrol(tmp_path / "a")


def count(centre: Centre, table: Any) -> int:
    with centre.node.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def on_record(centre: Centre, act: str) -> int:
    with centre.node.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.act == act)) or 0


def duty(node: NodeUnderTest) -> Browser:
    return Browser(node).link(node.add_user("truc", ("national_duty", None)))


def test_the_same_item_again_is_the_same_receipt(centre: Centre, sender: Sender) -> None:
    first, again = sender.post(an_item()), sender.post(an_item())
    assert first.status == 201
    assert again.json() == first.json()
    assert set(first.json()) == {"receipt", "at", "by"}
    assert count(centre, Raised) == 1


def test_each_change_is_told_live_to_who_may_see_the_inbox(centre: Centre, sender: Sender) -> None:
    sender.post(an_item())
    sender.post(an_item())  # the same again is no change
    person = duty(centre.node)
    [row] = person.get("/inbox")["items"]
    person.post(f"/inbox/{row['id']}/acknowledge", {})
    with centre.node.runtime.db.read() as session:
        changes = list(session.scalars(select(Change)))
    assert [(one.topic, one.object_id, one.kind, one.agency) for one in changes] == [
        ("raised", row["id"], "created", MINE), ("raised", row["id"], "changed", MINE),
    ]  # fmt: skip
    agencies: dict[str, str | None] = {MINE: None, OTHER: None}
    national = Access(1, "a", "A", "vi", (Granted("national_duty", None),), agencies, "h", "c", 0.0)
    local = Access(2, "b", "B", "vi", (Granted("lead", MINE),), agencies, "h", "c", 0.0)
    assert may_see(national, changes[0].topic, changes[0].agency)
    assert not may_see(local, changes[0].topic, changes[0].agency)
    person.close()


def test_a_hole_is_not_jumped(centre: Centre, sender: Sender) -> None:
    assert sender.post(an_item(2)).json() == {"expected": 1}
    assert sender.post(an_item(1)).status == 201
    assert sender.post(an_item(3)).json() == {"expected": 2}
    assert count(centre, Raised) == 1


def test_a_used_number_with_other_words_is_refused_and_on_record_once(centre: Centre, sender: Sender) -> None:
    sender.post(an_item(1))
    for number in range(5):
        answer = sender.post(an_item(1, title=f"khác {number}"))
        assert (answer.status, answer.json()) == (409, {"expected": 2})
    assert on_record(centre, "item.conflict") == 1
    assert count(centre, Raised) == 1


def test_numbered_anew_is_the_same_item(centre: Centre, sender: Sender) -> None:
    first = sender.post(an_item(1)).json()
    sender.post(an_item(2))
    again = sender.post(an_item(1) | {"sequence": 3})
    assert (again.status, again.json()) == (200, first)
    assert count(centre, Raised) == 2


def test_a_revision_with_other_words_is_given_the_next(centre: Centre, sender: Sender) -> None:
    sender.post(an_item(1))
    other = an_item(1, title="nói khác") | {"sequence": 2}
    answer = sender.post(other)
    assert (answer.status, answer.json()) == (409, {"expected_revision": 2})
    assert sender.post(other | {"revision": 2}).status == 201
    assert (count(centre, Raised), count(centre, RaisedRevision)) == (1, 2)


def test_an_item_of_another_agency_is_refused_with_the_reason(centre: Centre, sender: Sender) -> None:
    answer = sender.post(an_item(agency=OTHER))
    assert answer.status == 422
    assert OTHER in answer.json()["refused"]["vi"]
    assert OTHER in answer.json()["refused"]["en"]
    assert sender.post(an_item(2)).status == 201  # the refused one has used its number
    assert count(centre, Raised) == 1
    assert on_record(centre, "item.refused") == 1


def test_an_agency_below_may_be_spoken_for(centre: Centre, sender: Sender) -> None:
    with centre.node.runtime.db.write() as session:
        session.add(Agency(code="xa-1", name="Xã 1", parent=MINE, created_at=0.0))
        session.add(Agency(code="vong", name="", parent="vong", created_at=0.0))
    assert sender.post(an_item(1, agency="xa-1")).status == 201
    assert sender.post(an_item(2, agency="vong")).status == 422


@pytest.mark.parametrize("change", [{"marking": "secret"}, {"level": "dire"}, {"indicators": [{"type": "ipv4"}]}])
def test_what_is_no_item_is_refused_with_the_place(sender: Sender, change: dict[str, Any]) -> None:
    answer = sender.post(an_item(**change))
    assert answer.status == 422
    assert next(iter(change)) in answer.json()["refused"]["en"]
    assert sender.post(an_item(**change)).json() == answer.json()


def test_what_is_not_signed_by_its_sender_is_not_taken(centre: Centre, sender: Sender, tmp_path: Path) -> None:
    other = centre.enrol(tmp_path / "b", OTHER, "nut-2")
    assert sender.post(an_item(), sender=other.name.id).status == 400
    assert sender.post(an_item(), signed_as=2).status == 400
    stolen = Sender(centre, tmp_path / "b", sender.name)  # its own key and certificate, another's name
    assert stolen.post(an_item()).status == 400
    for text in ("", "null", "[]", '{"sequence":1', '{"sequence": 1}', '{"sequence":true}', '{"sequence":99999999999}'):
        assert sender.post(text).status == 400
    assert count(centre, Raised) == 0


def test_who_may_knock(centre: Centre, sender: Sender, tmp_path: Path) -> None:
    sensor = centre.enrol(tmp_path / "s", MINE, "cam-bien", role="sensor")
    assert sensor.post(an_item()).status == 403
    assert sender.post(an_item()).status == 201
    centre.port.machines.revoke(sender.name.id, "mất máy")
    refused = sender.post(an_item(2))
    assert refused.status == 403
    assert "revoked" in str(refused.json())
    assert centre.ask(sender.certificate, "GET", "/federation/v1/words", None).status == 403


def test_one_sender_cannot_starve_another(centre: Centre, sender: Sender, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(quota, "ITEMS", 3)
    other = centre.enrol(tmp_path / "b", OTHER, "nut-2")
    assert [sender.post(an_item(n)).status for n in (1, 2, 3, 4)] == [201, 201, 201, 429]
    assert int(sender.post(an_item(4)).headers["retry-after"]) >= 1
    assert other.post(an_item(1, agency=OTHER)).status == 201
    centre.node.clock.move(1.0)
    assert sender.post(an_item(4)).status == 201


def test_bytes_are_bounded_too() -> None:
    clock = ManualClock()
    bucket = quota.Quota(clock)
    assert bucket.wait_s("a", quota.BYTES) == 0
    assert bucket.wait_s("a", 1) > 0
    assert bucket.wait_s("b", 1) == 0


def test_a_new_revision_is_to_be_looked_at_again(centre: Centre, sender: Sender) -> None:
    sender.post(an_item(1))
    person = duty(centre.node)
    [row] = person.get("/inbox")["items"]
    person.post(f"/inbox/{row['id']}/acknowledge", {"text": "đã rõ"}, If_Match=f'"{row["revision"]}"')
    assert person.get("/inbox")["items"] == []
    centre.node.clock.move(60)
    newer = an_item(1, title="Nghiêm trọng hơn", level="critical") | {"sequence": 2, "revision": 3}
    assert sender.post(newer).status == 201
    older = an_item(1, title="Đến muộn") | {"sequence": 3, "revision": 2}
    assert sender.post(older).status == 201  # stored as said, but not the item as it is now
    [row] = person.get("/inbox")["items"]
    assert (row["title"], row["level"], row["item_revision"], row["acknowledged"]) == (
        "Nghiêm trọng hơn", "critical", 3, None,
    )  # fmt: skip
    whole = person.get(f"/inbox/{row['id']}")
    assert [one["item_revision"] for one in whole["revisions"]] == [1, 2, 3]
    assert row["received_at"] > whole["revisions"][0]["received_at"]
    stale = person.send("POST", f"/inbox/{row['id']}/acknowledge", {}, If_Match='"1"')
    assert stale.status_code == 412
    person.close()


def test_words_go_to_the_agency_that_raised_and_nobody_else(centre: Centre, sender: Sender, tmp_path: Path) -> None:
    other = centre.enrol(tmp_path / "b", OTHER, "nut-2")
    sender.post(an_item(1))
    other.post(an_item(1, agency=OTHER))
    person = duty(centre.node)
    ids = {row["agency"]: row["id"] for row in person.get("/inbox")["items"]}
    person.post(f"/inbox/{ids[MINE]}/note", {"text": "một"})
    person.post(f"/inbox/{ids[OTHER]}/note", {"text": "hai"})
    person.post(f"/inbox/{ids[MINE]}/note", {"text": "ba"})
    assert person.send("POST", f"/inbox/{ids[MINE]}/acknowledge", {}).status_code == 200
    assert person.send("POST", f"/inbox/{ids[MINE]}/acknowledge", {}).status_code == 409
    said = sender.words()
    assert [(word["kind"], word["text"]) for word in said["words"]] == [
        ("note", "một"),
        ("note", "ba"),
        ("acknowledged", ""),
    ]
    assert {word["item_revision"] for word in said["words"]} == {1}
    assert sender.words(said["next"])["words"] == []
    assert [word["text"] for word in other.words()["words"]] == ["hai"]
    assert centre.ask(sender.certificate, "GET", "/federation/v1/words?after=x", None).status == 400
    person.close()


def test_shared_indicators(centre: Centre, sender: Sender, tmp_path: Path) -> None:
    other = centre.enrol(tmp_path / "b", OTHER, "nut-2")
    many = [{"type": "ipv4", "value": f"198.51.100.{n}", "tlp": "amber"} for n in range(100)]
    met = {"type": "domain", "value": "c2.example", "tlp": "red"}
    sender.post(an_item(1, indicators=[*many, met]))
    sender.post(an_item(2, indicators=[met]))
    other.post(an_item(1, agency=OTHER, indicators=[met]))
    person = duty(centre.node)
    rows = {(row["agency"], row["sequence"]): row for row in person.get("/inbox")["items"]}
    mine = rows[MINE, 1]
    assert (mine["shared"], mine["indicators"][0]["value"], mine["indicators"][0]["shared_with"]) == (
        1, "c2.example", [OTHER],
    )  # fmt: skip
    whole = person.get(f"/inbox/{mine['id']}")
    assert len(whole["indicators"]) == 101
    assert {one["id"] for one in whole["related"]} == {rows[MINE, 2]["id"], rows[OTHER, 1]["id"]}
    [shared] = person.get("/inbox/shared")["items"]
    assert (shared["value"], [one["code"] for one in shared["agencies"]]) == ("c2.example", sorted([MINE, OTHER]))
    assert len(shared["raised"]) == 3
    person.close()
    lead = Browser(centre.node).link(centre.node.add_user("to-truong", ("lead", MINE)))
    assert lead.send("GET", "/inbox").status_code == 403
    assert lead.send("GET", "/inbox/shared").status_code == 403
    lead.close()


def test_two_hundred_full_items_are_one_page(centre: Centre, sender: Sender) -> None:
    """200 rows of 200 indicators are more values than one SQL statement takes."""
    for number in range(1, 171):
        many = [{"type": "domain", "value": f"n{number}-{n}.example", "tlp": "amber"} for n in range(200)]
        assert sender.post(an_item(number, indicators=many)).status == 201
    person = duty(centre.node)
    page = person.get("/inbox", limit=200)
    assert (len(page["items"]), page["total"]) == (170, 170)
    assert all(len(row["indicators"]) == 20 for row in page["items"])
    person.close()
