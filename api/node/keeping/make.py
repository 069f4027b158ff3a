"""Make a backup of a node that runs: gather, seal, make it durable, give it its name, prune what the policy lets go.

In:  a configuration, a target folder, a key. Out: `Made`; `state/backups.json` is renewed either way.
Crash: the file is written as *.part, fsynced, renamed, its folder fsynced: a name of ours is always a whole backup.
       What a killed run left (*.part, the database's snapshot) the next one removes.
Bound: memory of a few chunks; `limit_bytes_per_s`; the database's snapshot needs as much disk as the database.
The database is copied by whoever has it open: luytre-api (`VACUUM INTO`, one read transaction: nobody waits), or this
process under the lock when none runs; on PostgreSQL `pg_dump` takes it, its password never on a command line.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from api.config import ApiTable
from api.node.keeping import ledger, postgres
from api.node.keeping.alone import alone
from api.node.keeping.gather import (
    DATABASE,
    DUMP,
    SCRATCH,
    STREAMS,
    Found,
    before_database,
    items_of,
    log_parts,
    prefix,
)
from api.node.keeping.parts import Manifest, PartWriter, chunks
from api.node.keeping.sealed import Key
from sensors.clock import Clock, SystemClock
from sensors.config import Config, NodeTable
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

SUFFIX = ".ltk"
SNAPSHOT_LIMIT_S = 3600.0
_NAME = re.compile(r"luytre-(?P<agency>[A-Za-z0-9._-]+)-(?P<at>\d{8}T\d{6}Z)\.ltk", re.ASCII)


class Made(NamedTuple):
    path: Path
    bytes: int
    took_s: float
    manifest: Manifest


class Policy(NamedTuple):
    daily: int = 7
    weekly: int = 5


def create(
    config: Config, target: Path, key: Key, *, events: bool = True, limit_bytes_per_s: int | None = None,
    policy: Policy | None = None, clock: Clock | None = None, progress: Callable[[str, int], None] = lambda *_: None,
) -> Made:  # fmt: skip
    clock = clock or SystemClock()
    node = config.table("node", NodeTable)
    started = time.perf_counter()
    try:
        made = _create(config, node, target, key, events, _Pace(limit_bytes_per_s), clock, progress)
    except LuytreError as error:
        one = error.problems[0]
        _note_problem(node.root, target, one.vi, one.en)
        raise
    except OSError as error:
        words = error.strerror or str(error)
        _note_problem(node.root, target, f"không ghi được bản sao lưu: {words}", f"cannot write the backup: {words}")
        raise LuytreError(Problem("LT-N0510", f"không ghi được bản sao lưu vào {target}: {words}",
                                  f"cannot write the backup to {target}: {words}")) from None  # fmt: skip
    path, manifest = made
    size = path.stat().st_size
    ledger.note(node.root, last_good_at=manifest.made_at, target=str(target), file=path.name, bytes=size, problem=None)
    if policy is not None:
        prune(target, node.agency, policy)
    return Made(path, size, time.perf_counter() - started, manifest)


def prune(target: Path, agency: str, policy: Policy) -> list[Path]:
    """Delete the backups of this agency that are neither the newest of one of the last `daily` days nor of one of the
    last `weekly` weeks that have one. The newest always stays."""
    mine: list[tuple[datetime, Path]] = []
    for path in target.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match["agency"] == agency and path.is_file():
            mine.append((datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), path))
    mine.sort(reverse=True)
    keep = {path for _, path in mine[:1]}
    for many, unit in ((policy.daily, "%Y%m%d"), (policy.weekly, "%G%V")):
        seen: set[str] = set()
        for at, path in mine:
            if at.strftime(unit) not in seen and len(seen) < many:
                seen.add(at.strftime(unit))
                keep.add(path)
    gone = [path for _, path in mine if path not in keep]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def snapshot(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """The act of the local port: {into} → {}; the database as one moment saw it, in a file of the node's own folder."""
    into = node.table.root / SCRATCH / Path(str(body["into"])).name
    if node.db.path is None:
        raise LuytreError(Problem("LT-N0511", "cơ sở dữ liệu này không phải SQLite", "the database is not SQLite"))
    _copy(node.db.path, into)
    return {}


def _copy(database: Path, into: Path) -> None:
    into.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source:
            source.execute("VACUUM INTO ?", (str(into),))
    except sqlite3.Error as error:
        into.unlink(missing_ok=True)
        raise LuytreError(Problem("LT-N0512", f"không chép được cơ sở dữ liệu: {error}",
                                  f"the database cannot be copied: {error}")) from None  # fmt: skip


def snapshot_file(config: Config, into: Path) -> bool:
    """A copy of the SQLite database at `into`, whoever has it open; False when this node has none."""
    node = config.table("node", NodeTable)
    scratch = node.root / SCRATCH
    scratch.mkdir(mode=0o700, exist_ok=True)
    try:
        found = _database(config, node, scratch)
        if found is None or found[0] != DATABASE:
            return False
        found[1].replace(into)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


# --- inside -------------------------------------------------------------------------------------------------------


class _Pace:
    """No more bytes a second than allowed, on average since the start."""

    def __init__(self, limit: int | None) -> None:
        self._limit, self._spent, self._since = limit, 0, time.monotonic()

    def __call__(self, count: int) -> None:
        if self._limit is None:
            return
        self._spent += count
        ahead = self._spent / self._limit - (time.monotonic() - self._since)
        if ahead > 0:
            time.sleep(min(ahead, 60.0))


