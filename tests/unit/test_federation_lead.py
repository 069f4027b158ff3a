"""Handing an incident over between an agency and the centre: over the real port, through cuts and restored backups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.federation import item as items
from api.state.audit import AuditEntry
from api.state.notices import Matter
from tests.servers.two_nodes import an_item
from tests.unit.test_federation_delivery import Below, by_file_copy, duty, lead


class Pair(Below):
    """An incident that was raised, as both sides see it."""

    def incident(self) -> str:
        alert = self.alert(1)
        with lead(self.node) as person:
            made: str = person.post("/incidents", {"alert_ids": [alert], "title": "Mã độc tống tiền"})["id"]
            person.post(f"/incidents/{made}/raise", {})
        self.deliver(2)
        return made

    def seen(self, ref: str = "SC-2026-000001") -> dict[str, Any]:
        with lead(self.node) as person:
            found: dict[str, Any] = person.get(f"/incidents/{ref}/lead")["lead"]
        return found

    def ask(self, act: str, note: str = "", ref: str = "SC-2026-000001", status: int = 200) -> None:
        with lead(self.node) as person:
            answer = person.send("POST", f"/incidents/{ref}/lead", {"act": act, "note": note})
        assert answer.status_code == status, answer.text

    def record(self) -> dict[str, Any]:
        with duty(self) as person:
            [row] = [row for row in person.get("/inbox", state="all")["items"] if row["kind"] == "incident"]
            found: dict[str, Any] = row["lead"]
        return found

    def act(self, act: str, note: str = "", status: int = 200) -> None:
        with duty(self) as person:
            [row] = [row for row in person.get("/inbox", state="all")["items"] if row["kind"] == "incident"]
            answer = person.send("POST", f"/inbox/{row['id']}/lead", {"act": act, "note": note})
        assert answer.status_code == status, answer.text

    def agreed(self) -> tuple[str, int, str | None]:
        mine, theirs = self.seen(), self.record()
        same = [(one["leader"], one["term"], one["offered_by"]) for one in (mine, theirs)]
        assert same[0] == same[1]
        assert mine["wanted"] is None
        return same[0]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def matters(node: Any) -> list[tuple[str, str]]:
    with node.runtime.db.read() as session:
        rows = session.scalars(select(Matter).where(Matter.key.like("lead/%")).order_by(Matter.id))
        return [(row.kind, row.link) for row in rows]


def test_offered_by_the_agency_accepted_by_the_centre(pair: Pair) -> None:
    ref = pair.incident()
    assert pair.agreed() == ("agency", 1, None)
    pair.ask("offer", "Vượt khả năng của đơn vị")
    assert pair.seen()["wanted"]["act"] == "offer"
    assert pair.seen()["can"] == []
    assert pair.record()["offered_by"] is None  # not arrived: nothing has changed
    pair.deliver(2)
    assert pair.agreed() == ("agency", 1, "agency")
    assert pair.record()["can"] == ["accept", "decline"]
    assert pair.record()["note"] == "Vượt khả năng của đơn vị"
    assert matters(pair.centre.node) == [("national", "#/inbox/TN-2026-000001")]
    pair.act("accept", "Trung tâm chủ trì từ 10 giờ")
    assert pair.seen()["leader"] == "agency"  # not heard yet
    pair.deliver(1)
    assert pair.agreed() == ("centre", 2, None)
    assert matters(pair.node)[-1] == ("incident", f"#/incidents/{ref}")
    with lead(pair.node) as person:
        whole = person.get(f"/incidents/{ref}")
        assert [w["text"] for w in whole["words"] if w["kind"] == "note"] == ["Trung tâm chủ trì từ 10 giờ"]
        acts = [row["act"] for row in person.get(f"/incidents/{ref}/history")["items"]]
    assert acts.count("lead_changed") == 1
    with pair.centre.node.runtime.db.read() as session:
        told = session.scalars(select(AuditEntry.act).where(AuditEntry.act.like("lead.%")).order_by(AuditEntry.seq))
        assert list(told) == ["lead.offer", "lead.accept"]


def test_offered_back_by_the_centre_declined_then_accepted(pair: Pair) -> None:
    pair.incident()
    pair.act("offer", "Đề nghị Trung tâm chủ trì")
    pair.deliver(1)
    assert pair.seen()["can"] == ["accept", "decline"]
    pair.ask("decline", "Đơn vị tự xử lý được")
    pair.deliver(1)
    assert pair.agreed() == ("agency", 1, None)
    pair.act("offer")
    pair.deliver(1)
    pair.ask("accept")
    pair.deliver(1)
    assert pair.agreed() == ("centre", 2, None)
    pair.act("offer", "Trả lại đơn vị")
    pair.deliver(1)
    pair.ask("accept")
    pair.deliver(1)
    assert pair.agreed() == ("agency", 3, None)


def test_offers_that_cross_are_an_agreement_and_answers_that_come_late_change_nothing(pair: Pair) -> None:
    pair.incident()
    pair.ask("offer")
    pair.act("offer")
    pair.deliver(2)
    assert pair.agreed() == ("centre", 2, None)
    pair.act("offer")
    pair.deliver(1)
    pair.ask("accept")
    pair.act("withdraw")
    pair.deliver(2)
    assert pair.agreed() == ("centre", 2, None)
    with pair.centre.node.runtime.db.read() as session:
        last = session.scalars(select(AuditEntry).where(AuditEntry.act == "lead.accept")).all()[-1]
    assert last.outcome == "refused"


def test_what_does_not_fit_is_refused_here_already(pair: Pair) -> None:
    ref = pair.incident()
    for act in ("accept", "decline", "withdraw"):
        pair.ask(act, status=409)
        pair.act(act, status=409)
    pair.ask("offer")
    pair.ask("offer", status=409)  # the first has not been answered
    pair.deliver(1)
    with lead(pair.node) as person:
        late = person.send("POST", f"/incidents/{ref}/lead", {"act": "withdraw"}, **{"if-match": '"1"'})
        assert late.status_code == 412, late.text
    pair.act("withdraw", status=409)  # not the centre's to take back


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_answer_lost_on_the_way_makes_no_second_change(pair: Pair, moment: str) -> None:
    pair.incident()
    pair.act("offer")
    pair.deliver(1)
    pair.ask("accept")
    pair.cut = moment
    pair.deliver(3)
    pair.cut = ""
    pair.deliver(3)
    assert pair.agreed() == ("centre", 2, None)
    assert len([row for row in pair.inbox() if row[0] == "SC-2026-000001"]) == 2


def test_asking_who_leads_does_not_reopen_what_was_acknowledged(pair: Pair) -> None:
    ref = pair.incident()
    with duty(pair) as person:
        [row] = person.get("/inbox")["items"]
        person.post(f"/inbox/{row['id']}/acknowledge", {})
    pair.ask("offer", "Đề nghị tiếp quản")
    pair.deliver(2)
    with duty(pair) as person:
        [row] = person.get("/inbox", state="all")["items"]
        assert (row["state"], row["item_revision"]) == ("acknowledged", 2)
    with lead(pair.node) as person:  # and raising what has not changed is still the same raise
        person.post(f"/incidents/{ref}/raise", {})
    pair.deliver(2)
    assert [row[1] for row in pair.inbox()] == [1, 2]


@by_file_copy
@pytest.mark.parametrize("which", ["agency", "centre"])
def test_a_restored_side_agrees_with_the_centre_again(pair: Pair, which: str) -> None:
    pair.incident()
    pair.ask("offer")
    pair.deliver(2)
    backup = pair.backup(which)
    pair.act("accept")
    pair.deliver(2)
    assert pair.agreed() == ("centre", 2, None)
    pair.restore(which, backup)
    pair.deliver(3)
    # The centre's record is the truth: lost there, the acceptance never was; lost at the agency, it is heard again.
    assert pair.agreed() == (("agency", 1, "agency") if which == "centre" else ("centre", 2, None))
    if which == "centre":
        pair.act("accept")
        pair.deliver(2)
        assert pair.agreed() == ("centre", 2, None)


def test_a_hostile_lead_is_refused_or_changes_nothing(pair: Pair) -> None:
    said = {"act": "accept", "term": 1, "number": 0}
    assert pair.sender.post(an_item(1, lead=said)).status == 201  # nothing was offered
    assert pair.record()["leader"] == "agency"
    for wrong in ({**said, "act": "take"}, {**said, "term": 0}, {"act": "offer"}, {**said, "number": 2**60}, [], "x"):
        assert items.wrong_with(an_item(2, lead=wrong)) is not None


def test_who_leads_is_seen_by_nobody_else(pair: Pair) -> None:
    pair.incident()
    pair.ask("offer")
    pair.deliver(1)
    other = pair.centre.enrol(pair.folder / "other-keys", "so-y-te", "nut-2")
    answer = pair.centre.ask(other.certificate, "GET", "/federation/v1/leads?after=", None)
    assert answer.json() == {"leads": [], "next": ""}
    assert len(pair.centre.ask(pair.sender.certificate, "GET", "/federation/v1/leads", None).json()["leads"]) == 1
