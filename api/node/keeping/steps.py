"""One upgrade, step by step, each written down before the next begins; whatever is killed, a node starts: old or new.

    checked → backed up → built → rehearsed → stopped → kept → switched → started → (well) → done
                                                                 └── not well, or killed → rolled back

In:  a bundle whose signature was verified, the prefix, the service. Out: `Outcome`.
What makes it safe is one rule: **the program that `current` names can always open the database.** A newer program
migrates an older database in one transaction at its start, so the migration belongs to the new program's start and not
to this one; an older program refuses a newer database, so on the way back the kept database is put back *before*
`current` goes back. Between any two steps, `luytre up` (or systemd) therefore starts a node.
Rehearsal: the new program migrates a copy of the database, with foreign keys on, before the old one is stopped.
On the way back: what people did in the minutes since (and only that) is lost; no event is, journals are not touched.
Bound: `health_s`; disk: one environment, two copies of the database.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from api.config import ApiTable
from api.node.keeping import environment, fit
from api.node.keeping.make import dump, snapshot_file
from api.node.keeping.putback import restore_dump
from api.node.keeping.service import Service, wait_until_well
from sensors.config import Config, NodeTable
from sensors.durable.files import replace
from sensors.errors import LuytreError, Problem

JOURNAL = "upgrade.json"
KEEP_ENVIRONMENTS = 2
NEED_BYTES = 600 << 20  # of an environment
REHEARSE_LIMIT_S = 1800
BACK_S = 120.0  # on the way back: there is nothing else to go to, so it gets its time


class Outcome(NamedTuple):
    step: str  # done | rolled back | abandoned | nothing
    now: str  # the environment that runs
    why: str = ""


class Upgrade:
    def __init__(self, prefix: Path, config: Config, service: Service, *, health_s: float = 300.0,
                 say: Callable[[str], None] = lambda _: None, more_site: tuple[Path, ...] = ()) -> None:  # fmt: skip
        self._prefix, self._config, self._service = prefix.absolute(), config, service
        self._health_s, self._say, self._more_site = health_s, say, more_site
        self._data = config.table("node", NodeTable).root
        self._kept = self._data / ".upgrade"

    def run(self, bundle: Path, about: dict[str, Any], backup: Callable[[], str] | None) -> Outcome:
        """`about`: the verified manifest. `backup`: makes one and says where; None: somebody took that risk."""
        self.recover()
        old = environment.current(self._prefix)
        if old is None:
            raise LuytreError(Problem("LT-N0542", f"chưa có bản nào ở {self._prefix}: luytre bundle apply",
                                      f"nothing is installed at {self._prefix}: luytre bundle apply"))  # fmt: skip
        if old.name == about["id"]:
            return Outcome("nothing", old.name)
        self.preflight(about)
        self._step("checked", old=old.name, new=about["id"], bundle=str(bundle))
        self._step("backed up", backup=backup() if backup else "")
        try:
            new = environment.build(bundle, self._prefix, self._more_site)
        except environment.Bad as error:
            self._forget()
            raise LuytreError(Problem("LT-N0531", f"gói bị hỏng ở: {error.name}",
                                      f"the bundle is damaged at: {error}")) from None  # fmt: skip
        self._step("built")
        why = self.rehearse(new)
        if why:
            self._forget()
            raise LuytreError(Problem("LT-N0543", f"diễn tập nâng cấp trên bản sao không thành: {why}",
                                      f"the rehearsal on a copy failed, nothing was changed: {why}"))  # fmt: skip
        self._step("rehearsed")
        self._service.stop()
        self._step("stopped")
        self._keep_database()
        self._step("kept")
        environment.switch(self._prefix, new)
        self._step("switched")
        self._service.start()
        self._step("started")
        ill = wait_until_well(self._config, new, self._health_s)
        return self._back(ill) if ill else self._done()

    def preflight(self, about: dict[str, Any]) -> None:
        """What would make it fail half-way."""
        from api.runtime import VERSION
        from api.state.migrations import HEAD

        fit.follows(VERSION, about)
        if str(about["schema"]) < HEAD:
            raise LuytreError(Problem(
                "LT-N0544", f"gói này cũ hơn (lược đồ {about['schema']}, đang dùng {HEAD}): hãy khôi phục",
                f"this bundle is older (schema {about['schema']}, in use {HEAD}): restore a backup"))  # fmt: skip
        why = environment.fits(about)
        if why:
            raise LuytreError(Problem("LT-N0545", f"gói không hợp máy này: {why}", why))
        database = self._data / "state" / "luytre.db"
        size = database.stat().st_size if database.exists() else 0
        for folder, need in ((self._prefix, NEED_BYTES), (self._data, 2 * size + (64 << 20))):
            free = shutil.disk_usage(folder).free
            if free < need:
                raise LuytreError(Problem("LT-N0546", f"{folder}: còn {free >> 20} MB, cần {need >> 20} MB",
                                          f"{folder}: {free >> 20} MB free, {need >> 20} MB needed"))  # fmt: skip

    def rehearse(self, new: Path) -> str:
        """The new program migrates a copy of the database; empty when that went well."""
        self._kept.mkdir(mode=0o700, exist_ok=True)
        copy = self._kept / "rehearsal.db"
        if not snapshot_file(self._config, copy):
            return ""  # PostgreSQL, or a sensor's machine: the backup is what one goes back to
        environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        try:
            done = subprocess.run([str(new / "bin" / "python"), "-P", "-m", "api.node.keeping.rehearse", str(copy)],
                                  env=environ, capture_output=True, text=True, check=False, cwd=self._kept,
                                  stdin=subprocess.DEVNULL, timeout=REHEARSE_LIMIT_S)  # fmt: skip
            return "" if done.returncode == 0 else (done.stderr.strip()[-400:] or f"exit {done.returncode}")
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            for path in self._kept.glob("rehearsal.db*"):
                path.unlink()

    def recover(self) -> Outcome | None:
        """After a kill: finish what was begun, one way or the other. None when nothing was."""
        said = self._load()
        if not said:
            return None
        step, old = said["step"], said["old"]
        if step in ("checked", "backed up", "built", "rehearsed"):
            self._forget()
            return Outcome("abandoned", old)  # the old node was never stopped
        now = environment.current(self._prefix)
        if step in ("stopped", "kept") and now is not None and now.name == old:
            self._forget()
            self._service.start()
            return Outcome("abandoned", old)
        if step == "back":
            return self._back(said.get("why", ""))
        new = self._prefix / "versions" / said["new"]
        self._service.start()
        why = wait_until_well(self._config, new, self._health_s)
        return self._back(why) if why else self._done()

    def _back(self, why: str) -> Outcome:
        self._say(why)
        said = self._step("back", why=why)
        old = self._prefix / "versions" / said["old"]
        self._service.stop()
        self._put_back_database()
        environment.switch(self._prefix, old)
        self._service.start()
        again = wait_until_well(self._config, old, max(self._health_s, BACK_S))
        self._forget()
        if again:
            raise LuytreError(Problem("LT-N0547", f"đã quay lại bản cũ nhưng nút chưa chạy: {again}",
                                      f"rolled back, and the node is not well: {again}"))  # fmt: skip
        return Outcome("rolled back", old.name, why)

    def _done(self) -> Outcome:
        said = self._load()
        self._forget()
        versions = [one for one in (self._prefix / "versions").iterdir() if one.name not in (said["new"], said["old"])]
        versions.sort(key=lambda one: one.stat().st_mtime)
        for one in versions[: max(0, len(versions) + 2 - KEEP_ENVIRONMENTS)]:
            shutil.rmtree(one, ignore_errors=True)
        return Outcome("done", said["new"])

    # --- the database ---------------------------------------------------------------------------------------------

    def _keep_database(self) -> None:
        """Of a node that is stopped: the whole of it, durable, before the new program may touch it."""
        self._kept.mkdir(mode=0o700, exist_ok=True)
        url = self._config.table("api", ApiTable).database
        if "://" in url and not url.startswith("sqlite"):
            dump(url, self._kept / "luytre.dump")
            return
        database = self._data / "state" / "luytre.db"
        if not database.exists():
            return
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        part = self._kept / "luytre.db.part"
        shutil.copyfile(database, part)
        _sync(part)
        part.replace(self._kept / "luytre.db")
        _sync(self._kept)

    def _put_back_database(self) -> None:
        kept, dumped = self._kept / "luytre.db", self._kept / "luytre.dump"
        if dumped.exists():
            restore_dump(self._config.table("api", ApiTable).database, dumped)
        if not kept.exists():
            return
        state = self._data / "state"
        part = state / "luytre.db.part"
        shutil.copyfile(kept, part)
        _sync(part)
        # The log of the newer database first: over an older file it would be poison.
        for name in ("luytre.db-wal", "luytre.db-shm"):
            (state / name).unlink(missing_ok=True)
        part.replace(state / "luytre.db")
        _sync(state)

    # --- the journal ------------------------------------------------------------------------------------------------

    def _step(self, step: str, **more: Any) -> dict[str, Any]:
        said = {**self._load(), **more, "step": step, "at": time.time()}
        replace(self._prefix / JOURNAL, json.dumps(said).encode())
        self._say(step)
        return said

    def _load(self) -> dict[str, Any]:
        try:
            found = json.loads((self._prefix / JOURNAL).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _forget(self) -> None:
        (self._prefix / JOURNAL).unlink(missing_ok=True)
        shutil.rmtree(self._kept, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
