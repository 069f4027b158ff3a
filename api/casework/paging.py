"""Keyset paging over SQL: the next page starts behind the last row shown, so rows that arrive meanwhile move nothing.

The cursor is the last row's sort values, base64 of JSON: opaque, not secret, not trusted (a bad one is `BadCursor`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

LIMIT = 200


class BadCursor(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Key:
    column: InstrumentedAttribute[Any]
    down: bool = False

    def order(self) -> ColumnElement[Any]:
        return self.column.desc() if self.down else self.column.asc()


def after(keys: Sequence[Key], cursor: str) -> ColumnElement[bool]:
    """The condition "behind this row" for the given order."""
    values = _decode(cursor, len(keys))
    for key, value in zip(keys, values, strict=True):
        _fits(key, value)
    ways = []
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        same = [earlier.column == values[i] for i, earlier in enumerate(keys[:index])]
        ways.append(and_(*same, key.column < value if key.down else key.column > value))
    return or_(*ways)


def cursor_of(keys: Sequence[Key], row: Any) -> str:
    values = [getattr(row, key.column.key) for key in keys]
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, count: int) -> list[Any]:
    if len(cursor) > 1024 or not cursor.isascii():
        raise BadCursor
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor from None
    if not isinstance(values, list) or len(values) != count:
        raise BadCursor
    return values


def _fits(key: Key, value: Any) -> None:
    """A value that the column could hold: PostgreSQL refuses to compare others, SQLite compares them somehow."""
    wanted = key.column.type.python_type
    if wanted is str:
        good = isinstance(value, str) and "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    elif wanted is int:
        good = type(value) is int and -(2**31) <= value < _limit(key)
    else:
        good = type(value) in (int, float) and abs(value) < 1e15  # and no NaN
    if not good:
        raise BadCursor


def _limit(key: Key) -> int:
    return 2**63 if isinstance(key.column.type, BigInteger) else 2**31
