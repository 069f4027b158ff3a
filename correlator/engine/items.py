"""A value of a rule while its modifiers are applied: what kind of thing it has become.

In:  a key's field name and its values as they stand. Out: an `Item`, which modifiers.py changes and detection.py reads.
Source: Sigma specification 2.1.0, Value Modifiers: transformation modifiers change a value, type modifiers its kind.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

from correlator.engine.patterns import Placeholders, Tokens


@dataclass(frozen=True, slots=True)
class Words:
    """A text. `raw` is what stands in the rule: regular expressions are not read for wildcards."""

    parts: Tokens
    raw: str
    cased: bool = False
    codec: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Network:
    network: ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class TimePart:
    part: str
    number: int


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    number: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    field: str
    starts: bool = False
    ends: bool = False
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    wanted: bool


@dataclass(frozen=True, slots=True)
class Plain:
    """A number, a bool or null as it stands."""

    value: float | bool | None


Value = Words | Plain | Pattern | Network | TimePart | Comparison | Reference | Presence


@dataclass(slots=True)
class Item:
    name: str  # of the field; empty: keywords
    values: list[list[Value]]  # each value of the rule, with its alternatives (windash, base64offset, expand)
    placeholders: Placeholders
    missing: set[str]
    all: bool = False
    negated: bool = False
    applied: list[str] = field(default_factory=list)

    def each(self, change: Callable[[Value], Value | list[Value]]) -> None:
        changed: list[list[Value]] = []
        for alternatives in self.values:
            made: list[Value] = []
            for value in alternatives:
                new = change(value)
                made += new if isinstance(new, list) else [new]
            changed.append(made)
        self.values = changed
