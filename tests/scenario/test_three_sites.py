"""A centre and two agencies on three machines of a network of their own: real `luytre up`, real cables.

They are enrolled by the printed lines. Then agency A's link is cut, hangs, and grows thin, while A works on and its API
is killed: what A raises meanwhile arrives once, in numbers without a hole, the urgent first; B notices nothing of it.
The tests are one story in this order; each leaves the network mended.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.federation import coverage
from api.node.exercise.scene import Scene
from sensors.errors import Unavailable
from sensors.wire import Wire, tls_context
from tests.servers.sites import Network, Site, There, eventually, listens

pytestmark = [pytest.mark.root, pytest.mark.slow]
CENTRE, A, B = "trung-tam", "don-vi-a", "don-vi-b"
ARRIVE_S = 120.0
FEDERATION = '[federation]\npoll_s = 0.5\nreport_s = 5.0\nraise_level = "medium"\n'


@dataclass
class Country:
    centre: Site
    a: Site
    b: Site
    people: dict[str, There]
    scene: Scene
    attackers: int = 0

    def person(self, site: Site) -> There:
        if site.name not in self.people:
            self.people[site.name] = site.person()
        return self.people[site.name]

    def again(self, site: Site) -> There:
        """Logged in anew: the API that knew the session may have been killed."""
        if site.name in self.people:
            self.people.pop(site.name).close()
        return self.person(site)

    def attack(self, count: int) -> None:
        """`count` new addresses guess passwords at A, and get in: a brute-force alert each, and a worse one."""
        with (self.a.folder / "auth.log").open("a", encoding="utf-8") as log:
            for _ in range(count):
                self.attackers += 1
                lines = self.scene.guessing(time.time() - 30, attacker=f"203.0.113.{self.attackers}", failures=25)
                log.writelines(f"{line.text}\n" for line in lines)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    with Network(tmp_path_factory.mktemp("sites")) as network:
        centre = make(network, CENTRE, "192.0.2.1", "Trung tâm", "national")
        a, b = make(network, A, "192.0.2.11", "Đơn vị A"), make(network, B, "192.0.2.12", "Đơn vị B")
        centre.start()
        centre.wait()
        for site in (a, b):
            line = centre.luytre("enrol", "token", f"nut-{site.name}", "--role", "node", "--agency", site.name)
            assert "192.0.2.1:8444" in line  # an address that others can reach, not this machine's name
            said = site.run(*shlex.split(line)).stdout
            assert "conf.d/upstream.toml" in said
            site.start()
        a.wait()
        b.wait()
        made = Country(centre, a, b, {}, Scene(21))
        yield made
        for person in made.people.values():
            person.close()


def make(network: Network, name: str, address: str, title: str, role: str = "agency") -> Site:
    site = network.site(name, address)
    site.luytre("init", "--data", str(site.data), "--agency", name, "--name", title, "--role", role)
    more = site.data / "conf.d"
    more.mkdir()
    # What two cores shared by three nodes can do without; A keeps the packet sensor on its eth0.
    less = "" if name == A else "[packet]\ninterfaces = []\n[probe]\nservices = []\n"
    files = f'[log]\nfiles = [{{ path = "{site.folder}/auth.log" }}]\n'
    (more / "site.toml").write_text(files + less + (FEDERATION if role == "agency" else ""), encoding="utf-8")
    ordinary = Scene(60).office_logins(time.time(), 4)
    (site.folder / "auth.log").write_text("".join(f"{line.text}\n" for line in ordinary), encoding="utf-8")
    return site


def row_of(duty: There, agency: str) -> dict[str, Any]:
    [row] = [one for one in duty.get("/national")["agencies"] if one["agency"] == agency]
    return dict(row)


def sent(me: There) -> list[dict[str, Any]]:
    return me.every("/deliveries")


def arrived(country: Country) -> None:
    """What A sent is what the centre has: each item, each revision, each number, each receipt; none lost or doubled."""
    me, duty = country.person(country.a), country.person(country.centre)
    states = {"received", "acknowledged"}
    eventually(lambda: {one["state"] for one in sent(me)} <= states, "A's outbox is not empty", ARRIVE_S)
    mine = {(one["item_id"], one["item_revision"]): one for one in sent(me)}
    theirs = {}
    for raised in duty.every("/inbox", state="all", agency=A):
        whole = duty.get(f"/inbox/{raised['id']}")
        for revision in whole["revisions"]:
            key = (raised["item_id"], revision["item_revision"])
            assert key not in theirs, "doubled"
            theirs[key] = revision
        newest = max(number for item, number in mine if item == raised["item_id"])
        assert raised["item_revision"] == newest
        assert raised["sequence"] == mine[raised["item_id"], newest]["sequence"]
    assert theirs.keys() == mine.keys()
    assert sorted(one["sequence"] for one in mine.values()) == list(range(1, len(mine) + 1))
    receipts = [one["receipt"]["id"] for one in mine.values()]
    assert len(set(receipts)) == len(receipts)
    assert set(receipts) == {revision["receipt"] for revision in theirs.values()}


def alerts_at(me: There) -> dict[str, str]:
    return {one["id"]: one["level"] for one in me.every("/alerts", status="all")}


def test_both_are_enrolled_and_connected(country: Country) -> None:
    for site in (country.a, country.b):
        said = site.luytre("selftest", "--wait", "90")
        assert "✔ trung tâm cấp trên đã nhận" in said
    duty = country.person(country.centre)
    assert {one["agency"] for one in duty.every("/inbox", state="all")} == {A, B}
    for agency in (A, B):
        eventually(lambda: row_of(duty, agency)["state"] == "connected", lambda: str(row_of(duty, agency)), ARRIVE_S)  # noqa: B023
    # Traffic goes over the cable and nowhere else: the people's port is not on it.
    assert country.a.received_bytes() > 10_000
    assert country.a.inside(listens, country.centre.address, 8444)
    assert not country.a.inside(listens, country.centre.address, 8443)


def test_a_cut_link_loses_nothing_and_b_notices_nothing(country: Country) -> None:
    """The cable is out; A works on, its API is killed once; then everything arrives, the urgent first."""
    a, duty = country.a, country.person(country.centre)
    me, other = country.person(a), country.person(country.b)
    before = row_of(duty, A)["reported_at"], row_of(duty, B)["reported_at"]
    known = len(alerts_at(me))
    a.cut()
    country.attack(4)
    eventually(lambda: len(alerts_at(me)) >= known + 4, "no alerts at A while the link is cut", ARRIVE_S)
    eventually(lambda: not me.get("/deliveries")["link"]["connected"], "A's screen does not show it", ARRIVE_S)
    killed = a.kill("luytre-api")
    eventually(lambda: a.pid("luytre-api") not in (None, killed) and a.told("machines"), "A's API", ARRIVE_S)
    me = country.again(a)
    country.attack(2)
    eventually(lambda: len(alerts_at(me)) >= known + 8, "no alerts at A after the kill", ARRIVE_S)
    worst = sorted(alerts_at(me).items(), key=lambda one: one[1] != "critical")[:3]
    incident = me.post("/incidents", {"alert_ids": [one for one, _ in worst]})
    me.post(f"/incidents/{incident['id']}/raise", {"note": "Đường truyền đang đứt."})
    waiting = [one for one in sent(me) if one["state"] == "waiting" and not one["attempts"]]
    assert incident["id"] in {one["item_id"].split("/")[-1].split(".")[0] for one in waiting}, waiting
    # B and the centre meanwhile: B's test comes through, its report too; A's does not.
    assert "✔ trung tâm cấp trên đã nhận" in country.b.luytre("selftest", "--wait", "90")
    eventually(lambda: row_of(duty, B)["reported_at"] > before[1], "B's report", ARRIVE_S)
    assert other.get("/deliveries")["link"]["connected"]
    quiet = row_of(duty, A)
    assert quiet["reported_at"] <= row_of(duty, B)["reported_at"]
    silent_first(country)
    a.mend()
    arrived(country)
    order = {one["item_id"]: one for one in sent(me)}
    levels = alerts_at(me) | {incident["id"]: incident["level"]}
    urgent = [order[one["item_id"]]["sequence"] for one in waiting if levels.get(ref(one)) in ("high", "critical")]
    routine = [order[one["item_id"]]["sequence"] for one in waiting if levels.get(ref(one)) == "medium"]
    assert urgent
    assert routine
    assert max(urgent) < min(routine), (urgent, routine)
    eventually(lambda: row_of(duty, A)["reported_at"] > quiet["reported_at"], "A's report comes again", ARRIVE_S)
    eventually(lambda: me.get("/deliveries")["link"]["connected"], "A's screen shows the link again", ARRIVE_S)
    assert row_of(duty, A)["state"] == "connected"


def ref(one: dict[str, Any]) -> str:
    """CB-… of `agency/CB-….6a000000`."""
    return str(one["item_id"]).rpartition("/")[2].partition(".")[0]


def silent_first(country: Country) -> None:
    """What the centre's rule makes of its own rows once the limits pass: A is late, then silent, while B is neither."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from api.state.national import Reported, SelfTest
    from sensors.clock import parse_rfc3339

    engine = create_engine(f"sqlite:///file:{country.centre.data}/state/luytre.db?mode=ro&uri=true")
    with Session(engine) as session:
        rows = {code: (session.get(Reported, code), session.get(SelfTest, code)) for code in (A, B)}
        of_a, of_b = rows[A][0], rows[B][0]
        assert of_a is not None
        assert of_b is not None
        assert of_a.received_at < of_b.received_at
        late = (of_a.received_at + of_b.received_at) / 2 + coverage.LATE_S
        assert "late" in coverage.judge(*rows[A], late).warnings
        assert "late" not in coverage.judge(*rows[B], late).warnings
        assert parse_rfc3339(of_a.body["parts"]["data"]["last_at"])
        silent = max(of_a.received_at, of_a.at) + coverage.DATA_S + 1.0
        assert coverage.judge(*rows[A], silent).state == "silent"
    engine.dispose()


