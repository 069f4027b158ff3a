"""The database: models and migrations agree, one writer, what a transaction promises."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

from api.casework import changes
from api.casework.changes import Bell, changed
from api.state.audit import Change
from api.state.base import Base, Database, after_commit, load_tables
from api.state.migrate import migrate
from api.state.migrations import HEAD
from api.state.people import Agency
from sensors.errors import LuytreError
from tests.servers.database import open_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path / "luytre.db", migrated=False)
    migrate(made)
    yield made
    made.close()


def test_migrations_make_what_the_models_say(db: Database) -> None:
    load_tables()
    with db.writer.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        for table in Base.metadata.tables.values():
            found = {column["name"]: column["nullable"] for column in inspect(connection).get_columns(table.name)}
            assert found == {column.name: column.nullable for column in table.columns}


def test_a_process_that_opens_the_database_knows_every_table(tmp_path: Path) -> None:
    """Casework once died at its first flush: it knew alerts, but not the systems that they name."""
    folder = Path(__file__).parents[2]
    program = (
        "import sys; from pathlib import Path; from api.state.base import Base, Database\n"
        "Database(Path(sys.argv[1]))\n"
        "from sqlalchemy.orm import configure_mappers; configure_mappers()\n"
        "print(len(Base.metadata.sorted_tables))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.db")], cwd=folder, capture_output=True, text=True, check=True
    )
    load_tables()
    assert int(done.stdout) == len(Base.metadata.tables)


def test_head_is_the_newest_revision() -> None:
    versions = Path(__file__).parents[2] / "api" / "state" / "migrations" / "versions"
    assert max(path.name[:4] for path in versions.glob("[0-9]*.py")) == HEAD


def test_migrating_again_changes_nothing(db: Database) -> None:
    with db.write() as session:
        session.add(Agency(code="a", name="A", created_at=0.0))
    migrate(db)
    with db.read() as session:
        assert session.scalar(select(Agency.code)) == "a"


def test_a_newer_database_is_refused(db: Database) -> None:
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LuytreError, match="newer"):
        migrate(db)


def test_readers_see_what_was_committed_and_cannot_write(db: Database) -> None:
    with db.write() as session:
        session.add(Agency(code="a", created_at=0.0))
        session.flush()
        with db.read() as other:
            assert other.scalar(select(Agency.code)) is None
    with db.read() as other, pytest.raises(DBAPIError):
        other.execute(text("DELETE FROM agency"))


def test_writers_take_turns(db: Database) -> None:
    def add(start: int) -> None:
        for number in range(start, start + 25):
            with db.write() as session:
                session.add(Agency(code=f"a{number}", created_at=0.0))

    threads = [threading.Thread(target=add, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as session:
        assert len(session.scalars(select(Agency.code)).all()) == 200


def test_a_write_inside_a_write_is_a_mistake(db: Database) -> None:
    with db.write(), pytest.raises(RuntimeError), db.write():
        pass


def test_a_second_process_is_kept_out(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.state.base.WAIT_S", 0.2)
    with pytest.raises(LuytreError, match="another"):
        Database(db.path or db.url)


def test_after_commit_runs_only_after_a_commit(db: Database) -> None:
    called: list[str] = []

    def roll_back() -> None:
        with db.write() as session:
            after_commit(session, lambda: called.append("no"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        roll_back()
    with db.write() as session:
        after_commit(session, lambda: called.append("yes"))
        assert called == []
    assert called == ["yes"]


def test_a_change_s_id_is_never_given_twice(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEEP", 0)

    def add() -> int:
        with db.write() as session:
            changed(session, Bell(), "alert", "x", agency=None, revision=1, now=0.0)
            session.flush()
            return changes.newest(session)

    first = add()
    with db.write() as session:
        assert changes.clean(session) == 1
        assert session.scalar(select(Change.id)) is None
    assert add() == first + 1
