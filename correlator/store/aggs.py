"""Aggregations: which of Elasticsearch's JSON both stores take, and how answers of several indexes become one.

In:  `{"name": {KIND: {…}, "aggs": {…}}}`, KIND = terms, date_histogram, min, max, sum, avg, value_count or stats.
Out: Elasticsearch's answer. What is not listed here is a `QueryError` that names it, on both stores alike.
Bound: AGGS_LIMIT aggregations, DEPTH_LIMIT deep, SIZE_LIMIT terms, BUCKETS_LIMIT buckets of a histogram (B15).
Source: Elasticsearch 8.19 reference, "Aggregations".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from correlator.store.columns import KINDS, column
from correlator.store.query import QueryError, micros
from sensors.clock import rfc3339

AGGS_LIMIT = 20
DEPTH_LIMIT = 3
SIZE_LIMIT = 1_000
BUCKETS_LIMIT = 10_000

METRICS = ("min", "max", "sum", "avg", "value_count", "stats")
_UNITS_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_CALENDAR = {"second": "1s", "minute": "1m", "hour": "1h", "day": "1d", "1s": "1s", "1m": "1m", "1h": "1h", "1d": "1d"}
_KNOWN_KEYS = {
    "terms": {"field", "size", "order", "min_doc_count"},
    "date_histogram": {
        "field", "fixed_interval", "calendar_interval", "time_zone", "offset", "min_doc_count", "extended_bounds",
    },
}  # fmt: skip


class Histogram(NamedTuple):
    field: str
    interval_us: int
    offset_us: int
    min_doc_count: int
    bounds: tuple[int, int] | None


def check(aggs: Mapping[str, Any], depth: int = 1) -> int:
    """The number of aggregations; raises QueryError on what either store would not answer."""
    if depth > DEPTH_LIMIT:
        raise QueryError("tổng hợp lồng quá sâu", "aggregations nested too deeply")
    total = 0
    for name, body in aggs.items():
        if not isinstance(body, Mapping) or not isinstance(name, str) or not re.fullmatch(r"[\w.\-]{1,64}", name):
            raise _bad(name)
        kinds = [key for key in body if key not in ("aggs", "aggregations")]
        if len(kinds) != 1 or not isinstance(body[kinds[0]], Mapping):
            raise _bad(name)
        kind, options = kinds[0], body[kinds[0]]
        if kind not in METRICS and kind not in _KNOWN_KEYS:
            raise _bad(f"{name}.{kind}")
        unknown = set(options) - _KNOWN_KEYS.get(kind, {"field"})
        field = options.get("field")
        if unknown or not isinstance(field, str) or not field:
            raise _bad(f"{name}.{kind}.{min(unknown, default='field')}")
        if KINDS.get(field) == "text" and column(field) is None:
            raise QueryError(f"`{field}` là văn bản, không đếm theo giá trị được", f"`{field}` is full text: no values")
        if kind == "terms":
            _check_terms(name, options)
        elif kind == "date_histogram":
            histogram(options)
        inner = body.get("aggs") or body.get("aggregations") or {}
        if inner and (kind in METRICS or not isinstance(inner, Mapping)):
            raise _bad(f"{name}.aggs")
        total += 1 + (check(inner, depth + 1) if inner else 0)
    if total > AGGS_LIMIT:
        raise QueryError(f"quá {AGGS_LIMIT} tổng hợp", f"more than {AGGS_LIMIT} aggregations")
    return total


def histogram(options: Mapping[str, Any]) -> Histogram:
    """A date_histogram's options in microseconds."""
    field = options["field"]
    if KINDS.get(field) != "date":
        raise QueryError(f"`{field}` không phải thời điểm", f"`{field}` is not a date")
    given = options.get("fixed_interval") or _CALENDAR.get(str(options.get("calendar_interval")))
    found = re.fullmatch(r"(\d{1,6})(ms|s|m|h|d)", str(given), re.ASCII)
    if not found or int(found[1]) == 0:
        raise _bad("date_histogram.interval")
    interval = int(found[1]) * _UNITS_US[found[2]]
    offset = -_zone(options.get("time_zone", "UTC"))
    if "offset" in options:
        moved = re.fullmatch(r"([+-]?)(\d{1,6})(ms|s|m|h|d)", str(options["offset"]), re.ASCII)
        if not moved:
            raise _bad("date_histogram.offset")
        offset += int(moved[2]) * _UNITS_US[moved[3]] * (-1 if moved[1] == "-" else 1)
    least = options.get("min_doc_count", 0)
    if not isinstance(least, int) or least < 0:
        raise _bad("date_histogram.min_doc_count")
    bounds = None
    if "extended_bounds" in options:
        given_bounds = options["extended_bounds"]
        ends = [micros(given_bounds[key]) if isinstance(given_bounds, Mapping) and key in given_bounds else None
                for key in ("min", "max")]  # fmt: skip
        if ends[0] is None or ends[1] is None or (ends[1] - ends[0]) // interval > BUCKETS_LIMIT:
            raise _too_many()
        bounds = (ends[0], ends[1])
    return Histogram(field, interval, offset % interval, least, bounds)


