"""A real Elasticsearch for tests: the integ-test distribution of Maven Central, started once per test run.

In:  Java 17+, and `mvn` or the zip in the cache (`LUYTRE_CACHE`, else ~/.cache/luytre). Out: `Server` (url, username,
password). It listens on loopback, with security on (a random bootstrap password, file realm off), HTTP without TLS.
When it can't run: under CI=true a failure, else a skip that says why.
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
from typing import NamedTuple

import pytest

VERSION = os.environ.get("LUYTRE_TEST_ELASTICSEARCH", "8.19.0")
ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
START_S = 120
USER = "luytre-es"


class Server(NamedTuple):
    url: str
    username: str
    password: str


def cache() -> Path:
    return Path(os.environ.get("LUYTRE_CACHE") or Path.home() / ".cache" / "luytre")


def unavailable(reason: str) -> None:
    """Skip, or fail where a machine was promised."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"Elasticsearch can't run: {reason}")
    pytest.skip(f"Elasticsearch can't run: {reason}")


def distribution() -> Path:
    """The zip, fetched once."""
    path = cache() / f"elasticsearch-{VERSION}.zip"
    if path.is_file():
        return path
    if shutil.which("mvn") is None:
        unavailable(f"{path} is missing and there is no mvn to fetch it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            command = ["mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                       f"-Dartifact={ARTIFACT}:{VERSION}:zip", f"-DoutputDirectory={folder}"]  # fmt: skip
            found = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
            fetched = Path(folder) / f"elasticsearch-{VERSION}.zip"
            if found.returncode or not fetched.is_file():
                unavailable(f"mvn could not fetch it: {found.stdout[-300:]}{found.stderr[-300:]}")
            fetched.replace(path)
    return path


@contextlib.contextmanager
def running() -> Iterator[Server]:
    java = _java()
    archive = distribution()
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


def _java() -> str:
    for given in (os.environ.get("LUYTRE_JAVA_HOME"), os.environ.get("JAVA_HOME")):
        if given and (Path(given) / "bin" / "java").exists():
            return given
    found = shutil.which("java")
    if found is None:
        unavailable("there is no Java 17")
        raise AssertionError
    return str(Path(found).resolve().parent.parent)


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
        if made.returncode:
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
    request = urllib.request.Request(f"{server.url}/_cluster/health", headers={"Authorization": f"Basic {token}"})
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(request, timeout=5) as answer,
        ):
            if json.load(answer)["status"] in ("green", "yellow"):
                return
        time.sleep(0.5)
    unavailable(f"no answer within {START_S} s: {log.read_text(errors='replace')[-800:]}")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
