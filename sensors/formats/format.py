"""What one log format is. A file in this folder exports `FORMAT = Format(...)`; the registry finds it.

An *envelope* (syslog, JSON) carries something inside: it hands on a payload and the program that is said to have
written it. A *body* (sshd, nginx access) ends the way and names the dataset.
In:  `match(payload, context)` says cheaply whether `parse` is worth trying. `parse(payload, context)` gives a `Parsed`,
or None when the payload is something else after all. Out: dotted ECS fields.
Bound: a payload is at most `LINE_LIMIT_BYTES` long (its source cuts); neither function raises, whatever the payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Literal

from sensors.fields import Field

LINE_LIMIT_BYTES = 64 * 1024

Payload = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a payload: the time to resolve a missing year against, the zone of times without one."""

    now: float
    zone: tzinfo = UTC
    program: str = ""  # as the envelope around it claims


@dataclass(slots=True)
class Parsed:
    """`document` is a whole ECS document that a JSON envelope brought; `fields` are put over it."""

    fields: dict[str, Any] = field(default_factory=dict)
    when: float | None = None
    payload: Payload | None = None
    program: str = ""
    dataset: str = ""
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A line and the fields that must come out of it, through the whole chain."""

    line: str
    fields: Mapping[str, Any]
    named: bool = False  # True: other formats write the same line, so this one must be named to be sure


@dataclass(frozen=True, slots=True)
class Format:
    dataset: str
    kind: Literal["envelope", "body"]
    match: Callable[[Payload, Context], bool]
    parse: Callable[[Payload, Context], Parsed | None]
    examples: tuple[Example, ...]
    programs: frozenset[str] = frozenset()  # names in an envelope for whose messages it is meant; "*": anyone's
    bare: bool = True  # a body that stands in files without an envelope
    aliases: frozenset[str] = frozenset()  # other names of the dataset, as Filebeat's modules call it
    fields: tuple[Field, ...] = ()
    rank: int = 50  # lower is asked first
