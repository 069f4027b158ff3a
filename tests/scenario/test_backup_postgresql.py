"""A node on a real PostgreSQL: backed up with pg_dump, proved, put back with pg_restore; damage is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from api.audit import Audit
from api.auth import users
from api.local_port import WHO
from api.node.init import make_node
from api.node.keeping import postgres
from api.node.keeping.make import create
from api.node.keeping.prove import prove
from api.node.keeping.putback import put_back
from api.node.keeping.sealed import Key
from api.state.audit import AuditEntry
from api.state.base import Database
from api.state.migrate import migrate
from api.state.migrations import HEAD
from api.state.people import User
from sensors.clock import SystemClock
from sensors.config import Config
from sensors.errors import LuytreError
from tests.servers import database, postgresql

PHRASE = Key(passphrase="cụm mật khẩu dùng để thử".encode())


@pytest.fixture
def url() -> Iterator[str]:
    with postgresql.running() as server:
        database._create(server, "nut", "template1")
        yield make_url(server).set(database="nut").render_as_string(hide_password=False)


def people(url: str, data: Path, *names: str) -> list[str]:
    """Add these; everybody there is."""
    db = Database(url)
    try:
        migrate(db)
        audit = Audit(data / "keys" / "audit.head", SystemClock().now)
        with db.write() as session:
            for name in names:
                users.add(session, audit, WHO, name, now=SystemClock().now(), name=f"Tên\t{name}\\n")
        with db.read() as session:
            assert audit.verify(session) is None
            return sorted(session.scalars(select(User.username)))
    finally:
        db.close()


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_dump_is_made_proved_and_put_back(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "luytre"
    make_node({"node": {"data": str(data), "agency": "so-y-te", "name": "Sở Y tế", "observer": "nut"},
               "api": {"people": "127.0.0.1:0", "machines": "127.0.0.1:0", "database": url},
               "store": {"kind": "embedded"}})  # fmt: skip
    before = people(url, data, "lan", "minh")
    made = create(Config(data / "luytre.toml", environ={}), tmp_path / "out", PHRASE)
    assert (made.manifest.database, made.manifest.schema) == ("postgresql", HEAD)
    assert made.manifest.rows["user_account"] == len(before)
    proof = prove(made.path, PHRASE)
    assert proof.problems == []
    assert proof.audit == made.manifest.rows["audit_entry"] > 0
    assert people(url, data, "nguoi-la") == sorted([*before, "nguoi-la"])
    restored = put_back(made.path, PHRASE, data, replace=True)
    assert restored.manifest.audit == made.manifest.audit
    assert people(url, data) == before
    db = Database(url)
    with db.read() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.act == "node.restored")) == 1
    db.close()


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_damaged_dump_is_named(url: str, tmp_path: Path) -> None:
    from api.node.keeping.make import dump

    people(url, tmp_path, "lan")
    file = dump(url, tmp_path / "x.dump")
    assert postgres.look(file).rows["user_account"] == 1
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(LuytreError, match="pg_restore"):
        postgres.look(file)
