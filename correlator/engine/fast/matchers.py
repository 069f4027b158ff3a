"""All the tests that rules make of one field, answered together: value → shape.

In:  tests (of `values.py`), `NULL` and `THERE`; then values. Out: the shape of a value: the number of the set of tests
     that it satisfies. Equal sets have equal numbers: shapes of several fields make a key for what was decided.
Bound: linear in the value; `SHAPES_LIMIT` sets are remembered, then all begins anew (numbers are never used again).
Long values are remembered by their digest; lists by their members.

How the tests are answered: `answers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from correlator.engine.conditions import MISSING, members
from correlator.engine.fast.answers import Answers
from correlator.engine.fast.memo import Budget, Memo
from correlator.engine.fast.reach import EXACT_BELOW
from correlator.engine.fast.regexes import Scanners
from correlator.engine.values import Test, Text

SHAPES_LIMIT = 20_000
LONG_CHARS = 8192  # longer ones are remembered by a digest of 49 bytes


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


NULL: Final = _Mark("NULL")  # absent, null or []
THERE: Final = _Mark("THERE")
Atom = Test | _Mark


class Matcher:
    def __init__(self, atoms: Sequence[tuple[int, Atom]], budget: Budget, scanners: Scanners) -> None:
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
        self._texts = self._equal_texts()
        self.get = self._memo.get if self._texts is None else _equal(self._texts, self._other, self._memo.get)
        self._budget, self._scanners = budget, scanners
        self._answers: Answers | None = None

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
            if self._texts is not None:
                return self._texts.get(value.lower(), self._other)
            if len(value) > LONG_CHARS:
                key = _digest(value)
        elif kind is int or kind is float or kind is bool:
            if kind is not int or not 1 < abs(value) < EXACT_BELOW:
                key = (kind, value)  # 1 == True == 1.0, but they are not the same text
        elif isinstance(value, list):
            return self._list(value)
        elif value is not MISSING and value is not None:
            return self.shape(self._answer(value))
        found = self._memo.get(key)
        if found is None:
            found = self._memo.older(key)
        if found is None:
            self._bounded()
            found = self.shape(self._answer(value))
            if self._budget.met(key):
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

    def _answer(self, value: Any) -> frozenset[int]:
        if self._answers is None:
            tests = [(number, atom) for number, atom in self._atoms if not isinstance(atom, _Mark)]
            self._answers = Answers(tests, self._there, self._budget, self._scanners)
        return self._answers.of(value)


def _equal(texts: Mapping[str, int], other: int, get: Callable[[Any], int | None]) -> Callable[[Any], int | None]:
    """A look-up that knows every text without having seen it."""
    return lambda value: texts.get(value.lower(), other) if type(value) is str else get(value)


def _digest(value: str) -> bytes:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
