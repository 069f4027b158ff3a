"""A real Elasticsearch for exercises and tests: the integ-test distribution of Maven Central, on loopback.

In:  Java 17+ (21+ for version 9), and `mvn` or the zip in the cache (`LUYTRE_CACHE`, else ~/.cache/luytre). Out:
`Server` (url, username, password). It listens on loopback, with security on (a random bootstrap password, file realm
off), HTTP without TLS.
When it can't run: `Unavailable`, which says why.
Elasticsearch refuses to run as root, so root starts it as the user `luytre-es` (made when missing).
Source: design.md "Stores".
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sensors.errors import Problem, Unavailable

VERSION = os.environ.get("LUYTRE_ELASTICSEARCH_VERSION", "8.19.0")
ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
START_S = 120
USER = "luytre-es"


class Server(NamedTuple):
    url: str
    username: str
    password: str

    def store_table(self, folder: Path) -> dict[str, Any]:
        """[store] for a node that uses this server; the password lies in a file of `folder`, 0600."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "elasticsearch.password"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(self.password)
        return {"kind": "elasticsearch", "url": self.url, "username": self.username, "password_file": str(path)}


def cache() -> Path:
    return Path(os.environ.get("LUYTRE_CACHE") or Path.home() / ".cache" / "luytre")


def unavailable(reason: str) -> NoReturn:
    raise Unavailable(
        Problem("LT-N0201", f"không chạy được Elasticsearch: {reason}", f"Elasticsearch can't run: {reason}")
    )


def distribution(version: str = VERSION) -> Path:
    """The zip, fetched once."""
    path = cache() / f"elasticsearch-{version}.zip"
    if path.is_file():
        return path
    if shutil.which("mvn") is None:
        unavailable(f"{path} is missing and there is no mvn to fetch it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            command = ["mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                       f"-Dartifact={ARTIFACT}:{version}:zip", f"-DoutputDirectory={folder}"]  # fmt: skip
            found = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
            fetched = Path(folder) / f"elasticsearch-{version}.zip"
            if found.returncode or not fetched.is_file():
                unavailable(f"mvn could not fetch it: {found.stdout[-300:]}{found.stderr[-300:]}")
            fetched.replace(path)
    return path


@contextlib.contextmanager
def running(version: str = VERSION) -> Iterator[Server]:
    java = _java(21 if int(version.split(".", maxsplit=1)[0]) >= 9 else 17)
    archive = distribution(version)
    with tempfile.TemporaryDirectory(prefix="luytre-es-") as temporary:
        home = Path(temporary)
        shutil.unpack_archive(archive, home)
        root = next(home.glob("elasticsearch-*"))
        for program in (*root.glob("bin/*"), *root.glob("modules/x-pack-ml/platform/*/bin/*")):
            program.chmod(0o755)
        port, password = _free_port(), secrets.token_urlsafe(24)
        (root / "config" / "elasticsearch.yml").write_text(
            "\n".join([
                "cluster.name: luytre-tests", "discovery.type: single-node", "network.host: 127.0.0.1",
                f"http.port: {port}", f"transport.port: {_free_port()}", f"path.data: {home / 'data'}",
                f"path.logs: {home / 'logs'}", "xpack.security.enabled: true",
                "xpack.security.http.ssl.enabled: false", "xpack.security.enrollment.enabled: false",
                "cluster.routing.allocation.disk.threshold_enabled: false", "action.auto_create_index: true",
            ])
        )  # fmt: skip
        (home / "tmp").mkdir()  # apart from config/: its entitlements refuse a temporary folder that holds the settings
        account = _account(home)
        environment = {
            "PATH": os.environ["PATH"], "ES_JAVA_HOME": java, "ES_JAVA_OPTS": "-Xms1g -Xmx1g", "HOME": str(home),
            "ES_PATH_CONF": str(root / "config"), "ES_TMPDIR": str(home / "tmp"),
        }  # fmt: skip
        _keystore(root, password, environment, account)
        log = home / "out.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [root / "bin" / "elasticsearch"], env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True, user=account, group=account,
            )  # fmt: skip
        # A test run that is killed must not leave a server behind.
        watch = f"while kill -0 {os.getpid()} && kill -0 {process.pid}; do sleep 2; done; kill -9 -{process.pid}"
        guard = subprocess.Popen(["sh", "-c", f"({watch}; rm -rf {home}) 2>/dev/null"], start_new_session=True)
        server = Server(f"http://127.0.0.1:{port}", "elastic", password)
        try:
            _wait(server, process, log)
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
            os.killpg(guard.pid, signal.SIGKILL)
            guard.wait(10)


def _java(least: int) -> str:
    """The home of the one that is asked for by name, else of the oldest that is new enough."""
    for given in (os.environ.get("LUYTRE_JAVA_HOME"), os.environ.get("JAVA_HOME")):
        if given and _java_version(Path(given)) >= least:
            return given
    found = shutil.which("java")
    homes = [Path(found).resolve().parent.parent] if found else []
    homes += Path("/usr/lib/jvm").glob("*")
    fitting = [home for home in homes if _java_version(home) >= least]
    if not fitting:
        unavailable(f"there is no Java {least} or newer")
    return str(min(fitting, key=lambda home: (_java_version(home), home)))


def _java_version(home: Path) -> int:
    """17, 25 …; 0 where there is no Java."""
    try:
        text = (home / "release").read_text("utf-8", "replace")
    except OSError:
        return 0
    said = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(said[1]) if said and (home / "bin" / "java").exists() else 0


def _account(home: Path) -> int | None:
    """The user to run as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        number = pwd.getpwnam(USER).pw_uid
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode not in (0, 9):  # 9: somebody else has just made it
            unavailable(f"it refuses to run as root, and `useradd` failed: {made.stderr.strip()}")
        number = pwd.getpwnam(USER).pw_uid
    subprocess.run(["chown", "-R", f"{USER}:", str(home)], check=True)
    return number


def _keystore(root: Path, password: str, environment: dict[str, str], account: int | None) -> None:
    program = root / "bin" / "elasticsearch-keystore"
    for arguments, given in ((["create"], b""), (["add", "--stdin", "bootstrap.password"], password.encode())):
        subprocess.run([program, *arguments], input=given, env=environment, cwd=root, user=account, group=account,
                       check=True, capture_output=True, timeout=120)  # fmt: skip


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    token = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    request = urllib.request.Request(f"{server.url}/_cluster/health", headers={"Authorization": f"Basic {token}"})  # noqa: S310
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(request, timeout=5) as answer,  # noqa: S310  (an address of ours)
        ):
            if json.load(answer)["status"] in ("green", "yellow"):
                return
        time.sleep(0.5)
    unavailable(f"no answer within {START_S} s: {log.read_text(errors='replace')[-800:]}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