def _create(config: Config, node: NodeTable, target: Path, key: Key, events: bool, pace: _Pace, clock: Clock,
            progress: Callable[[str, int], None]) -> tuple[Path, Manifest]:  # fmt: skip
    data = node.root
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in target.glob(f"luytre-{node.agency}-*{SUFFIX}.part"):
        left.unlink(missing_ok=True)
    scratch = data / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    now = clock.now()
    name = f"luytre-{node.agency}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    part = target / f"{name}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            manifest = _fill(config, node, PartWriter(file, key, pace), scratch, events, now, target, progress)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target / name, manifest


def _fill(config: Config, node: NodeTable, out: PartWriter, scratch: Path, events: bool, now: float, target: Path,
          progress: Callable[[str, int], None]) -> Manifest:  # fmt: skip
    from api.runtime import VERSION

    data = node.root
    inside = target.resolve() if target.resolve().is_relative_to(data.resolve()) else None

    def put(found: Found) -> int:
        part = out.add(found.name, found.bytes())
        progress(found.name, out.written)
        return part.bytes

    for found in before_database(data, config.path, inside):
        put(found)
    database = _database(config, node, scratch)
    about: dict[str, Any] = {}
    if database is not None:
        name, path = database
        with path.open("rb") as file:
            out.add(name, chunks(file))
        about = _about(path) if name == DATABASE else asdict(postgres.look(path))
        path.unlink()
    embedded = config.raw.get("store", {}).get("kind", "embedded") == "embedded"
    items: dict[str, int] = {}
    ends: dict[str, str] = {}
    if events and embedded:
        for stream in STREAMS:
            folder = data / "journal" / stream
            what = prefix(folder)
            items[stream], ends[stream] = 0, what.end
            for found, (segment, size) in zip(log_parts(data, folder, what), what.segments, strict=True):
                count = items_of(folder, segment, size)
                items[stream] += count if put(found) == size else 0  # 0 bytes: retention was quicker
    manifest = Manifest(
        made_at=now, program=VERSION, schema=about.get("schema", ""), agency=node.agency, name=node.name,
        role=node.role, data=str(data), ca=_ca(data), store="embedded" if embedded else "elasticsearch",
        events=events and embedded, database="sqlite" if not database or database[0] == DATABASE else "postgresql",
        rows=about.get("rows", {}), audit=about.get("audit", 0), items=items, ends=ends,
    )  # fmt: skip
    out.close(manifest)
    return manifest


def _database(config: Config, node: NodeTable, scratch: Path) -> tuple[str, Path] | None:
    """(the part's name, the file), made now; None on a sensor's machine, which has none."""
    url = config.table("api", ApiTable).database
    if "://" in url and not url.startswith("sqlite"):
        return DUMP, dump(url, scratch / "luytre.dump")
    if not url and not (node.root / DATABASE).exists():
        return None
    from api.local_port import ask

    into = "luytre.db"
    database = Path(url.removeprefix("sqlite:///")) if url else node.root / DATABASE
    try:
        if ask(node.root, "backup-snapshot", into=into, timeout_s=SNAPSHOT_LIMIT_S) is None:
            with alone(node.root):  # as it is: a copy must not migrate what it copies
                _copy(database, scratch / into)
    except LuytreError as error:
        if error.problems[0].code != "LT-A0107":
            raise
        # The release before has no such act. A reader beside the one writer is safe: it never checkpoints.
        _copy(database, scratch / into)
    return DATABASE, scratch / into


def dump(url: str, into: Path) -> Path:
    from sqlalchemy import make_url

    at = make_url(url)
    environ = {**os.environ, **({"PGPASSWORD": str(at.password)} if at.password else {})}
    words = ["--format=custom", "--no-password", f"--file={into}", f"--dbname={at.database}"]
    words += [f"--host={at.host}"] if at.host else [f"--host={at.query['host']}"] if "host" in at.query else []
    words += [f"--port={at.port}"] if at.port else []
    words += [f"--username={at.username}"] if at.username else []
    try:
        done = subprocess.run(["pg_dump", *words], env=environ, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=SNAPSHOT_LIMIT_S)  # fmt: skip
        said = done.stderr.strip()[-300:] if done.returncode else ""
    except FileNotFoundError:
        said = "pg_dump?"
    if said:
        raise LuytreError(Problem("LT-N0513", f"pg_dump không chạy được: {said}", f"pg_dump failed: {said}"))
    return into


def _about(path: Path) -> dict[str, Any]:
    """Rows of every table, the schema's revision and the last audit entry, of the copy that was taken."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in _ours(tables)}  # noqa: S608
        revision = db.execute("SELECT version_num FROM alembic_version").fetchone()
        last = db.execute("SELECT max(seq) FROM audit_entry").fetchone()
    return {"rows": rows, "schema": revision[0] if revision else "", "audit": last[0] or 0}


def _ours(tables: list[str]) -> Iterator[str]:
    return (name for name in tables if not name.startswith("sqlite_") and '"' not in name)


def _ca(data: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        from api.auth.ca import fingerprint_of

        return fingerprint_of((data / "keys" / "ca.pem").read_bytes())
    return ""


def _note_problem(data: Path, target: Path, vi: str, en: str) -> None:
    with contextlib.suppress(OSError):
        ledger.note(data, target=str(target), problem={"vi": vi, "en": en})
