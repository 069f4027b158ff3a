"""What both stores must agree on about fields: their values, their columns, the leaves of an event.

In: names and values as events and people write them. Out: the column in which a field is counted (`rule.name.keyword`
for short text, None for full text), numbers that fit, leaves. Bound: DEPTH_LIMIT objects inside each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from correlator.store.query import TEXT_FIELDS
from sensors.fields import CORE, FieldType

KEYWORD_LIMIT = 8_191  # characters of a keyword that are indexed; Elastic's `ignore_above` of the same purpose
DEPTH_LIMIT = 32
TAIL_NAME = re.compile(r"[A-Za-z0-9_@\-]+(?:\.[A-Za-z0-9_@\-]+)*\Z", re.ASCII)

KINDS: Mapping[str, FieldType] = {field.name: field.type for field in CORE}
KEYWORD_TWIN = {name: f"{name}.keyword" for name, kind in KINDS.items() if kind == "text" and name not in TEXT_FIELDS}
"""Short text fields have a whole-value twin, so that "which rules?" can be counted."""

_I64 = 1 << 63


def column(field: str) -> str | None:
    if field in TEXT_FIELDS:
        return None
    return KEYWORD_TWIN.get(field, field)


def leaves(value: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of every leaf, each member of a list for itself, objects in lists as if they stood alone."""
    for key, inner in value.items():
        path = prefix + key
        if isinstance(inner, dict):
            if depth < DEPTH_LIMIT:
                yield from leaves(inner, path + ".", depth + 1)
        elif isinstance(inner, list):
            yield from _members(inner, path, depth)
        elif inner is not None:
            yield path, inner


def _members(values: list[Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            if depth < DEPTH_LIMIT:
                yield from leaves(value, path + ".", depth + 1)
        elif isinstance(value, list):
            if depth < DEPTH_LIMIT:
                yield from _members(value, path, depth + 1)
        elif value is not None:
            yield path, value


def as_long(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = int(value)
        except ValueError:
            return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return value if isinstance(value, int) and -_I64 <= value < _I64 else None


def as_double(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        real = float(value)
    except (ValueError, OverflowError):
        return None
    return real if math.isfinite(real) else None
