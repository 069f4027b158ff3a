"""From an agency's outbox to the centre's inbox and back: once, in order, whatever is cut, restored or said."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.federation.deliver import Delivery
from api.federation.renumber import follow
from api.state.federation import Link, Outgoing, Raised, RaisedRevision
from api.state.people import User
from sensors.wire import Answer, Busy
from tests.servers.database import on_postgresql
from tests.servers.people_port import Browser, NodeUnderTest, hit, make_node
from tests.servers.two_nodes import LINK, Centre, Sender

# The backup of these tests is a copy of the SQLite file.
by_file_copy = pytest.mark.skipif(on_postgresql(), reason="PostgreSQL is backed up by its own tools")


class Below:
    """An agency's node with its link, and the people at both ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cut = ""
        (folder / "centre").mkdir(parents=True, exist_ok=True)
        (folder / "agency").mkdir(parents=True, exist_ok=True)
        self._open = ExitStack()
        self.up()
        self.sender = self.centre.enrol(self.node.runtime.data / "keys")
        self.connect()

    def up(self) -> None:
        centre = self._open.enter_context(make_node(self.folder / "centre", role="national"))
        self.centre = Centre(centre)
        self._open.callback(self.centre.close)
        self.node = self._open.enter_context(make_node(self.folder / "agency", more=LINK))
        centre.clock.move(self._later)
        self.node.clock.move(self._later)

    _later = 0.0

    def connect(self, chance: int = 1) -> None:
        self.delivery = Delivery(self.node.runtime, random.Random(chance), self.sender.line(lambda: self.cut))

    def down(self) -> None:
        self._later += 3600.0
        self._open.close()
        self._open = ExitStack()

    def again(self) -> None:
        self.up()
        self.sender = Sender(self.centre, self.node.runtime.data / "keys", self.sender.name)
        self.connect()

    def restore(self, which: str, backup: Path) -> None:
        """Put yesterday's database of one side back."""
        self.down()
        shutil.copy(backup, self.folder / which / "state" / "luytre.db")
        for rest in ("luytre.db-wal", "luytre.db-shm"):
            (self.folder / which / "state" / rest).unlink(missing_ok=True)
        self.again()

    def backup(self, which: str) -> Path:
        self.down()
        copy = self.folder / f"{which}.db"
        shutil.copy(self.folder / which / "state" / "luytre.db", copy)
        self.again()
        return copy

    def close(self) -> None:
        self._open.close()

    # --- acts

    def alert(self, number: int) -> str:
        self.node.store([hit(number, rule=f"r-{number}", source=f"203.0.113.{number % 250 + 1}")], "hits")
        self.node.fold()
        with lead(self.node) as person:
            found: str = person.get("/alerts", rule=f"r-{number}")["items"][0]["id"]
        return found

    def raised(self, number: int, note: str = "") -> str:
        ref = self.alert(number)
        self.raise_again(ref, note)
        return ref

    def raise_again(self, ref: str, note: str = "") -> None:
        with lead(self.node) as person:
            person.post(f"/alerts/{ref}/raise", {"note": note})

    def deliver(self, runs: int = 6) -> None:
        for _ in range(runs):
            self.delivery.run()
            for node in (self.node, self.centre.node):
                node.clock.move(301)

    def states(self) -> list[tuple[int, str]]:
        with self.node.runtime.db.read() as session:
            return [(row.sequence, row.state) for row in session.scalars(select(Outgoing).order_by(Outgoing.sequence))]

    def link(self) -> Link | None:
        with self.node.runtime.db.read() as session:
            return session.get(Link, 1)

    def inbox(self) -> list[tuple[str, int]]:
        """(item, revision) in the order of arrival."""
        with self.centre.node.runtime.db.read() as session:
            rows = session.execute(
                select(Raised.item_id, RaisedRevision.item_revision)
                .join(RaisedRevision, RaisedRevision.raised_id == Raised.id)
                .order_by(RaisedRevision.receipt_id)
            )
            return [(row.item_id.partition(".")[0], row.item_revision) for row in rows]


@contextmanager
def lead(node: NodeUnderTest, role: str = "lead", agency: str | None = "so-tttt") -> Iterator[Browser]:
    with node.runtime.db.read() as session:
        found = session.scalar(select(User.id).where(User.username == role))
    person = Browser(node).link(found or node.add_user(role, (role, agency)))
    try:
        yield person
    finally:
        person.close()


