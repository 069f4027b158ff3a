"""The SQL database of a node: users, sessions, alerts, incidents, machines, outbox, audit. Only luytre-api opens it.

In:  a path (SQLite, the default) or a URL (`postgresql+psycopg://…`).
Out: `Database`, whose `write()` and `read()` give an ORM Session inside one transaction: committed when the block
     ends, rolled back when it raises.
Bound: ONE write connection per process (`BEGIN IMMEDIATE`: a transaction that will write says so at once and never
     fails half-way with "database is locked"); at most READERS read connections, opened read-only. A caller that waits
     longer than WAIT_S gets `sqlalchemy.exc.TimeoutError`, which the HTTP edge turns into 503.
Why one: the SQLite of Python 3.11 on Debian (3.40) has the WAL-reset bug with two writers
     (https://www.sqlite.org/wal.html#walresetbug), and one queue in front of the lock is fair where SQLite's busy
     handler is not. A lock file beside the database keeps a second process out.
Rule: never hold `write()` across a call to the event store, the network or argon2.
Times are epoch seconds in a double (`sensors.clock`), so both databases compare them alike.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import pkgutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import NullPool, QueuePool

from sensors.errors import Place, Problem, Unavailable

READERS = 8
WAIT_S = 10.0
LOCK = 0x6C757974  # "luyt": the advisory lock of a node on PostgreSQL


class Base(DeclarativeBase):
    # Named constraints: Alembic can only change what has a name (SQLite rebuilds the table from them).
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def load_tables() -> None:
    """Import every module of tables, so that `Base.metadata` is whole."""
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if info.name not in ("base", "migrate", "migrations"):
            importlib.import_module(f"{__package__}.{info.name}")


class Database:
    def __init__(self, where: Path | str) -> None:
        # A process that imports alerts but not systems could not even sort its tables by their foreign keys.
        load_tables()
        self._held: Connection | None = None
        self.url = where if isinstance(where, str) and "://" in where else f"sqlite:///{where}"
        if self.url.startswith("sqlite:///"):
            path = Path(self.url.removeprefix("sqlite:///"))
            path.parent.mkdir(parents=True, exist_ok=True)
            self.path: Path | None = path
            self._lock: int | None = _only_one(path)
            self.writer = _sqlite(path, read_only=False)
            self._reader = _sqlite(path, read_only=True)
        else:
            self.path = self._lock = None
            self.writer = create_engine(self.url, pool_size=1, max_overflow=0, pool_timeout=WAIT_S)
            self._reader = create_engine(
                self.url, pool_size=READERS, max_overflow=0, pool_timeout=WAIT_S, isolation_level="REPEATABLE READ"
            )
            event.listens_for(self._reader, "begin")(lambda found: found.exec_driver_sql("SET TRANSACTION READ ONLY"))
            self._held = _only_one_there(self.url)
        self._write_session = sessionmaker(self.writer, expire_on_commit=False)
        self._read_session = sessionmaker(self._reader, expire_on_commit=False, autoflush=False)
        self._inside = threading.local()
        self._moves = Moves(self.writer)
        # The file must exist (in WAL mode) before the first read-only connection opens it.
        with self.writer.connect():
            pass

    @contextmanager
    def write(self) -> Iterator[Session]:
        """The write transaction. Callbacks registered by `after_commit` run when it has committed and let go."""
        if getattr(self._inside, "write", False):
            raise RuntimeError("write() inside write(): pass the session on instead")
        self._inside.write = True
        try:
            with self._write_session() as session, session.begin():
                yield session
        finally:
            self._inside.write = False
        for call in session.info.pop(_AFTER, ()):
            call()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view that never waits for the writer and cannot write."""
        with self._read_session() as session, session.begin():
            yield session

    def moves(self, *tables: type[Base]) -> tuple[int, ...]:
        """Numbers that differ once a transaction that wrote to one of these tables has ended. Asked BEFORE a read, they
        say how long what was read holds: this process is the only one that writes."""
        return self._moves.of([table.__tablename__ for table in tables])

    def tidy(self) -> None:
        """SQLite looks at how the rows are spread; cheap when little changed. PostgreSQL does so by itself."""
        if self.path is not None:
            with self.writer.connect() as connection:
                connection.exec_driver_sql("PRAGMA analysis_limit=1000")
                connection.exec_driver_sql("PRAGMA optimize")
            self._reader.dispose()  # a connection reads the statistics when it is opened

    def close(self) -> None:
        self._reader.dispose()
        self.writer.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._held is not None:
            self._held.close()
            self._held = None


