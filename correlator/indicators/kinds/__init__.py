"""Kinds of indicators: one file each, found by the registry (`KIND`). See correlator/indicators/README.md."""

from __future__ import annotations

import sys
from functools import cache

from correlator.indicators.seam import VALUE_LIMIT, Kind
from sensors.registry import find


@cache
def all_kinds() -> dict[str, Kind]:
    """Name → kind."""
    return {kind.name: kind for kind in find(sys.modules[__name__], "KIND", Kind).values()}


@cache
def _guessed() -> tuple[Kind, ...]:
    return tuple(sorted((kind for kind in all_kinds().values() if kind.guess), key=lambda kind: kind.guess))


def guess(text: str) -> tuple[str, str] | None:
    """(kind, normal form) of a value that nobody named the kind of."""
    if len(text) > VALUE_LIMIT:
        return None
    for kind in _guessed():
        normal = kind.normal(text)
        if normal is not None:
            return kind.name, normal
    return None


def normal_of(kind: str, text: str) -> tuple[str, str] | None:
    """(kind, normal form); a network of one address is an address, an address with a prefix a network."""
    if len(text) > VALUE_LIMIT:
        return None
    if kind in ("", "hash"):
        return guess(text)
    known = all_kinds().get(kind)
    normal = known.normal(text) if known else None
    if normal is not None:
        return kind, normal
    if kind in ("ip", "network"):
        other = "network" if kind == "ip" else "ip"
        normal = all_kinds()[other].normal(text)
        return (other, normal) if normal is not None else None
    return None
