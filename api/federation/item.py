"""The raised item: built from an incident or an alert, checked against `item.json` on both sides.

In:  rows of casework. Out: the item as a dict, and its one true form as text (sorted keys, no spaces), which is what is
     signed, sent and kept; a text in any other form is refused, so two readers can't understand it differently.
Bound: by the schema and ITEM_LIMIT_BYTES; alerts beyond ALERTS, or that don't fit, are counted and not named.
What it never holds: events, raw lines, inner addresses, names of accounts (they are blotted out of the reasons).
Building never fails on what casework holds: a rule's odd technique or a title of 2,000 letters must not keep an alert
from being told, nor stop the thread that folds.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework import indicators
from api.indicators.marking import strictest
from api.state.cases import Alert, AlertEntity, Incident, Indicator
from sensors.clock import rfc3339

SCHEMA = "luytre.item/1"
ALERTS, INDICATORS, TECHNIQUES = 200, 200, 50
TITLE, REASON = 512, 1000
ITEM_LIMIT_BYTES = 256 * 1024  # of the text in UTF-8; JSON inside JSON at most doubles it on the wire
BLOT = "…"
_TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?", re.ASCII)
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", re.ASCII)
_PEOPLE = ("user.name", "user.target.name")
_PLACES = ("source.ip", "destination.ip")


def of_incident(session: Session, incident: Incident) -> dict[str, Any]:
    alerts = session.scalars(
        select(Alert).where(Alert.incident_id == incident.id).order_by(Alert.level_order.desc(), Alert.id).limit(ALERTS)
    ).all()
    rows = session.execute(
        select(Indicator.type, Indicator.value, Indicator.tlp)
        .where(Indicator.incident_id == incident.id)
        .order_by(Indicator.type, Indicator.value)
    )
    found = strictest(session, incident.agency, ((kind, value, tlp) for kind, value, tlp in rows))
    total = session.scalar(select(func.count()).select_from(Alert).where(Alert.incident_id == incident.id)) or 0
    return {
        "id": item_id(incident.id, incident.created_at), "agency": incident.agency, "kind": "incident",
        "title": _line(incident.title, incident.id), "level": incident.level, "state": incident.state,
        "first_seen": rfc3339(incident.first_seen), "last_seen": rfc3339(incident.last_seen), "alerts_count": total,
        "indicators": _indicators(found), **_of_alerts(session, alerts),
    }  # fmt: skip


def of_alert(session: Session, alert: Alert) -> dict[str, Any]:
    entities = session.execute(select(AlertEntity.field, AlertEntity.value).where(AlertEntity.alert_id == alert.id))
    found = indicators.of_entities((path, value) for path, value in entities)
    title = alert.title.get("vi") or alert.title.get("en") or ""
    return {
        "id": item_id(alert.id, alert.created_at), "agency": alert.agency, "kind": "alert",
        "title": _line(title, alert.rule_id or alert.id), "level": alert.level, "state": alert.status,
        "first_seen": rfc3339(alert.first_seen), "last_seen": rfc3339(alert.last_seen), "alerts_count": 1,
        "indicators": _indicators(strictest(session, alert.agency, ((kind, value, "amber") for kind, value in found))),
        **_of_alerts(session, [alert]),
    }  # fmt: skip


def item_id(ref: str, created_at: float) -> str:
    """The number that people say, and the second it was given: a node that was restored from a backup gives its
    numbers a second time, and two nodes of one agency count by themselves."""
    return f"{ref}.{max(0, int(created_at)):x}"


def canonical(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def parsed(text: str) -> Any:
    """The value of a text in canonical form; None for any other text."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
        return value if canonical(value) == text else None
    except (ValueError, RecursionError):
        return None


