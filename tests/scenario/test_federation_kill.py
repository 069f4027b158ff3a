"""Two real nodes over real mTLS on loopback: kill -9 of either at any moment, and each item arrives once, in order."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.local_port import ask
from api.node.exercise.people import Person
from api.node.init import default_tables, make_node
from api.node.users import login_link
from correlator.store.journal import EmbeddedWriter
from sensors.config import Config
from sensors.ship.enrol import enrol, renew
from tests.servers.people_port import hit
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]
ITEMS = 60


class Process:
    """One node's `luytre-api serve`."""

    def __init__(self, folder: Path, agency: str, role: str, federation: dict[str, Any] | None = None) -> None:
        folder.mkdir()
        self.data, self.people, self.machines = folder / "data", free_port(), free_port()
        tables = default_tables(self.data, agency, agency.upper(), role)
        tables["api"] = {"people": f"127.0.0.1:{self.people}", "machines": f"127.0.0.1:{self.machines}"}
        if federation:
            tables["federation"] = federation
        self.config, self.log = make_node(tables), folder / "api.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.machines}"

    def start(self, *, wait: bool = True) -> Process:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api.serve", "--config", str(self.config)], cwd=ROOT, stderr=log, stdout=log
            )
        end = time.monotonic() + 30
        while wait and ask(self.data, "machines") is None:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        return self

    def end(self, number: int = signal.SIGKILL) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def person(self) -> Person:
        me = Person(f"http://127.0.0.1:{self.people}")
        me.log_in(login_link(Config(self.config), "quantri"))
        return me

    def told(self, act: str, **words: Any) -> Any:
        return ask(self.data, act, **words)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    centre = Process(tmp_path / "centre", "trung-tam", "national")
    agency = Process(tmp_path / "agency", "so-tttt", "agency", {
        "upstream": centre.url, "raise_level": "high", "poll_s": 0.2,
    })  # fmt: skip
    yield centre, agency
    centre.end()
    agency.end()


def enrolled(centre: Process, agency: Process) -> None:
    token = centre.told("token", name="nut-so-tttt", role="node", agency="so-tttt")
    enrol(
        centre.url, token["token"], token["fingerprint"], agency.data / "keys", file="node", ca_file="upstream-ca.pem"
    )


def everything(person: Person, path: str, **query: Any) -> list[dict[str, Any]]:
    page = person.get(path, limit=200, **query)
    assert page["next"] is None
    items: list[dict[str, Any]] = page["items"]
    return items


def raise_all(agency: Process, stop: threading.Event) -> None:
    """A person who presses the button again whenever the node did not answer."""
    me: Person | None = None
    left = [f"r-{n:02d}" for n in range(ITEMS) if n % 3]
    while left and not stop.is_set():
        try:
            me = me or agency.person()
            [alert] = me.get("/alerts", rule=left[0])["items"]
            me.post(f"/alerts/{alert['id']}/raise")
            left.pop(0)
            time.sleep(0.1)
        except Exception:  # killed, starting, or not folded yet
            time.sleep(0.1)
    if me is not None:
        me.close()


@pytest.mark.slow
def test_each_item_once_and_in_order_through_kills(nodes: tuple[Process, Process]) -> None:
    centre, agency = nodes
    chance = random.Random(2026)
    enrolled(centre.start(), agency)
    writer = EmbeddedWriter(agency.data)
    levels = ["medium" if n % 3 else "high" for n in range(ITEMS)]  # a third by policy, the others by hand
    writer.append([hit(n, rule=f"r-{n:02d}", level=level, at=1_795_000_000.0 + n) for n, level in enumerate(levels)],
                  "hits")  # fmt: skip
    writer.close()
    agency.start()
    stop = threading.Event()
    person = threading.Thread(target=raise_all, args=(agency, stop))
    person.start()
    for number in range(12):
        time.sleep(chance.uniform(0.02, 0.8))
        killed = chance.choice((centre, agency))
        killed.end()
        killed.start(wait=number % 3 == 0)
        if number % 3:
            time.sleep(chance.uniform(0.6, 1.6))  # in the middle of its start, or just after
    for node in nodes:
        if node.told("machines") is None:
            node.end()
            node.start()
    person.join(30)
    stop.set()
    assert not person.is_alive()
    me, duty = agency.person(), centre.person()
    end = time.monotonic() + 60
    while True:
        sent = everything(me, "/deliveries")
        if len(sent) == ITEMS and {one["state"] for one in sent} == {"received"}:
            break
        assert time.monotonic() < end, ([one["state"] for one in sent], agency.log.read_text()[-3000:])
        time.sleep(0.2)
    got = everything(duty, "/inbox", state="all")
    assert len(got) == ITEMS
    order = sorted(got, key=lambda one: one["id"])  # numbers are given as items arrive
    assert {one["item_revision"] for one in got} == {1}
    assert [one["sequence"] for one in order] == list(range(1, ITEMS + 1))
    assert [one["item_id"] for one in order] == [one["item_id"] for one in sorted(sent, key=lambda s: s["sequence"])]
    receipts = {one["receipt"]["id"] for one in sent}
    assert len(receipts) == ITEMS
    assert receipts == {duty.get(f"/inbox/{one['id']}")["revisions"][0]["receipt"] for one in got}
    me.close()
    duty.close()
    for node in nodes:
        assert "Traceback" not in node.log.read_text()