def test_a_hanging_link_is_given_up_and_taken_again(country: Country) -> None:
    """Nothing comes through and nobody says so: requests end by their own limits, and what they carried comes once."""
    a = country.a
    me = country.person(a)
    known, before = len(alerts_at(me)), len(sent(me))
    a.hang()
    country.attack(2)
    eventually(lambda: len(alerts_at(me)) >= known + 2, "no alerts at A while the link hangs", ARRIVE_S)
    eventually(lambda: not me.get("/deliveries")["link"]["connected"], "A's screen does not show it", ARRIVE_S)
    assert len(sent(me)) > before
    a.mend()
    arrived(country)


THIN = [
    pytest.param(("tbf", "rate", "64kbit", "burst", "1600", "latency", "2s"), id="64 kbit/s"),
    pytest.param(("netem", "delay", "300ms", "loss", "5%", "rate", "64kbit"), id="300 ms, 5 % loss, 64 kbit/s"),
]


@pytest.mark.parametrize("words", THIN)
def test_a_thin_link_carries_items_and_report(country: Country, words: tuple[str, ...]) -> None:
    a, duty = country.a, country.person(country.centre)
    me = country.person(a)
    if not a.thin(*words):
        pytest.skip(f"this kernel has no {words[0]} queue")
    try:
        reported, known = row_of(duty, A)["reported_at"], len(alerts_at(me))
        country.attack(2)
        eventually(lambda: len(alerts_at(me)) >= known + 2, "no alerts at A", ARRIVE_S)
        arrived(country)
        eventually(lambda: row_of(duty, A)["reported_at"] > reported, "no report over the thin link", ARRIVE_S)
    finally:
        a.mend()


