"""A week without the link: its backlog arrives: urgent first, each once, in each item's order.

The real outbox, signing, machine port and inbox, without sockets between; the clock is moved by hand.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.casework.changes import Bell
from api.federation import raising
from api.federation.deliver import Delivery
from api.shapes import LEVELS
from api.state.federation import Link, Outgoing, Raised, RaisedRevision
from tests.servers.people_port import MINE, Browser, NodeUnderTest, make_node
from tests.servers.two_nodes import LINK, Centre, an_item

# 15 ms of one core each: the week of a whole province has 10,000 (LUYTRE_WEEK_ITEMS), its order is the same.
ITEMS = int(os.environ.get("LUYTRE_WEEK_ITEMS", "2000"))
WEEK_S = 7 * 86_400
TRIES = 500  # of the link while it is cut
ROOM_MB = 64  # that delivering the backlog may add to the process
_SET_BY_RAISING = {"schema", "marking", "revision", "sequence", "raised_at"}


def raise_at_random(node: NodeUnderTest, chance: random.Random, count: int, known: list[dict[str, Any]]) -> None:
    """`count` raises in one transaction: new items, and revisions of earlier ones, whose level may have risen."""
    with node.runtime.db.write() as session:
        for _ in range(count):
            if known and chance.random() < 0.4:
                body = chance.choice(known)
                body["title"] = f"{body['title'][:60]} {chance.randrange(10**9)}"
                body["level"] = LEVELS[max(LEVELS.index(body["level"]), chance.randrange(5))]
            else:
                kind = chance.choice(("incident", "alert"))
                body = {key: value for key, value in an_item(len(known) + 1).items() if key not in _SET_BY_RAISING}
                body |= {"kind": kind, "level": chance.choice(LEVELS)}
                known.append(body)
            raising._put(session, body["kind"], body["id"][:24], body, node.clock.now(), Bell(), "", False)


@contextmanager
def room() -> Iterator[list[float]]:
    """How many MB the process has grown by, sample after sample."""
    page = os.sysconf("SC_PAGE_SIZE") / 1e6

    def now() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * page

    before, seen = now(), [0.0]
    yield seen
    seen.append(now() - before)


@pytest.mark.slow
def test_a_week_s_backlog_arrives_urgent_first_and_once(tmp_path: Path) -> None:
    chance = random.Random(1)
    cut = {"link": True}
    (tmp_path / "centre").mkdir()
    (tmp_path / "agency").mkdir()
    with make_node(tmp_path / "centre", role="national") as above, make_node(tmp_path / "agency", more=LINK) as node:
        centre = Centre(above)
        sender = centre.enrol(node.runtime.data / "keys")

        def moment() -> str:
            return "before" if cut["link"] else chance.choice(["after"] + [""] * 40)

        delivery = Delivery(node.runtime, random.Random(2), sender.line(moment))
        known: list[dict[str, Any]] = []
        for _ in range(TRIES):
            raise_at_random(node, chance, ITEMS // TRIES, known)
            node.clock.move(WEEK_S / TRIES)
            above.clock.move(WEEK_S / TRIES)
            assert delivery.run() == ""
        with node.runtime.db.read() as session:
            assert session.scalar(select(func.count()).where(Outgoing.state == "waiting")) == ITEMS
            link = session.get_one(Link, 1)
            assert link.last_error

        cut["link"] = False
        with room() as grown:
            for _ in range(100_000):
                delivery.run()
                node.clock.move(2.0)
                above.clock.move(2.0)
                with node.runtime.db.read() as session:
                    left = session.scalar(select(func.count()).where(Outgoing.state.in_(("waiting", "sent"))))
                if not left:
                    break
        assert not left
        assert max(grown) < ROOM_MB, grown
        print(f"{ITEMS} items of {len(known)} objects; the process grew by {max(grown):.0f} MB")
        _check(node, above, known)
        delivery.close()
        centre.close()


def _check(node: NodeUnderTest, above: NodeUnderTest, known: list[dict[str, Any]]) -> None:
    with node.runtime.db.read() as session:
        sent = session.execute(
            select(
                Outgoing.item_id, Outgoing.item_revision, Outgoing.sequence, Outgoing.urgency, Outgoing.attempts
            ).order_by(Outgoing.sequence)
        ).all()
    with above.runtime.db.read() as session:
        got = session.execute(
            select(Raised.item_id, RaisedRevision.item_revision, RaisedRevision.sequence)
            .join(Raised, Raised.id == RaisedRevision.raised_id)
            .order_by(RaisedRevision.sequence)
        ).all()
    assert [row.sequence for row in got] == list(range(1, ITEMS + 1))  # none lost, none doubled, no hole
    assert [tuple(row) for row in got] == [(row.item_id, row.item_revision, row.sequence) for row in sent]
    revisions: dict[str, list[int]] = defaultdict(list)
    for row in got:
        revisions[row.item_id].append(row.item_revision)
    assert len(revisions) == len(known)
    assert all(found == list(range(1, len(found) + 1)) for found in revisions.values())
    # What was tried before the cut was known as such keeps its number: the one item of the first try.
    urgency = [row.urgency for row in sent[1:]]
    assert urgency == sorted(urgency, reverse=True)

    analyst = Browser(node).link(node.add_user("lan", ("lead", MINE)))
    listed = analyst.get("/deliveries", limit=50)
    assert {row["state"] for row in listed["items"]} == {"received"}
    assert listed["total"] == ITEMS
    duty = Browser(above).link(above.add_user("minh", ("national_duty", None)))
    assert duty.get("/inbox", state="all", limit=50)["total"] == len(known)
