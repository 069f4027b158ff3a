"""The query tree → Elasticsearch's query JSON, with the same meaning as on the embedded store.

In:  a Node of base.py, the scope. Out: JSON; a `QueryError` where a field can't be asked that way (as translate.py).
A value is compared with the field without regard to case, and, folded, with the folded copy of events of ours.
Values and patterns are data of the JSON, never text of a query language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from correlator.store.base import All, And, Exists, Is, Node, Not, Or, Range, Scope, Text
from correlator.store.columns import KEYWORD_LIMIT, KINDS, as_double, as_long, column
from correlator.store.elastic_schema import FOLD
from correlator.store.fold import composed, fold
from correlator.store.query import IP_FIELDS, NAME_FIELDS, TEXT_FIELDS, QueryError, Value, micros, network, pieces
from sensors.clock import rfc3339

Json = dict[str, Any]
NOTHING: Json = {"match_none": {}}


Types = Callable[[str], frozenset[str]]
"""The types that a field, which the field table doesn't name, has been given in the indices that exist."""


def translate(node: Node, types: Types) -> Json:
    match node:
        case All():
            return {"match_all": {}}
        case Text(text):
            return _text(composed(text), types)
        case Is(field, value, wildcard):
            return _wildcard(field, str(value), types) if wildcard else _is(field, value, types)
        case Range(field, low, high):
            return _range(field, low, high)
        case Exists(field):
            return {"exists": {"field": field}}
        case And(parts):
            return {"bool": {"filter": [translate(part, types) for part in parts]}} if parts else {"match_all": {}}
        case Or(parts):
            return _any([translate(part, types) for part in parts])
        case Not(part):
            return {"bool": {"must_not": [translate(part, types)]}}


def within(scope: Scope) -> list[Json]:
    """The scope as filters; the raw keyword, so that no folding makes two agencies one."""
    if scope.agencies is None:
        return []
    return [{"terms": {"organization.id": sorted(scope.agencies)}}] if scope.agencies else [NOTHING]


def between(field: str, low: str | None, high: str | None) -> Json:
    """low ≤ date < high; raises QueryError on what is no time."""
    return _range(field, low, high)


def aggregations(aggs: Mapping[str, Any]) -> Json:
    """As asked (aggs.py has checked it), over the columns that hold whole values."""
    asked: Json = {}
    for name, body in aggs.items():
        one: Json = {}
        for kind, options in body.items():
            if kind in ("aggs", "aggregations"):
                one["aggs"] = aggregations(options)
            else:
                one[kind] = {**options, "field": column(options["field"])}
        asked[name] = one
    return asked


def _any(parts: list[Json]) -> Json:
    if not parts:
        return NOTHING
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}


def _text(text: str, types: Types) -> Json:
    parts: list[Json] = []
    for field in (*TEXT_FIELDS, "rule.name"):
        parts += _phrases(field, text)
    word = text.strip()
    if word and not any(char.isspace() for char in word):
        for field in NAME_FIELDS:
            if KINDS[field] == "keyword":
                parts += _terms(field, word)
        if network(word):
            parts += [_is(field, word, types) for field in IP_FIELDS]
    return _any(parts)


def _phrases(field: str, text: str) -> list[Json]:
    plain = fold(text)
    forms = [(field, form) for form in dict.fromkeys((text.lower(), plain))] + [(f"{FOLD}.{field}", plain)]
    return [{"match_phrase": {name: form}} for name, form in forms]


def _terms(field: str, text: str) -> list[Json]:
    text = composed(text)[:KEYWORD_LIMIT]
    plain = fold(text)
    forms = [{"term": {field: {"value": form, "case_insensitive": True}}} for form in dict.fromkeys((text, plain))]
    return [*forms, {"term": {f"{FOLD}.{field}": plain}}]


