"""Prove that a backup can be put back: do it, in a scratch folder, and count.

In:  a backup, its key, a folder for scratch. Out: `Proof`: figures, and what is wrong in words (none: it is good).
Database, journals, index and keys are opened in this process as the programs would open them; with `serve` an API of
its own answers on loopback, as trial.py says, and calls nobody. The scratch folder is removed.
Bound: disk of one restored node; of the index one slice of SLICE_ITEMS is rebuilt and searched, to know that the events
are readable as events; every record's checksum is read.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, inspect, select, table

from api.audit import Audit
from api.auth.ca import Authority
from api.node.keeping import postgres, trial
from api.node.keeping.gather import CONFIG, DATABASE, DUMP, STREAMS
from api.node.keeping.parts import Manifest
from api.node.keeping.putback import settle
from api.node.keeping.sealed import Key
from api.node.keeping.unpack import unpack
from api.state.base import Database
from correlator.store.base import EVERYTHING, Query
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from sensors.clock import Clock, SystemClock
from sensors.config import Config, NodeTable
from sensors.durable.log import LogReader, LogWriter
from sensors.errors import LuytreError

SLICE_ITEMS = 2000
_GROWS = {"audit_entry": 1}  # what putting it back writes itself
_SHRINKS = {"alembic_version", "job_run"}


@dataclass(slots=True)
class Proof:
    manifest: Manifest
    took_s: float = 0.0
    rows: int = 0
    items: dict[str, int] = field(default_factory=dict)
    indexed: int = 0
    found: int = 0
    audit: int = 0
    served: bool = False  # an API over it answered, and would show people a log-in page
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems


def prove(file: Path, key: Key, scratch: Path | None = None, clock: Clock | None = None, *,
          serve: bool = False) -> Proof:  # fmt: skip
    """Raises Damaged or WrongKey when the file itself is not whole."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="luytre-verify-", dir=scratch) as folder:
        at = Path(folder) / "data"
        manifest = unpack(file, key, at)
        proof = Proof(manifest)
        settle(at, at, manifest, [], clock or SystemClock(), database=(at / DATABASE).exists())
        if (at / CONFIG).exists():
            _configuration(at, proof)
        if (at / DATABASE).exists():
            _database(at, proof)
        if (at / DUMP).exists():
            _dump(at / DUMP, proof)
        if manifest.events:
            for stream in STREAMS:
                _journal(at, stream, proof)
            _index(at, proof)
        if serve and (at / DATABASE).exists():
            faults = trial.ask(at)
            proof.problems += faults
            proof.served = not faults
        shutil.rmtree(at, ignore_errors=True)
    proof.took_s = time.perf_counter() - started
    return proof


def _configuration(at: Path, proof: Proof) -> None:
    try:
        node = Config(at / CONFIG).table("node", NodeTable)
        if (at / "keys" / "ca.key").exists():
            authority = Authority.open(at / "keys", node.agency)
            if proof.manifest.ca and authority.fingerprint != proof.manifest.ca:
                proof.problems.append("keys/ca.pem: another CA than the manifest's")
    except LuytreError as error:
        proof.problems += [f"{problem.code}: {problem.en}" for problem in error.problems]


def _database(at: Path, proof: Proof) -> None:
    db = Database(at / DATABASE)
    try:
        with db.read() as session:
            said = session.connection().exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if said != "ok":
                proof.problems.append(f"{DATABASE}: {said}")
            broken = Audit(at / "keys" / "audit.head", SystemClock().now).verify(session)
            if broken:
                proof.problems.append(f"audit: {broken}")
            names = set(inspect(session.connection()).get_table_names())
            for name, expected in proof.manifest.rows.items():
                have = session.scalar(select(func.count()).select_from(table(name))) or 0 if name in names else 0
                proof.rows += have
                if name == "audit_entry":
                    proof.audit = have
                if have != expected + _GROWS.get(name, 0) and name not in _SHRINKS and not _laid_to_rest(name):
                    proof.problems.append(f"{name}: {have} rows, {expected} were there")
    finally:
        db.close()


def _dump(dump: Path, proof: Proof) -> None:
    """A dump is put back by a server, which a machine that proves need not have: it is read to its end and counted."""
    try:
        found = postgres.look(dump)
    except LuytreError as error:
        proof.problems += [f"{problem.code}: {problem.en}" for problem in error.problems]
        return
    proof.rows, proof.audit = sum(found.rows.values()), found.rows.get("audit_entry", 0)
    for name, expected in proof.manifest.rows.items():
        if found.rows.get(name, 0) != expected:
            proof.problems.append(f"{name}: {found.rows.get(name, 0)} rows, {expected} were there")


def _laid_to_rest(name: str) -> bool:
    from api.node.keeping.dead import OPEN

    return name in OPEN


def _journal(at: Path, stream: str, proof: Proof) -> None:
    folder = at / "journal" / stream
    expected = proof.manifest.items.get(stream, 0)
    LogWriter(folder, reserve_bytes=0).close()  # as luytre-api does: recovers, and says how far it is durable
    reader, count, place = LogReader(folder), 0, None
    try:
        while items := (batch := reader.read(place, 5000)).items:
            count += len(items)
            place = batch.next
        if reader.damaged:
            proof.problems.append(f"journal/{stream}: {reader.damaged} damaged")
    finally:
        reader.close()
    proof.items[stream] = count
    if count != expected:
        proof.problems.append(f"journal/{stream}: {count} events, {expected} were there")


def _index(at: Path, proof: Proof) -> None:
    indexer = StreamIndexer(at / "journal" / "events", at / "index" / "events")
    try:
        while proof.indexed < SLICE_ITEMS and (done := indexer.step()):
            proof.indexed += done
        indexer.flush()
    finally:
        indexer.close()
    if not proof.indexed:
        return
    reader = EmbeddedReader(at)
    try:
        proof.found = reader.search(EVERYTHING, Query(size=1)).total
    finally:
        reader.close()
    if not proof.found:
        proof.problems.append("index: nothing is found in the slice that was built")
