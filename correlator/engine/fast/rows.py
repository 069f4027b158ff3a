"""Conditions as functions over one event's values: asked only of the few rules that an event may match.

In:  a condition, and where its leaves stand (column, atom). Out: a function of a `Row`.
Bound: a text is searched for one literal after the other up to `SHORT_CHARS`; a longer one, or a list, is answered by
the matcher of the column, in one pass for all tests of the plan, so that no event can make each rule search it.

Most rules that come here fail at once, so what is cheap is asked first and nothing is asked twice: a text is lowered
once, lists of literals of one field are one question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from correlator.engine.conditions import MISSING, AllOf, AnyOf, Condition, Is, Keyword, Not, Null, SameAs, same
from correlator.engine.fast.answers import holds
from correlator.engine.fast.atoms import Leaf
from correlator.engine.fast.reach import Unusual, holds_objects
from correlator.engine.sources import EventView, Source
from correlator.engine.values import MANY, Network, Regex, Test, Text

SHORT_CHARS = 4096

_NOTHING: frozenset[int] = frozenset()
Hold = Callable[["Row"], bool]
Place = Callable[[Leaf], tuple[int, int]]


class Columns(Protocol):
    """A plan, as far as a row needs it."""

    @property
    def places(self) -> Mapping[int, int]:
        """Column → its place among the values."""

    def met(self, at: int, value: Any) -> frozenset[int]:
        """The atoms of a column that a value satisfies."""


class Row(dict[int, str | None]):
    """An event's values by column: `row[at]` is a short text in lower case, None for all else."""

    __slots__ = ("_flat", "_met", "_places", "_plan", "_values", "view", "words")

    def __init__(self, plan: Columns, values: Sequence[Any], words: frozenset[int], flat: bool) -> None:
        """`words`: keyword atoms that were met; `flat`: the event was flattened."""
        super().__init__()
        self._plan, self._places, self._values = plan, plan.places, values  # (the plan may be filed anew meanwhile)
        self.words, self._flat = words, flat
        self.view: Callable[[Source], EventView] | None = None  # the whole event, once it has been read
        self._met: dict[int, frozenset[int]] = {}

    def __missing__(self, at: int) -> str | None:
        value = self.value(at)
        low = value.lower() if type(value) is str and len(value) <= SHORT_CHARS else None
        self[at] = low
        return low

    def value(self, at: int) -> Any:
        """Raises `Unusual` where only flattening shows what stands there."""
        value = self._values[self._places[at]]
        if (type(value) is list or type(value) is dict) and not self._flat and holds_objects(value):
            raise Unusual
        return value

    def met(self, at: int) -> frozenset[int]:
        found = self._met.get(at)
        if found is None:
            value = self.value(at)
            found = self._met[at] = _NOTHING if value is MISSING or value is None else self._plan.met(at, value)
        return found

    def meets(self, at: int, tests: Mapping[int, Test]) -> bool:
        """Does what is no short text satisfy one of these?"""
        value = self.value(at)
        if value is MISSING or value is None:
            return False
        if isinstance(value, int | float):
            return any(test(value) for test in tests.values())
        return not self.met(at).isdisjoint(tests)

    def text(self, at: int) -> str | None:
        """The value as it stands, if it is a text."""
        value = self._values[self._places[at]]
        return value if type(value) is str else None

    def chars(self) -> int:
        return sum(len(value) for value in self._values if type(value) is str or type(value) is list)


def compiled(condition: Condition, place: Place, source: Source) -> Hold:
    match condition:
        case AllOf(parts):
            tests = _parts(parts, place, source, _all_of)
            return tests[0] if len(tests) == 1 else _all(tests)
        case AnyOf(parts):
            tests = _parts(parts, place, source, _any_of)
            return tests[0] if len(tests) == 1 else _any(tests)
        case Not(part):
            test = compiled(part, place, source)
            return lambda row: not test(row)
        case _:
            return _leaf(condition, place, source)