def _is(field: str, value: Value, types: Types) -> Json:
    match KINDS.get(field):
        case "keyword":
            return _any(_terms(field, _spelled(value)))
        case "text":
            return _any(_phrases(field, composed(_spelled(value))))
        case "ip":
            ends = network(value)
            return {"range": {field: {"gte": ends[0], "lte": ends[1]}}} if ends else NOTHING
        case "date":
            moment = _time(field, value)
            return {"range": {field: {"gte": moment, "lte": moment}}}
        case "long":
            number = as_long(value)
            return NOTHING if number is None else {"term": {field: number}}
        case "double":
            real = as_double(value)
            return NOTHING if real is None else {"term": {field: real}}
        case "boolean":
            known = {True: True, "true": True, False: False, "false": False}
            return {"term": {field: known[value]}} if value in known else NOTHING
    if types(field) <= {"keyword"}:
        return _any(_terms(field, _spelled(value)))
    # A number somewhere: comparing without regard to case would be an error there.
    copy = {"term": {f"{FOLD}.{field}": fold(_spelled(value))}}
    return _any([{"match": {field: {"query": value, "lenient": True}}}, copy])


def _wildcard(field: str, pattern: str, types: Types) -> Json:
    kind = KINDS.get(field)
    if kind == "ip":
        if network(pattern) is None:
            raise _bad(field, pattern, "địa chỉ, mạng CIDR hoặc 10.1.*", "an address, a CIDR network or 10.1.*")
        return _is(field, pattern, types)
    if kind in ("date", "long", "double", "boolean"):
        raise _bad(field, pattern, "giá trị không có * và ?", "a value without * and ?")
    if kind == "text":
        terms = [_pattern(word) for word in pattern.split()]
        if len(terms) > 1:
            rules = {"ordered": True, "max_gaps": 0, "intervals": [{"wildcard": {"pattern": one}} for one in terms]}
            return _any([{"intervals": {name: {"all_of": rules}}} for name in (field, f"{FOLD}.{field}")])
        return _any([{"wildcard": {name: terms[0]}} for name in (field, f"{FOLD}.{field}")]) if terms else NOTHING
    if kind is None and not types(field) <= {"keyword", "text"}:
        return NOTHING
    wanted = _pattern(pattern)
    return _any([
        {"wildcard": {field: {"value": wanted, "case_insensitive": True}}},
        {"wildcard": {f"{FOLD}.{field}": {"value": wanted}}},
    ])  # fmt: skip


def _pattern(pattern: str) -> str:
    text = ""
    for piece, is_wildcard in pieces(pattern):
        text += piece if is_wildcard else "".join("\\" + c if c in "*?\\" else c for c in fold(piece))
    return text


def _range(field: str, low: Value | None, high: Value | None) -> Json:
    kind = KINDS.get(field)
    if low is None and high is None:
        return {"exists": {"field": field}}
    if kind in ("keyword", "text", "boolean"):
        raise QueryError(f"trường `{field}` không so sánh lớn nhỏ được", f"`{field}` has no order to compare by")
    ends: Json = {}
    for side, value in (("gte", low), ("lt", high)):
        if value is not None:
            ends[side] = _end(field, kind, value)
    return {"range": {field: ends}}


def _end(field: str, kind: str | None, value: Value) -> Value:
    if kind == "date":
        return _time(field, value)
    if kind == "ip":
        address = network(value)
        if address is None:
            raise _bad(field, value, "địa chỉ IP", "an IP address")
        return address[0]
    number = as_double(value)
    if number is not None:
        whole = as_long(value)
        return whole if whole is not None else number
    if kind is None and micros(value) is not None:
        return value
    raise _bad(field, value, "số", "a number")


def _time(field: str, value: Value) -> str:
    moment = micros(value)
    if moment is None:
        raise _bad(field, value, "thời điểm RFC 3339", "an RFC 3339 time")
    return rfc3339(moment / 1_000_000)


def _spelled(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _bad(field: str, value: Value, vi: str, en: str) -> QueryError:
    shown = str(value)[:60]
    return QueryError(f"`{field}` cần {vi}, không phải `{shown}`", f"`{field}` takes {en}, not `{shown}`")