@pytest.mark.slow
def test_words_come_back_and_a_revoked_node_is_refused(nodes: tuple[Process, Process]) -> None:
    centre, agency = nodes
    enrolled(centre.start(), agency)
    writer = EmbeddedWriter(agency.data)
    writer.append([hit(1, rule="a")], "hits")
    writer.close()
    me, duty = agency.start().person(), centre.person()
    [row] = eventually(lambda: duty.get("/inbox")["items"])
    duty.post(f"/inbox/{row['id']}/acknowledge", {"text": "Trung tâm đã tiếp nhận."})
    alert = eventually(lambda: said(me, "acknowledged"))
    assert [word["text"] for word in alert["words"] if word["kind"] == "acknowledged"] == ["Trung tâm đã tiếp nhận."]
    # A renewed certificate is used from then on; the old one's connection is left.
    before = (agency.data / "keys" / "node.pem").read_bytes()
    assert renew(centre.url, agency.data / "keys", file="node", ca_file="upstream-ca.pem", force=True) is not None
    assert (agency.data / "keys" / "node.pem").read_bytes() != before
    me.post("/alerts/CB-2026-000001/raise", {"note": "diễn biến mới"})
    assert eventually(lambda: said(me, "received"))["delivery"]["item_revision"] == 2
    # Revoked in the centre's own process: at once.
    assert centre.told("revoke", id="so-tttt:node:nut-so-tttt", reason="mất máy")["revoked"]
    eventually(lambda: me.get("/deliveries")["link"]["last_error"])
    link = me.get("/deliveries")["link"]
    assert "403" in link["last_error"]
    assert not link["connected"]
    me.close()
    duty.close()


def said(me: Person, state: str) -> Any:
    alert = me.get("/alerts/CB-2026-000001")
    return alert if alert["delivery"] and alert["delivery"]["state"] == state else None


def eventually(look: Any, limit_s: float = 20.0) -> Any:
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_one_leader_through_kills_of_either_side(nodes: tuple[Process, Process]) -> None:
    """Offers, answers and crossing offers while both are killed: at the end both name one leader, and each change of
    leader is on the centre's record once."""
    centre, agency = nodes
    chance = random.Random(2027)
    enrolled(centre.start(), agency)
    writer = EmbeddedWriter(agency.data)
    writer.append([hit(1, rule="a")], "hits")
    writer.close()
    me, duty = agency.start().person(), centre.person()
    [alert] = eventually(lambda: me.get("/alerts")["items"])
    ref = me.post("/incidents", {"alert_ids": [alert["id"]], "title": "Mã độc"})["id"]
    me.post(f"/incidents/{ref}/raise")
    raised = eventually(lambda: [row for row in duty.get("/inbox")["items"] if row["kind"] == "incident"])[0]["id"]

    def act(person: Person, where: str) -> None:
        """Any act that this side's screen offers; a killed node, or a state that has just changed, refuses."""
        try:
            found = person.get(where)
            lead = found["lead"]
            if lead["can"]:
                wanted = [one for one in lead["can"] if one != "decline"] or lead["can"]
                person.post(f"{where.removesuffix('/lead')}/lead", {"act": chance.choice(wanted)})
        except Exception:
            time.sleep(0.1)

    for number in range(24):
        act(me, f"/incidents/{ref}/lead")
        act(duty, f"/inbox/{raised}")
        time.sleep(chance.uniform(0.0, 0.4))
        if number % 3 == 2:
            killed = chance.choice((centre, agency))
            killed.end()
            killed.start()
            me.close()
            duty.close()
            me, duty = agency.person(), centre.person()

    def agreed() -> Any:
        mine, theirs = me.get(f"/incidents/{ref}/lead")["lead"], duty.get(f"/inbox/{raised}")["lead"]
        same = all(mine[key] == theirs[key] for key in ("leader", "term", "offered_by"))
        return theirs if same and mine["wanted"] is None else None

    record = eventually(agreed, 60.0)
    assert record["term"] > 1, "the lead never changed: this proves nothing"
    assert record["leader"] == ("agency" if record["term"] % 2 else "centre")
    me.close()
    duty.close()
    for node in nodes:
        assert "Traceback" not in node.log.read_text()
