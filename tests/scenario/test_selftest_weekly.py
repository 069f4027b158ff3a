"""The weekly self-test through a real node: spool, ship, ingest, rule, alert; and it ends as "local", not as lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import Session

from api.state.base import Database
from api.state.cases import Alert
from api.state.machines import MachineStream
from api.state.national import SelfTestRun
from tests.servers.whole_node import UpNode

LIMIT_S = 120.0


def wait(look: Callable[[], object], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@pytest.mark.slow
def test_a_node_tests_its_own_way_every_week(tmp_path: Path) -> None:
    node = UpNode(tmp_path)
    path = node.data / "state" / "luytre.db"

    def asked(query: str) -> object:
        engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
        try:
            with engine.connect() as connection:
                return connection.execute(text(query)).scalar()
        finally:
            engine.dispose()

    try:
        node.feed()
        node.start()
        wait(lambda: asked("SELECT count(*) FROM machine_streams WHERE first_data_at IS NOT NULL"), "nothing was sent")
        node.stop()
        db = Database(path)
        with db.write() as session:  # its first sensor came a day ago: the node is no longer being set up
            session.execute(update(MachineStream).values(first_data_at=time.time() - 86_400))
        db.close()
        node.start()
        wait(lambda: asked("SELECT count(*) FROM self_test_run WHERE outcome <> 'running'"), "no self-test has ended")
        node.stop()
        db = Database(path)
        try:
            with db.read() as session:
                _ended_well(session)
        finally:
            db.close()
    finally:
        node.close()


def _ended_well(session: Session) -> None:
    [run] = session.scalars(select(SelfTestRun)).all()
    assert run.outcome == "local"
    assert run.alert_id is not None
    alert = session.get_one(Alert, run.alert_id)
    assert (alert.status, alert.disposition) == ("closed", "test")
