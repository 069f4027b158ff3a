"""People at a real node over real sockets: tries that come all at once, rights that end at once, and `luytre users` on
a node that runs and on one that does not."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.local_port import socket_path
from api.node.cli import main
from api.node.exercise.people import Person, Refused
from api.node.users import act
from correlator.store.journal import EmbeddedWriter
from sensors.config import Config
from tests.browser.world import World
from tests.servers.people_port import hit

pytestmark = pytest.mark.slow
PASSWORD, WRONG = "tre già măng mọc 1954", "sai mật khẩu rồi đấy"
PARALLEL, TRIES, LIMIT = 50, 500, 5
EFFECTIVE_S = 1.0  # reliability.md S8


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, agency="so-tttt", name="Sở TT")
    yield made
    made.stop()


def log_in(world: World, username: str, password: str) -> int:
    connection = http.client.HTTPConnection(*world.base.removeprefix("http://").split(":"), timeout=60)
    try:
        connection.request("POST", "/api/v1/session", json.dumps({"username": username, "password": password}),
                           {"Content-Type": "application/json"})  # fmt: skip
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("username", ["lan", "khong-ai"])
def test_of_five_hundred_at_once_exactly_the_limit_is_looked_at(world: World, username: str) -> None:
    world.add_user("lan", "analyst", "Lan")
    act(world.config, "user-password", username="lan", password=PASSWORD)
    act(world.config, "user-grant", username="lan", role="auditor")
    world.start("api")
    with ThreadPoolExecutor(PARALLEL) as pool:
        statuses = Counter(pool.map(lambda _: log_in(world, username, WRONG), range(TRIES)))
    assert statuses == {401: LIMIT, 429: TRIES - LIMIT}
    assert log_in(world, "lan", PASSWORD) == (429 if username == "lan" else 200)
    me = Person(world.base)
    me.log_in(world.link("lan"))
    looked_at = me.get("/audit", act="session.open", outcome="denied")["total"]
    assert looked_at == LIMIT
    me.close()


class Stream:
    """A person's open live stream; what comes is put into a queue, its end as None."""

    def __init__(self, world: World, headers: dict[str, str]) -> None:
        host, _, port = world.base.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=60)
        self._connection.request("GET", "/api/v1/stream", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self.seen: queue.Queue[str | None] = queue.Queue()
        self._answer.readline()  # ": ok": from now on it follows
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while line := self._answer.readline():
                if line.startswith(b"data:") and b"revision" in line:
                    self.seen.put(str(json.loads(line[5:])["revision"]))
        except (OSError, ValueError, AttributeError):  # closed by the test
            pass
        self.seen.put(None)

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(30)
        self._answer.close()
        self._connection.close()

    def drained(self) -> list[str | None]:
        found = []
        while not self.seen.empty():
            found.append(self.seen.get())
        return found


def eventually(look: Callable[[], Any], limit_s: float = 30.0) -> Any:
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def status(world: World, headers: dict[str, str], path: str = "/api/v1/alerts") -> int:
    host, _, port = world.base.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("how", ["disabled", "role withdrawn"])
def test_a_right_that_ends_is_gone_within_a_second_in_sessions_keys_and_streams(world: World, how: str) -> None:
    writer = EmbeddedWriter(world.data)
    writer.append([hit(1)], "hits")
    writer.close()
    world.add_user("lan", "analyst", "Lan")
    world.start("api")
    lan, boss = Person(world.base), Person(world.base)
    lan.log_in(world.link("lan"))
    boss.log_in(world.link())
    ends = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    key = lan.post("/account/keys", {"name": "k", "permissions": ["alerts.read"], "ends_at": ends})["key"]
    ways = {"session": {"Cookie": lan._cookie}, "key": {"Authorization": f"Bearer {key}"}}
    alert = eventually(lambda: boss.get("/alerts")["items"])[0]["id"]
    assert {name: status(world, headers) for name, headers in ways.items()} == {"session": 200, "key": 200}
    streams = {name: Stream(world, headers) for name, headers in ways.items()}
    boss_hears = Stream(world, {"Cookie": boss._cookie})
    boss.post(f"/alerts/{alert}/claim")
    for stream in streams.values():
        assert stream.seen.get(timeout=30)  # they do hear it while they may

    if how == "disabled":
        act(world.config, "user-disable", username="lan")
    else:
        act(world.config, "user-revoke", username="lan", role="analyst", agency="so-tttt")
    ended = time.monotonic()
    gone = 401 if how == "disabled" else 403
    assert {name: status(world, headers) for name, headers in ways.items()} == {"session": gone, "key": gone}
    while time.monotonic() < ended + EFFECTIVE_S:  # the bound itself, not a guess at how long things take
        boss.post(f"/alerts/{alert}/release")
        boss.post(f"/alerts/{alert}/claim")
    for stream in (*streams.values(), boss_hears):
        stream.drained()
    boss.post(f"/alerts/{alert}/release")
    eventually(boss_hears.drained)
    for name, stream in streams.items():
        assert [revision for revision in stream.drained() if revision] == [], name
    for stream in (*streams.values(), boss_hears):
        stream.close()
    lan.close()
    boss.close()


def command(*words: str) -> int:
    """`luytre …`, in this process."""
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_luytre_users_on_a_running_node_and_a_stopped_one(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], running: bool
) -> None:
    if running:
        world.start("api")
    assert socket_path(world.data).exists() == running
    config = ("--config", str(world.config.path))
    secret = tmp_path / "mat-khau"
    secret.write_text(PASSWORD + "\n", "utf-8")

    def said(*words: str) -> str:
        assert command("users", *words, *config) == 0, capsys.readouterr().err
        return capsys.readouterr().out.strip()

    def person(name: str) -> dict[str, Any]:
        [found] = [user for user in json.loads(said("list", "--json")) if user["username"] == name]
        return dict(found)

    assert "/#/login?token=" in said("add", "Hoa", "--name", "Trần Hoa", "--role", "lead", "--role", "admin")
    assert sorted(role for role, _, _ in person("hoa")["grants"]) == ["admin", "lead"]
    assert "/#/login?token=" in said("add", "lan", "--agency", "so-tttt")
    assert person("lan")["grants"] == [["analyst", "so-tttt", None]]
    said("grant", "lan", "--role", "provider", "--until", f"{datetime.now(UTC).year + 1}-01-02")
    assert {role for role, _, _ in person("lan")["grants"]} == {"analyst", "provider"}
    said("revoke", "lan", "--role", "analyst", "--agency", "so-tttt")
    said("password", "lan", "--file", str(secret))
    assert person("lan")["password"] is True
    said("disable", "lan")
    assert person("lan")["disabled"] is True
    assert command("users", "link", "lan", *config) != 0
    assert "LT-A0105" in capsys.readouterr().err
    said("enable", "lan")
    assert "token=" in said("reset-factor", "lan")
    link = said("link", "lan")
    for words, code in (
        (("add", "lan"), "LT-A0102"), (("add", "x", "--role", "vua"), "LT-A0103"),
        (("add", "x", "--agency", "khong-co"), "LT-A0104"), (("grant", "ai", "--role", "lead"), "LT-A0105"),
        (("grant", "lan", "--role", "provider"), "LT-A0113"), (("add", "x", "--role", "national_lead"), "LT-A0103"),
        (("grant", "lan", "--role", "lead", "--until", "2020-01-01"), "LT-A0114"),
        (("grant", "lan", "--role", "lead", "--until", "mai"), "LT-A0114"),
        (("revoke", "lan", "--role", "admin"), "LT-A0115"),
    ):  # fmt: skip
        assert command("users", *words, *config) != 0, words
        assert code in capsys.readouterr().err, words
    if not running:
        world.start("api")
    lan = Person(world.base)
    lan.log_in(link)
    assert lan.get("/session")["user"]["username"] == "lan"
    with pytest.raises(Refused):
        lan.log_in(link)
    lan.close()
    assert log_in(world, "lan", PASSWORD) == 200
    text = "".join(path.read_text("utf-8", "replace") for path in tmp_path.glob("*.log"))
    assert PASSWORD not in text
    assert link.partition("token=")[2] not in text
    assert Config(world.config.path).path == world.config.path
