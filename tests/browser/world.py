"""A real node for a real browser: `luytre-api` and the indexer as processes, data sent through the machine port.

In:  a folder, the node's role. Out: addresses, one-time log-in links, and ways to send more while the browser looks.
Nothing is written into a database or a store behind the node's back: events come with the sensor's certificate, hits
with the correlator's, people by `luytre users`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from api.local_port import ask
from api.node.init import FIRST_USER, default_tables, make_node
from api.node.supervise import wait_for
from api.node.users import act, login_link
from correlator.hit import Level, Verdict, make_hit
from sensors.clock import rfc3339
from sensors.config import Config
from sensors.event import Event, event_id, new_event, put
from sensors.ship.enrol import enrol
from sensors.wire import BulkClient, tls_context
from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
AGENCY, AGENCY_NAME = "so-kh-cn", "Sở Khoa học và Công nghệ"
OBSERVER = "cb-01"
PATIENCE_S = 120.0  # a machine with other work takes its time to start a node
# What an attacker may put into any field: markup, a bidi override, zero-width letters, a very long word.
HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe\u200b" + "A" * 60


class World:
    def __init__(
        self,
        folder: Path,
        *,
        agency: str = AGENCY,
        name: str = AGENCY_NAME,
        upstream: World | None = None,
        role: str = "agency",
        exercise: bool = True,
        second_factor: str = "none",
    ) -> None:
        self.folder, self.agency = folder, agency
        folder.mkdir(parents=True, exist_ok=True)
        tables = default_tables(folder / "data", agency, name, role)
        tables["node"] |= {"observer": OBSERVER, "exercise": exercise}
        if share := os.environ.get("LUYTRE_TEST_SHARE"):  # screens built somewhere else than dashboards/dist
            tables["node"]["share"] = share
        tables["api"] = {"people": f"127.0.0.1:{free_port()}", "machines": f"127.0.0.1:{free_port()}"}
        # "none": one-time links open every screen at once. The node's own default is walked by test_browser_shift.py.
        tables["api"]["second_factor"] = second_factor
        tables["log"] = {"files": []}
        if upstream:
            tables["federation"] = {"upstream": upstream.machines, "poll_s": 0.5, "report_s": 5.0}
        self.config = Config(make_node(tables))
        self.data = folder / "data"
        self.base = f"http://{tables['api']['people']}"
        self.machines = f"https://{tables['api']['machines']}"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._number = self._sequence = 0
        if upstream:
            upstream.let_in(self, name)

    def start(self, *names: str) -> World:
        modules = {
            "api": ("api.serve", "serve"),
            "index": ("correlator.cli", "index"),
            "run": ("correlator.cli", "run"),
        }
        for name in names or ("api", "index"):
            module, word = modules[name]
            with (self.folder / f"{name}.log").open("ab") as log:
                self._children[name] = subprocess.Popen(
                    [sys.executable, "-m", module, word, "--config", str(self.config.path)],
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                )
            if name == "api":
                self._wait_for_api()
        return self

    def _wait_for_api(self) -> None:
        wait_for(lambda: ask(self.data, "machines"), "luytre-api", limit_s=PATIENCE_S)

    def let_in(self, below: World, name: str) -> None:
        """Enrol another node with this one, as `luytre enrol upstream` does."""
        token = act(
            self.config, "token", agency=below.agency, role="node", name=f"nut-{below.agency}", agency_name=name
        )
        enrol(
            self.machines,
            token["token"],
            token["fingerprint"],
            below.data / "keys",
            file="node",
            ca_file="upstream-ca.pem",
        )

    def kill(self, name: str) -> None:
        child = self._children.pop(name)
        child.send_signal(signal.SIGKILL)
        child.wait(10)

    def stop(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5)
        self._children.clear()

    def link(self, username: str = FIRST_USER) -> str:
        return login_link(self.config, username)

    def add_user(self, username: str, role: str, name: str) -> str:
        act(self.config, "user-add", username=username, role=role, name=name, agency=self.agency)
        return username

    def send(self, events: Sequence[Event], identity: str = "sensor") -> None:
        for event in events:  # a stream's numbers rise in the order of sending, as a spool's do
            self._sequence += 1
            put(event, "event.sequence", self._sequence)
        keys = self.data / "keys"
        tls = tls_context(keys / "ca.pem", keys / f"{identity}.pem", keys / f"{identity}.key")
        client = BulkClient(self.machines, tls)
        try:
            lines = [msgspec.json.encode(event) for event in events]
            statuses = client.send(lines)
        finally:
            client.close()
        assert all(status.status < 300 for status in statuses), statuses
        for event, line in zip(events, lines, strict=True):
            if identity == "sensor":  # the name that ingest gives it, for the hits that speak of it
                number = f"1:{event['event']['sequence']}:{hashlib.blake2b(line, digest_size=16).hexdigest()}"
                sender = f"{self.agency}:sensor:{OBSERVER}"
                put(event, "event.id", event_id(sender, f"spool:{event['agent']['type']}", number))

    def wait_for(self, found: Callable[[], Any], what: str, ask: Callable[[], object] = lambda: None) -> Any:
        """What `found` finds; `ask` has the page look again before each time."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            ask()
            if value := found():
                return value
            time.sleep(0.3)
        raise TimeoutError(f"not after {PATIENCE_S} s: {what}")

    def wait_for_alerts(self, count: int) -> None:
        """Until casework reports that many (its report comes every few seconds)."""
        path, end = self.data / "run" / "luytre-api.json", time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if path.exists() and json.loads(path.read_text("utf-8")).get("casework", {}).get("alerts", 0) >= count:
                return
            time.sleep(0.2)
        raise TimeoutError(f"fewer than {count} alerts after {PATIENCE_S} s")

    def event(self, dataset: str, at: float, **fields: Any) -> Event:
        """An event as a sensor sends it; `source__ip="…"` is source.ip."""
        self._number += 1
        agent = {"network": "packet", "service": "probe"}.get(dataset.partition(".")[0], "log")
        made = new_event(
            dataset,
            at,
            {
                "event.id": event_id(OBSERVER, "browser", str(self._number)),
                "agent.type": agent,
                "luytre.spool.epoch": 1,
                "event.created": rfc3339(time.time()),
            },
        )
        for path, value in fields.items():
            put(made, path.replace("__", "."), value)
        return made

    def hit(
        self,
        rule: str,
        level: Level,
        title: tuple[str, str],
        reason: tuple[str, str],
        group: dict[str, str],
        behind: Sequence[Event],
        *,
        kind: str = "sigma",
        tags: Sequence[str] = (),
        score: float | None = None,
    ) -> Event:
        last = behind[-1]
        put(last, "organization.id", self.agency)
        verdict = Verdict(
            rule_id=rule,
            name=title[1],
            level=level,
            kind=kind,
            group=group,
            tags=tags,
            score=score,
            count=len(behind),  # type: ignore[arg-type]
            title={"vi": title[0], "en": title[1]},
            reason={"vi": reason[0], "en": reason[1]},
            event_ids=[event["event"]["id"] for event in behind],
        )
        return make_hit(verdict, last, shared=behind)


