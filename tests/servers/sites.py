"""Machines on a network of their own: namespaces joined by a bridge, each with a real `luytre up` and real links.

    luytre-<pid>-wan      a bridge; nothing else
    luytre-<pid>-<site>   lo and eth0, one end of a veth pair whose other end is a port of that bridge

Addresses are of documentation ranges (RFC 5737). `Site.cut()` takes the cable out, `hang()` leaves it in and lets
nothing through (connections stay half-open: nobody is told), `thin()` makes it narrow; `mend()` undoes all three.
Nothing outlives the test: names carry its pid, and the next run removes what a killed one left, processes first.
Needs root and `ip`: else a skip that says why, and under CI=true as root a failure.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

import pytest

from api.local_port import ask
from api.node.exercise.people import Person
from api.node.users import login_link
from sensors.config import Config

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PREFIX = "luytre"
START_S = 120.0
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def missing(why: str) -> NoReturn:
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(why)
    pytest.skip(why)


def ip(*words: str, within: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    place = ["-n", within] if within else []
    return subprocess.run(["ip", *place, *words], check=check, capture_output=True, text=True)


class Network:
    """A bridge in a namespace, and sites on it. A context manager."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            missing("network namespaces need root")
        for program in ("ip", "setpriv"):
            if shutil.which(program) is None:
                missing(f"network namespaces need `{program}` (iproute2, util-linux)")
        self.folder, self.sites = folder, list[Site]()
        self._mark = f"{PREFIX}-{os.getpid()}"
        self.wan = f"{self._mark}-wan"

    def __enter__(self) -> Self:
        sweep()
        try:
            ip("netns", "add", self.wan)
            ip("link", "add", "wan", "type", "bridge", within=self.wan)
            ip("link", "set", "wan", "up", within=self.wan)
        except subprocess.CalledProcessError as error:
            self.__exit__()
            missing(f"no network namespace can be made: {error.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        for site in reversed(self.sites):
            with contextlib.suppress(Exception):
                site.stop()
            site.close()
        for name in _namespaces():
            if name.startswith(f"{self._mark}-"):
                remove(name)

    def site(self, name: str, address: str) -> Site:
        """A machine with this address in 192.0.2.0/24."""
        space, port = f"{self._mark}-{name}", f"to-{name}"
        ip("netns", "add", space)
        ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", port, "netns", self.wan)
        ip("link", "set", port, "master", "wan", "up", within=self.wan)
        ip("address", "add", f"{address}/24", "dev", "eth0", within=space)
        for device in ("lo", "eth0"):
            ip("link", "set", device, "up", within=space)
        made = Site(self, name, space, port, address)
        self.sites.append(made)
        return made


class Site:
    """One machine: its namespace, its folder, the node or sensors that `luytre up` runs there."""

    def __init__(self, network: Network, name: str, space: str, port: str, address: str) -> None:
        self._network, self.name, self.space, self._port, self.address = network, name, space, port, address
        self.folder = network.folder / name
        self.data, self.config = self.folder / "data", self.folder / "data" / "luytre.toml"
        self.folder.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._inside = ThreadPoolExecutor(1, initializer=_enter, initargs=(space,))
        self.environ = environment(self.folder, self.config)

    # --- commands and people ----------------------------------------------------------------------------------------

    def run(self, *words: str, check: bool = True, limit_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """A command as somebody at this machine types it."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.space, *words], cwd=self.folder, env=self.environ, text=True,
            capture_output=True, timeout=limit_s, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {shlex.join(words)} → {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def luytre(self, *words: str, **other: Any) -> str:
        return self.run(str(BIN / "luytre"), *words, **other).stdout

    def inside(self, act: Callable[..., T], *words: Any, **named: Any) -> T:
        """`act` in a thread that lives in this machine's network: its sockets are there."""
        return self._inside.submit(act, *words, **named).result()

    def person(self, username: str = "quantri") -> There:
        return There(self, username)

    # --- its processes ----------------------------------------------------------------------------------------------

    def start(self, *words: str) -> None:
        """`luytre up` with these words; several sites may start at once, and `wait` waits."""
        out = (self.folder / "up.out").open("ab")
        with out:
            self._process = subprocess.Popen(
                # It ends when the test does, however that ends.
                ["setpriv", "--pdeathsig", "TERM", "ip", "netns", "exec", self.space,
                 str(BIN / "luytre"), "up", "--data", str(self.data), *words],
                cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> Site:
        end = time.monotonic() + START_S
        while not (self._process and self.greeted()):
            assert self._process is not None
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)
        return self

    def greeted(self) -> bool:
        text = self.said()
        return "luytre-sensor selftest" in text or "a sensor of" in text

    def said(self) -> str:
        path = self.folder / "up.out"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
            self._process = None
            (self.folder / "up.out").write_text("")

    def restart(self) -> None:
        self.stop()
        self.start()
        self.wait()

    def pid(self, name: str) -> int | None:
        children = json.loads((self.data / "run" / "supervisor.json").read_text("utf-8"))["children"]
        found: int | None = children[name]["pid"]
        return found

    def kill(self, name: str) -> int:
        """kill -9 of one of its processes; returns the pid that is gone."""
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def told(self, act: str, **words: Any) -> Any:
        return ask(self.data, act, **words)

    def close(self) -> None:
        self._inside.shutdown()

    # --- its link ---------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """The cable is out: this machine sees that it has no carrier."""
        ip("link", "set", self._port, "down", within=self._network.wan)

    def hang(self) -> None:
        """The cable is in, and nothing comes through: what is open stays open, half of it."""
        ip("link", "set", self._port, "nomaster", within=self._network.wan)

    def thin(self, *words: str) -> bool:
        """Both directions through this queue (`tc qdisc … root …`); False where the kernel lacks the kind."""
        for space, device in ((self.space, "eth0"), (self._network.wan, self._port)):
            done = subprocess.run(
                ["tc", "-n", space, "qdisc", "replace", "dev", device, "root", *words],
                check=False, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                self.mend()
                return False
        return True

    def mend(self) -> None:
        ip("link", "set", self._port, "master", "wan", "up", within=self._network.wan)
        for space, device in ((self.space, "eth0"), (self._network.wan, self._port)):
            subprocess.run(["tc", "-n", space, "qdisc", "del", "dev", device, "root"], check=False,
                           capture_output=True)  # fmt: skip

    def received_bytes(self) -> int:
        """What has come over its cable so far."""
        text = self.run("cat", "/sys/class/net/eth0/statistics/rx_bytes").stdout
        return int(text)


class There:
    """A person at a node's screen, from that very machine: what `Person` does, through the site's network."""

    def __init__(self, site: Site, username: str) -> None:
        self._site = site
        self._me = Person("http://127.0.0.1:8443")
        site.inside(self._me.log_in, login_link(Config(site.config, {}), username))

    def get(self, path: str, **query: Any) -> Any:
        return self._site.inside(self._me.get, path, **query)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._site.inside(self._me.post, path, body)

    def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All pages of a list."""
        items: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, limit=200, **query, **({"cursor": cursor} if cursor else {}))
            items, cursor = items + page["items"], page["next"]
        return items

    def close(self) -> None:
        self._me.close()


def environment(home: Path, config: Path | None = None) -> dict[str, str]:
    """Of a fresh machine: our commands in PATH, a home of its own, nothing of whoever runs the tests."""
    path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "LUYTRE_LANG": "vi",
            "LUYTRE_API_SECOND_FACTOR": "none"}  # fmt: skip
    return made | ({"LUYTRE_CONFIG": str(config)} if config else {})


def eventually(look: Callable[[], T], what: str | Callable[[], str], limit_s: float = 60.0) -> T:
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end, what if isinstance(what, str) else what()
        time.sleep(0.2)
    return found


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Network]:
    with Network(folder) as made:
        yield made


def sweep() -> None:
    """Remove what a test that was killed has left: of pids that are gone, or of other programs now."""
    for name in _namespaces():
        found = re.fullmatch(rf"{PREFIX}-(\d+)-.+", name)
        if found and not _is_pytest(int(found[1])):
            remove(name)


def remove(name: str) -> None:
    """The namespace, its cables, and every process that still lives in it."""
    for _ in range(5):
        pids = ip("netns", "pids", name, check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        if not pids:
            break
        time.sleep(0.1)
    ip("netns", "del", name, check=False)


def _namespaces() -> list[str]:
    return [line.split()[0] for line in ip("netns", "list", check=False).stdout.splitlines() if line.strip()]


def _is_pytest(pid: int) -> bool:
    try:
        return b"pytest" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _enter(space: str) -> None:
    """This thread, from now on, in that namespace (setns(2) moves one thread)."""
    handle = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        if _libc.setns(handle, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


def listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False