def _parts(parts: Sequence[Condition], place: Place, source: Source, joined: Callable[..., Hold]) -> list[Hold]:
    """The tests of one field are one; then what is no leaf, in the rule's own order."""
    fields: dict[int, dict[int, Test]] = {}
    leaves, rest = list[Hold](), list[Hold]()
    for part in parts:
        if isinstance(part, Is):
            at, number = place(part)
            fields.setdefault(at, {})[number] = part.test
        elif isinstance(part, AllOf | AnyOf | Not):
            rest.append(compiled(part, place, source))
        else:
            leaves.append(_leaf(part, place, source))
    return [*(joined(at, tests) for at, tests in fields.items()), *leaves, *rest]


def _leaf(leaf: Leaf, place: Place, source: Source) -> Hold:
    if isinstance(leaf, SameAs):
        return _same(leaf, source)
    at, number = place(leaf)
    match leaf:
        case Keyword():
            return lambda row: number in row.words
        case Is():
            return _any_of(at, {number: leaf.test})
        case Null():
            return lambda row: (value := row.value(at)) is MISSING or value is None or value == []
        case _:
            return lambda row: row.value(at) is not MISSING


def _same(leaf: SameAs, source: Source) -> Hold:
    def hold(row: Row) -> bool:
        assert row.view is not None
        seen = row.view(source)
        return same(leaf, seen.value(leaf.field), seen.value(leaf.other))

    return hold


class _Texts:
    """Tests of one field by kind; `others`: over (text in lower case, text)."""

    def __init__(self, tests: Sequence[Test]) -> None:
        self.equal, self.first, self.last, self.inside = set[str](), list[str](), list[str](), list[str]()
        self.others: list[Callable[[str, str], bool]] = []
        for test in tests:
            parts = test.parts if isinstance(test, Text) and not test.cased else None
            match parts:
                case ():
                    self.equal.add("")
                case (str() as one,):
                    self.equal.add(one)
                case (str() as one, last) if last is MANY:
                    self.first.append(one)
                case (first, str() as one) if first is MANY:
                    self.last.append(one)
                case (first, str() as one, last) if first is last is MANY:
                    self.inside.append(one)
                case _:
                    self.others.append(_other(test))


def _other(test: Test) -> Callable[[str, str], bool]:
    if isinstance(test, Text) and not test.cased:
        matches = test.pattern.matches
        return lambda low, text: matches(low)
    if isinstance(test, Regex):
        find = test.find
        return lambda low, text: holds(find, text)
    return lambda low, text: test(text)


def _any_of(at: int, tests: Mapping[int, Test]) -> Hold:
    if any(isinstance(test, Network) for test in tests.values()):  # an address is read once for all
        return lambda row: not row.met(at).isdisjoint(tests)
    texts = _Texts(list(tests.values()))
    equal, inside, others = texts.equal, texts.inside, texts.others
    first, last = tuple(texts.first), tuple(texts.last)

    def hold(row: Row) -> bool:
        low = row[at]
        if low is None:
            return row.meets(at, tests)
        if low in equal or low.endswith(last) or low.startswith(first):
            return True
        for one in inside:
            if one in low:
                return True
        if others:
            text = row.value(at)
            for other in others:
                if other(low, text):
                    return True
        return False

    return hold


def _all_of(at: int, tests: Mapping[int, Test]) -> Hold:
    if len(tests) == 1:
        return _any_of(at, tests)
    if any(isinstance(test, Network) for test in tests.values()):
        return lambda row: row.met(at).issuperset(tests)
    texts = _Texts(list(tests.values()))
    equal, first, last, inside, others = texts.equal, texts.first, texts.last, texts.inside, texts.others

    def hold(row: Row) -> bool:
        low = row[at]
        if low is None:
            return all(row.meets(at, {number: test}) for number, test in tests.items())
        for one in inside:
            if one not in low:
                return False
        if others:
            text = row.value(at)
            for other in others:
                if not other(low, text):
                    return False
        return all(low == one for one in equal) and all(map(low.startswith, first)) and all(map(low.endswith, last))

    return hold


def _all(tests: Sequence[Hold]) -> Hold:
    def hold(row: Row) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(row):
                return False
        return True

    return hold


def _any(tests: Sequence[Hold]) -> Hold:
    def hold(row: Row) -> bool:
        for test in tests:  # noqa: SIM110
            if test(row):
                return True
        return False

    return hold
