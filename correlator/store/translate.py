"""The query tree → a tantivy query.

In:  a Node of base.py (from a person, or from a program), the scope. Out: a tantivy Query over schema.py's fields.
What cannot be asked of a field (a range over a keyword, a wildcard over a number) is a `QueryError`, never an empty
answer.
Bound: query.py's limits; a wildcard walks the field's dictionary once per partition.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import tantivy

from correlator.store.base import All, And, Exists, Is, Node, Not, Or, Range, Scope, Text
from correlator.store.columns import KEYWORD_LIMIT, KINDS, TAIL_NAME, as_double, as_long
from correlator.store.query import IP_FIELDS, NAME_FIELDS, TEXT_FIELDS, QueryError, Value, micros, network, pieces
from correlator.store.schema import folded, words

Q = tantivy.Query
_MUST, _SHOULD, _MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
# What the term automaton's regex syntax knows. Not < and >: with a backslash they are the edges of a word, and refused.
_SPECIAL = frozenset('\\.+*?()|[]{}^$#&-~/@"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Known(NamedTuple):
    """An open index and its schema."""

    index: tantivy.Index
    schema: tantivy.Schema


def translate(known: Known, node: Node) -> tantivy.Query:
    match node:
        case All():
            return Q.all_query()
        case Text(text):
            return _text(known, text)
        case Is(field, value, wildcard):
            return _wildcard(known, field, str(value)) if wildcard else _is(known, field, value)
        case Range(field, low, high):
            return _range(known, field, low, high)
        case Exists(field):
            return _exists(known, field)
        case And(parts):
            return conjunction([translate(known, part) for part in parts])
        case Or(parts):
            return _any(translate(known, part) for part in parts)
        case Not(part):
            return Q.boolean_query([(_MUST, Q.all_query()), (_MUST_NOT, translate(known, part))])


def within(known: Known, scope: Scope) -> list[tantivy.Query]:
    """The scope as conditions that every answer of the index meets."""
    if scope.agencies is None:
        return []
    if not scope.agencies:
        return [Q.empty_query()]
    return [Q.term_set_query(known.schema, "_agency", sorted(scope.agencies))]


def moments(known: Known, field: str, low: int | None, high: int | None) -> tantivy.Query:
    """low ≤ field < high, in microseconds."""
    return half_open(known, field, tantivy.FieldType.Integer, low, high)


def half_open(
    known: Known, field: str, kind: tantivy.FieldType, low: Value | None, high: Value | None
) -> tantivy.Query:
    """low ≤ field < high; both may be None."""
    if low is None and high is None:
        return Q.all_query()
    return Q.range_query(known.schema, field, kind, low, high, include_lower=True, include_upper=high is None)


def conjunction(parts: list[tantivy.Query]) -> tantivy.Query:
    return Q.boolean_query([(_MUST, part) for part in parts]) if parts else Q.all_query()


def _any(parts: Iterable[tantivy.Query]) -> tantivy.Query:
    found = list(parts)
    if len(found) == 1:
        return found[0]
    return Q.boolean_query([(_SHOULD, part) for part in found]) if found else Q.empty_query()


def _text(known: Known, text: str) -> tantivy.Query:
    parts = [_phrase(known, field, words(text)) for field in (*TEXT_FIELDS, "rule.name")]
    if not any(char.isspace() for char in text.strip()):
        parts += [_term(known, field, text.strip()) for field in NAME_FIELDS if KINDS[field] == "keyword"]
        if network(text.strip()):
            parts += [_is(known, field, text.strip()) for field in IP_FIELDS]
    return _any(parts)


def _phrase(known: Known, field: str, terms: list[str]) -> tantivy.Query:
    if len(terms) > 1:
        return Q.phrase_query(known.schema, field, terms)
    return Q.term_query(known.schema, field, terms[0]) if terms else Q.empty_query()


def _term(known: Known, field: str, text: str) -> tantivy.Query:
    return Q.term_query(known.schema, field, folded(text[:KEYWORD_LIMIT]))


def _is(known: Known, field: str, value: Value) -> tantivy.Query:
    match KINDS.get(field):
        case "keyword":
            return _term(known, field, _spelled(value))
        case "text":
            return _phrase(known, field, words(_spelled(value)))
        case "ip":
            ends = network(value)
            if ends is None:
                return _overflow(known, field, _spelled(value))
            if ends[0] == ends[1]:
                return Q.term_query(known.schema, field, ends[0])
            return Q.range_query(known.schema, field, tantivy.FieldType.IpAddr, *ends)
        case "date":
            moment = micros(value)
            if moment is None:
                raise _bad(field, value, "thời điểm RFC 3339", "an RFC 3339 time")
            return Q.term_query(known.schema, field, moment)
        case "long":
            number = as_long(value)
            return (
                _overflow(known, field, _spelled(value))
                if number is None
                else Q.term_query(known.schema, field, number)
            )
        case "double":
            real = as_double(value)
            return _overflow(known, field, _spelled(value)) if real is None else Q.term_query(known.schema, field, real)
        case "boolean":
            if value in (True, "true"):
                return Q.term_query(known.schema, field, True)
            return Q.term_query(known.schema, field, False) if value in (False, "false") else Q.empty_query()
    return _tail_is(known, field, value)


def _tail_is(known: Known, field: str, value: Value) -> tantivy.Query:
    """A field that the table doesn't name: as whatever type it came."""
    parts = [_overflow(known, field, _spelled(value))]
    if TAIL_NAME.match(field):
        path = f"rest.{field}"
        parts.append(Q.term_query(known.schema, path, folded(_spelled(value)[:KEYWORD_LIMIT])))
        if isinstance(value, bool) or value in ("true", "false"):
            parts.append(Q.term_query(known.schema, path, value in (True, "true")))
        else:
            whole, real, moment = as_long(value), as_double(value), micros(value) if isinstance(value, str) else None
            if whole is not None:
                parts.append(Q.term_query(known.schema, path, whole))
            if real is not None:
                parts.append(Q.term_query(known.schema, path, real))
            if moment is not None:  # tantivy reads a text that looks like a time as one
                parts.append(Q.term_query(known.schema, path, _EPOCH + timedelta(microseconds=moment)))
    return _any(parts)


