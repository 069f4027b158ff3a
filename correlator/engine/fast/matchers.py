"""All the tests that rules make of one field, answered together: value → shape.

In:  tests (of `values.py`), `NULL` and `THERE`; then values. Out: the shape of a value: the number of the set of tests
     that it satisfies. Equal sets have equal numbers: shapes of several fields make a key for what was decided.
Bound: linear in the value; `SHAPES_LIMIT` sets are remembered, then all begins anew (numbers are never used again).
Long values are remembered by their digest; lists by their members.

What is done once per value, whatever the number of tests: the lower-case text, one look-up for equal texts, one pass of
the automaton for what is contained, begins or ends (and for the longest literal of other wildcards and regular
expressions, which are then tested by themselves), one of hyperscan for the other regular expressions, one reading as an
address. A test of a kind unknown here is called as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from correlator.engine.conditions import MISSING, members
from correlator.engine.fast.literals import END, START, Literals, plain
from correlator.engine.fast.memo import Budget, Memo
from correlator.engine.fast.regexes import FOLDED, Scanner, Sketch, scanner, sketch
from correlator.engine.values import (
    MANY,
    REGEX_LIMIT_CHARS,
    Bool,
    Network,
    Number,
    Regex,
    Test,
    Text,
    address_of,
    text_of,
)

SHAPES_LIMIT = 20_000
LONG_CHARS = 512  # a digest costs a fiftieth of the search, and 49 bytes of memory
EXACT_BELOW = 10**15  # up to here a whole float has the text of the int that it equals
EQUAL_KEPT = 1_000  # values remembered where a look-up in lower case is all there is to do
SCANNED_FROM = 3  # so many regular expressions are worth a hyperscan database


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NULL: Final = _Mark("NULL")  # absent, null or []
THERE: Final = _Mark("THERE")
Atom = Test | _Mark


class Matcher:
    def __init__(self, atoms: Sequence[tuple[int, Atom]], budget: Budget) -> None:
        """`atoms`: by the numbers that shapes are made of."""
        self._atoms = tuple(atoms)
        self._shapes: dict[frozenset[int], int] = {}
        self.sets: dict[int, frozenset[int]] = {}
        self._kept: set[int] = set()
        self._other = 0
        self._next = 0
        self._null = frozenset(n for n, atom in atoms if atom is NULL)
        self._there = frozenset(n for n, atom in atoms if atom is THERE)
        self.missing = self.shape(self._null)
        self._memo: Memo[int] = Memo(budget, {MISSING: self.missing, None: self.shape(self._null | self._there)})
        self.get = self._memo.get
        self._texts = self._equal_texts()
        self._tests: _Tests | None = None

    def shape(self, found: frozenset[int]) -> int:
        number = self._shapes.get(found)
        if number is None:
            number = self._next
            self._next += 1
            self._shapes[found] = number
            self.sets[number] = found
        return number

    def of(self, value: Any) -> int:
        """The shape of anything that an event may hold."""
        kind = type(value)
        key: Any = value
        if kind is str:
            if self._texts is not None and len(self._memo) > EQUAL_KEPT:
                return self._texts.get(value.lower(), self._other)
            if len(value) > LONG_CHARS:
                key = _digest(value)
        elif kind is int or kind is float or kind is bool:
            if kind is not int or not 1 < abs(value) < EXACT_BELOW:
                key = (kind, value)  # 1 == True == 1.0, but they are not the same text
        elif isinstance(value, list):
            return self._list(value)
        elif value is not MISSING and value is not None:
            return self.shape(self._there | self._scalar(value))
        found = self._memo.get(key)
        if found is None:
            found = self._memo.older(key)
        if found is None:
            self._bounded()
            found = self.shape(self._there | self._scalar(value))
            self._memo.put(key, found)
        return found

    def _equal_texts(self) -> dict[str, int] | None:
        """Lower-case text → shape when only equal texts are asked for: then there is nothing to remember."""
        found: dict[str, set[int]] = {}
        for number, atom in self._atoms:
            if isinstance(atom, Text) and not atom.cased and all(isinstance(part, str) for part in atom.parts):
                found.setdefault("".join(map(str, atom.parts)), set()).add(number)
            elif not isinstance(atom, _Mark):
                return None
        self._other = self.shape(self._there)
        self._kept = {self._other}
        made = {text: self.shape(self._there | numbers) for text, numbers in found.items()}
        self._kept.update(made.values())
        return made

    def _bounded(self) -> None:
        """Strangers made more different outcomes than are worth knowing. Old numbers must not mean anything new."""
        if len(self._shapes) <= SHAPES_LIMIT:
            return
        self._memo.clear()
        keep = {self._memo.get(MISSING), self._memo.get(None), *self._kept}
        for number in [one for one in self.sets if one not in keep]:
            del self.sets[number]
        self._shapes = {found: number for number, found in self.sets.items()}

    def _list(self, value: list[Any]) -> int:
        self._bounded()
        found = self._there
        if not value:
            found |= self._null
        for member in members(value):
            found |= self.sets[self.of(member)]
        return self.shape(found)

    def _scalar(self, value: Any) -> frozenset[int]:
        if self._tests is None:
            self._tests = _Tests([(n, a) for n, a in self._atoms if not isinstance(a, _Mark)])
        return self._tests.satisfied(value)


def _digest(value: str) -> bytes:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Tests:
    """The tests by the way in which they are answered."""

    def __init__(self, tests: Sequence[tuple[int, Test]]) -> None:
        self._exact: dict[str, list[int]] = {}
        self._cased: dict[str, list[int]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._truths: dict[str, list[int]] = {}
        self._any: list[int] = []
        self._networks: list[tuple[int, Network]] = []
        self._called: list[tuple[int, Test]] = []
        self._regexes: list[tuple[int, Regex]] = []
        lower, raw = _Index(), _Index()
        sketches: list[tuple[int, Regex, Sketch]] = []
        for number, test in tests:
            if isinstance(test, Text):
                self._text(number, test, raw if test.cased else lower)
            elif isinstance(test, Number):
                self._numbers.setdefault(test.text, []).append(number)
            elif isinstance(test, Bool):
                self._truths.setdefault("true" if test.true else "false", []).append(number)
            elif isinstance(test, Network):
                self._networks.append((number, test))
            elif isinstance(test, Regex):
                self._regexes.append((number, test))
                sketches.append((number, test, sketch(test.pattern)))
            else:
                self._called.append((number, test))
        self._by_number = dict(tests)
        self._scanner: Scanner | None = None
        for number, test, known in self._scanned(sketches):
            if known.literal:
                lower.add(known.literal, number, test, sure=False)
            else:
                self._called.append((number, test))
        self._lower, self._raw = lower.finished(), raw.finished()

    def _scanned(self, given: Sequence[tuple[int, Regex, Sketch]]) -> Sequence[tuple[int, Regex, Sketch]]:
        """Gives hyperscan what it may answer; returns the others."""
        wanted = [(number, known.ascii) for number, _, known in given if known.ascii]
        if len(wanted) < SCANNED_FROM:
            return given
        self._scanner, left = scanner(wanted)
        taken = {number for number, _ in wanted} - set(left)
        return [one for one in given if one[0] not in taken]

    def _text(self, number: int, test: Text, index: _Index) -> None:
        """By the parts of the pattern: equal, contained, at an end, or whatever wildcards say."""
        match test.parts:
            case ():
                (self._cased if test.cased else self._exact).setdefault("", []).append(number)
            case (one,) if isinstance(one, str):
                (self._cased if test.cased else self._exact).setdefault(one, []).append(number)
            case (one,) if one is MANY:
                self._any.append(number)
            case (first, last) if isinstance(first, str) and last is MANY and plain(first):
                index.add(START + first, number, test)
            case (first, last) if first is MANY and isinstance(last, str) and plain(last):
                index.add(last + END, number, test)
            case (first, inner, last) if first is last is MANY and isinstance(inner, str) and plain(inner):
                index.add(inner, number, test)
            case parts:
                literals = [
                    (len(part), (START if at == 0 else "") + part + (END if at == len(parts) - 1 else ""))
                    for at, part in enumerate(parts)
                    if isinstance(part, str) and plain(part)
                ]
                if literals:
                    index.add(max(literals)[1], number, test, sure=False)
                else:
                    self._called.append((number, test))

    def satisfied(self, value: Any) -> frozenset[int]:
        text = value if isinstance(value, str) else text_of(value)
        found: set[int] = set()
        if text is not None:
            low = text.lower()
            found.update(self._any)
            found.update(self._exact.get(low, ()))
            if self._cased:
                found.update(self._cased.get(text, ()))
            if self._numbers and not isinstance(value, bool):
                found.update(self._numbers.get(text, ()))
            if self._truths and isinstance(value, bool | str):
                found.update(self._truths.get(low, ()))
            if self._lower is not None:
                self._lower.find(low, value, found)
            if self._raw is not None:
                self._raw.find(text, value, found)
            if self._regexes:
                self._search(text, value, found)
        if self._networks and isinstance(value, str):
            address = address_of(value)
            if address is not None:
                found.update(number for number, test in self._networks if test.holds(address))
        for number, test in self._called:
            if test(value):
                found.add(number)
        return frozenset(found)

    def _search(self, text: str, value: Any, found: set[int]) -> None:
        if not text.isascii() and (FOLDED[0] in text or FOLDED[1] in text):
            # They fold into ASCII letters: neither the literals nor hyperscan see that.
            found.update(number for number, test in self._regexes if test(value))
        elif self._scanner is not None:
            found.update(
                number for number in self._scanner.find(text[:REGEX_LIMIT_CHARS]) if self._by_number[number](value)
            )


class _Index:
    """Literals, and what each of them says: that tests are satisfied, or that they are worth asking."""

    def __init__(self) -> None:
        self._sure: dict[str, list[int]] = {}
        self._asked: dict[str, list[tuple[int, Test]]] = {}
        self._tests: dict[int, Test] = {}
        self._literals = Literals(())
        self._first: list[int] = []  # most literals say one thing
        self._more: dict[int, tuple[list[int], list[tuple[int, Test]]]] = {}

    def add(self, literal: str, number: int, test: Test, sure: bool = True) -> None:
        self._tests[number] = test
        self._sure.setdefault(literal, [])
        if sure:
            self._sure[literal].append(number)
        else:
            self._asked.setdefault(literal, []).append((number, test))

    def finished(self) -> _Index | None:
        literals = sorted(self._sure, key=len, reverse=True)
        self._literals = Literals(literals)
        for at, literal in enumerate(literals):
            numbers, asked = self._sure[literal], self._asked.get(literal, [])
            self._first.append(numbers[0] if numbers else -1)
            if len(numbers) != 1 or asked:
                self._more[at] = numbers[1:], asked
        self._sure, self._asked = {}, {}
        return self if literals else None

    def find(self, text: str, value: Any, found: set[int]) -> None:
        hits, sure = self._literals.find(text)
        if not hits:
            return
        first = self._first
        numbers = {first[hit] for hit in hits}
        for hit in self._more.keys() & hits:
            more, asked = self._more[hit]
            numbers.update(more)
            for number, test in asked:
                if test(value):
                    found.add(number)
        numbers.discard(-1)
        if sure:
            found |= numbers
        else:
            found.update(number for number in numbers if self._tests[number](value))
