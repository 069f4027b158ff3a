"""What one kind of probe is. A file in this folder exports `PROBE = Probe(...)`; the registry finds it.

In:  `check(target, timeout_s)`: one try. Out: an `Outcome`, never an exception, within `timeout_s` (names are looked up
     in a thread of their own, because getaddrinfo has no time-out).
Rule: what the target says is hostile: a bounded number of bytes is read, redirects are not followed, none of its text
      is kept. `reason` is a short word of ours ("refused", "timeout", "http-503"), never the target's text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sensors.fields import Field
from sensors.registry import find

State = Literal["up", "degraded", "down"]

FIELDS = (
    Field("luytre.probe.kind"),
    Field("luytre.probe.system"),
    Field("luytre.probe.reason"),
    Field("luytre.probe.latency_ms", "double"),
    Field("luytre.probe.certificate_days_left", "long"),
    Field("luytre.probe.failures", "long"),
    Field("luytre.probe.every_s", "double"),
    Field("luytre.probe.slow_ms", "double"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    state: State
    reason: str = ""
    latency_ms: float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe:
    """`accepts(target)` says why a configured target cannot be probed, or None. `examples` are (target, accepted)."""

    kind: str
    accepts: Callable[[str], str | None]
    check: Callable[[str, float], Outcome]
    examples: tuple[tuple[str, bool], ...]


def found() -> dict[str, Probe]:
    """The probes by kind."""
    return {probe.kind: probe for probe in find(sys.modules[__name__], "PROBE", Probe, skip=("wire",)).values()}
