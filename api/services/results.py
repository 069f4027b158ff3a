"""A probe's result as services read it: a typed value out of an event that any probe, ours or not, may have sent.

In:  an Event of dataset `service.availability` (sensors/roles/probe.py). Out: `Seen`, or None when it cannot be used.
Bound: texts are cut to what the tables hold; a result from the future would silence all that
     follow, so a clock that is ahead by more than AHEAD_S is refused.
At the centre, a probe of its own may ask another agency's public address: its service is then named "agency/id" in the
     centre's [probe], and belongs to that agency, seen from the centre's vantage point. Nobody else may name another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.services.judge import EVERY_S, Result
from sensors.clock import parse_rfc3339
from sensors.event import Event, get

DATASET = "service.availability"
AHEAD_S = 300.0
ENDS_SOON = "certificate-ends-soon"  # a warning of the certificate, not of the service


@dataclass(frozen=True, slots=True)
class Seen:
    agency: str
    key: str
    name: str
    kind: str
    system_word: str
    host: str
    address: str
    vantage: str
    slow_ms: float | None
    certificate_days: int | None
    result: Result


def read(event: Event, *, agency: str, now: float, foreign: Callable[[str], bool] = lambda code: False) -> Seen | None:
    """`agency`: this node's own. `foreign(code)`: whether this node may watch that agency's services (the centre)."""
    key, state = _text(get(event, "service.id"), 130), get(event, "service.state")
    at = parse_rfc3339(str(event.get("@timestamp") or ""))
    if not key or state not in ("up", "degraded", "down") or at is None or at > now + AHEAD_S:
        return None
    owner = _text(get(event, "organization.id"), 64) or agency
    head, slash, tail = key.partition("/")
    if slash and tail and owner == agency and foreign(head):
        owner, key = head, tail
    latency, slow = _number(get(event, "luytre.probe.latency_ms")), _number(get(event, "luytre.probe.slow_ms"))
    failures, days = get(event, "luytre.probe.failures"), get(event, "luytre.probe.certificate_days_left")
    reason = _text(get(event, "luytre.probe.reason"), 64)
    failed = get(event, "event.outcome") == "failure" or state == "down" or (isinstance(failures, int) and failures > 0)
    late = bool(slow and latency is not None and latency > slow)
    mark = "d" if failed else "s" if late or (state == "degraded" and reason != ENDS_SOON) else "o"
    if mark == "s" and late and (not reason or reason == ENDS_SOON):
        reason = "slow"
    return Seen(
        agency=owner,
        key=key,
        name=_text(get(event, "service.name"), 256) or key,
        kind=_text(get(event, "luytre.probe.kind") or get(event, "service.type"), 16) or "other",
        system_word=_text(get(event, "luytre.probe.system"), 256),
        host=_text(get(event, "destination.address") or get(event, "url.domain"), 256).lower(),
        address=_text(get(event, "destination.ip"), 64),
        vantage=_text(get(event, "observer.name"), 128) or "?",
        slow_ms=slow or None,
        certificate_days=days if isinstance(days, int) and not isinstance(days, bool) and abs(days) < 40_000 else None,
        result=Result(at, mark, "" if mark == "o" else reason, latency,
                      min(max(_number(get(event, "luytre.probe.every_s")) or EVERY_S, 0.2), 86_400.0)),
    )  # fmt: skip


def _text(value: Any, limit: int) -> str:
    return value.replace("\x00", "").strip()[:limit] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if good else None
