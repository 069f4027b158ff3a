"""Two real nodes, and one of them is put back from a backup file of yesterday: nothing that was raised is lost, nothing
arrives twice, and a centre whose disk is gone trusts no node until a person says so."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.node.exercise.people import Person, Refused
from api.node.keeping.make import create
from api.node.keeping.prove import prove
from api.node.keeping.putback import put_back
from api.node.keeping.sealed import Key
from api.node.users import act
from correlator.store.journal import EmbeddedWriter
from tests.browser.world import World
from tests.servers.people_port import hit

pytestmark = pytest.mark.slow
PHRASE = Key(passphrase="cụm mật khẩu dùng để thử".encode())
AGENCY = "so-tttt"


class Two:
    def __init__(self, folder: Path) -> None:
        self.out = folder / "backups"
        self.centre = World(folder / "centre", agency="trung-tam", name="Trung tâm", role="national").start("api")
        self.agency = World(folder / "agency", agency=AGENCY, name="Sở TT", upstream=self.centre)
        writer = EmbeddedWriter(self.agency.data)
        writer.append([hit(n, agency=AGENCY, rule=f"r-{n}", at=1_795_000_000.0 + n) for n in range(8)], "hits")
        writer.close()
        self.agency.start("api")

    def stop(self) -> None:
        self.agency.stop()
        self.centre.stop()

    def person(self, world: World) -> Person:
        me = Person(world.base)
        me.log_in(world.link())
        return me

    def raise_(self, *numbers: int) -> None:
        me = self.person(self.agency)
        for number in numbers:
            [alert] = eventually(lambda number=number: me.get("/alerts", rule=f"r-{number}")["items"])
            me.post(f"/alerts/{alert['id']}/raise")
        me.close()

    def all_received(self, count: int) -> None:
        me = self.person(self.agency)

        def look() -> bool:
            states = Counter(one["state"] for one in me.get("/deliveries", limit=200)["items"])
            return states == {"received": count}

        eventually(look)
        me.close()

    def inbox(self) -> list[dict[str, Any]]:
        duty = self.person(self.centre)
        page = duty.get("/inbox", limit=200, state="all")
        duty.close()
        assert page["next"] is None
        return list(page["items"])

    def backup(self, world: World) -> Path:
        """While it runs, by the command's own way; proved as `backup verify` would."""
        made = create(world.config, self.out, PHRASE)
        assert prove(made.path, PHRASE, self.out).problems == []
        return made.path

    def put_back(self, world: World, file: Path, *, disk_gone: bool = False) -> None:
        world.stop()
        if disk_gone:
            world.data.rename(world.data.with_name("burnt"))
        done = put_back(file, PHRASE, world.data, replace=not disk_gone)
        assert done.held.unknown == disk_gone
        world.start("api")


def eventually(look: Callable[[], Any], limit_s: float = 60.0) -> Any:
    end = time.monotonic() + limit_s
    while True:
        try:
            if found := look():
                return found
        except Refused as error:  # not folded yet, or starting
            if error.status not in (404, 409, 429):
                raise
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.stop()


def test_an_agency_put_back_from_yesterday_s_file(two: Two) -> None:
    two.raise_(0, 1, 2)
    two.all_received(3)
    file = two.backup(two.agency)
    two.raise_(3, 4)  # what the backup does not know
    two.all_received(5)
    two.put_back(two.agency, file)
    two.all_received(3)
    two.raise_(4, 5)  # one of them the centre has already
    two.all_received(5)
    two.raise_(3, 6)
    two.all_received(7)
    found = two.inbox()
    assert Counter(one["item_id"] for one in found).most_common(1)[0][1] == 1
    assert len(found) == 7
    assert len({one["title"] for one in found} | {one["item_id"] for one in found}) >= 7


@pytest.mark.parametrize("disk_gone", [False, True], ids=["old folder at hand", "disk gone"])
def test_a_centre_put_back_from_yesterday_s_file(two: Two, disk_gone: bool) -> None:
    two.raise_(0, 1, 2)
    two.all_received(3)
    file = two.backup(two.centre)
    two.raise_(3, 4)
    two.all_received(5)
    before = {one["item_id"] for one in two.inbox()}
    two.put_back(two.centre, file, disk_gone=disk_gone)
    assert len(two.inbox()) == 3
    two.raise_(5)
    if disk_gone:  # nobody knows what was revoked: the agency waits, and loses nothing by it
        me = two.person(two.agency)
        eventually(lambda: "403" in (me.get("/deliveries")["link"]["last_error"] or ""))
        me.close()
        assert len(two.inbox()) == 3
        confirmed = act(two.centre.config, "backup-confirm", names=[f"nut-{AGENCY}"])["machines"]
        assert confirmed == [f"{AGENCY}:node:nut-{AGENCY}"]
    eventually(lambda: len(two.inbox()) == 6)
    found = [one["item_id"] for one in two.inbox()]
    assert len(set(found)) == 6
    assert before < set(found)
    two.all_received(6)