def test_agencies_see_nothing_of_each_other(country: Country) -> None:
    """At A and B only their own; a person of B at the centre sees B's items and no A; A's key opens nothing at B."""
    for site in (country.a, country.b):
        me = country.person(site)
        assert {one["agency"] for one in me.every("/alerts", status="all")} == {site.name}
        assert {one["agency"] for one in me.every("/sensors")} == {site.name}
    country.centre.luytre("users", "add", "lan", "--role", "lead", "--agency", B)
    lan, duty = country.centre.person("lan"), country.person(country.centre)
    try:
        of_a = [one["id"] for one in duty.every("/inbox", state="all", agency=A)]
        assert of_a
        for path in ("/alerts", "/incidents", "/sensors", "/services"):
            assert not [one for one in lan.get(path)["items"] if one["agency"] == A]
        assert A not in str([refused(lan, path) for path in ("/national", "/inbox", f"/inbox/{of_a[0]}")])
    finally:
        lan.close()
    tls = tls_context(country.b.data / "keys" / "ca.pem", country.a.data / "keys" / "node.pem",
                      country.a.data / "keys" / "node.key")  # fmt: skip
    wire = Wire(f"https://{country.b.address}:8444", tls, timeout_s=10.0)
    try:
        assert country.a.inside(listens, country.b.address, 8444)
        with pytest.raises(Unavailable):  # TLS ends it: a stranger's certificate, and B's CA has not signed it
            country.a.inside(wire.ask, "GET", "/federation/v1/words?after=0")
    finally:
        wire.close()


def refused(me: There, path: str) -> Any:
    """What this person gets there, whatever it is."""
    from api.node.exercise.people import Refused

    try:
        return me.get(path)
    except Refused as error:
        return error.problem


def test_nothing_is_left_when_a_test_is_killed(tmp_path: Path) -> None:
    """kill -9 of whoever made a network: the next one takes away its namespaces and what runs in them."""
    import signal
    import subprocess
    import sys

    from tests.servers import sites

    program = (
        "import sys, time; from pathlib import Path; from tests.servers.sites import Network;"
        "n = Network(Path(sys.argv[1])); n.__enter__(); s = n.site('x', '192.0.2.9');"
        "import subprocess; p = subprocess.Popen(['ip', 'netns', 'exec', s.space, 'sleep', '600']);"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    made = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                            cwd=sites.ROOT)  # fmt: skip
    assert made.stdout is not None
    inner = int(made.stdout.readline())
    assert any(name.startswith(f"luytre-{made.pid}-") for name in sites._namespaces())
    made.send_signal(signal.SIGKILL)
    made.wait()
    made.stdout.close()
    sites.sweep()
    assert not any(name.startswith(f"luytre-{made.pid}-") for name in sites._namespaces())
    eventually(lambda: not Path(f"/proc/{inner}").exists() or "Z" in Path(f"/proc/{inner}/stat").read_text(), "left")