@contextmanager
def duty(below: Below) -> Iterator[Browser]:
    with lead(below.centre.node, "national_duty", None) as person:
        yield person


@pytest.fixture
def below(tmp_path: Path) -> Iterator[Below]:
    made = Below(tmp_path)
    yield made
    made.close()


def test_raised_received_acknowledged_with_a_word(below: Below) -> None:
    ref = below.raised(1, "Đề nghị hỗ trợ")
    assert below.states() == [(1, "waiting")]
    below.deliver(1)
    assert below.states() == [(1, "received")]
    with duty(below) as person:
        [row] = person.get("/inbox")["items"]
        assert person.get(f"/inbox/{row['id']}")["item"]["note"] == "Đề nghị hỗ trợ"
        person.post(f"/inbox/{row['id']}/acknowledge", {"text": "Đã tiếp nhận"})
        person.post(f"/inbox/{row['id']}/note", {"text": "Cử người sang"})
    below.deliver(2)
    assert below.states() == [(1, "acknowledged")]
    with lead(below.node) as person:
        alert = person.get(f"/alerts/{ref}")
        assert alert["delivery"]["state"] == "acknowledged"
        assert alert["delivery"]["receipt"]["id"].startswith("BN-2026-")
        assert [word["kind"] for word in alert["words"]] == ["receipt", "acknowledged", "note"]
        listed = person.get("/deliveries")
        assert (listed["total"], listed["link"]["last_error"]) == (1, None)
        assert listed["items"][0]["ref"] == ref


@pytest.mark.parametrize("seed", range(4))
def test_each_once_and_in_order_whatever_is_cut(below: Below, seed: int) -> None:
    chance = random.Random(seed)
    refs = [below.raised(number) for number in range(1, 7)]
    for _ in range(40):
        below.cut = chance.choice(["", "", "before", "after"])
        below.deliver(1)
        if chance.random() < 0.2:
            below.connect(seed)  # the process was killed: nothing but the database is left
    below.cut = ""
    below.deliver(3)
    assert [state for _, state in below.states()] == ["received"] * 6
    assert below.inbox() == [(ref, 1) for ref in refs]


def test_an_answer_lost_after_the_commit_is_given_again(below: Below) -> None:
    ref = below.raised(1)
    below.cut = "after"
    below.deliver(3)
    assert below.states() == [(1, "waiting")]
    with lead(below.node) as person:
        delivery = person.get(f"/alerts/{ref}")["delivery"]
        assert (delivery["attempts"], delivery["state"]) == (3, "waiting")
        assert "cut after" in delivery["last_error"]
    below.cut = ""
    below.deliver(2)
    assert below.states() == [(1, "received")]
    assert below.inbox() == [(ref, 1)]


def test_a_refusal_is_shown_with_its_reason_and_holds_nothing_up(below: Below) -> None:
    refused = below.raised(1)
    with below.node.runtime.db.write() as session:  # as an older program would have written it
        row = session.scalars(select(Outgoing)).one()
        row.body = json.dumps(json.loads(row.body) | {"level": "dire"}, ensure_ascii=False, sort_keys=True,
                              separators=(",", ":"))  # fmt: skip
    later = below.raised(2)
    below.deliver(2)
    assert below.states() == [(1, "refused"), (2, "received")]
    with lead(below.node) as person:
        delivery = person.get(f"/alerts/{refused}")["delivery"]
        assert "$.level" in delivery["reason"]["vi"]
        assert "$.level" in delivery["reason"]["en"]
        person.post(f"/alerts/{refused}/raise", {})  # may be told again, as what it is now
    below.deliver(2)
    assert below.inbox() == [(later, 1), (refused, 2)]


def test_a_word_on_an_older_revision_does_not_settle_the_newer(below: Below) -> None:
    ref = below.raised(1)
    below.deliver(1)
    with duty(below) as person:
        [row] = person.get("/inbox")["items"]
        person.post(f"/inbox/{row['id']}/acknowledge", {"text": "bản đầu"})
    below.raise_again(ref, "có diễn biến mới")
    below.deliver(2)
    assert below.states() == [(1, "acknowledged"), (2, "received")]
    with lead(below.node) as person:
        assert person.get(f"/alerts/{ref}")["delivery"]["state"] == "received"


