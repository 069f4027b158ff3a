"""A real PostgreSQL for tests: Debian's server on loopback, in a folder of its own, as a user that is not root.

In:  `initdb` and `postgres` (PATH or /usr/lib/postgresql/<newest>/bin). Out: the URL of its empty maintenance database.
Where it can't run: a skip that says why, and under CI=true a failure.
fsync is off: what is tested is our SQL, not its durability; the server ends with the test and takes its folder along.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.servers.ports import free_port

USER = "luytre-pg"
START_S = 60


@contextlib.contextmanager
def running() -> Iterator[str]:
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="luytre-pg-") as temporary:
        home = Path(temporary)
        account = _account(home)
        password, port = secrets.token_urlsafe(24), free_port()
        secret = home / "password"
        secret.write_text(password)
        if account:
            shutil.chown(secret, account)
        made = subprocess.run(
            [programs / "initdb", "-D", home / "data", "-U", "luytre", "--auth=scram-sha-256", f"--pwfile={secret}",
             "--encoding=UTF8", "--locale=C.UTF-8"],
            user=account, cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        log = (home / "log").open("wb")
        server = subprocess.Popen(
            [programs / "postgres", "-D", home / "data", "-h", "127.0.0.1", "-p", str(port), "-k", home,
             "-c", "fsync=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB"],
            user=account, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        try:
            _wait(f"host=127.0.0.1 port={port} user=luytre password={password} dbname=postgres", server, home / "log")
            yield f"postgresql+psycopg://luytre:{password}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # "fast" shutdown: sessions are ended
            server.wait(30)


def _programs() -> Path:
    """The folder of the newest server, which Debian keeps out of PATH."""
    found = [Path(where).parent for where in [shutil.which("postgres")] if where]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    missing = "PostgreSQL is missing: apt install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def _account(home: Path) -> str | None:
    """PostgreSQL refuses to run as root, so root starts it as a user made for it."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
    shutil.chown(home, USER)
    return USER


def _wait(where: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(where, connect_timeout=2):
            return
        time.sleep(0.1)
    pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-1000:]}")
