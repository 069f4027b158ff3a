"""The centre's board: what each agency says of its services, beside what the centre itself can reach.

    the agency says      the centre: reaches it   cannot reach it     does not ask
    up, slow             up, slow                 unreachable (1)     up, slow
    down                 down (2)                 down                down
    nothing (silent)     up, slow (3)             unknown             unknown

(1) it works where the agency stands and not from here: a line, a block on the way, an attack on the line; not "down".
(2) the agency knows its own service better than one page that still answers: down until it says otherwise.
(3) the centre sees it answer, whatever the silent node would say.
An agency is silent when its last report is older than SILENT_S. In: rows of `Reported` and of the centre's own vantage
points (services named "agency/id" in its [probe], follow.py). Bound: AGENCIES, and SERVICES of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.queue import inside
from api.services.days import since_days
from api.services.minutes import availability
from api.services.shapes import Board, BoardAgency, BoardService, Verdict
from api.services.show import state_of
from api.state.national import Reported
from api.state.people import Agency
from api.state.services import Service
from correlator.store.base import Scope
from sensors.clock import parse_rfc3339, rfc3339

SILENT_S = 15 * 60.0
AGENCIES, SERVICES = 5_000, 2_000
ORDER: tuple[Verdict, ...] = ("down", "unreachable", "unknown", "slow", "up")
_UP: Mapping[str, Verdict] = {"up": "up", "suspect": "slow", "slow": "slow", "maintenance": "slow"}


def verdict(said: str, reached: str, *, silent: bool) -> Verdict:
    """`said`: the agency's state of its service, "" when its report does not name it. `reached`: the centre's, "" when
    it does not ask. "unknown" on either side is as good as nothing."""
    ours = "" if reached == "unknown" else reached
    theirs = "" if silent or said == "unknown" else said
    if theirs == "down":
        return "down"
    if not theirs:
        if silent or said == "unknown":
            return _UP.get(ours, "unknown")
        return "down" if ours == "down" else _UP.get(ours, "unknown")
    if ours == "down":
        return "unreachable"
    return _UP.get(theirs, "unknown")


def board(session: Session, scope: Scope, own: str, now: float) -> Board:
    """`own`: this node's agency, which is on its own list and not on the board."""
    reports = session.scalars(select(Reported).where(inside(Reported.agency, scope)).limit(AGENCIES)).all()
    probed: dict[str, dict[str, Service]] = {}
    rows = session.scalars(
        select(Service).where(inside(Service.agency, scope), Service.retired_at.is_(None), Service.agency != own)
    )
    for row in rows:
        probed.setdefault(row.agency, {})[row.key] = row
    names = dict(session.execute(select(Agency.code, Agency.name)).all())
    by_agency = {report.agency: report for report in reports if report.agency != own}
    items = [
        _agency(session, agency, names.get(agency, ""), by_agency.get(agency), probed.get(agency, {}), now)
        for agency in {*by_agency, *probed}
    ]
    items = [item for item in items if item.services or item.reported_at]
    items.sort(key=lambda item: ([-item.counts[word] for word in ORDER[:3]], item.name or item.agency))
    counts: Counter[str] = Counter()
    for item in items:
        counts.update(item.counts)
    return Board(items=items, counts={word: counts[word] for word in ORDER}, total=sum(counts.values()))


def _agency(
    session: Session, agency: str, name: str, report: Reported | None, probed: Mapping[str, Service], now: float
) -> BoardAgency:
    silent = report is None or now - report.received_at > SILENT_S
    said = _said(report)
    told = since_days(session, [row.id for row in probed.values()], 30, now)
    services = []
    for key in {*said, *probed}:
        theirs, ours = said.get(key, {}), probed.get(key)
        state = str(theirs.get("state") or "")
        reached = ours.state if ours is not None else ""
        word = verdict(state, reached, silent=silent)
        base = told.get(ours.id) if ours is not None else None
        watched, lost = _whole(theirs.get("minutes_watched_30d")), _whole(theirs.get("minutes_lost_30d"))
        if not theirs and base is not None:
            watched, lost = base.watched, base.down
        speaks = ours if (not theirs or word == "unreachable") else None
        services.append(
            BoardService(
                id=key[:130],
                name=str(theirs.get("name") or (ours.name if ours else key))[:256],
                system=str(theirs.get("system") or "")[:256],
                kind=str(theirs.get("kind") or (ours.kind if ours else ""))[:16],
                grade=grade if isinstance(grade := theirs.get("grade"), int) and 1 <= grade <= 5 else None,
                verdict=word,
                said=state[:16],
                reached=state_of(ours) if ours is not None else "",
                since=rfc3339(speaks.since) if speaks is not None else _time(theirs.get("since")),
                availability_30d=availability(watched, lost),
                minutes_watched_30d=watched,
                minutes_lost_30d=lost,
                certificate_expires_at=_time(theirs.get("certificate_expires_at")),
                checked_at=_time(theirs.get("checked_at")) or (rfc3339(ours.checked_at) if ours else None),
            )
        )
    services.sort(key=lambda one: (ORDER.index(one.verdict), -(one.grade or 0), one.name))
    found = Counter(one.verdict for one in services)
    return BoardAgency(
        agency=agency,
        name=name or agency,
        silent=silent,
        reported_at=rfc3339(report.received_at) if report is not None else None,
        counts={word: found[word] for word in ORDER},
        services=services,
    )


def _said(report: Reported | None) -> dict[str, dict[str, Any]]:
    """The report's services: another node's words, so each is looked at."""
    found = report.body.get("services") if report is not None and isinstance(report.body, dict) else None
    rows = found if isinstance(found, list) else []
    return {row["id"]: row for row in rows[:SERVICES] if isinstance(row, dict) and isinstance(row.get("id"), str)}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**7 else 0


def _time(value: Any) -> str | None:
    at = parse_rfc3339(value) if isinstance(value, str) else None
    return rfc3339(at) if at is not None else None
