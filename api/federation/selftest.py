"""The weekly self-test: a harmless event goes the whole way (log role, spool, ingest, correlator, alert, outbox, link),
and the centre that recognises it is the proof that the way is open.

At the agency `step` starts one when the last that came through is older than `selftest_days`, follows it through its
own alert, raises that alert marked as a test, and closes it when the centre has acknowledged it. A node without an
upstream tests its own way and stops at the alert ("local").
At the centre `recognised` keeps the newest per agency and acknowledges the item at once: no person has to.
Only what is wholly the shipped self-test rule's counts as one: `test` on anything else is not believed.
Bound: RUNS_KEPT runs; one at a time; WAIT_S until one counts as lost, RETRY_S until the next try.
"""

from __future__ import annotations

import secrets
import socket
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.casework import alerts
from api.casework.alerts import Desk
from api.casework.errors import CaseError
from api.federation import raising
from api.federation.config import settings
from api.notices.tell import tell
from api.runtime import Runtime
from api.state.cases import Alert, AlertHit
from api.state.federation import Raised
from api.state.machines import MachineStream
from api.state.national import SelfTest, SelfTestRun
from correlator.store.base import EVERYTHING
from sensors.event import get
from sensors.sources import selftest as source

RULE = "63765594-c02e-4967-bc64-eafc8a6c9b47"  # rules/services/luytre_selftest.yml
WAIT_S, TAKEN_S, RETRY_S = 3600.0, 600.0, 86_400.0
SETTLED_S = 600.0  # a node whose first sensor has just come is still being set up
RUNS_KEPT = 100
HITS_LOOKED_AT, EVENTS_OF_A_HIT, EVENTS_LOOKED_AT = 500, 10, 1000


def step(node: Runtime) -> str:
    """One small step; a few words when something happened."""
    now = node.clock.now()
    with node.db.read() as session:
        last = session.scalar(select(SelfTestRun).order_by(SelfTestRun.asked_at.desc()).limit(1))
        first = session.scalar(select(func.min(MachineStream.first_data_at)))
    fed = first is not None and now - first >= SETTLED_S
    if last is not None and last.outcome == "running":
        found = None if last.alert_id else _made(node, last.id, last.asked_at)
        return _follow(node, last.id, now, found)
    table = settings(node.config)
    passed = last is not None and last.outcome in ("passed", "local")
    wait_s = table.selftest_days * 86_400.0 if passed else RETRY_S
    if table.selftest_days <= 0 or not fed or (last is not None and 0 <= now - last.asked_at < wait_s):
        return ""  # a node that no sensor has ever sent to has no way to test
    return _start(node, now)


def _start(node: Runtime, now: float) -> str:
    request = source.Request(secrets.token_hex(8), "luytre", now)
    event = source.event(request, node.node.observer or socket.gethostname(), now)
    with node.db.write() as session:
        session.add(SelfTestRun(id=request.id, asked_at=now, event_id=event["event"]["id"], outcome="running"))
        kept = select(SelfTestRun.id).order_by(SelfTestRun.asked_at.desc()).limit(RUNS_KEPT)
        session.execute(delete(SelfTestRun).where(SelfTestRun.id.not_in(kept)))
    source.ask(node.data, request)
    return "self-test started"


def _follow(node: Runtime, run_id: str, now: float, found: str | None) -> str:
    with node.db.write() as session:
        run = session.get_one(SelfTestRun, run_id)
        waited = now - run.asked_at
        path = source.folder(node.data) / f"{run.id}.json"
        if path.exists() and waited > TAKEN_S:
            source.done(path)
            return _end(node, session, run, "not_taken", now)
        name = run.alert_id or found
        alert = session.get(Alert, name) if name else None
        if alert is not None and run.alert_id is None:
            run.alert_id = alert.id
            if not settings(node.config).upstream:
                _close(node, session, alert, now)
                return _end(node, session, run, "local", now)
        if alert is not None and run.raised_at is None:
            try:
                raising.raise_alert(session, alert, now, node.bell, exercise=node.node.exercise, test=True)
            except CaseError as error:
                node.log.warning("the self-test cannot be raised", error=str(error)[:300])
                return _end(node, session, run, "lost", now)
            run.raised_at = now
            return "self-test raised"
        if alert is not None:
            row = raising.last_of(session, alert.id)
            if row is not None and row.state == "acknowledged":
                _close(node, session, alert, now)
                return _end(node, session, run, "passed", now)
        if waited > WAIT_S:
            return _end(node, session, run, "lost", now)
    return ""


def _made(node: Runtime, run_id: str, asked_at: float) -> str | None:
    """The alert that this run's own event made: an older test that is still open does not count. Ingest gives events
    their ids, so the event is known by the run's id that it carries, and the store is asked outside any transaction."""
    with node.db.read() as session:
        hits = session.execute(
            select(AlertHit.alert_id, AlertHit.event_ids)
            .join(Alert, AlertHit.alert_id == Alert.id)
            .where(Alert.rule_id == RULE, AlertHit.folded_at >= asked_at - 60.0)
            .order_by(AlertHit.folded_at.desc(), AlertHit.id)
            .limit(HITS_LOOKED_AT)
        ).all()
    alerts = {event_id: alert_id for alert_id, event_ids in reversed(hits) for event_id in event_ids[:EVENTS_OF_A_HIT]}
    if not alerts:
        return None
    for event in node.reader.fetch(EVERYTHING, list(alerts)[-EVENTS_LOOKED_AT:]):
        if get(event, "luytre.selftest.id") == run_id:
            return alerts.get(str(get(event, "event.id")))
    return None


def _close(node: Runtime, session: Session, alert: Alert, now: float) -> None:
    if alert.status != "closed":
        alerts.close(Desk(session, EVERYTHING, None, node.audit, node.bell, now), alert, "test", None)


def _end(node: Runtime, session: Session, run: SelfTestRun, outcome: str, now: float) -> str:
    run.outcome, run.ended_at = outcome, now
    if outcome in ("lost", "not_taken"):
        where = "log" if outcome == "not_taken" else "alert" if run.alert_id is None else "centre"
        vi = {"log": "cảm biến nhật ký không nhận sự kiện thử", "alert": "sự kiện thử không thành cảnh báo",
              "centre": "cấp trên chưa nhận được cảnh báo thử"}[where]  # fmt: skip
        en = {"log": "no log sensor took the test event", "alert": "the test event made no alert",
              "centre": "the centre has not received the test alert"}[where]  # fmt: skip
        tell(session, key=f"selftest/{run.id}", kind="system", agency=node.node.agency, ref=run.id, level="medium",
             title={"vi": f"Tự kiểm tra không thành công: {vi}", "en": f"The self-test failed: {en}"},
             link="#/system", now=now)  # fmt: skip
    return f"self-test {outcome}"


# --- at the centre ----------------------------------------------------------------------------------------------------


def is_one(item: dict[str, Any]) -> bool:
    """Whether a raised item is a self-test and nothing else."""
    return bool(
        item.get("test") is True
        and item["kind"] == "alert"
        and item["alerts"]
        and all(alert["rule_id"] == RULE for alert in item["alerts"])
    )


def recognised(session: Session, row: Raised, now: float) -> None:
    """Keep it as the newest of its agency."""
    seen = session.get(SelfTest, row.agency)
    if seen is None:
        seen = SelfTest(agency=row.agency, raised_id=row.id, seen_at=row.last_seen, received_at=now)
        session.add(seen)
    seen.raised_id, seen.seen_at, seen.received_at = row.id, row.last_seen, now
