"""Every migration since the first release, over a database full of rows, with foreign keys on."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, table

from api.node.keeping.rehearse import rehearse
from api.state.base import Base, Database, load_tables
from api.state.migrate import migrate, revision
from api.state.migrations import HEAD
from tests.servers.old_database import old_database


@pytest.mark.parametrize("since", ["0001", "0002", "0003"])
def test_no_row_is_lost_and_every_row_is_read_by_the_models(tmp_path: Path, since: str) -> None:
    before = old_database(tmp_path / "old.db", since)
    assert min(before.values()) == 50
    assert {"alert", "incident", "outgoing", "user_account", "machines", "audit_entry"} <= set(before)
    db = Database(tmp_path / "old.db")
    try:
        migrate(db)
        migrate(db)  # again is nothing
        load_tables()
        with db.writer.begin() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert revision(connection) == HEAD
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            names = set(inspect(connection).get_table_names())
            after = {
                name: connection.execute(select(func.count()).select_from(table(name))).scalar()
                for name in before
                if name in names
            }
        assert after == before
        with db.read() as session:
            for mapper in Base.registry.mappers:
                rows = session.scalars(select(mapper.class_)).all()
                assert len(rows) >= before.get(mapper.local_table.name, 0), mapper.class_  # type: ignore[attr-defined]
    finally:
        db.close()


def test_the_rehearsal_says_what_is_wrong_and_touches_only_the_copy(tmp_path: Path) -> None:
    old_database(tmp_path / "old.db", "0002", 5)
    assert rehearse(tmp_path / "old.db") == ""
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("UPDATE role_grant SET user_id = 99999 WHERE id = 1")
        db.commit()
    assert "role_grant" in rehearse(tmp_path / "old.db")
