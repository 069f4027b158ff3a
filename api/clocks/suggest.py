"""What the case itself says about its seriousness: a suggestion with its reasons, for a person to weigh.

In:  an incident, what was found of it, the moment. Out: flag → reasons, in both languages; never a flag that is set,
     and none that a person has set back: they have answered.
Nothing is set by the machine: a flag starts a legal deadline, and whether a text's words are met a person decides.
Bound: the facts are counted, not read; at most four reasons.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.shapes import LEVELS
from api.state.cases import Alert, History, Incident
from api.state.clocks import Finding
from api.state.inventory import System

Reasons = list[dict[str, str]]
HIGH, CRITICAL = LEVELS.index("high"), LEVELS.index("critical")
IMPORTANT = 4  # of five grades: a failure does especially serious harm to public order or the country
LONG_S = 24 * 3600.0  # open for as long as the first notice of a serious incident may take
SETTLED = ("resolved", "closed")


def suggestions(session: Session, incident: Incident, now: float) -> dict[str, Reasons]:
    finding = session.get(Finding, incident.id)
    if "serious" in (finding.flags if finding else {}) or incident.state in SETTLED or _answered(session, incident):
        return {}
    found = _serious(session, incident, now)
    return {"serious": found} if found else {}


def _serious(session: Session, incident: Incident, now: float) -> Reasons:
    found: Reasons = []
    of_it = Alert.incident_id == incident.id
    critical = session.scalar(select(func.count()).where(of_it, Alert.level_order >= CRITICAL)) or 0
    if critical:
        found.append({"vi": f"Có {critical} cảnh báo mức nghiêm trọng", "en": f"{critical} critical alerts"})
    elif incident.level_order >= CRITICAL:
        found.append({"vi": "Sự cố được đặt mức nghiêm trọng", "en": "The incident's level is critical"})
    if incident.level_order < HIGH:
        return found
    system = session.get(System, incident.system_id) if incident.system_id else None
    grade = incident.grade if incident.grade is not None else system.grade if system else None
    if grade is not None and grade >= IMPORTANT:
        found.append({"vi": f"Hệ thống cấp độ {grade}", "en": f"The system is of grade {grade}"})
    first = session.scalar(select(func.min(Alert.created_at)).where(of_it)) or incident.created_at
    if incident.state in ("open", "investigating") and now - first >= LONG_S:
        hours = int((now - first) // 3600)
        found.append({"vi": f"Sau {hours} giờ vẫn chưa ngăn chặn được",
                      "en": f"Not contained after {hours} hours"})  # fmt: skip
    return found


def _answered(session: Session, incident: Incident) -> bool:
    """Whether the last word of a person on it was no."""
    acts = session.scalars(
        select(History.after)
        .where(History.kind == "incident", History.object_id == incident.id, History.act == "assessed")
        .order_by(History.id.desc())
        .limit(50)
    )
    said = next((after["serious"] for after in acts if after and "serious" in after), None)
    return said is False
