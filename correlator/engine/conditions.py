"""A rule's condition as a tree. `fast/` evaluates it; `tests/naive/sigma.py` says in plain words what it means.

In:  what the loader compiled. Out: nodes and leaves, and how a `View` of an event gives them values.
Bound: recursion no deeper than the rule's own nesting, which the loader bounds.
Source: Sigma specification 2.1.0.

A field that is a list matches when any member does, per value: so `|all` may be met by different members. An absent
field matches nothing but `null` and `exists: false`; therefore `not` over it holds. Keywords search every value of the
event's own content.

Structs, because rules are hundreds of thousands of these: made, compared and hashed in C, not walked over by the
collector (a tree has no cycles), and written to disk and read back as they are (cache.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

from correlator.engine.values import MANY, Test, Text, glob, text_of


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class View(Protocol):
    def value(self, name: str) -> Any:
        """The value of a rule's field name, or MISSING."""

    def words(self) -> Iterator[Any]:
        """Every scalar that a keyword search reads."""


class AllOf(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    parts: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    parts: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    part: Condition


class Is(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Any member of the field passes the test."""

    field: str
    test: Test


class Null(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    field: str


class Exists(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    field: str
    wanted: bool


class SameAs(msgspec.Struct, frozen=True, array_like=True, tag=6, gc=False):
    """fieldref: any member of `field` equals (or starts or ends with, contains) any member of `other`."""

    field: str
    other: str
    starts: bool = False
    ends: bool = False
    cased: bool = False


class Keyword(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    test: Test


Condition = AllOf | AnyOf | Not | Is | Null | Exists | SameAs | Keyword


def members(value: Any) -> Iterator[Any]:
    """The values of a field: itself, or each member of a list (of lists)."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from members(part)
    elif value is not MISSING and value is not None:
        yield value


def same(condition: SameAs, mine: Any, its: Any) -> bool:
    """`mine`, `its`: the values of the condition's two fields."""
    others = list(members(its))
    for value in members(mine):
        for other in others:
            left, right = text_of(value), text_of(other)
            if left is None or right is None:
                continue
            if not condition.cased:
                left, right = left.lower(), right.lower()
            parts = (*((MANY,) if condition.ends else ()), right, *((MANY,) if condition.starts else ()))
            if glob(parts, left):
                return True
    return False


def fields_of(condition: Condition) -> Iterator[str]:
    """Every field name that the condition reads."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from fields_of(part)
        case Not(part):
            yield from fields_of(part)
        case SameAs(name, other):
            yield name
            yield other
        case Is(name) | Null(name) | Exists(name):
            yield name
        case Keyword():
            pass


def keyword(parts: tuple[Any, ...], cased: bool = False) -> Keyword:
    """A keyword stands anywhere in a value."""
    ends = () if parts and parts[0] is MANY else (MANY,)
    starts = () if parts and parts[-1] is MANY else (MANY,)
    return Keyword(Text((*ends, *parts, *starts), cased))
