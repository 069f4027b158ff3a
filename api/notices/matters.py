"""What casework, sensors and the machine itself have to tell. Each call stands in the transaction of the thing itself.

In:  the changed object. Out: a `Matter` (or none: below the level that anybody is told of).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from api.inventory import naming
from api.notices.tell import tell, tell_all
from api.shapes import LEVELS
from api.state.cases import Alert, Incident

Policy = Callable[[Session, Alert, float], None]
PagePolicy = Callable[[Session, Sequence[Alert], float], None]
LEAST = LEVELS.index("high")  # of alerts: below it they wait in the queue
SILENCE = "b7a3a1f2-31cc-4a0a-9d0e-64b1c1f0a9d2"  # correlator/detectors/silence.py; a test holds the two together
PERCENT_BACK = 5  # the disk must be this much better before it is told of anew


def policy_of(inner: Policy | None) -> PagePolicy:
    """Casework's hook for alerts that are new or have risen: what was there, then tell."""

    def policy(session: Session, alerts: Sequence[Alert], now: float) -> None:
        if inner is not None:
            for alert in alerts:
                inner(session, alert, now)
        alerts_came(session, alerts, now)

    return policy


def alerts_came(session: Session, alerts: Sequence[Alert], now: float) -> None:
    """In a storm a page brings hundreds: they are told together."""
    said = []
    for alert in alerts:
        silent = alert.rule_id == SILENCE
        if alert.level_order < LEAST and not silent:
            continue
        if alert.status == "snoozed" and alert.level != "critical":
            continue  # a person has put it off; it tells of itself when it wakes
        key = f"alert:{alert.id}:{alert.level}"
        said.append({"key": key, "kind": "sensor" if silent else "alert", **_about(session, alert)})
    tell_all(session, said, now)


def alert_woke(session: Session, alert: Alert, now: float) -> None:
    """A snooze has ended: to who has the alert, else by route."""
    if alert.assignee_id is not None or alert.level_order >= LEAST:
        _of_alert(session, alert, f"woken:{alert.id}:{alert.revision}", now, to_user=alert.assignee_id)


def alert_assigned(session: Session, alert: Alert, to_user: int, now: float) -> None:
    _of_alert(session, alert, f"assigned:{alert.id}:{alert.revision}", now, to_user=to_user)


def _of_alert(session: Session, alert: Alert, key: str, now: float, *, to_user: int | None = None) -> None:
    tell(session, key=key, kind="alert", now=now, to_user=to_user, **_about(session, alert))


def _about(session: Session, alert: Alert) -> dict[str, Any]:
    return {
        "agency": alert.agency, "ref": alert.id, "level": alert.level, "title": alert.title,
        "link": f"#/alerts/{alert.id}", "grade": alert.grade, "marked": naming.marked_alert(session, alert),
    }  # fmt: skip


def incident_opened(session: Session, incident: Incident, now: float) -> None:
    _of_incident(session, incident, f"incident:{incident.id}:opened", now)


def incident_over(session: Session, incident: Incident, now: float) -> None:
    _of_incident(session, incident, f"incident:{incident.id}:{incident.revision}:over", now, over=True)


def _of_incident(session: Session, incident: Incident, key: str, now: float, *, over: bool = False) -> None:
    tell(
        session, key=key, kind="incident", agency=incident.agency, ref=incident.id, level=incident.level,  # type: ignore[arg-type]
        title={"vi": incident.title, "en": incident.title}, link=f"#/incidents/{incident.id}", now=now,
        grade=incident.grade, marked=naming.marked_incident(session, incident), over=over,
    )  # fmt: skip


def refused_above(session: Session, ref: str, agency: str, sequence: int, now: float) -> None:
    """The centre has refused what this agency raised."""
    kind = {"SC": "incidents", "TN": "inbox"}.get(ref[:2], "alerts")  # TN: passed on from a node below
    tell(
        session, key=f"refused:{ref}:{sequence}", kind="system", agency=agency, ref=ref, level="high", now=now,
        title={"vi": f"Cấp trên từ chối báo cáo {ref}", "en": f"The centre refused {ref}"}, link=f"#/{kind}/{ref}",
    )  # fmt: skip


class Machine:
    """Watches the machine that the node runs on: space, and processes that came back. One `look` a minute."""

    def __init__(self, data: Path, agency: str, percent: int) -> None:
        self._data, self._agency, self._percent = data, agency, percent
        self._low = False
        self._started: dict[str, float] = {}

    def look(self, session: Session, now: float) -> None:
        usage = shutil.disk_usage(self._data)
        free = 100 * usage.free / usage.total
        if free < self._percent and not self._low:
            self._low = True
            tell(
                session, key=f"disk:{int(now // 3600)}", kind="system", agency=self._agency, ref="disk", now=now,
                level="critical" if free < self._percent / 3 else "high", link="#/system",
                title={"vi": f"Ổ đĩa dữ liệu còn trống {free:.0f} %", "en": f"The data disk has {free:.0f} % left"},
            )  # fmt: skip
        elif free >= self._percent + PERCENT_BACK:
            self._low = False
        for path in sorted((self._data / "run").glob("*.json"))[:50]:
            self._process(session, path, now)

    def _process(self, session: Session, path: Path, now: float) -> None:
        try:
            started = float(json.loads(path.read_text("utf-8"))["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        before = self._started.get(path.stem)
        self._started[path.stem] = started
        if before is not None and started > before:
            tell(
                session, key=f"restart:{path.stem}:{int(started)}", kind="system", agency=self._agency, level="medium",
                ref=path.stem[:64], link="#/system", now=now,
                title={"vi": f"Tiến trình {path.stem} đã khởi động lại", "en": f"{path.stem} has restarted"},
            )  # fmt: skip