def _overflow(known: Known, field: str, text: str) -> tantivy.Query:
    return Q.term_query(known.schema, "_overflow", folded(f"{field}={text}"[:KEYWORD_LIMIT]))


def _wildcard(known: Known, field: str, pattern: str) -> tantivy.Query:
    kind = KINDS.get(field)
    if kind == "ip":
        if network(pattern) is None:
            raise _bad(field, pattern, "địa chỉ, mạng CIDR hoặc 10.1.*", "an address, a CIDR network or 10.1.*")
        return _is(known, field, pattern)
    if kind in ("date", "long", "double", "boolean"):
        raise _bad(field, pattern, "giá trị không có * và ?", "a value without * and ?")
    if kind == "keyword":
        return _regex(known, field, _expression(pattern))
    if kind == "text":
        terms = [one for one in (_expression(word, in_words=True) for word in pattern.split()) if one]
        if len(terms) > 1:
            return Q.regex_phrase_query(known.schema, field, terms)
        return _regex(known, field, terms[0]) if terms else Q.empty_query()
    expression = _expression(pattern)
    parts = [_regex(known, "_overflow", f"{_escape(folded(field))}={expression}")]
    if TAIL_NAME.match(field):  # tantivy's key of a JSON text: path, end, type "s", value
        path = "\x01".join(_escape(part) for part in field.split("."))
        parts.append(_regex(known, "rest", f"{path}\x00s{expression}"))
    return _any(parts)


def _expression(pattern: str, *, in_words: bool = False) -> str:
    text = ""
    for piece, is_wildcard in pieces(pattern):
        if is_wildcard:
            text += ".*" if piece == "*" else "."
        else:
            text += _escape("".join(words(piece)) if in_words else folded(piece))
    return text


