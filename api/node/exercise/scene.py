"""The attack of the exercise, as data: log lines and conversations, with ordinary traffic around them.

In:  a seed, the time it should seem to happen. Out: `Line`s for files, conversation specs for `sensors.packets.craft`.
Every line and conversation is different from every other, so that each can be found again in the store (`manifest.py`).
Addresses are RFC 5737's and RFC 1918's, names RFC 2606's: nothing here belongs to anybody.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ATTACKER, CONTROL, CONTROL_NAME = "203.0.113.66", "198.51.100.77", "capnhat-he-thong.example"
FAILURES, SCANNED_PORTS, BEACONS, BEACON_EVERY_S = 40, 120, 40, 60.0
USERS = ("root", "admin", "quantri", "vanthu", "backup", "oracle", "postgres", "test")
PAGES = (
    "/",
    "/tin-tuc",
    "/dich-vu-cong",
    "/thu-tuc-hanh-chinh",
    "/van-ban",
    "/lien-he",
    "/tra-cuu-ho-so",
    "/css/cong.css",
)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
)
SITES = (("congbao.example", "192.0.2.21"), ("thoitiet.example", "192.0.2.22"), ("mail.example", "192.0.2.23"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log file; `file` is its name in the agency's input folder."""

    file: str
    text: str


class Scene:
    """One agency's part. `number` keeps the agencies' addresses apart (10.<number>.0.0/24)."""

    def __init__(self, number: int, seed: int = 2026) -> None:
        self._random = random.Random(seed * 1000 + number)  # noqa: S311  (the same play every time)
        self._next_pid, self._next_visit = 2000, 0
        self._next_port = 20000
        self.net = f"10.{number}.0"
        self.portal, self.victim, self.resolver = f"{self.net}.10", f"{self.net}.35", f"{self.net}.53"
        self.host = f"may-chu-{number}"

    # --- ordinary days ------------------------------------------------------------------------------------------

    def visits(self, at: float, count: int) -> Iterator[Line]:
        """People reading the portal."""
        for _ in range(count):
            self._next_visit += 1
            page = self._random.choice(PAGES)
            who = f"192.0.2.{self._random.randrange(100, 200)}"
            status = 404 if self._random.random() < 0.02 else 200
            when = datetime.fromtimestamp(at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            size = self._random.randrange(400, 40_000)
            yield Line("access.log", f'{who} - - [{when}] "GET {page}?ma={self._next_visit:08d} HTTP/1.1" {status} '
                                     f'{size} "-" "{self._random.choice(AGENTS)}"')  # fmt: skip

    def office_logins(self, at: float, count: int) -> Iterator[Line]:
        """The administrators' own log-ins, one of them mistyped."""
        for index in range(count):
            source = f"{self.net}.{self._random.randrange(60, 70)}"
            if index == 1:
                yield self._sshd(at, f"Failed password for quantri from {source} port {self._port()} ssh2")
            yield self._sshd(at, f"Accepted publickey for quantri from {source} port {self._port()} ssh2: "
                                 f"ED25519 SHA256:{self._random.randbytes(16).hex()}")  # fmt: skip

    def browsing(self, at: float, count: int) -> Iterator[dict[str, Any]]:
        """Look-ups and page loads of office machines, at irregular times."""
        for _ in range(count):
            name, address = self._random.choice(SITES)
            who = f"{self.net}.{self._random.randrange(60, 90)}"
            when = at + self._random.random() * 60
            yield self._lookup(when, who, name, address)
            asked = f"GET /{self._random.randrange(10**6)} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {AGENTS[0]}\r\n\r\n"
            talk = [["c", asked],
                    ["s", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nxin."]]  # fmt: skip
            yield {"kind": "tcp", "at": when + 0.1, "src": who, "sport": self._port(), "dst": address, "dport": 80,
                   "talk": talk}  # fmt: skip

    # --- the attack ---------------------------------------------------------------------------------------------

    def scan(self, at: float) -> Iterator[dict[str, Any]]:
        """The portal's ports are tried one after the other."""
        ports = self._random.sample(range(1, 10_000), SCANNED_PORTS)
        for index, port in enumerate(ports):
            yield {"kind": "syn", "at": at + index * 0.05, "src": ATTACKER, "sport": self._port(), "dst": self.portal,
                   "dport": port, "refused": True}  # fmt: skip

    def guessing(self, at: float, attacker: str = ATTACKER, failures: int = FAILURES) -> Iterator[Line]:
        """`failures` wrong passwords, then a log-in that succeeds."""
        for index in range(failures):
            user = USERS[index % len(USERS)]
            who = user if user in ("root", "backup") else f"invalid user {user}"
            yield self._sshd(at + index, f"Failed password for {who} from {attacker} port {self._port()} ssh2")
        yield self._sshd(at + failures, f"Accepted password for backup from {attacker} port {self._port()} ssh2")

    def beacon(self, at: float, count: int = BEACONS) -> Iterator[dict[str, Any]]:
        """The taken host asks for a name and calls home, every minute with a little jitter."""
        for index in range(count):
            when = at + index * BEACON_EVERY_S + self._random.uniform(-1.5, 1.5)
            yield self._lookup(when, self.victim, CONTROL_NAME, CONTROL)
            yield {"kind": "tcp", "at": when + 0.05, "src": self.victim, "sport": self._port(), "dst": CONTROL,
                   "dport": 443, "talk": [["c", "hex:" + self._random.randbytes(64).hex()],
                                          ["s", "hex:" + self._random.randbytes(48).hex()]]}  # fmt: skip

    # --- parts --------------------------------------------------------------------------------------------------

    def _sshd(self, at: float, text: str) -> Line:
        self._next_pid += 1
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        return Line("auth.log", f"{when} {self.host} sshd[{self._next_pid}]: {text}")

    def _lookup(self, at: float, who: str, name: str, address: str) -> dict[str, Any]:
        port = self._port()
        return {"kind": "dns", "at": at, "src": who, "sport": port, "dst": self.resolver, "dport": 53, "name": name,
                "answers": [address]}  # fmt: skip

    def _port(self) -> int:
        self._next_port = self._next_port + 1 if self._next_port < 60_000 else 20_000
        return self._next_port