@by_file_copy
def test_the_centre_restored_from_yesterday_gets_the_rest_again(below: Below) -> None:
    first = below.raised(1)
    below.deliver(1)
    backup = below.backup("centre")
    lost = [below.raised(2), below.raised(3)]
    below.deliver(2)
    with duty(below) as person:
        person.post(f"/inbox/{person.get('/inbox')['items'][0]['id']}/note", {"text": "trước khi mất"})
    below.deliver(2)
    below.restore("centre", backup)
    assert below.inbox() == [(first, 1)]
    new = below.raised(4)
    below.deliver(3)
    assert below.inbox() == [(ref, 1) for ref in (first, *lost, new)]
    assert [state for _, state in below.states()] == ["received"] * 4
    with duty(below) as person:  # its words begin anew, and are heard
        person.post(f"/inbox/{person.get('/inbox')['items'][0]['id']}/acknowledge", {"text": "sau khi khôi phục"})
    below.deliver(2)
    assert "acknowledged" in [state for _, state in below.states()]


@by_file_copy
def test_the_agency_restored_from_yesterday_goes_on_behind_what_was_used(below: Below) -> None:
    first = below.raised(1)
    below.deliver(1)
    backup = below.backup("agency")
    below.raise_again(first, "bản hai, mất ở đơn vị")
    gone = below.raised(2)
    below.deliver(2)
    below.restore("agency", backup)
    below.raise_again(first, "bản hai, nói lại khác")
    below.node.fold()
    below.raise_again(gone)  # the number is given a second time, to an alert that is made anew
    below.deliver(4)
    assert below.states() == [(1, "received"), (4, "received"), (5, "received")]
    # Nothing lost, nothing mixed: two objects under one number are two items, and a second "revision 2" is the third.
    assert below.inbox() == [(first, 1), (first, 2), (gone, 1), (first, 3), (gone, 1)]
    with duty(below) as person:
        assert len({row["item_id"] for row in person.get("/inbox")["items"]}) == 3


def test_a_node_enrolled_under_another_name_tells_all_again_and_hears_its_words(below: Below) -> None:
    ref = below.raised(1)
    below.deliver(1)
    below.sender = below.centre.enrol(below.node.runtime.data / "keys", name="nut-moi")
    below.connect()
    other = below.raised(2)
    below.deliver(2)
    assert below.inbox() == [(ref, 1), (other, 1)]
    with duty(below) as person:
        for row in person.get("/inbox")["items"]:
            person.post(f"/inbox/{row['id']}/acknowledge", {})
    below.deliver(2)
    assert [state for _, state in below.states()] == ["acknowledged"] * 2


def test_a_revoked_node_says_so_and_waits(below: Below) -> None:
    below.raised(1)
    below.centre.port.machines.revoke(below.sender.name.id, "mất máy")
    below.deliver(2)
    assert below.states() == [(1, "waiting")]
    with lead(below.node) as person:
        assert "revoked" in person.get("/deliveries")["link"]["last_error"]
        assert not person.get("/deliveries")["link"]["connected"]
    assert below.inbox() == []
    below.centre.enrol(below.node.runtime.data / "keys")  # a new certificate is tried at once, no wait
    below.delivery.run()
    assert below.states() == [(1, "received")]


class Hostile:
    """A centre that answers what it likes."""

    def __init__(self, status: int, body: Any) -> None:
        self._answer = Answer(status, {"retry-after": "999999"}, json.dumps(body).encode())
        self.asked = 0

    def ask(self, *_: Any, **__: Any) -> Answer:
        self.asked += 1
        return self._answer

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, None), (201, {}), (201, {"receipt": "x" * 99, "at": "2026-11-18T10:26:40Z", "by": ""}),
        (201, {"receipt": "BN", "at": "now", "by": ""}), (200, []), (422, {"refused": 5}), (409, {}),
        (409, {"expected": 2**31 - 1}), (409, {"expected": 0}), (409, {"expected": 10**40}), (409, {"expected": True}),
        (409, {"expected": 7}), (409, {"expected_revision": 1}), (409, {"expected_revision": 999_999}),
        (503, "x" * 5000), (301, {}), (400, {"error": "x"}), (413, {}), (429, {}),
    ],
)  # fmt: skip
def test_a_hostile_centre_is_an_error_that_is_shown(below: Below, status: int, body: Any) -> None:
    below.raised(1)
    below.raised(2)
    centre = Hostile(status, body)
    delivery = Delivery(below.node.runtime, random.Random(1), lambda: centre)
    for _ in range(3):
        assert delivery.run() == ""
        below.node.clock.move(400)
    assert centre.asked <= 2 * 3
    link = below.link()
    assert link is not None
    assert link.last_error
    assert link.next_try_at <= below.node.clock.now()
    assert {state for _, state in below.states()} == {"waiting"}
    below.deliver(4)  # the true one is back
    assert [state for _, state in below.states()] == ["received"] * 2
    assert len(below.inbox()) == 2


