"""Hits as casework reads them: a typed value out of a document that any version of the correlator may have posted.

In:  an Event of stream "hits". Out: `Hit`, or None when it lacks what folding needs (id, rule); the caller counts it.
Bound: texts and lists are cut to what the tables hold; ENTITY_FIELDS are the fields that become entities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.shapes import LEVELS
from correlator.hit import ENTITIES
from sensors.clock import parse_rfc3339
from sensors.event import Event, get

# What an analyst pivots on; ports, methods and status codes describe, they do not identify.
ENTITY_FIELDS = tuple(
    path
    for path in ENTITIES
    if path
    not in {"source.port", "network.transport", "http.request.method", "http.response.status_code", "event.dataset"}
)
_HEADS = tuple((path, path.partition(".")[0]) for path in ENTITY_FIELDS)
ENTITY_LIMIT = 10  # values per field of one alert
VALUE_LIMIT = 512
EVENT_IDS = 100


@dataclass(frozen=True, slots=True)
class Hit:
    id: str
    at: float
    agency: str
    rule_id: str
    group_key: str
    group: dict[str, str]
    kind: str
    level: str
    title: dict[str, str]
    reason: dict[str, str]
    count: int
    event_ids: tuple[str, ...]
    techniques: tuple[str, ...]
    score: float | None
    entities: tuple[tuple[str, str], ...]
    indicator: str = ""  # the key of what it met
    indicator_kind: str = ""


def read(event: Event, *, agency: str, now: float) -> Hit | None:
    """`agency`: whose it is when the document names none (hits of this node's own correlator)."""
    hit_id, rule_id = get(event, "event.id"), get(event, "rule.id")
    inner = get(event, "luytre.hit")
    if not isinstance(hit_id, str) or not isinstance(rule_id, str) or not isinstance(inner, Mapping):
        return None
    if not hit_id or len(hit_id) > 64 or not rule_id:
        return None
    at = parse_rfc3339(str(event.get("@timestamp") or ""))
    name = _line(get(event, "rule.name")) or rule_id
    title = _texts(inner.get("title")) or {"vi": name, "en": name}
    score = get(event, "event.risk_score")
    level, kind, count = inner.get("level"), inner.get("type"), inner.get("count")
    owner = get(event, "organization.id")
    return Hit(
        id=_whole(hit_id),
        at=now if at is None else at,
        agency=_whole(owner)[:64] if isinstance(owner, str) and owner else agency,
        rule_id=_whole(rule_id)[:128],
        group_key=_whole(str(inner.get("group_key") or ""))[:4000],
        group={_line(k): _line(v) for k, v in _pairs(inner.get("group"))},
        kind=kind if kind in ("sigma", "correlation", "detector", "indicator") else "sigma",
        level=level if level in LEVELS else "medium",
        title=title,
        reason=_texts(inner.get("reason")) or {"vi": name, "en": name},
        count=count if isinstance(count, int) and 0 < count < 2**31 else 1,
        event_ids=tuple(_whole(i) for i in _list(inner.get("event_ids")) if isinstance(i, str) and len(i) <= 256)[
            :EVENT_IDS
        ],
        techniques=tuple(_whole(str(t))[:16] for t in _list(get(event, "threat.technique.id")))[:20],
        score=round(float(score) / 100, 3) if isinstance(score, int | float) and 0 <= score <= 100 else None,
        entities=tuple(_entities(event)),
        indicator=_line(get(event, "luytre.indicator.key"))[:32] if kind == "indicator" else "",
        indicator_kind=_line(get(event, "luytre.indicator.kind"))[:16] if kind == "indicator" else "",
    )


def _entities(event: Event) -> list[tuple[str, str]]:
    there = {str(key).partition(".")[0] for key in event}  # most fields are not there: seen by their first word
    return [
        (path, _line(value))
        for path, head in _HEADS
        if head in there
        for value in _list(get(event, path))[:ENTITY_LIMIT]
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items())[:20] if isinstance(value, Mapping) else []


def _texts(value: Any) -> dict[str, str]:
    """Both languages, one standing in for the other."""
    if not isinstance(value, Mapping):
        return {}
    vi, en = (_whole(str(value.get(key) or ""))[:2000] for key in ("vi", "en"))
    return {"vi": vi or en, "en": en or vi} if vi or en else {}


def _line(value: Any) -> str:
    return "" if value is None else _whole(str(value))[:VALUE_LIMIT]


def _whole(text: str) -> str:
    """Without what a database may refuse: PostgreSQL's text holds no U+0000, and UTF-8 no half of a surrogate pair."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