def _zone(name: Any) -> int:
    """Microseconds east of Greenwich; zones with changing clocks are refused, Việt Nam has none."""
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", str(name), re.ASCII)
    if found:
        return (-1 if found[1] == "-" else 1) * (int(found[2]) * 60 + int(found[3])) * 60_000_000
    if name in ("UTC", "Z"):
        return 0
    try:
        zone = ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _bad("date_histogram.time_zone") from None
    january, july = (datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    if january is None or january != july:
        raise _bad("date_histogram.time_zone")
    return int(january.total_seconds()) * 1_000_000


def _check_terms(name: str, options: Mapping[str, Any]) -> None:
    size = options.get("size", 10)
    least = options.get("min_doc_count", 1)
    order = options.get("order", {"_count": "desc"})
    fine = isinstance(order, Mapping) and len(order) == 1
    if not fine or next(iter(order)) not in ("_count", "_key") or next(iter(order.values())) not in ("asc", "desc"):
        raise _bad(f"{name}.terms.order")
    if not isinstance(size, int) or not 1 <= size <= SIZE_LIMIT or not isinstance(least, int) or least < 1:
        raise _bad(f"{name}.terms.size")


def _bad(where: str) -> QueryError:
    return QueryError(f"không hỗ trợ tổng hợp `{where}`", f"aggregation not supported: `{where}`")


def _too_many() -> QueryError:
    return QueryError(f"quá {BUCKETS_LIMIT} cột thời gian", f"more than {BUCKETS_LIMIT} buckets of time")


# --- embedded: ask each index, make one answer --------------------------------------------------------------------


def per_index(aggs: Mapping[str, Any]) -> dict[str, Any]:
    """The request for one tantivy index, whose answers `merge` can add up."""
    asked: dict[str, Any] = {}
    for name, body in aggs.items():
        kind = next(key for key in body if key not in ("aggs", "aggregations"))
        options = body[kind]
        wanted_field = options["field"]
        field = column(wanted_field) if wanted_field in KINDS else f"rest.{wanted_field}"
        inner = body.get("aggs") or body.get("aggregations")
        if kind == "terms":
            wanted = options.get("size", 10)
            one: dict[str, Any] = {"terms": {"field": field, "size": wanted * 3 // 2 + 10}}
            if next(iter(options.get("order", {"_count": ""}))) == "_key":
                one["terms"]["order"] = {"_key": options["order"]["_key"]}
        elif kind == "date_histogram":
            found = histogram(options)
            one = {"histogram": {"field": field, "interval": found.interval_us, "offset": found.offset_us,
                                 "min_doc_count": 1}}  # fmt: skip
        elif kind == "value_count":
            one = {"value_count": {"field": field}}
        else:
            one = {"stats": {"field": field}}
        if inner:
            one["aggs"] = per_index(inner)
        asked[name] = one
    return asked


def merge(aggs: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Elasticsearch's answer to `aggs` from the answers of all indexes to `per_index(aggs)`."""
    merged: dict[str, Any] = {}
    for name, body in aggs.items():
        kind = next(key for key in body if key not in ("aggs", "aggregations"))
        parts = [answer[name] for answer in answers if name in answer]
        inner = body.get("aggs") or body.get("aggregations") or {}
        if kind == "terms":
            merged[name] = _merge_terms(body[kind], inner, parts)
        elif kind == "date_histogram":
            merged[name] = _merge_histogram(histogram(body[kind]), inner, parts)
        elif kind == "value_count":
            merged[name] = {"value": int(sum(part["value"] for part in parts))}
        else:
            stats = _merge_stats(parts, 1_000 if KINDS.get(body[kind]["field"]) == "date" else 1)
            merged[name] = stats if kind == "stats" else {"value": stats[kind]}
    return merged


def _merge_stats(parts: Sequence[Mapping[str, Any]], divisor: int) -> dict[str, Any]:
    """Dates are microseconds here and milliseconds in the answer."""
    filled = [part for part in parts if part["count"]]
    count = sum(part["count"] for part in filled)
    total = sum(part["sum"] for part in filled)
    return {
        "count": int(count), "min": min((part["min"] / divisor for part in filled), default=None),
        "max": max((part["max"] / divisor for part in filled), default=None),
        "avg": total / count / divisor if count else None, "sum": total / divisor,
    }  # fmt: skip


def _grouped(parts: Sequence[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for part in parts:
        for bucket in part["buckets"]:
            groups.setdefault(bucket["key"], []).append(bucket)
    return groups


def _merge_terms(
    options: Mapping[str, Any], inner: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    size, least = options.get("size", 10), options.get("min_doc_count", 1)
    by, way = next(iter(options.get("order", {"_count": "desc"}).items()))
    is_date = KINDS.get(options["field"]) == "date"
    buckets: list[dict[str, Any]] = []
    for key, group in _grouped(parts).items():
        bucket: dict[str, Any] = {"key": key, "doc_count": sum(one["doc_count"] for one in group)}
        if is_date:
            bucket["key"] = int(key) // 1_000
            bucket["key_as_string"] = _stamp(bucket["key"])
        if "key_as_string" in group[0]:
            bucket["key_as_string"] = group[0]["key_as_string"]
        buckets.append(bucket | (merge(inner, group) if inner else {}))
    total = sum(bucket["doc_count"] for bucket in buckets)
    total += sum(part.get("sum_other_doc_count", 0) for part in parts)
    buckets.sort(
        key=lambda bucket: (isinstance(bucket["key"], str), bucket["key"]), reverse=by == "_key" and way == "desc"
    )
    if by == "_count":
        buckets.sort(key=lambda bucket: bucket["doc_count"], reverse=way == "desc")
    kept = [bucket for bucket in buckets if bucket["doc_count"] >= least][:size]
    return {
        "doc_count_error_upper_bound": sum(part.get("doc_count_error_upper_bound") or 0 for part in parts),
        "sum_other_doc_count": total - sum(bucket["doc_count"] for bucket in kept), "buckets": kept,
    }  # fmt: skip


def _merge_histogram(asked: Histogram, inner: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    groups = {int(key): group for key, group in _grouped(parts).items()}
    keys = sorted(groups)
    if asked.bounds is not None:
        keys += [
            (end - asked.offset_us) // asked.interval_us * asked.interval_us + asked.offset_us for end in asked.bounds
        ]
    if keys and asked.min_doc_count == 0:
        if (max(keys) - min(keys)) // asked.interval_us > BUCKETS_LIMIT:
            raise _too_many()
        keys = list(range(min(keys), max(keys) + 1, asked.interval_us))
    if len(keys) > BUCKETS_LIMIT:
        raise _too_many()
    buckets = []
    for key in sorted(set(keys)):
        group = groups.get(key, [])
        count = sum(one["doc_count"] for one in group)
        if count >= asked.min_doc_count:
            milliseconds = key // 1_000
            bucket = {"key_as_string": _stamp(milliseconds), "key": milliseconds, "doc_count": count}
            buckets.append(bucket | (merge(inner, group) if inner else {}))
    return {"buckets": buckets}


def _stamp(milliseconds: int) -> str:
    text = rfc3339(milliseconds // 1_000)[:-1]
    return f"{text}.{milliseconds % 1_000:03d}Z"
