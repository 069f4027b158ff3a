"""From the previous release to this one, and back: on a real node, and step by step with a kill at each.

The previous release is built from this repository's own history (`9fbfee7`, schema 0002); where the history is cut
short, those cases are skipped and the kill matrix goes on with this release as both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.node.keeping import environment, release, steps
from api.node.keeping.service import Supervised, is_well, supervisor_pid, wait_until_well
from api.node.keeping.steps import JOURNAL, Upgrade
from api.state.base import Database
from api.state.migrate import revision
from api.state.migrations import HEAD
from correlator.store.base import Page
from correlator.store.embedded import EmbeddedReader
from sensors.config import Config
from sensors.errors import LuytreError
from tests.servers.old_database import old_database
from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PREVIOUS, PREVIOUS_SCHEMA = "9fbfee7", "0002"
SITE = Path(sys.executable).parents[1] / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
KEY = Ed25519PrivateKey.generate()


def has_history() -> bool:
    return (
        subprocess.run(["git", "cat-file", "-e", PREVIOUS], cwd=ROOT, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheels without screens: `old` (the previous release), `new` (this one), `bad` (this one, whose API ends)."""
    os.environ["LUYTRE_NO_DASHBOARD"] = "1"
    folder = tmp_path_factory.mktemp("wheels")
    try:
        found = {"new": release.build_wheel(folder / "new")}
        bad = folder / "tree"
        shutil.copytree(
            ROOT, bad, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "dist", "__pycache__")
        )
        serve = bad / "api" / "serve.py"
        text = serve.read_text("utf-8")
        assert "        machines.start()\n" in text
        serve.write_text(
            text.replace("        machines.start()\n", '        raise SystemExit("cannot serve")\n'), "utf-8"
        )
        found["bad"] = release.build_wheel(folder / "bad", bad)
        if has_history():
            old = folder / "old-tree"
            with (folder / "old.tar").open("wb") as out:
                subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, stdout=out, check=True)
            with tarfile.open(folder / "old.tar") as tar:
                tar.extractall(old, filter="data")
            found["old"] = release.build_wheel(folder / "old", old)
    finally:
        del os.environ["LUYTRE_NO_DASHBOARD"]
    return found


def bundle_of(wheel: Path, to: Path, schema: str = HEAD) -> tuple[Path, dict[str, Any]]:
    path = release.pack(to, [wheel], KEY, version="0.1.0", schema=schema, platform="any")
    return path, release.verify(path, release._public(KEY))


class Node:
    """A node that runs out of a prefix and reads a log file that grows all the time."""

    def __init__(self, tmp_path: Path, wheel: Path, schema: str) -> None:
        self.prefix, self.data, self.log = tmp_path / "opt", tmp_path / "data", tmp_path / "auth.log"
        self.bundles = tmp_path
        bundle, _ = bundle_of(wheel, tmp_path, schema)
        self.old = environment.build(bundle, self.prefix, [SITE])
        environment.switch(self.prefix, self.old)
        people, machines = free_port(), free_port()
        self.data.mkdir()
        self.log.touch()
        (self.data / "luytre.toml").write_text(
            f'[node]\ndata = "{self.data}"\nagency = "so-y-te"\nobserver = "nut"\n'
            f'[api]\npeople = "127.0.0.1:{people}"\nmachines = "127.0.0.1:{machines}"\n'
            f'[store]\nkind = "embedded"\n[log]\nfiles = [{{ path = "{self.log}" }}]\n'
            f'[ship]\nurl = "https://127.0.0.1:{machines}"\n'
        )
        self.config = Config(self.data / "luytre.toml", environ={})
        self.service = Supervised(self.prefix, self.config)
        self.lines = 0

    def write(self, count: int = 20) -> None:
        with self.log.open("a") as file:
            for _ in range(count):
                self.lines += 1
                file.write(
                    f"Nov 22 01:02:03 web sshd[{self.lines}]: Failed password for root from 203.0.113.9 port 22\n"
                )

    def upgrade(self, **more: Any) -> Upgrade:
        return Upgrade(self.prefix, self.config, self.service, more_site=(SITE,), **{"health_s": 90.0, **more})

    def arrived(self) -> Counter[str]:
        reader, found, cursor = EmbeddedReader(self.data), Counter[str](), None
        try:
            while isinstance(page := reader.tail(cursor, 1000), Page) and page.events:
                found.update(e["event"]["original"] for e in page.events if "original" in e["event"])
                cursor = page.next
        finally:
            reader.close()
        return found

    def all_arrive(self, limit_s: float = 60.0) -> None:
        end = time.monotonic() + limit_s
        while len(found := self.arrived()) < self.lines and time.monotonic() < end:
            time.sleep(0.2)
        assert len(found) == self.lines, f"{len(found)} of {self.lines}"
        assert set(found.values()) == {1}

    def revision(self) -> str | None:
        self.service.stop()
        db = Database(self.data / "state" / "luytre.db")
        try:
            with db.writer.connect() as connection:
                return revision(connection)
        finally:
            db.close()


