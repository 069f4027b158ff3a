"""A self-test that a person asked for, taken on to the centre: an act of the local port, for `luytre selftest`.

In:  {test, event, alert, asked}. Out: {item}: the outbox row to watch. The alert is raised marked as a test; the job
that follows the weekly run follows this one too, and closes the alert when the centre has acknowledged it.
Only the shipped self-test rule's alert is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from api.audit import Actor
from api.casework.changes import Bell
from api.casework.errors import WrongState
from api.federation import raising
from api.federation.selftest import RULE
from api.state.cases import Alert
from api.state.national import SelfTestRun
from sensors.errors import LuytreError, Problem

if TYPE_CHECKING:
    from api.local_port import Node

WHO = Actor("local", "quản trị máy chủ")


def raise_selftest(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    now = node.clock.now()
    with node.db.write() as session:
        alert = session.get(Alert, str(body["alert"]))
        if alert is None or alert.rule_id != RULE:
            raise LuytreError(Problem("LT-N0304", "không phải cảnh báo tự kiểm tra", "not a self-test's alert"))
        try:
            row = raising.raise_alert(session, alert, now, Bell(), exercise=node.table.exercise, test=True)
        except WrongState as error:
            raise LuytreError(Problem("LT-N0304", error.vi, error.en)) from None
        running = select(SelfTestRun.id).where(SelfTestRun.outcome == "running").limit(1)
        if session.scalar(running) is None and session.get(SelfTestRun, str(body["test"])) is None:
            session.add(SelfTestRun(id=str(body["test"])[:16], asked_at=float(body["asked"]), alert_id=alert.id,
                                    event_id=str(body["event"])[:64], raised_at=now, outcome="running"))  # fmt: skip
        node.audit.record(session, WHO, "selftest.raised", alert.id, agency=alert.agency)
        return {"item": row.id}
