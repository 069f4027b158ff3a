"""The literal evaluator of Sigma: what the fast engine must equal, written for truth and nothing else.

In:  a compiled rule's condition, and an event through a source. Out: does it hold? Also `matches(engine, event)`: the
ids of the rules that match, in the order loaded, one rule after the other, nothing remembered but compiled patterns.

What a value means is written down here once more, independent of `correlator/engine/values.py`: wildcards are regular
expressions over the whole text, numbers are texts, addresses are parsed for each comparison. Only what is not a
question of evaluation is shared: the parsed rule, RE2 for `re`, the reading of dates.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from correlator.engine import Engine
from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Is, Keyword, Not, Null, SameAs
from correlator.engine.sources import Combined, EventView, Source, Sources, flat
from correlator.engine.values import MANY, ONE, Bool, Compare, Network, Number, Regex, Text, time_part

ABSENT = object()


def matches(engine: Engine, event: dict[str, Any], sources: Sources) -> list[str]:
    flattened = flat(event)
    routed = sources.of(flattened)
    found = []
    views: dict[int, _Cached] = {}
    for rule in engine.rules:
        source = next((one for one in routed if rule.logsource.covers(one.logsource)), None)
        if source is None:
            continue
        view = views.get(id(source))
        if view is None:
            view = views[id(source)] = _Cached(flattened, source)
        if holds(rule.condition, view):
            found.append(rule.id)
    return found


class _Cached:
    """An event through a source; a field is looked up once."""

    def __init__(self, flattened: Mapping[str, Any], source: Source) -> None:
        self._flat, self._source = flattened, source
        self._known: dict[str, Any] = {}
        self._words = list(EventView(flattened, source).words())

    def value(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, name: str) -> Any:
        if name in self._source.combined:
            made = _combined(self._source.combined[name], self._flat)
            return self._source.values.get(name, {}).get(made, made) if isinstance(made, str) else made
        for path in (*self._source.fields.get(name, ()), *(p + name for p in self._source.prefixes), name):
            if path in self._flat:
                found = self._flat[path]
                return self._source.values.get(name, {}).get(found, found) if isinstance(found, str) else found
        return {} if any(path.startswith(name + ".") for path in self._flat) else ABSENT

    def words(self) -> list[Any]:
        return self._words


def _combined(rule: Combined, flattened: Mapping[str, Any]) -> Any:
    """Several places as one field: all that are there, or their texts joined behind the first."""
    there = [flattened[path] for path in rule.paths if path in flattened and flattened[path] is not None]
    if rule.glue is None:
        return there[0] if len(there) == 1 else there or ABSENT
    if text(flattened.get(rule.paths[0])) is None:
        return ABSENT
    words = [word for word in map(text, there) if word]
    if not words:
        return ABSENT
    whole = rule.glue.join(words)
    for old, new in rule.begins:
        if whole[:64].lower().startswith(old):
            return new + whole[len(old) :]
    return whole


def holds(condition: Condition, view: Any) -> bool:
    match condition:
        case AllOf():
            return all(holds(part, view) for part in condition.parts)
        case AnyOf():
            return any(holds(part, view) for part in condition.parts)
        case Not():
            return not holds(condition.part, view)
        case Is():
            value = view.value(condition.field)
            if isinstance(value, list):
                return any(passes(condition.test, member) for member in members(value))
            return value is not ABSENT and value is not None and passes(condition.test, value)
        case Null():
            value = view.value(condition.field)
            return value is ABSENT or value is None or value == []
        case Exists():
            return (view.value(condition.field) is not ABSENT) == condition.wanted
        case SameAs():
            return any(
                _same(condition, left, right)
                for left in members(view.value(condition.field))
                for right in members(view.value(condition.other))
            )
        case Keyword():
            return any(passes(condition.test, word) for word in view.words())


def members(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from members(part)
    elif value is not ABSENT and value is not None:
        yield value


def text(value: Any) -> str | None:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int():
            return str(value) if abs(value) < 2**4095 else None
        case float() if value.is_integer() and abs(value) < 1e15:
            return f"{value:.0f}".replace("-0", "0") if value == 0 else f"{value:.0f}"
        case float():
            return repr(value)
    return None


def passes(test: Any, value: Any) -> bool:
    whole = text(value)
    match test:
        case Text():
            return whole is not None and _wild(test.parts).fullmatch(whole if test.cased else whole.lower()) is not None
        case Number():
            return whole == test.text and not isinstance(value, bool)
        case Bool():
            return isinstance(value, bool | str) and str(value).lower() == str(test.true).lower()
        case Regex():
            return whole is not None and test.find(whole.encode("utf-8", "replace").decode()[:262_144]) is not None
        case Network():
            return _inside(test.network, value)
        case Compare():
            return _compares(test, value)
    raise TypeError(test)


@lru_cache(maxsize=100_000)
def _wild(parts: tuple[Any, ...]) -> re.Pattern[str]:
    pattern = "".join(".*?" if part is MANY else "." if part is ONE else re.escape(part) for part in parts)
    return re.compile(pattern, re.DOTALL)


def _inside(network: Any, value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 64:
        return False
    try:
        address = ipaddress.ip_address(value.split("%")[0].strip())
    except ValueError:
        return False
    if network.version == 4 and address.version == 6:
        address = address.ipv4_mapped or address
    return address.version == network.version and address in network


def _compares(test: Compare, value: Any) -> bool:
    number: Any = None
    if test.part:
        number = time_part(value, test.part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and len(value) <= 40:
        for kind in (int, float):
            try:
                number = kind(value)
                break
            except ValueError:
                continue
    if number is None:
        return False
    left, right = number, test.number
    return {"lt": left < right, "lte": left <= right, "gt": left > right, "gte": left >= right, "eq": left == right,
            "neq": left != right}[test.operator]  # fmt: skip


def _same(condition: SameAs, left: Any, right: Any) -> bool:
    mine, its = text(left), text(right)
    if mine is None or its is None:
        return False
    if not condition.cased:
        mine, its = mine.lower(), its.lower()
    if condition.starts and condition.ends:
        return its in mine
    return mine.startswith(its) if condition.starts else mine.endswith(its) if condition.ends else mine == its
