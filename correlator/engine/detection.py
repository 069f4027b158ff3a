"""A `detection` (or a filter's selections) → condition tree.

In:  the mapping as YAML gives it, and the agency's placeholder values. Out: a tree of conditions.py; `Unusable` with
     the key path that is wrong. Placeholders without values: `Unusable.needs` names all of them.
Bound: `NODES_LIMIT` leaves (grammar.py), regular expressions only as RE2 takes them, `values.REGEX_MEMORY_BYTES` each.
Source: Sigma specification 2.1.0, Detection: Lists, Maps, Field Usage, Special Field Values, Keywords search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2

from correlator.engine import conditions as c
from correlator.engine import grammar
from correlator.engine import items as i
from correlator.engine import modifiers as m
from correlator.engine import values as v
from correlator.engine.patterns import Placeholders, Tokens, expanded_tokens, tokens
from correlator.engine.rule import Unusable

LEAVES_LIMIT = 100_000  # of one detection, with what `windash` and placeholders make


class Detection:
    """One rule's detection while it is read."""

    def __init__(self, placeholders: Placeholders, outside: frozenset[str] = frozenset({"condition"})) -> None:
        self._placeholders, self._outside = placeholders, outside
        self._leaves = 0
        self.missing: set[str] = set()

    def condition(self, given: object, root: str = "detection") -> c.Condition:
        """`root`: the key under which `given` stands, for the place of an error."""
        if not isinstance(given, dict):
            raise Unusable(f"`{root}` must be a mapping of selections and a condition", root)
        if "condition" not in given:
            raise Unusable(f"`{root}` has no condition", root)
        selections: dict[str, c.Condition] = {}
        sizes: dict[str, int] = {}
        for name, definition in given.items():
            if name in self._outside:
                continue
            before = self._leaves
            selections[str(name)] = self._selection(definition, f"{root}.{name}")
            sizes[str(name)] = self._leaves - before
        texts = given["condition"]
        if not texts:
            raise Unusable(f"`{root}` has no condition", f"{root}.condition")
        try:
            trees = [grammar.parse(text, selections, sizes) for text in (texts if isinstance(texts, list) else [texts])]
        except Unusable as why:
            raise Unusable(why.reason, f"{root}.{why.key}", why.code) from None
        if self.missing:
            names = tuple(sorted(self.missing))
            shown = ", ".join(f"%{name}%" for name in names)
            raise Unusable(f"waits for the values of {shown}", root, "LT-R0203", names)
        return _any(trees)

    def _selection(self, given: object, key: str) -> c.Condition:
        """A map: all of its items. A list: any of its members. Plain values: keywords."""
        if isinstance(given, Mapping):
            if not given:
                raise Unusable("a selection is empty", key)
            return _all([self._item(str(name), value, f"{key}.{name}") for name, value in given.items()])
        if isinstance(given, list):
            if not given:
                raise Unusable("a selection is empty", key)
            words = [value for value in given if not isinstance(value, dict | list)]
            found = [self._selection(value, f"{key}.{place}") for place, value in enumerate(given)
                     if isinstance(value, dict | list)]  # fmt: skip
            if words:
                found.append(self._item("", words, key))
            return _any(found)
        return self._item("", given, key)

    def _item(self, name: str, given: object, key: str) -> c.Condition:
        """One key of a map, "field|modifier|modifier", and its value or values."""
        field, *names = name.split("|")
        values = given if isinstance(given, list) else [given]
        if isinstance(given, dict) or any(isinstance(value, dict | list) for value in values):
            raise Unusable("a field's value is a text, a number, true, false, null or a list of those", key)
        if not values:
            if names or not field:
                raise Unusable("a list of values is empty", key)
            return c.Null(field)  # nothing that it could be: there is nothing there
        try:
            read = expanded_tokens if "expand" in names else tokens
            item = i.Item(field, [[_value(value, read)] for value in values], self._placeholders, self.missing)
            m.apply(item, names)
            self._leaves += sum(len(alternatives) for alternatives in item.values)
            if self._leaves > LEAVES_LIMIT:
                raise Unusable(f"more than {LEAVES_LIMIT} values are too many")
            leaves = [_any([_leaf(field, value) for value in alternatives]) for alternatives in item.values]
        except Unusable as why:
            raise Unusable(why.reason, key, why.code) from None
        tree = _all(leaves) if item.all else _any(leaves)
        return c.Not(tree) if item.negated else tree


def _any(parts: list[c.Condition]) -> c.Condition:
    return parts[0] if len(parts) == 1 else c.AnyOf(tuple(parts))


def _all(parts: list[c.Condition]) -> c.Condition:
    return parts[0] if len(parts) == 1 else c.AllOf(tuple(parts))


def _value(given: Any, read: Callable[[str], Tokens]) -> i.Value:
    if isinstance(given, str):
        return i.Words(read(given), given)
    if given is None or isinstance(given, bool | int | float):
        return i.Plain(given)
    raise Unusable(f"a value of type {type(given).__name__}")


def _leaf(field: str, value: i.Value) -> c.Condition:
    if not field:
        return _keyword(value)
    match value:
        case i.Words():
            return c.Is(field, v.Text(_parts(value), value.cased))
        case i.Plain(None):
            return c.Null(field)
        case i.Plain(bool() as true):
            return c.Is(field, v.Bool(true))
        case i.Plain(number):
            return c.Is(field, v.Number(str(v.text_of(number))))
        case i.Pattern():
            return c.Is(field, regex(value.text, value.flags))
        case i.Network():
            return c.Is(field, v.Network(str(value.network)))
        case i.TimePart():
            return c.Is(field, v.Compare("eq", value.number, value.part))
        case i.Comparison():
            return c.Is(field, v.Compare(value.operator, value.number, value.part))
        case i.Presence():
            return c.Exists(field, value.wanted)
        case i.Reference():
            return c.SameAs(field, value.field, value.starts, value.ends, value.cased)


def _keyword(value: i.Value) -> c.Condition:
    match value:
        case i.Words():
            return c.keyword(_parts(value), value.cased)
        case i.Plain(bool() | int() | float() as plain):
            return c.keyword((str(v.text_of(plain)),))
        case i.Pattern():
            return c.Keyword(regex(value.text, value.flags))
        case i.Plain():
            raise Unusable("null needs a field")
    raise Unusable(f"{type(value).__name__} needs a field")


def _parts(words: i.Words) -> tuple[v.Part, ...]:
    # A placeholder is left only where its rule is refused for it: see `missing`.
    parts = tuple(part for part in m.encoded_parts(words) if isinstance(part, str | v.Wild))
    return parts if words.cased else v.lowered(parts)


def regex(pattern: str, flags: Iterable[str] = ()) -> v.Regex:
    letters = "".join(sorted(flags))
    full = f"(?{letters}){pattern}" if letters else pattern
    try:
        v.compiled(full)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise Unusable(f"a regular expression that RE2 does not take: {reason}: {pattern[:120]}",
                       code="LT-R0202") from None  # fmt: skip
    return v.Regex(full)