def _escape(text: str) -> str:
    return "".join("\\" + char if char in _SPECIAL else char for char in text)


def _regex(known: Known, field: str, expression: str) -> tantivy.Query:
    try:
        return Q.regex_query(known.schema, field, f"(?s){expression}")
    except ValueError:
        raise QueryError("mẫu tìm quá phức tạp", "the pattern is too complex") from None


def _range(known: Known, field: str, low: Value | None, high: Value | None) -> tantivy.Query:
    kind = KINDS.get(field)
    if low is None and high is None:
        return _exists(known, field)
    if kind == "date":
        ends = [None if end is None else micros(end) for end in (low, high)]
        for end, value in zip(ends, (low, high), strict=True):
            if value is not None and end is None:
                raise _bad(field, value, "thời điểm RFC 3339", "an RFC 3339 time")
        return moments(known, field, ends[0], ends[1])
    if kind == "ip":
        addresses = [None if end is None else network(end) for end in (low, high)]
        for address, value in zip(addresses, (low, high), strict=True):
            if value is not None and address is None:
                raise _bad(field, value, "địa chỉ IP", "an IP address")
        first, last = addresses
        ip = tantivy.FieldType.IpAddr
        return half_open(known, field, ip, first[0] if first else None, last[0] if last else None)
    if kind in ("keyword", "text", "boolean"):
        raise QueryError(f"trường `{field}` không so sánh lớn nhỏ được", f"`{field}` has no order to compare by")
    numbers = [None if end is None else as_double(end) for end in (low, high)]
    for number, value in zip(numbers, (low, high), strict=True):
        if value is not None and number is None and not (kind is None and micros(value) is not None):
            raise _bad(field, value, "số", "a number")
    if kind == "long":
        return _longs(known, field, low, high)
    if kind == "double":
        return half_open(known, field, tantivy.FieldType.Float, numbers[0], numbers[1])
    return _tail_range(known, field, low, high)


def _longs(known: Known, field: str, low: Value | None, high: Value | None) -> tantivy.Query:
    ends: list[int | None] = []
    for end in (low, high):
        real = as_double(end) if end is not None else None
        whole = as_long(end) if end is not None else None
        # low ≤ x < high over whole numbers: both ends round up
        up = whole if whole is not None else None if real is None else -int(-real // 1)
        ends.append(None if up is None else max(-(1 << 63), min((1 << 63) - 1, up)))
    return half_open(known, field, tantivy.FieldType.Integer, ends[0], ends[1])


def _tail_range(known: Known, field: str, low: Value | None, high: Value | None) -> tantivy.Query:
    """Only tantivy's query parser makes ranges inside JSON; both ends were checked to be numbers or times."""
    if not TAIL_NAME.match(field):
        return Q.empty_query()
    return known.index.parse_query(f"rest.{_path(field)}:[{_end(low)} TO {_end(high)}}}", [])


def _path(field: str) -> str:
    return "".join(char if char.isalnum() or char in "._" else "\\" + char for char in field)


def _end(value: Value | None) -> str:
    if value is None:
        return "*"
    if isinstance(value, str) and as_double(value) is None:
        moment = micros(value)
        assert moment is not None
        return (_EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")
    return _spelled(value)


def _exists(known: Known, field: str) -> tantivy.Query:
    kind = KINDS.get(field)
    if kind == "text":
        return Q.term_query(known.schema, "_has", field)
    overflow = _regex(known, "_overflow", f"{_escape(folded(field))}(\\..*)?=.*")
    if kind is not None and kind != "object":
        return _any([Q.exists_query(field), overflow])
    parts = [overflow]
    parts += [_exists(known, name) for name in KINDS if name.startswith(field + ".")]
    if TAIL_NAME.match(field):
        parts.append(Q.exists_query(f"rest.{field}", json_subpaths=True))
    return _any(parts)


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _bad(field: str, value: Value, vi: str, en: str) -> QueryError:
    shown = str(value)[:60]
    return QueryError(f"`{field}` cần {vi}, không phải `{shown}`", f"`{field}` takes {en}, not `{shown}`")
