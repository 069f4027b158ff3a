"""The API as a process: it starts, tells what changes live, stops in order, and counts exactly through kill -9."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
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
from sensors.errors import EXIT_CONFIG
from tests.servers.people_port import hit
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]


class Api:
    def __init__(self, folder: Path, people_host: str = "127.0.0.1") -> None:
        tables = default_tables(folder / "data", "so-tttt", "Sở TT", "agency")
        self.people, self.data = free_port(), folder / "data"
        tables["api"] = {"people": f"{people_host}:{self.people}", "machines": f"127.0.0.1:{free_port()}"}
        self.config = make_node(tables)
        self.log = folder / "api.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Api:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api.serve", "--config", str(self.config)], cwd=ROOT, stderr=log, stdout=log
            )
        end = time.monotonic() + 30
        while ask(self.data, "machines") is None or not _listens(self.people):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self._process
        self._process.send_signal(number)
        code = self._process.wait(20)
        self._process = None
        return code

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def person(self) -> Person:
        me = Person(f"http://127.0.0.1:{self.people}")
        me.log_in(login_link(Config(self.config), "quantri"))
        return me


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    yield made
    made.kill()


def eventually(look: Any, limit_s: float = 20.0) -> Any:
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def stored_hits(data: Path, hits: list[dict[str, Any]]) -> None:
    """Put hits into the journal as the API would; only while it is down (one writer)."""
    writer = EmbeddedWriter(data)
    writer.append(hits, "hits")
    writer.close()


def test_stream_and_orderly_stop(api: Api) -> None:
    stored_hits(api.data, [hit(1)])
    me = api.start().person()
    eventually(lambda: me.get("/alerts")["total"] == 1)
    connection = http.client.HTTPConnection("127.0.0.1", api.people, timeout=60)
    connection.request("GET", "/api/v1/stream", headers={"Cookie": me._cookie, "Last-Event-ID": "0"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")

    def next_change() -> dict[str, Any]:
        line = ""
        while not line.startswith("data:"):
            line = answer.readline().decode()
        found: dict[str, Any] = json.loads(line[5:])
        return found

    assert next_change() == {"id": "CB-2026-000001", "revision": 1, "agency": "so-tttt", "kind": "created"}
    me.post("/alerts/CB-2026-000001/claim")
    assert next_change() == {"id": "CB-2026-000001", "revision": 2, "agency": "so-tttt", "kind": "changed"}
    begun = time.monotonic()
    assert api.stop() == 0  # although a stream is open
    assert time.monotonic() - begun < 8
    answer.close()
    connection.close()
    me.close()
    assert "Traceback" not in api.log.read_text()


@pytest.mark.slow
def test_counts_are_exact_through_kills(api: Api) -> None:
    stored_hits(api.data, [hit(n, rule=f"r-{n % 7}", at=1_795_000_000.0 + n) for n in range(6_000)])
    chance = random.Random(11)
    for _ in range(4):
        api.start()
        time.sleep(chance.uniform(0.0, 0.6))
        api.kill()
    me = api.start().person()
    eventually(lambda: sum(alert["count"] for alert in me.get("/alerts")["items"]) >= 6_000)
    alerts = me.get("/alerts")["items"]
    assert len(alerts) == 7
    assert sum(alert["count"] for alert in alerts) == 6_000
    assert me.get("/system")["lag"]["casework_s"] == 0
    me.close()
    assert api.stop() == 0


def test_a_session_and_an_act_outlive_a_kill(api: Api) -> None:
    stored_hits(api.data, [hit(1)])
    me = api.start().person()
    eventually(lambda: me.get("/alerts")["total"] == 1)
    me.post("/alerts/CB-2026-000001/claim")
    api.kill()
    api.start()
    assert me.get("/alerts/CB-2026-000001")["status"] == "claimed"
    me.close()


def test_another_address_than_loopback_has_tls(tmp_path: Path) -> None:
    """No host of the test machine is named: 0.0.0.0 already means "not only loopback"."""
    api = Api(tmp_path, "0.0.0.0")
    try:
        api.start()
        with socket.create_connection(("127.0.0.1", api.people), 5) as raw:
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not raw.recv(100).startswith(b"HTTP/1.1 200")
        context = ssl.create_default_context(cafile=str(api.data / "keys" / "ca.pem"))
        connection = http.client.HTTPSConnection("localhost", api.people, context=context, timeout=60)
        token = login_link(Config(api.config), "quantri").partition("token=")[2]
        connection.request("POST", "/api/v1/session/link", json.dumps({"token": token}),
                           {"Content-Type": "application/json"})  # fmt: skip
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Set-Cookie"].startswith("__Host-luytre=")
        connection.close()
    finally:
        api.kill()


def test_a_bad_configuration_ends_with_78(api: Api) -> None:
    text = api.config.read_text()
    api.config.write_text(text.replace("[api]", "[api]\npeopel = 1"))
    done = subprocess.run(
        [sys.executable, "-m", "api.serve"], cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "LUYTRE_CONFIG": str(api.config)}, text=True,
    )  # fmt: skip
    assert done.returncode == EXIT_CONFIG
    assert "people" in done.stderr
    assert "LT-C0104" in done.stderr


@pytest.mark.quiet
def test_slow_heads_do_not_keep_others_out(api: Api) -> None:
    me = api.start().person()
    slow = [socket.create_connection(("127.0.0.1", api.people), 5) for _ in range(100)]
    for sock in slow:
        sock.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    begun = time.monotonic()
    assert me.get("/public")["name"] == "Sở TT"
    assert time.monotonic() - begun < 2
    for sock in slow:
        sock.close()
    me.close()