def test_from_the_previous_release_and_back_when_the_next_is_not_well(wheels: dict[str, Path], tmp_path: Path) -> None:
    if "old" not in wheels:
        pytest.skip("the history is cut short: no previous release to build")
    node = Node(tmp_path, wheels["old"], PREVIOUS_SCHEMA)
    told: list[str] = []
    try:
        node.service.start()
        assert wait_until_well(node.config, node.old, 90) is None, (node.data / "log/up.log").read_text()
        node.write()
        node.all_arrive()
        node.write()
        bundle, about = bundle_of(wheels["new"], tmp_path)

        def backup() -> str:
            node.write()  # its sensors go on all the while
            return "made"

        done = node.upgrade(say=told.append).run(bundle, about, backup)
        assert (done.step, done.now) == ("done", about["id"]), done
        assert told == ["checked", "backed up", "built", "rehearsed", "stopped", "kept", "switched", "started"]
        assert not (node.prefix / JOURNAL).exists()
        assert not (node.data / ".upgrade").exists()
        node.write()
        node.all_arrive()

        bad, about_bad = bundle_of(wheels["bad"], tmp_path)
        done = node.upgrade(health_s=6.0, say=told.append).run(bad, about_bad, None)
        assert (done.step, done.now) == ("rolled back", about["id"]), done
        assert is_well(node.config, node.prefix / "versions" / about["id"]) is None
        node.write()
        node.all_arrive()
        assert node.revision() == HEAD
    finally:
        node.service.stop()
    assert supervisor_pid(node.data) is None


# --- a kill at every step -------------------------------------------------------------------------------------------


class Paper:
    """A service whose `start` does of the node what matters here: the program that `current` names opens (and so
    migrates) the database."""

    def __init__(self, prefix: Path, data: Path) -> None:
        self.prefix, self.data = prefix, data

    def stop(self) -> None:
        pass

    def start(self) -> None:
        script = (
            "import sys; from pathlib import Path; from api.state.base import Database; "
            "from api.state.migrate import migrate; db = Database(Path(sys.argv[1])); migrate(db); db.close()"
        )
        environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        subprocess.run([self.prefix / "current/bin/python", "-P", "-c", script, self.data / "state" / "luytre.db"],
                       check=True, capture_output=True, env=environ)  # fmt: skip


def rows_of(data: Path, names: dict[str, int]) -> dict[str, int]:
    db = Database(data / "state" / "luytre.db")
    try:
        with db.writer.connect() as connection:
            return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() or 0 for name in names}
    finally:
        db.close()


