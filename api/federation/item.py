"""The raised item: built from an incident or an alert, checked against `item.json` on both sides.

In:  rows of casework. Out: the item as a dict, and its one true form as text (sorted keys, no spaces), which is what is
     signed, sent and kept. Bound: by the schema; alerts beyond ALERTS are counted, not named.
What it never holds: events, raw lines, inner addresses, names of persons.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jsonschema
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework import indicators
from api.state.cases import Alert, AlertEntity, Incident, Indicator
from sensors.clock import rfc3339

SCHEMA = "luytre.item/1"
ALERTS, INDICATORS, TECHNIQUES = 200, 200, 50
ITEM_LIMIT_BYTES = 512 * 1024


def of_incident(session: Session, incident: Incident) -> dict[str, Any]:
    alerts = session.scalars(
        select(Alert).where(Alert.incident_id == incident.id).order_by(Alert.level_order.desc(), Alert.id).limit(ALERTS)
    ).all()
    found = session.execute(
        select(Indicator.type, Indicator.value, Indicator.tlp)
        .where(Indicator.incident_id == incident.id)
        .order_by(Indicator.type, Indicator.value)
        .limit(INDICATORS)
    )
    total = session.scalar(select(func.count()).select_from(Alert).where(Alert.incident_id == incident.id)) or 0
    return {
        "id": incident.id, "agency": incident.agency, "kind": "incident", "title": incident.title,
        "level": incident.level, "state": incident.state, "first_seen": rfc3339(incident.first_seen),
        "last_seen": rfc3339(incident.last_seen), "alerts_count": total,
        "indicators": [{"type": kind, "value": value, "tlp": tlp} for kind, value, tlp in found],
        **_of_alerts(alerts),
    }  # fmt: skip


def of_alert(session: Session, alert: Alert) -> dict[str, Any]:
    entities = session.execute(select(AlertEntity.field, AlertEntity.value).where(AlertEntity.alert_id == alert.id))
    found = indicators.of_entities((path, value) for path, value in entities)[:INDICATORS]
    return {
        "id": alert.id, "agency": alert.agency, "kind": "alert", "level": alert.level, "state": alert.status,
        "title": alert.title.get("vi") or alert.title.get("en") or alert.rule_id,
        "first_seen": rfc3339(alert.first_seen), "last_seen": rfc3339(alert.last_seen), "alerts_count": 1,
        "indicators": [{"type": kind, "value": value, "tlp": "amber"} for kind, value in found],
        **_of_alerts([alert]),
    }  # fmt: skip


def _of_alerts(alerts: Sequence[Alert]) -> dict[str, Any]:
    techniques = sorted({technique for alert in alerts for technique in alert.techniques})
    return {
        "techniques": techniques[:TECHNIQUES],
        "alerts": [
            {"id": alert.id, "rule_id": alert.rule_id, "title": _texts(alert.title), "reason": _texts(alert.reason),
             "level": alert.level, "count": alert.count, "first_seen": rfc3339(alert.first_seen),
             "last_seen": rfc3339(alert.last_seen)}
            for alert in alerts
        ],
    }  # fmt: skip


def _texts(texts: dict[str, str]) -> dict[str, str]:
    return {language: texts[language][:2000] for language in ("vi", "en") if texts.get(language)}


def canonical(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def wrong_with(item: Any) -> str | None:
    """What the schema has against it, with the place; None when it is an item."""
    error = next(iter(_validator().iter_errors(item)), None)
    return f"{error.json_path}: {error.message[:300]}" if error else None


@functools.cache
def _validator() -> Any:
    schema = json.loads(resources.files("api.federation").joinpath("item.json").read_text("utf-8"))
    return jsonschema.Draft202012Validator(schema)