def story(world: World) -> None:
    """An agency's day: a scan, a guessed password, a beacon, an outage, a hostile string; alerts from their events."""
    now = time.time()
    failures = [
        world.event(
            "system.auth",
            now - 5400 + 9 * n,
            message=f"Failed password for root from 203.0.113.77 port {40000 + n} ssh2",
            event__action="ssh_login",
            event__category=["authentication"],
            event__outcome="failure",
            source__ip="203.0.113.77",
            source__port=40000 + n,
            user__name="root",
            host__name="cong-dvc-01",
            process__name="sshd",
        )
        for n in range(40)
    ]
    success = world.event(
        "system.auth",
        now - 4990,
        message="Accepted password for root from 203.0.113.77 port 40040 ssh2",
        event__action="ssh_login",
        event__category=["authentication"],
        event__outcome="success",
        source__ip="203.0.113.77",
        source__port=40040,
        user__name="root",
        host__name="cong-dvc-01",
        process__name="sshd",
    )
    scan = [
        world.event(
            "nginx.access",
            now - 7200 + n,
            source__ip="198.51.100.23",
            http__request__method="GET",
            url__original=path,
            url__path=path,
            http__response__status_code=404,
            user_agent__original="nuclei/3.2",
            host__name="cong-dvc-01",
        )
        for n, path in enumerate(["/.git/config", "/.env", "/wp-login.php", "/actuator/env", "/backup.zip"] * 8)
    ]
    beacon = [
        world.event(
            "network.dns",
            now - 3600 + 60 * n,
            source__ip="10.20.1.15",
            destination__ip="10.20.0.2",
            dns__question__name="cdn-update.vn-static.example",
            dns__question__type="A",
            network__protocol="dns",
        )
        for n in range(50)
    ]
    down = [
        world.event(
            "service.availability",
            now - 600 + 60 * n,
            service__name="Cổng dịch vụ công",
            service__id="cong-dvc",
            service__state="down",
            event__outcome="failure",
            url__full="https://dichvucong.example/",
            luytre__probe__kind="http",
        )
        for n in range(9)
    ]
    hostile = world.event(
        "nginx.access",
        now - 60,
        source__ip="192.0.2.66",
        http__request__method="GET",
        url__original=f"/{HOSTILE}",
        url__path=f"/{HOSTILE}",
        http__response__status_code=200,
        user_agent__original=HOSTILE,
        host__name="cong-dvc-01",
    )
    noise = [
        world.event(
            "network.http",
            now - 80000 + 400 * n,
            source__ip=f"10.20.1.{n % 40 + 10}",
            destination__ip="10.20.0.9",
            http__request__method="GET",
            url__path="/",
            http__response__status_code=200,
        )
        for n in range(190)
    ]
    for part in (noise, scan, [*failures, success], beacon, down, [hostile]):
        world.send(part)
    world.send(
        [
            *(
                world.hit(
                    "lt-web-scan",
                    "medium",
                    ("Dò quét đường dẫn nhạy cảm trên cổng web", "Sensitive paths probed on a web portal"),
                    (
                        "198.51.100.23 hỏi 40 đường dẫn nhạy cảm trên cong-dvc-01, đều được trả lời 404.",
                        "198.51.100.23 asked cong-dvc-01 for 40 sensitive paths and got 404.",
                    ),
                    {"source.ip": "198.51.100.23"},
                    [event],
                    tags=["attack.t1595.002"],
                )
                for event in scan
            ),
            world.hit(
                "lt-ssh-guessed",
                "critical",
                ("Đăng nhập SSH thành công sau nhiều lần dò mật khẩu", "SSH log-in succeeded after password guessing"),
                (
                    "203.0.113.77 đăng nhập được tài khoản root trên cong-dvc-01 sau 40 lần sai mật khẩu trong 7 phút.",
                    "203.0.113.77 logged in as root on cong-dvc-01 after 40 wrong passwords in 7 minutes.",
                ),
                {"source.ip": "203.0.113.77", "host.name": "cong-dvc-01"},
                [*failures, success],
                kind="correlation",
                tags=["attack.t1110.001", "attack.t1078"],
            ),
            *(
                world.hit(
                    "lt-ssh-failed",
                    "low",
                    ("Đăng nhập SSH thất bại nhiều lần", "Repeated SSH log-in failures"),
                    (
                        "203.0.113.77 đăng nhập sai tài khoản root trên cong-dvc-01.",
                        "203.0.113.77 failed to log in as root on cong-dvc-01.",
                    ),
                    {"source.ip": "203.0.113.77"},
                    [event],
                    tags=["attack.t1110.001"],
                )
                for event in failures
            ),
            world.hit(
                "lt-beacon",
                "high",
                ("Kết nối định kỳ tới một tên miền hiếm gặp", "Periodic contact with a rare name"),
                (
                    "10.20.1.15 hỏi tên cdn-update.vn-static.example đều đặn mỗi 60 giây, 50 lần, độ lệch dưới 2 %.",
                    "10.20.1.15 asked for cdn-update.vn-static.example every 60 s, 50 times, jitter below 2 %.",
                ),
                {"source.ip": "10.20.1.15", "dns.question.name": "cdn-update.vn-static.example"},
                beacon,
                kind="detector",
                tags=["attack.t1071.004"],
                score=0.94,
            ),
            world.hit(
                "lt-service-down",
                "high",
                ("Dịch vụ công ngừng hoạt động", "A public service is down"),
                (
                    "Cổng dịch vụ công không trả lời trong 9 lần kiểm tra liên tiếp.",
                    "The public service portal did not answer 9 checks in a row.",
                ),
                {"service.name": "Cổng dịch vụ công"},
                down,
                kind="correlation",
            ),
            world.hit(
                "lt-web-hostile",
                "informational",
                (f"Yêu cầu lạ {HOSTILE}", f"Odd request {HOSTILE}"),
                (f"192.0.2.66 gửi {HOSTILE}", f"192.0.2.66 sent {HOSTILE}"),
                {"source.ip": "192.0.2.66"},
                [hostile],
            ),
        ],
        "correlator",
    )
    world.wait_for_alerts(6)


def one_more(world: World, number: int, level: Level = "medium") -> None:
    """A new alert while somebody looks at the queue."""
    event = world.event(
        "system.auth",
        time.time(),
        source__ip=f"192.0.2.{number % 250 + 1}",
        user__name="admin",
        event__outcome="failure",
    )
    world.send([event])
    hit = world.hit(
        f"lt-more-{number}",
        level,
        (f"Cảnh báo thêm {number}", f"Another alert {number}"),
        ("Đăng nhập thất bại.", "A log-in failed."),
        {"source.ip": f"192.0.2.{number % 250 + 1}"},
        [event],
    )
    world.send([hit], "correlator")
