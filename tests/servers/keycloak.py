"""A real Keycloak on loopback, for tests: where it can't run, a skip that says why, and under CI=true a failure.

In:  Java 17+, and `mvn` or the zip in the cache (`LUYTRE_CACHE`, else ~/.cache/luytre). Out: `Realm` (issuer, client,
secret, two people, one of whom is in the group that our test maps to a role). It is built once per cache (40 s) and
starts in 15 to 100 s (by the load; 250 s at a load of 30) with 0.5 GB (VmHWM 500,716 kB); a realm is imported, nothing
is clicked.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from api.node.exercise.elasticsearch import cache
from tests.servers.ports import free_port

VERSION = os.environ.get("LUYTRE_KEYCLOAK_VERSION", "26.4.7")
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
START_S = 240
SECRET = "bi-mat-cua-may-khach"  # of a realm that lives as long as a test
PASSWORD = "tre già măng mọc"
ADMIN = "quan-tri"


class Realm(NamedTuple):
    issuer: str
    client_id: str
    secret: str

    def rotate(self) -> None:
        """A new signing key, which counts from now on; the one before can still be read."""
        base, _, name = self.issuer.partition("/realms/")
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": PASSWORD}
        token = httpx.post(f"{base}/realms/master/protocol/openid-connect/token", data=form, timeout=60)
        token.raise_for_status()
        with httpx.Client(
            base_url=f"{base}/admin/realms/{name}", timeout=60,
            headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        ) as admin:  # fmt: skip
            found = admin.get("")
            found.raise_for_status()
            admin.post("/components", json={
                "name": "moi", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": found.json()["id"],
                "config": {"priority": ["500"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"],
                           "keySize": ["2048"]},
            }).raise_for_status()  # fmt: skip


def _lacking(reason: str) -> None:
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no Keycloak: {reason}")


def distribution() -> Path:
    """The unpacked server, fetched and built once."""
    home = cache() / f"keycloak-{VERSION}"
    if shutil.which("java") is None:
        _lacking("no java")
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (home / "built").is_file():
            return home
        archive = cache() / f"keycloak-quarkus-dist-{VERSION}.zip"
        if not archive.is_file():
            if shutil.which("mvn") is None:
                _lacking(f"{archive} is missing and there is no mvn to fetch it")
            _run(["mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                  f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={archive.parent}"], 600)  # fmt: skip
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(home.parent)
        (home / "bin" / "kc.sh").chmod(0o755)
        _run([str(home / "bin" / "kc.sh"), "build", "--db=dev-mem", "--health-enabled=true"], 300)
        (home / "built").write_text("")
    return home


def _run(command: list[str], limit_s: float) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode:
        _lacking(f"{command[0]}: {done.stdout[-300:]}{done.stderr[-300:]}")


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def realm(redirect: str) -> dict[str, Any]:
    def person(name: str, first: str, *groups: str) -> dict[str, Any]:
        return {"username": name, "enabled": True, "firstName": first, "lastName": "Nguyễn", "email": f"{name}@x.test",
                "emailVerified": True, "groups": list(groups),
                "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}]}  # fmt: skip

    groups = {"name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
              "config": {"full.path": "false", "id.token.claim": "true", "claim.name": "groups"}}  # fmt: skip
    return {
        "realm": "tinh", "enabled": True, "sslRequired": "none", "groups": [{"name": "soc"}, {"name": "khac"}],
        "users": [person("lan", "Lan", "/soc"), person("minh", "Minh", "/khac")],
        "clients": [{"clientId": "luytre", "enabled": True, "secret": SECRET, "standardFlowEnabled": True,
                     "redirectUris": [redirect], "attributes": {"pkce.code.challenge.method": "S256"},
                     "protocolMappers": [groups]}],
    }  # fmt: skip


@contextlib.contextmanager
def running(folder: Path, redirect: str) -> Iterator[Realm]:
    home = distribution()
    port, health = free_port(), free_port()
    own = folder / "keycloak"
    # A home of its own (it imports from, and writes, below it) at the price of names: the files are links.
    shutil.copytree(home, own, copy_function=_linked, ignore=shutil.ignore_patterns("data"))
    (own / "data" / "import").mkdir(parents=True)
    (own / "data" / "import" / "tinh-realm.json").write_text(json.dumps(realm(redirect)), "utf-8")
    with (folder / "keycloak.log").open("wb") as log:
        process = subprocess.Popen(
            [str(own / "bin" / "kc.sh"), "start", "--optimized", "--import-realm", "--http-enabled=true",
             "--http-host=127.0.0.1", f"--http-port={port}", f"--http-management-port={health}",
             f"--hostname=http://127.0.0.1:{port}"],
            stdout=log, stderr=log, start_new_session=True, cwd=own,
            env=os.environ | {"JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m", "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                              "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD},
        )  # fmt: skip
    try:
        issuer = f"http://127.0.0.1:{port}/realms/tinh"
        end = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=2) as answer:
                    json.load(answer)
                break
            except (OSError, urllib.error.URLError, ValueError):
                if process.poll() is not None or time.monotonic() > end:
                    _lacking("it did not start: " + (folder / "keycloak.log").read_text("utf-8", "replace")[-600:])
                time.sleep(0.3)
        yield Realm(issuer, "luytre", SECRET)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
