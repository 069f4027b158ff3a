"""A detector: what a rule can't say, because it needs memory of what is usual.

The seam of `correlator/detectors/`: a file there exports `DETECTOR = Detector(…)`, and the pipeline runs it.
In:  every event in store order, at times no more of it than the fields that the detector `reads`; `tick(now)` while the
stream is caught up. Out: `Finding`s with a score from 0 to 1. Bound: each memory has a limit and counts what it
`dropped`. Same input, same findings: randomness and the clock are not a detector's to take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from correlator.hit import Level
from sensors.event import Event


@dataclass(frozen=True, slots=True)
class Finding:
    event: Event  # the event that completes it, or what is left of the last one seen
    group: Mapping[str, str]
    score: float  # 0 to 1
    count: int = 1
    event_ids: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the reason's placeholders
    when: float | None = None  # default: the event's time


class Memory(Protocol):
    """One running detector."""

    dropped: int

    def feed(self, event: Event, time: float) -> list[Finding]:
        """`event` holds at least what the detector `reads`. Where a finding holds it, the whole one takes its place."""

    def tick(self, now: float) -> list[Finding]:
        """Called about every second while nothing is waiting to be read."""

    def snapshot(self) -> Any:
        """Plain lists, dicts, numbers and text."""

    def restore(self, snapshot: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Example:
    """A story that must (or must not) be found: events with seconds from the start, then ticks at these seconds."""

    name: str
    events: Sequence[tuple[float, Mapping[str, Any]]]
    found: bool
    ticks: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Detector:
    id: str
    name: str
    level: Level
    title: Mapping[str, str]
    reason: Mapping[str, str]  # placeholders: the group's fields, the facts, the event's fields
    keys: Sequence[str]  # the fields that its groups are made of
    make: Callable[..., Memory]  # keyword settings only
    examples: Sequence[Example]
    reads: Sequence[str] | None = None  # the fields that are looked at; None: any, so that each event must be decoded
    tags: Sequence[str] = ()
    description: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
