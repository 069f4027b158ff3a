"""What a meeting of event and indicator is, how grave, and whose.

In:  an event and the indicator that a value of it is (of). Out: `Sighted`, what verdict.py makes a hit of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from correlator.hit import ENTITIES, Level
from correlator.indicators.table import Known
from sensors.event import Event, get, put

_KEPT = (*ENTITIES, "@timestamp", "event.id", "organization.id", "observer.id", "log.file.path")
_WHO_CAME = frozenset(("winlog.event_data.IpAddress", "winlog.event_data.SourceIp"))
_LEVELS: Sequence[Level] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Met:
    """An event's value, and the indicator that it is (of)."""

    known: Known
    path: str
    matched: str  # the value as the event has it


@dataclass(frozen=True, slots=True)
class Sighted:
    met: Met
    event: Event  # the last one, or what is kept of it
    group: Mapping[str, str]
    level: Level
    who: str
    count: int
    event_ids: Sequence[str]


def level_of(met: Met) -> Level:
    """By confidence: 75 and over high, under 40 low. One lower when the indicator came to us: who is on the internet is
    knocked at all day; who calls out to a listed address has a reason."""
    confidence = 50 if met.known.confidence is None else met.known.confidence
    level = 2 if confidence >= 75 else 1 if confidence >= 40 else 0
    return _LEVELS[max(0, level - _inbound(met.path))]


def _inbound(path: str) -> bool:
    return path.startswith(("source.", "client.")) or path in _WHO_CAME


def whose(met: Met, event: Event) -> tuple[str, str]:
    """(field, value) of the machine whose alert this is: never the indicator itself."""
    order = met.known.kind.who
    if _inbound(met.path):
        order = ("host.name", "winlog.computer_name", "destination.ip", "server.ip", "observer.name")
    for path in order:
        value = get(event, path)
        if isinstance(value, str) and value and value != met.matched:
            return path, value[:256]
    return "", ""


def kept(event: Event) -> Event:
    """What a hit takes over of its event."""
    made: Event = {}
    for path in _KEPT:
        value = get(event, path)
        if value is not None:
            put(made, path, value[:2_048] if isinstance(value, str) else value)
    return made
