"""A hit: one rule, correlation or detector said "this". Immutable, an event itself (`event.kind: alert`).

In:  the verdict and the event (or events) behind it. Out: an Event for the `hits` stream, and its deterministic id:
H(rule id, event id) for a rule, H(rule id, group key, completing event id) for all others. The same
verdict over the same events is therefore the same document however often it is posted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sensors.event import Event, get, put

Level = Literal["informational", "low", "medium", "high", "critical"]
SEVERITY: dict[str, int] = {"informational": 21, "low": 21, "medium": 47, "high": 73, "critical": 99}
EVENT_IDS_LIMIT = 100  # ids that a hit names; `count` is always the true number

# What a hit takes over from its events when they agree: who and where, for grouping, reasons and indicators.
ENTITIES = (
    "source.ip", "source.port", "destination.ip", "destination.port", "destination.domain", "host.name", "user.name",
    "user.target.name", "process.name", "process.executable", "process.command_line", "file.path",
    "dns.question.name", "url.domain", "url.original", "url.path", "tls.client.server_name", "network.transport",
    "http.request.method", "http.response.status_code", "user_agent.original",
    "service.name", "service.id", "luytre.probe.system", "observer.name", "event.dataset", "winlog.computer_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of the events that made it fire. `title` and `reason` are {"vi": …, "en": …}."""

    rule_id: str
    name: str
    level: Level
    kind: Literal["sigma", "correlation", "detector", "indicator"]
    group: Mapping[str, str]  # the group-by fields and their values
    title: Mapping[str, str] = field(default_factory=dict)
    reason: Mapping[str, str] = field(default_factory=dict)
    tags: Sequence[str] = ()  # Sigma tags, "attack.t1110.001" …
    score: float | None = None  # detectors: 0 to 1
    count: int = 1
    event_ids: Sequence[str] = ()  # default: the completing event's


def make_hit(verdict: Verdict, event: Event, *, when: str | None = None, shared: Sequence[Event] = ()) -> Event:
    """The hit of `verdict` completed by `event`; entities are those on which `event` and `shared` agree."""
    last = str(get(event, "event.id") or "")
    key = group_key(verdict.group)
    parts = (verdict.rule_id, last) if verdict.kind == "sigma" else (verdict.rule_id, key, last)
    techniques = [t[7:].upper() for t in verdict.tags if t.lower().startswith("attack.t") and t[8:9].isdigit()]
    ids = list(verdict.event_ids or ([last] if last else []))
    hit: Event = {
        "@timestamp": when or event.get("@timestamp"),
        "event": {
            "id": hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest(),
            "kind": "alert", "dataset": "luytre.hit", "severity": SEVERITY[verdict.level],
            "reason": verdict.reason.get("vi") or verdict.reason.get("en") or verdict.name,
        },
        "rule": {"id": verdict.rule_id, "uuid": verdict.rule_id, "name": verdict.name},
        "luytre": {"hit": {
            "type": verdict.kind, "level": verdict.level, "group_key": key, "group": dict(verdict.group),
            "title": dict(verdict.title), "reason": dict(verdict.reason), "tags": list(verdict.tags),
            "event_ids": ids[-EVENT_IDS_LIMIT:], "count": verdict.count,
        }},
    }  # fmt: skip
    if techniques:
        put(hit, "threat.technique.id", techniques)
    if verdict.score is not None:
        put(hit, "event.risk_score", round(100 * verdict.score, 1))
    for path in ENTITIES:
        value = get(event, path)
        if value is not None and all(get(other, path) == value for other in shared) and path != "event.dataset":
            put(hit, path, value)
    for path in ("organization.id", "observer.id", "observer.name", "log.file.path"):
        value = get(event, path)
        if value is not None:
            put(hit, path, value)
    for path, value in verdict.group.items():
        if get(hit, path) is None:
            put(hit, path, value)
    return hit


def group_key(group: Mapping[str, str]) -> str:
    """Text by which hits of one rule fold into one alert: `source.ip=10.0.0.1|user.name=root`, sorted, escaped."""
    return "|".join(f"{k}={str(v).replace('%', '%25').replace('|', '%7C')}" for k, v in sorted(group.items()))