@pytest.mark.parametrize("well", [True, False], ids=["the new one is well", "the new one is not"])
def test_killed_after_any_step_a_node_starts_old_or_new_with_every_row(
    wheels: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, well: bool
) -> None:
    if "old" not in wheels:
        pytest.skip("the history is cut short: no previous release to build")
    prefix, data = tmp_path / "opt", tmp_path / "data"
    old, _ = bundle_of(wheels["old"], tmp_path, PREVIOUS_SCHEMA)
    new, about = bundle_of(wheels["new"], tmp_path)
    first = environment.build(old, prefix, [SITE])
    environment.build(new, prefix, [SITE])
    data.mkdir()
    (data / "luytre.toml").write_text(f'[node]\ndata = "{data}"\nagency = "a"\n')
    before = old_database(tmp_path / "full.db", PREVIOUS_SCHEMA, 20)
    monkeypatch.setattr(steps, "wait_until_well", judge(first.name, well))
    ends = set()
    every = ["rehearsed", "stopped", "kept", "switched", "started", "back"]
    if well:
        every.remove("back")
    for killed in every:
        shutil.rmtree(data / "state", ignore_errors=True)
        (data / "state").mkdir()
        shutil.copyfile(tmp_path / "full.db", data / "state" / "luytre.db")
        environment.switch(prefix, first)
        (prefix / JOURNAL).unlink(missing_ok=True)
        config = Config(data / "luytre.toml", environ={})
        machine = Upgrade(prefix, config, Paper(prefix, data), more_site=(SITE,), health_s=0)
        pid = os.fork()
        if pid == 0:
            try:
                whole = machine._step

                def step(name: str, *, whole: Any = whole, killed: str = killed, **more: Any) -> dict[str, Any]:
                    said: dict[str, Any] = whole(name, **more)
                    if name == killed:
                        os._exit(9)
                    return said

                machine._step = step  # type: ignore[method-assign]
                machine.run(new, about, None)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9, killed
        Paper(prefix, data).start()  # as the machine does when it comes up again: it must not fail
        assert rows_of(data, before) == before, killed
        done = machine.recover()
        assert done is not None, killed
        ends.add(done.step)
        Paper(prefix, data).start()
        assert rows_of(data, before) == before, killed
        now = environment.current(prefix)
        assert now is not None
        assert now.name == (about["id"] if done.step == "done" else first.name), killed
        assert machine.recover() is None
        assert not (data / ".upgrade").exists()
    assert ends == ({"abandoned", "done"} if well else {"abandoned", "rolled back"})


def judge(old: str, well: bool) -> Callable[..., str | None]:
    def answer(_: Config, where: Path, __: float) -> str | None:
        return None if well or where.name == old else "it is not well"

    return answer


# --- what is refused before anything is touched ---------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, wheels: dict[str, Path]) -> tuple[Upgrade, Path, dict[str, Any], Path]:
    prefix, data = tmp_path / "opt", tmp_path / "data"
    bundle, about = bundle_of(wheels["new"], tmp_path)
    first = prefix / "versions" / "0.0.9-old"
    first.mkdir(parents=True)
    environment.switch(prefix, first)
    (data / "state").mkdir(parents=True)
    (data / "luytre.toml").write_text(f'[node]\ndata = "{data}"\nagency = "a"\n')
    config = Config(data / "luytre.toml", environ={})
    return Upgrade(prefix, config, Untouched(), more_site=(SITE,)), bundle, about, data


class Untouched:
    def stop(self) -> None:
        pytest.fail("the node was stopped")

    def start(self) -> None:
        pytest.fail("the node was started")


def test_a_full_disk_is_seen_before_anything_is_begun(
    small: tuple[Upgrade, Path, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, bundle, about, _ = small
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(LuytreError, match="LT-N0546"):
        machine.run(bundle, about, None)


def test_an_older_bundle_and_a_failed_backup_change_nothing(small: tuple[Upgrade, Path, dict[str, Any], Path]) -> None:
    machine, bundle, about, _ = small
    with pytest.raises(LuytreError, match="LT-N0544"):
        machine.run(bundle, {**about, "schema": "0001"}, None)

    with pytest.raises(LuytreError, match="LT-N0556"):  # made for a release that this node has not had yet
        machine.run(bundle, {**about, "from": "99.0.0"}, None)

    def fails() -> str:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        machine.run(bundle, about, fails)
    assert machine.recover() is not None  # and the next run clears what was written down


def test_a_database_that_the_new_program_cannot_migrate_is_found_in_the_rehearsal(
    small: tuple[Upgrade, Path, dict[str, Any], Path],
) -> None:
    machine, bundle, about, data = small
    old_database(data / "state" / "luytre.db", "0002", 3)
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(data / "state" / "luytre.db")) as db:
        db.execute("UPDATE role_grant SET user_id = 777")
        db.commit()
        whole = db.execute("SELECT count(*) FROM role_grant").fetchone()
    with pytest.raises(LuytreError, match="LT-N0543"):
        machine.run(bundle, about, None)
    with contextlib.closing(sqlite3.connect(data / "state" / "luytre.db")) as db:
        assert db.execute("SELECT count(*) FROM role_grant").fetchone() == whole
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == ("0002",)
