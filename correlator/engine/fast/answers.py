"""Which of many tests one value satisfies: all asked in one pass over the value.

In:  tests (of `values.py`) by number; then values. Out: the numbers of those that hold, as a frozen set.
Bound: linear in the value, whatever the number of tests; what sets of literals say is remembered within the budget.

What is done once per value: the lower-case text, one look-up for equal texts, one pass of the automaton for what is
contained, begins or ends (and for the longest literal of other wildcards and regular expressions, which are then tested
by themselves), one of hyperscan for the other regular expressions, one reading as an address. A test of a kind unknown
here is called as it is.

A new value is seldom new in what it holds: the set of literals that stand in it was mostly met before, and with it what
they say. So the common end is a set that exists already, and whose hash is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from correlator.engine.fast.literals import END, START, Literals, plain
from correlator.engine.fast.memo import Budget, Memo
from correlator.engine.fast.regexes import FOLDED, Scanners, sketch
from correlator.engine.values import (
    MANY,
    REGEX_LIMIT_CHARS,
    Bool,
    Glob,
    Network,
    Number,
    Regex,
    Test,
    Text,
    address_of,
    text_of,
)

_NOTHING: frozenset[int] = frozenset()


class Answers:
    def __init__(
        self, tests: Sequence[tuple[int, Test]], there: frozenset[int], budget: Budget, scanners: Scanners
    ) -> None:
        """`there`: numbers that every value satisfies."""
        self._there = there
        self._exact: dict[str, set[int]] = {}
        self._cased: dict[str, set[int]] = {}
        self._numbers: dict[str, set[int]] = {}
        self._truths: dict[str, set[int]] = {}
        self._networks: list[tuple[int, Network]] = []
        self._called: list[tuple[int, Test]] = []
        self._regexes: list[tuple[int, Regex]] = []
        text: set[int] = set(there)  # numbers that every text satisfies
        lower, raw = _Index(budget), _Index(budget)
        for number, test in tests:
            if isinstance(test, Text):
                self._add(number, test, raw if test.cased else lower, text)
            elif isinstance(test, Number):
                self._numbers.setdefault(test.text, set()).add(number)
            elif isinstance(test, Bool):
                self._truths.setdefault("true" if test.true else "false", set()).add(number)
            elif isinstance(test, Network):
                self._networks.append((number, test))
            elif isinstance(test, Regex):
                self._regexes.append((number, test))
            else:
                self._called.append((number, test))
        self._finds = {number: test.find for number, test in self._regexes}
        self._scanner, scanned = scanners.over(dict(self._regexes))
        for number, one in self._regexes:
            known = "" if number in scanned else sketch(one.pattern).literal
            if known:
                lower.add(known, number, one, sure=False)
            elif number not in scanned:
                self._called.append((number, one))
        self._text = frozenset(text)
        self._lower, self._raw = lower.finished(self._text), raw.finished(_NOTHING)

    def _add(self, number: int, test: Text, index: _Index, text: set[int]) -> None:
        """By the parts of the pattern: equal, contained, at an end, or whatever wildcards say."""
        match test.parts:
            case ():
                (self._cased if test.cased else self._exact).setdefault("", set()).add(number)
            case (one,) if isinstance(one, str):
                (self._cased if test.cased else self._exact).setdefault(one, set()).add(number)
            case (one,) if one is MANY:
                text.add(number)
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

    def of(self, value: Any) -> frozenset[int]:
        text = value if isinstance(value, str) else text_of(value)
        if text is None:
            found, more = self._there, set[int]()
        else:
            low = text.lower()
            more = set()
            found = self._text if self._lower is None else self._lower.find(low, text, more)
            if low in self._exact:
                more |= self._exact[low]
            if self._cased and text in self._cased:
                more |= self._cased[text]
            if self._numbers and text in self._numbers and not isinstance(value, bool):
                more |= self._numbers[text]
            if self._truths and low in self._truths and isinstance(value, bool | str):
                more |= self._truths[low]
            if self._raw is not None:
                more |= self._raw.find(text, text, more)
            if self._regexes:
                self._search(text, more)
        if self._networks and isinstance(value, str):
            address = address_of(value)
            if address is not None:
                more.update(number for number, test in self._networks if test.holds(address))
        for number, test in self._called:
            if test(value):
                more.add(number)
        return found | more if more else found

    def _search(self, text: str, found: set[int]) -> None:
        if not text.isascii() and (FOLDED[0] in text or FOLDED[1] in text):
            # They fold into ASCII letters: neither the literals nor hyperscan see that.
            found.update(number for number, test in self._regexes if test(text))
        elif self._scanner is not None:
            hits = self._scanner.find(text[:REGEX_LIMIT_CHARS])
            if hits:
                finds = self._finds
                found.update(number for number in hits if number in finds and holds(finds[number], text))


def holds(find: Callable[[str | bytes], object], text: str) -> bool:
    """A regular expression's `find` over a text. RE2's own module is thrice as fast over bytes."""
    text = text[:REGEX_LIMIT_CHARS]
    try:
        return find(text.encode() if text.isascii() else text) is not None
    except UnicodeEncodeError:  # a lone surrogate: RE2 reads UTF-8
        return find(text.encode("utf-8", "replace").decode()) is not None


class _Said(NamedTuple):
    """What a set of literals says: tests that hold, and tests that are worth asking."""

    sure: frozenset[int]
    globs: tuple[tuple[int, Glob], ...]
    regexes: tuple[tuple[int, Any], ...]


class _Index:
    """Literals, and what each of them says."""

    def __init__(self, budget: Budget) -> None:
        self._sure: dict[str, list[int]] = {}
        self._asked: dict[str, list[int]] = {}
        self._tests: dict[int, Test] = {}
        self._literals = Literals(())
        self._by_literal: list[tuple[list[int], list[int]]] = []
        self._always = _NOTHING
        self._said: Memo[_Said] = Memo(budget)

    def add(self, literal: str, number: int, test: Test, sure: bool = True) -> None:
        self._tests[number] = test
        (self._sure if sure else self._asked).setdefault(literal, []).append(number)

    def finished(self, always: frozenset[int]) -> _Index | None:
        """`always`: numbers that are part of every answer."""
        self._always = always
        literals = sorted({**self._sure, **self._asked}, key=len, reverse=True)
        self._literals = Literals(literals)
        self._by_literal = [(self._sure.get(one, []), self._asked.get(one, [])) for one in literals]
        self._sure, self._asked = {}, {}
        return self if literals else None

    def find(self, text: str, value: str, more: set[int]) -> frozenset[int]:
        """The answer of the literals; what had to be asked goes into `more`. `text`: the value, perhaps lowered."""
        hits, sure = self._literals.find(text)
        if not hits:
            return self._always
        said = self._said.get(hits) or self._said.older(hits) or self._say(hits)
        for number, glob in said.globs:
            if glob.matches(text):
                more.add(number)
        for number, find in said.regexes:
            if holds(find, value):
                more.add(number)
        if sure:
            return said.sure
        doubted: Iterable[int] = said.sure - self._always
        return self._always.union(number for number in doubted if self._tests[number](value))

    def _say(self, hits: frozenset[int]) -> _Said:
        sure, globs, regexes = set(self._always), dict[int, Glob](), dict[int, Any]()
        for hit in hits:
            held, asked = self._by_literal[hit]
            sure.update(held)
            for number in asked:
                test = self._tests[number]
                if isinstance(test, Regex):
                    regexes[number] = test.find
                elif isinstance(test, Text):
                    globs[number] = test.pattern
        said = _Said(frozenset(sure), tuple(globs.items()), tuple(regexes.items()))
        self._said.put(hits, said, sys.getsizeof(said.sure) + 64 * (len(globs) + len(regexes)))
        return said