@pytest.mark.parametrize(
    "words",
    [
        {}, {"words": 1, "next": 1}, {"words": [], "next": 10**30}, {"words": [{"id": -1}], "next": 1},
        {"words": [{"id": 1, "at": "x", "item_id": "CB", "item_revision": 1, "kind": "note", "text": "", "by": ""}]},
    ],
)  # fmt: skip
def test_hostile_words_are_not_heard(below: Below, words: Any) -> None:
    delivery = Delivery(below.node.runtime, random.Random(1), lambda: Hostile(200, words))
    delivery.run()
    link = below.link()
    assert link is not None
    assert link.last_error
    assert link.words_after == 0


def test_waits_grow_with_jitter_and_end(below: Below) -> None:
    below.cut = "before"
    below.raised(1)
    waits = []
    for _ in range(14):
        below.delivery.run()
        link = below.link()
        assert link is not None
        waits.append(link.next_try_at - below.node.clock.now())
        below.delivery.run()  # too early: nothing happens
        assert (after := below.link()) is not None
        assert after.tries == link.tries
        below.node.clock.move(waits[-1])
    assert all(0.5 <= wait <= 301 for wait in waits)
    assert max(waits[:2]) < 4
    assert max(waits) > 60
    below.cut = ""
    below.delivery.run()
    below.cut = "before"
    below.raised(2)
    below.delivery.run()
    below.node.clock.move(-10_000_000)  # the clock was set back: the wait does not become months
    below.cut = ""
    below.delivery.run()
    assert [state for _, state in below.states()] == ["received"] * 2


def test_not_enrolled_says_what_to_do(below: Below) -> None:
    below.raised(1)
    (below.node.runtime.data / "keys" / "node.pem").rename(below.folder / "aside.pem")
    below.delivery.run()
    with lead(below.node) as person:
        assert "luytre enrol upstream" in person.get("/deliveries")["link"]["last_error"]
    (below.folder / "aside.pem").rename(below.node.runtime.data / "keys" / "node.pem")
    below.delivery.run()
    assert below.states() == [(1, "received")]


def test_the_certificate_is_renewed_and_its_end_is_told(below: Below) -> None:
    asked: list[Any] = []

    def renewing(*args: Any, **kwargs: Any) -> None:
        asked.append((args, kwargs))
        raise Busy("not now")  # failing to renew stops no delivery

    below.raised(1)
    delivery = Delivery(below.node.runtime, random.Random(1), below.sender.line(), renewing)
    delivery.run()
    delivery.run()
    assert below.states() == [(1, "received")]
    [(args, kwargs)] = asked
    assert args[0] == "https://centre.test:8444"
    assert (kwargs["file"], kwargs["ca_file"], kwargs["now"]) == ("node", "upstream-ca.pem", below.node.clock.now())
    below.node.clock.move(301)
    delivery.run()
    assert len(asked) == 2
    below.node.clock.move(31 * 86400)
    delivery.run()
    link = below.link()
    assert link is not None
    assert "hết hạn" in str(link.last_error)


def test_holes_close_when_the_outbox_follows(below: Below) -> None:
    for number in range(1, 6):
        below.raised(number)
    with below.node.runtime.db.write() as session:
        for row in session.scalars(select(Outgoing).where(Outgoing.sequence > 3).order_by(Outgoing.sequence.desc())):
            row.sequence += 5
        session.flush()
        follow(session, 3)
    assert below.states() == [(n, "waiting") for n in (3, 4, 5, 6, 7)]
