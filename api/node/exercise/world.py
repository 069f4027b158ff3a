"""A small country on loopback: a national centre and agencies, each a real node with its own processes and folder.

In:  a folder, the agencies' codes, a store. Out: running nodes, enrolled with the centre by one-time tokens, with input
folders that their sensors watch. Ports are free ones of this machine. Everything ends with this process.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.local_port import ask
from api.node import programs
from api.node.exercise.manifest import Manifest
from api.node.exercise.people import Person
from api.node.exercise.stage import Stage
from api.node.init import FIRST_USER, make_node
from api.node.supervise import Supervisor, wait_for
from api.node.users import login_link
from sensors.config import Config
from sensors.ship.enrol import enrol

NATION = "quoc-gia"
NAMES = {
    NATION: "Trung tâm giám sát quốc gia (diễn tập)",
    "dien-tap-a": "Đơn vị diễn tập A",
    "dien-tap-b": "Đơn vị diễn tập B",
}


@dataclass(slots=True)
class Site:
    """One node: where it lies, how it is reached, its processes."""

    code: str
    data: Path
    config: Path
    base: str
    machine_url: str
    supervisor: Supervisor
    stage: Stage | None = None
    manifest: Manifest | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self.supervisor.run, args=(self._stop,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def link(self) -> str:
        return login_link(Config(self.config), FIRST_USER)

    def person(self) -> Person:
        wait_for_api(self.data, self.supervisor)
        person = Person(self.base)
        person.log_in(self.link())
        return person


class World:
    def __init__(self, folder: Path, *, store: Mapping[str, Any] | None = None, agencies: int = 2,
                 raise_level: str = "") -> None:  # fmt: skip
        """`store`: the [store] table of every node; on a shared server each reads its own agency only. `raise_level`:
        every agency raises alerts from here on by itself (without it: only the last one, from medium on)."""
        self.folder, self._store = folder, dict(store or {"kind": "embedded"})
        self._raise_level = raise_level
        codes = [code for code in NAMES if code != NATION][:agencies]
        self.portal_port = free_port()
        self.centre = self._site(NATION, None)
        self.agencies = [self._site(code, self.centre) for code in codes]

    @property
    def sites(self) -> list[Site]:
        return [self.centre, *self.agencies]

    def start(self) -> None:
        """Start the centre, enrol the agencies with it, start them."""
        self.centre.start()
        wait_for_api(self.centre.data, self.centre.supervisor)
        for site in self.agencies:
            self._enrol_with_centre(site)
            site.start()
        for site in self.agencies:
            wait_for_api(site.data, site.supervisor)

    def stop(self) -> None:
        for site in reversed(self.sites):
            site.stop()
            if site.manifest:
                site.manifest.close()

    def _enrol_with_centre(self, site: Site) -> None:
        """The agency's node gets its certificate as any sensor does: token, fingerprint, CSR."""
        token = ask(self.centre.data, "token", agency=site.code, role="node", name=f"nut-{site.code}",
                    agency_name=NAMES[site.code])  # fmt: skip
        assert token is not None, "the centre runs"
        enrol(self.centre.machine_url, token["token"], token["fingerprint"], site.data / "keys", file="node",
              ca_file="upstream-ca.pem")  # fmt: skip

    def _site(self, code: str, upstream: Site | None) -> Site:
        data = self.folder / code
        people, machines = free_port(), free_port()
        tables: dict[str, dict[str, Any]] = {
            "node": {"data": str(data), "agency": code, "name": NAMES[code], "observer": f"cam-bien-{code}",
                     "role": "agency" if upstream else "national", "exercise": True},
            "api": {"people": f"127.0.0.1:{people}", "machines": f"127.0.0.1:{machines}",
                    "second_factor": "none"},  # an exercise on loopback: its links let people straight in
            "store": self._store | ({"agencies": [code]} if self._store["kind"] != "embedded" else {}),
            "ship": {"url": f"https://127.0.0.1:{machines}"},
        }  # fmt: skip
        stage = manifest = None
        if upstream:
            data.mkdir(parents=True, exist_ok=True)
            folder = data / "input"
            manifest = Manifest(data / "manifest.ndjson")
            stage = Stage(folder, manifest)
            tables["log"] = {"files": [{"path": str(folder / "auth.log")}, {"path": str(folder / "access.log")}]}
            tables["packet"] = {"pcap_folder": str(stage.captures)}
            tables["federation"] = {"upstream": upstream.machine_url, "report_s": 5.0}
            if self._raise_level:
                tables["federation"]["raise_level"] = self._raise_level
            if code.endswith("b"):
                service = {"id": "cong-dvc", "name": "Cổng dịch vụ công (diễn tập)", "system": "cong-dvc",
                           "kind": "http", "target": f"http://127.0.0.1:{self.portal_port}/", "every_s": 1.0,
                           "timeout_s": 2.0}  # fmt: skip
                tables["federation"].setdefault("raise_level", "medium")
                tables["probe"] = {"services": [service]}
        config = make_node(tables)
        supervisor = Supervisor(data, programs.of_node(Config(config)), config)
        base, machine_url = f"http://127.0.0.1:{people}", f"https://127.0.0.1:{machines}"
        return Site(code, data, config, base, machine_url, supervisor, stage, manifest)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for_api(data: Path, supervisor: Supervisor) -> None:
    """Until the node's API answers on its local port."""
    wait_for(lambda: ask(data, "machines"), "luytre-api", supervisor)