class Moves:
    """Counts, by table, the write transactions that have ended. A statement that does not say its table moves all; one
    that carries UNMOVED moves none."""

    def __init__(self, writer: Engine) -> None:
        self._lock = threading.Lock()
        self._count: dict[str, int] = {}
        self._all = 0
        self._touched: set[str] = set()  # by the one write connection, since it was taken
        event.listens_for(writer, "before_cursor_execute")(self._execute)
        event.listens_for(writer, "checkin")(self._ended)

    def of(self, tables: Sequence[str]) -> tuple[int, ...]:
        with self._lock:
            return (self._all, *(self._count.get(table, 0) for table in tables))

    def _execute(self, connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if context is not None and _UNMOVED in context.execution_options:
            return
        if context is not None and (context.isinsert or context.isupdate or context.isdelete):
            table = getattr(getattr(context.compiled, "statement", None), "table", None)
            self._touched.add(getattr(table, "name", ""))
        elif not statement.startswith(("BEGIN", "PRAGMA", "SELECT")):
            self._touched.add("")

    def _ended(self, dbapi_connection: Any, record: Any) -> None:
        """After the commit (or rollback), before whoever wrote goes on: they read what they have written."""
        touched, self._touched = self._touched, set()
        with self._lock:
            self._all += "" in touched
            for table in touched:
                self._count[table] = self._count.get(table, 0) + 1


# For what is written all the time and kept by nobody who asks `moves` ("seen at").
_UNMOVED = "luytre_unmoved"
UNMOVED: dict[str, Any] = {_UNMOVED: True}
_AFTER = "luytre.after_commit"


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` once `session`'s transaction is durable; not at all when it is rolled back."""
    session.info.setdefault(_AFTER, []).append(call)


def _only_one(path: Path) -> int:
    """The lock that keeps a second process from writing this file; it goes with the process, however that ends."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(handle)
                raise _taken(str(path)) from None
            time.sleep(0.1)


def _only_one_there(url: str) -> Connection:
    """The same on PostgreSQL: a session's advisory lock, which goes with its connection. A second node that waits for
    it takes over when the first one ends."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    held = engine.connect()
    end = time.monotonic() + WAIT_S
    while not held.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar():
        if time.monotonic() >= end:
            held.close()
            raise _taken(engine.url.render_as_string(hide_password=True))
        time.sleep(0.1)
    return held


def _taken(where: str) -> Unavailable:
    return Unavailable(
        Problem(
            "LT-A0111",
            "cơ sở dữ liệu đang được một tiến trình luytre-api khác dùng",
            "another luytre-api process has this database open",
            Place(file=where),
        )
    )


def _sqlite(path: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # isolation_level None: sqlite3's own implicit BEGIN starts transactions too late and never IMMEDIATE.
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}" + ("?mode=ro" if read_only else ""),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=WAIT_S,
        )
        for pragma in _PRAGMAS_READ if read_only else _PRAGMAS_WRITE:
            connection.execute(pragma)
        return connection

    size = READERS if read_only else 1
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=size, max_overflow=0, pool_timeout=WAIT_S
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


# synchronous FULL: a receipt or an audit line that was answered survives power loss (WAL + NORMAL would not).
_PRAGMAS_WRITE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-4000",
    "PRAGMA trusted_schema=OFF",
)
_PRAGMAS_READ = ("PRAGMA query_only=ON", "PRAGMA cache_size=-1000", "PRAGMA trusted_schema=OFF")
