"""One real agency node for hostile input: all its processes, fast clocks, an eye on who dies.

`Fortress(folder)` makes a node whose log sensor follows `input/*.log` and listens for syslog, whose packet sensor reads
`input/captures`, whose probe watches the node's own people's port. `unharmed()` fails when a process was restarted.
`neighbour()` sends an ordinary line through the log sensor and waits until it is stored: whatever was thrown before,
others are served.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import urllib3

from api.local_port import ask
from api.node import programs
from api.node.exercise.people import Person
from api.node.exercise.world import wait_for, wait_for_api
from api.node.init import FIRST_USER, make_node
from api.node.supervise import Supervisor
from api.node.users import login_link
from correlator.store import open_reader
from correlator.store.base import EventReader, Page, Stream
from sensors.config import Config
from sensors.event import Event, get
from sensors.ship.enrol import enrol
from sensors.wire import BulkClient, Wire, tls_context
from tests.servers.ports import free_port

AGENCY, OBSERVER = "so-tttt", "may-cam-bien-1"
# Growth by the reliability study's B-rows; the API may besides hold a body of 10 MiB, inflated to 20, and its copies.
GROWTH_LIMIT_MB, API_GROWTH_LIMIT_MB = 64, 128
T = TypeVar("T")


class Fortress:
    def __init__(self, folder: Path) -> None:
        self.data, self.input = folder / "data", folder / "input"
        self.captures = self.input / "captures"
        self.captures.mkdir(parents=True)
        people, machines = free_port(), free_port()
        self.base, self.url = f"http://127.0.0.1:{people}", f"https://127.0.0.1:{machines}"
        self.machine_port = machines
        self.config = make_node({
            "node": {"data": str(self.data), "agency": AGENCY, "name": "Sở TT", "observer": OBSERVER},
            "api": {"people": f"127.0.0.1:{people}", "machines": f"127.0.0.1:{machines}"},
            "store": {"kind": "embedded"},
            "log": {"files": [{"path": str(self.input / "*.log")}], "syslog_udp": "127.0.0.1:0",
                    "syslog_tcp": "127.0.0.1:0", "heartbeat_s": 1.0, "poll_s": 0.1},
            "packet": {"pcap_folder": str(self.captures), "pcap_settle_s": 0.1, "heartbeat_s": 0.5},
            "probe": {"services": [{"id": "luytre", "kind": "http", "target": self.base + "/healthz"}]},
            "ship": {"url": self.url, "idle_s": 0.1},
            "correlator": {"poll_s": 0.1, "report_s": 0.3, "rules_poll_s": 0.3},
        })  # fmt: skip
        self.keys = self.data / "keys"
        self.rules = self.data / "rules"
        self._supervisor = Supervisor(self.data, programs.of_node(Config(self.config)), self.config,
                                      os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})  # fmt: skip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervisor.run, args=(self._stop,), daemon=True)
        self._neighbours = 0
        self._reader: EventReader | None = None
        self._seen: dict[Stream, tuple[str | None, list[Event]]] = {}

    # --- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Fortress:
        self._thread.start()
        wait_for_api(self.data, self._supervisor)
        self.until(lambda: self.health("log").get("listening"), "the log sensor listens")
        self.until(lambda: self.health("correlator").get("rules"), "the correlator runs")
        self._reader = open_reader(Config(self.config))
        self.neighbour()
        self.first_pids, self.first_rss = self.pids(), self.rss_mb()
        return self

    def stop(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._stop.set()
        self._thread.join()

    def pids(self) -> dict[str, int | None]:
        return {name: self._supervisor.pid(name) for name in self._supervisor.names()}

    def rss_mb(self) -> dict[str, float]:
        """Resident memory by process."""
        return {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
                for name, pid in self.pids().items() if pid}  # fmt: skip

    def unharmed(self) -> None:
        """Every process is the one that was started at the beginning, and no larger than it may be."""
        words = "\n".join(self._supervisor.last_words(self._supervisor.names()))
        assert not any(self._supervisor.restarts().values()), f"{self._supervisor.restarts()}\n{words}"
        assert self.pids() == self.first_pids, words
        assert not self._supervisor.given_up()
        for name, now in self.rss_mb().items():
            limit = API_GROWTH_LIMIT_MB if name == "luytre-api" else GROWTH_LIMIT_MB
            assert now - self.first_rss[name] < limit, f"{name} grew from {self.first_rss[name]} to {now} MB"

    def until(self, look: Callable[[], T | None], what: str, limit_s: float = 20.0) -> T:
        return wait_for(look, what, self._supervisor, limit_s=limit_s)

    # --- what it says of itself --------------------------------------------------------------------------------------

    def health(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.data / "run" / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def log_text(self, name: str) -> str:
        path = self.data / "log" / f"luytre-{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stored(self, stream: Stream = "events") -> list[Event]:
        """All that is stored, in order; what was read before is not read again."""
        assert self._reader is not None
        cursor, events = self._seen.get(stream, (None, []))
        while isinstance(page := self._reader.tail(cursor, 2000, stream), Page) and page.events:
            events += page.events
            cursor = page.next
        self._seen[stream] = cursor, events
        return events

    def found(self, path: str, value: Any) -> list[Event]:
        return [event for event in self.stored() if get(event, path) == value]

    def wait_found(self, path: str, value: Any, count: int = 1) -> list[Event]:
        return self.until(lambda: found if len(found := self.found(path, value)) >= count else None,
                          f"{count} events with {path} = {value!r}")  # fmt: skip

    # --- ways in -----------------------------------------------------------------------------------------------------

    def write(self, name: str, data: bytes) -> Path:
        """Append to a file that the log sensor follows."""
        path = self.input / name
        with path.open("ab") as file:
            file.write(data)
        return path

    def drop(self, name: str | bytes, data: bytes) -> None:
        """A finished capture in the drop folder."""
        raw = name if isinstance(name, bytes) else name.encode()
        new = os.fsencode(self.captures) + b"/.new"
        Path(os.fsdecode(new)).write_bytes(data)
        os.rename(new, os.fsencode(self.captures) + b"/" + raw)  # noqa: PTH104  a name that is no text

    def neighbour(self) -> None:
        self._neighbours += 1
        message = f"hang xom {self._neighbours} {time.time_ns()}"
        self.write("neighbour.log", f"{message}\n".encode())
        self.wait_found("event.original", message)

    def client(self, keys: Path | None = None, file: str = "sensor") -> BulkClient:
        keys = keys or self.keys
        return BulkClient(self.url, tls_context(self.keys / "ca.pem", keys / f"{file}.pem", keys / f"{file}.key"),
                          coding="identity", timeout_s=20)  # fmt: skip

    def anonymous(self) -> Wire:
        return Wire(self.url, tls_context(self.keys / "ca.pem"), timeout_s=20)

    def enrol(self, folder: Path, name: str, role: str = "sensor", agency: str = AGENCY) -> Path:
        """A machine of that name, enrolled by a one-time token; its keys are in `folder`."""
        token = ask(self.data, "token", agency=agency, role=role, name=name)
        assert token is not None
        enrol(self.url, token["token"], token["fingerprint"], folder, file=role, ca_file="upstream-ca.pem")
        return folder

    def person(self) -> Person:
        person = Person(self.base)
        person.log_in(login_link(Config(self.config), FIRST_USER))
        return person

    def raw(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """A request to the people's port as nobody in particular."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        pool = urllib3.PoolManager(retries=False, timeout=20)
        try:
            return pool.request(method, self.base + path, body=body, headers=sent)
        finally:
            pool.clear()