def fitted(item: dict[str, Any]) -> dict[str, Any]:
    """The item within ITEM_LIMIT_BYTES: the least of its alerts (they stand by level) are only counted."""
    while len(canonical(item).encode("utf-8", "replace")) > ITEM_LIMIT_BYTES and item["alerts"]:
        item = item | {"alerts": item["alerts"][: len(item["alerts"]) * 3 // 4]}
    return item


def wrong_with(item: Any) -> str | None:
    """What speaks against it, with the place; None when it is an item."""
    try:
        error = next(iter(_validator().iter_errors(item)), None)
        if error:
            return f"{error.json_path}: {error.message[:300]}"
        text = canonical(item)
        size = len(text.encode())
    except (RecursionError, UnicodeEncodeError):
        return "$: nested too deeply, or not Unicode"
    if "\\u0000" in text.replace("\\\\", ""):
        return "$: holds the character U+0000"
    if size > ITEM_LIMIT_BYTES:
        return f"$: {size} bytes, more than {ITEM_LIMIT_BYTES}"
    for index, found in enumerate(item["indicators"]):
        if not indicators.fits(found["type"], found["value"]):
            return f"$.indicators[{index}]: {found['value'][:80]!r} is no {found['type']} of the outside in normal form"
    return None


def _indicators(found: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    fitting = [(kind, value, tlp) for kind, value, tlp in found if indicators.fits(kind, value)]
    return [{"type": kind, "value": value, "tlp": tlp} for kind, value, tlp in fitting[:INDICATORS]]


def _of_alerts(session: Session, alerts: Sequence[Alert]) -> dict[str, Any]:
    techniques = {str(one) for alert in alerts for one in alert.techniques}
    blot = _blots(session, [alert.id for alert in alerts])
    return {
        "techniques": sorted(filter(_TECHNIQUE.fullmatch, techniques))[:TECHNIQUES],
        "alerts": [
            {"id": alert.id, "rule_id": _line(alert.rule_id, "-")[:128], "title": _texts(alert.title, TITLE, None),
             "reason": _texts(alert.reason, REASON, blot.get(alert.id)), "level": alert.level,
             "count": min(alert.count, 2**53 - 1), "first_seen": rfc3339(alert.first_seen),
             "last_seen": rfc3339(alert.last_seen)}
            for alert in alerts
        ],
    }  # fmt: skip


def _blots(session: Session, alert_ids: Sequence[str]) -> dict[str, re.Pattern[str]]:
    """Per alert what its reasons must not tell: names of accounts, inner addresses."""
    rows = session.execute(
        select(AlertEntity.alert_id, AlertEntity.field, AlertEntity.value).where(
            AlertEntity.alert_id.in_(alert_ids), AlertEntity.field.in_((*_PEOPLE, *_PLACES))
        )
    )
    words: dict[str, set[str]] = {}
    for alert_id, path, value in rows:
        if path in _PEOPLE or ((place := indicators.address(value)) is not None and indicators.inner(place)):
            words.setdefault(alert_id, set()).add(value)
    return {
        alert_id: re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(of, key=len, reverse=True)))
        for alert_id, of in words.items()
    }


def _texts(texts: dict[str, str], limit: int, blot: re.Pattern[str] | None) -> dict[str, str]:
    found = {}
    for language in ("vi", "en"):
        text = _clean(texts.get(language) or "")
        if blot is not None:
            text = blot.sub(BLOT, text)
        if text := _IPV4.sub(_outer_only, text)[:limit]:
            found[language] = text
    return found


def _outer_only(found: re.Match[str]) -> str:
    place = indicators.address(found[0])
    return BLOT if place is not None and indicators.inner(place) else found[0]


def _line(text: str, otherwise: str) -> str:
    return (_clean(text).strip() or _clean(otherwise))[:TITLE]


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _no_constant(name: str) -> Any:
    raise ValueError(name)


@functools.cache
def _validator() -> Any:
    import jsonschema  # 5 MB, which a node that raises nothing does not pay

    schema = json.loads(resources.files("api.federation").joinpath("item.json").read_text("utf-8"))
    base = jsonschema.Draft202012Validator
    # JSON Schema takes 1.0 for an integer; a column does not.
    whole = base.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    return jsonschema.validators.extend(base, type_checker=whole)(schema)
