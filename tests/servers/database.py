"""The database that a test's node uses: SQLite in the test's folder, or, where LUYTRE_TEST_DATABASE names a PostgreSQL
server, a database of its own there. The same path is the same database, so a node that is opened again finds its rows.

`tests/scenario/test_on_postgresql.py` runs the suites that use this a second time against a real server.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from api.state.base import Database
from api.state.migrate import migrate

ASKED = "LUYTRE_TEST_DATABASE"
EMPTY = "luytre_empty"


def open_database(path: Path, *, migrated: bool = True) -> Database:
    """`migrated`: a new one has the schema already (made once a run, because Alembic takes most of a second)."""
    server = os.environ.get(ASKED)
    if server:
        name = "t_" + hashlib.sha256(str(path).encode()).hexdigest()[:24]
        if migrated:
            _template(server)
        _create(server, name, EMPTY if migrated else "template1")
        return Database(_url(server, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    if migrated and not path.exists():
        path.write_bytes(_empty_file())
    return Database(path)


def on_postgresql() -> bool:
    return bool(os.environ.get(ASKED))


@functools.cache
def _empty_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        db = Database(Path(folder) / "empty.db")
        migrate(db)
        db.close()  # the last connection folds the write-ahead log into the file
        return (Path(folder) / "empty.db").read_bytes()


@functools.cache
def _template(server: str) -> None:
    _create(server, EMPTY, "template1")
    db = Database(_url(server, EMPTY))
    try:
        migrate(db)
    finally:
        db.close()


def _create(server: str, name: str, template: str) -> None:
    where = make_url(server)
    with psycopg.connect(
        host=where.host, port=where.port, user=where.username, password=where.password, dbname=where.database,
        autocommit=True,
    ) as connection:  # fmt: skip
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
