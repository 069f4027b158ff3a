"""The audit: an edit, a deletion, a cut tail and a changed order are each found, and told apart from a whole chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM, Audit, chain_hash
from api.state.audit import AuditEntry
from api.state.base import Database
from tests.servers.database import open_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path / "luytre.db")
    yield made
    made.close()


@pytest.fixture
def audit(db: Database, tmp_path: Path) -> Audit:
    made = Audit(tmp_path / "keys" / "audit.head", lambda: 1_795_000_000.25)
    for number in range(10):
        with db.write() as session:
            made.record(session, THE_SYSTEM, "test", f"object-{number}", detail={"số": number, "chữ": "đ"})
    return made


def problem(db: Database, audit: Audit) -> str | None:
    with db.read() as session:
        return audit.verify(session)


def test_whole(db: Database, audit: Audit) -> None:
    assert problem(db, audit) is None


def test_empty(db: Database, tmp_path: Path) -> None:
    assert problem(db, Audit(tmp_path / "nowhere", lambda: 0.0)) is None


def edit(session: Session) -> None:
    session.execute(update(AuditEntry).where(AuditEntry.seq == 4).values(act="nothing"))


def edit_detail(session: Session) -> None:
    session.execute(update(AuditEntry).where(AuditEntry.seq == 4).values(detail={"số": 99}))


def remove(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.seq == 4))


def cut(session: Session) -> None:
    session.execute(delete(AuditEntry).where(AuditEntry.seq > 7))


def empty(session: Session) -> None:
    session.execute(delete(AuditEntry))


def reorder(session: Session) -> None:
    for was, becomes in ((4, 400), (5, 4), (400, 5)):
        session.execute(update(AuditEntry).where(AuditEntry.seq == was).values(seq=becomes))


def forge_from_there_on(session: Session) -> None:
    """An editor who knows how hashes are made rewrites the rest of the chain."""
    before = ""
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq)):
        if entry.seq == 4:
            entry.actor_name = "người khác"
        if entry.seq >= 4:
            entry.before = before
            entry.hash = chain_hash(entry)
        before = entry.hash


@pytest.mark.parametrize("tamper", [edit, edit_detail, remove, cut, empty, reorder, forge_from_there_on])
def test_tampering_is_found(db: Database, audit: Audit, tamper: Callable[[Session], None]) -> None:
    with db.write() as session:
        tamper(session)
    assert problem(db, audit)


def test_a_lost_head_is_told(db: Database, audit: Audit, tmp_path: Path) -> None:
    (tmp_path / "keys" / "audit.head").unlink()
    assert "head" in (problem(db, audit) or "")


def test_rolled_back_acts_leave_no_entry(db: Database, audit: Audit) -> None:
    def roll_back() -> None:
        with db.write() as session:
            audit.record(session, THE_SYSTEM, "never")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        roll_back()
    with db.read() as session:
        assert session.scalar(select(AuditEntry).where(AuditEntry.act == "never")) is None
    assert problem(db, audit) is None


def test_a_crash_before_the_head_is_written_is_no_tampering(db: Database, audit: Audit, tmp_path: Path) -> None:
    head = tmp_path / "keys" / "audit.head"
    old = head.read_text()
    with db.write() as session:
        audit.record(session, THE_SYSTEM, "last")
    head.write_text(old)
    assert problem(db, audit) is None
