"""Put a backup in the place of a node's folder: unpack beside it, make it safe, then one exchange of two names.

In:  a backup, the folder, what is known of revocations since. Out: `Restored`.
Crash: until the exchange the old folder is untouched; after it the new one is whole. What was there before stays beside
       it as `<folder>.before-<time>`; nothing is deleted.
Refuses while a node runs in that folder, and a folder that is not empty unless told.
What an older program wrote is migrated here; a newer program's database is refused.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from api.audit import Audit
from api.auth import revoked
from api.config import ApiTable
from api.local_port import WHO
from api.node.init import observer_name
from api.node.keeping import ledger
from api.node.keeping.alone import alone
from api.node.keeping.dead import Held, lay_to_rest
from api.node.keeping.gather import CONFIG, DATABASE, DUMP
from api.node.keeping.parts import Manifest
from api.node.keeping.sealed import Key
from api.node.keeping.unpack import sync, unpack
from api.state.base import Database
from api.state.migrate import migrate
from sensors.clock import Clock, SystemClock
from sensors.config import Config, NodeTable
from sensors.errors import LuytreError, Place, Problem

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_AT_FDCWD = -100


@dataclass(frozen=True, slots=True)
class Restored:
    manifest: Manifest
    held: Held
    before: Path | None  # where the old folder is now


def put_back(file: Path, key: Key, data: Path, *, replace: bool = False, revoked_log: Path | None = None,
             trust: bool = False, clock: Clock | None = None) -> Restored:  # fmt: skip
    """`trust`: somebody says that nothing was revoked since the backup."""
    clock = clock or SystemClock()
    data = data.absolute()
    there = data.is_dir() and any(data.iterdir())
    if there and not replace:
        raise LuytreError(Problem("LT-N0521", "thư mục không trống", "the folder is not empty", Place(str(data)),
                                  (f"--yes {data.name}",)))  # fmt: skip
    with alone(data):
        fresh = data.with_name(f"{data.name}.restoring")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            manifest = unpack(file, key, fresh)
            held = settle(fresh, data, manifest, _since(fresh, data, revoked_log, trust=trust), clock)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        return Restored(manifest, held, _take_place(fresh, data, clock.now(), exchange=there))


def settle(fresh: Path, data: Path, manifest: Manifest, lines: list[bytes] | None, clock: Clock,
           *, database: bool = True) -> Held:  # fmt: skip
    """Make what was unpacked fit for `data`: paths, schema, and what must stay dead."""
    config_at = fresh / CONFIG
    if config_at.exists() and manifest.data and manifest.data != str(data):
        config_at.write_text(_moved(config_at.read_text("utf-8"), manifest.data, str(data)), "utf-8")
    if lines:
        with (fresh / "keys" / revoked.NAME).open("ab") as log:
            log.write(b"".join(line + b"\n" for line in lines))
            log.flush()
            os.fsync(log.fileno())
    held = Held(unknown=lines is None)
    where = _database(fresh, config_at) if database else None
    if where is not None:
        db = Database(where)
        try:
            migrate(db)
            observer = Config(config_at).table("node", NodeTable).observer or observer_name()
            with db.writer.begin() as connection:
                held = lay_to_rest(connection, None if lines is None else revoked.parsed(lines), observer, clock.now())
            audit = Audit(fresh / "keys" / "audit.head", clock.now)
            with db.write() as session:
                audit.record(session, WHO, "node.restored", manifest.agency, detail={
                    "made_at": manifest.made_at, "program": manifest.program, "audit": manifest.audit,
                    "machines_held": len(held.machines), "users_disabled": len(held.disabled),
                    "passwords_removed": len(held.passwords), "revocations_known": not held.unknown,
                })  # fmt: skip
        finally:
            db.close()
    for folder, _, names in os.walk(fresh):
        for name in names:
            if name.endswith((".lock", "-wal", "-shm")):
                (Path(folder) / name).unlink()
        sync(Path(folder))
    return held


def _database(fresh: Path, config_at: Path) -> Path | str | None:
    if (fresh / DATABASE).exists():
        return fresh / DATABASE
    dump = fresh / DUMP
    if not dump.exists():
        return None
    url = Config(config_at).table("api", ApiTable).database
    restore_dump(url, dump)
    dump.unlink()
    return url


def restore_dump(url: str, dump: Path) -> None:
    """`pg_restore` over what is there, all or nothing."""
    at = make_url(url)
    environ = {**os.environ, **({"PGPASSWORD": str(at.password)} if at.password else {})}
    words = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error", "--no-password",
             f"--dbname={at.database}"]  # fmt: skip
    words += [f"--host={at.host}"] if at.host else [f"--host={at.query['host']}"] if "host" in at.query else []
    words += [f"--port={at.port}"] if at.port else []
    words += [f"--username={at.username}"] if at.username else []
    done = subprocess.run(["pg_restore", *words, str(dump)], env=environ, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()[-300:]
        raise LuytreError(Problem("LT-N0523", f"pg_restore không chạy được: {said}", f"pg_restore failed: {said}"))


def _since(fresh: Path, data: Path, given: Path | None, *, trust: bool) -> list[bytes] | None:
    """Lines of revocations that the backup does not have; None when nobody knows."""
    mine = revoked.raw_lines(fresh / "keys" / revoked.NAME)
    if given is not None:
        if not given.is_file():
            raise LuytreError(Problem("LT-N0524", "không có tệp này", "there is no such file", Place(str(given))))
        return revoked.since(revoked.raw_lines(given), mine)
    # The old folder is at hand when its CA is this backup's: then what its log does not say did not happen.
    old, new = data / "keys" / "ca.pem", fresh / "keys" / "ca.pem"
    if old.is_file() and new.is_file() and old.read_bytes() == new.read_bytes():
        return revoked.since(revoked.raw_lines(data / "keys" / revoked.NAME), mine)
    return [] if trust else None


def _moved(text: str, old: str, new: str) -> str:
    """Paths of the old folder, in values, become the new folder's."""
    return re.sub(rf'(["\']){re.escape(old)}(?=["\'/])', lambda found: found[1] + json.dumps(new)[1:-1], text)


def _take_place(fresh: Path, data: Path, now: float, *, exchange: bool) -> Path | None:
    before = None
    if exchange:
        before = data.with_name(f"{data.name}.before-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}")
        if _exchange(fresh, data):
            fresh.rename(before)
        else:  # a file system without it: two renames, and a crash between them leaves both under their names
            data.rename(before)
            fresh.rename(data)
        old = ledger.load(before)
        if old:
            ledger.note(data, **{name: old.get(name) for name in ("last_good_at", "last_verified_at", "target")})
    else:
        if data.is_dir():
            data.rmdir()
        fresh.rename(data)
    sync(data.parent)
    return before


def _exchange(one: Path, two: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    answer: int = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(two), _EXCHANGE)
    return answer == 0
