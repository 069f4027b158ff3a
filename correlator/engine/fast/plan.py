"""A plan: the rules that events of one kind meet, made ready.

In:  rules with the source that each is read through and what is left of its condition; then events. Out: the rules
     that hold, in the order loaded.
Bound: tuples of shapes are remembered within the engine's budget; a rule is compiled when it is first a candidate.

The way of an event: one look-up per column gives its shape; the tuple of shapes is looked up among those decided
before. Only a new tuple is decided: its satisfied atoms name the candidates (`atoms.witness`), whose conditions run.
Two things don't depend on shapes: keywords (first looked for in the JSON), and comparisons of two fields (decided for
the rules that hold if they did).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from correlator.engine.conditions import Condition, Exists, Is, Keyword, Null, SameAs, same
from correlator.engine.fast import atoms
from correlator.engine.fast.matchers import NULL, THERE, Atom, Matcher
from correlator.engine.fast.memo import Budget, Memo
from correlator.engine.fast.reach import Column, Unusual, Values, column, reader, value_in
from correlator.engine.fast.words import Words
from correlator.engine.rule import Rule
from correlator.engine.sources import EventView, Source

_NOTHING: frozenset[int] = frozenset()


class Prepared(NamedTuple):
    """A condition in its simplest form, and what every plan that holds it needs to know of it."""

    condition: Condition
    leaves: tuple[atoms.Leaf, ...]
    above: Condition  # the same without comparisons of two fields
    witness: tuple[atoms.Leaf, ...] | None


def prepared(condition: Condition) -> Prepared:
    leaves = tuple({id(leaf): leaf for leaf in atoms.leaves(condition)}.values())
    above = condition
    if any(isinstance(leaf, SameAs) for leaf in leaves):
        above = atoms.simplified(atoms.above(condition), lambda _: None)
    found = atoms.witness(above)
    return Prepared(condition, leaves, above, tuple(found[1]) if found is not None else None)


class Candidate(NamedTuple):
    rule: Rule
    source: Source
    prepared: Prepared


class Found(NamedTuple):
    """`later`: numbers of rules that compare two fields; they hold if that does."""

    rules: tuple[tuple[Rule, Source], ...]
    later: tuple[int, ...] = ()


NONE = Found(())


class Shared:
    """What the plans of one engine have in common: atoms by number, matchers, rules prepared once."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.plans = 0
        self.guarded: frozenset[tuple[str, ...]] = frozenset()  # where the router has looked for dotted keys
        self.atoms: list[Atom] = []
        self._numbers: dict[Atom, int] = {}
        self._by_leaf: dict[int, int] = {}  # by identity: a leaf is hashed once
        self._matchers: dict[frozenset[int], Matcher] = {}
        self._prepared: dict[int, Prepared] = {}
        self._columns: dict[tuple[int, str, bool], Column] = {}
        self._kept: list[Any] = []  # what identities are taken of

    def prepared(self, rule: Rule) -> Prepared:
        found = self._prepared.get(id(rule))
        if found is None:
            found = prepared(atoms.simplified(rule.condition, lambda _: None))
            for leaf in found.leaves:
                if not isinstance(leaf, SameAs):
                    self._by_leaf[id(leaf)] = self._number(leaf)
            self._prepared[id(rule)] = found
            self._kept.append(rule)
        return found

    def number(self, leaf: atoms.Leaf) -> int:
        """The number of the atom that a leaf of a prepared rule is."""
        return self._by_leaf[id(leaf)]

    def _number(self, leaf: Is | Null | Exists | Keyword) -> int:
        atom = leaf.test if isinstance(leaf, Keyword) else atom_of(leaf)
        number = self._numbers.get(atom)
        if number is None:
            number = self._numbers[atom] = len(self.atoms)
            self.atoms.append(atom)
        return number

    def column(self, source: Source, name: str, whole: bool = False) -> Column:
        key = (id(source), name, whole)
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = column(source, name, whole)
            self._kept.append(source)
        return found

    def matcher(self, wanted: Collection[int]) -> Matcher:
        key = frozenset(wanted)
        found = self._matchers.get(key)
        if found is None:
            found = self._matchers[key] = Matcher([(number, self.atoms[number]) for number in wanted], self.budget)
        return found


@dataclass(slots=True)
class _Ready:
    rule: Rule
    source: Source
    prepared: Prepared
    test: Callable[[set[int]], bool] | None = None


class Plan:
    def __init__(self, candidates: Sequence[Candidate], shared: Shared) -> None:
        self._shared = shared
        self._numbers: dict[tuple[int, int], int] = {}  # (column, atom) → number; keywords stand in column -1
        self._columns: dict[tuple[Any, ...], int] = {}
        self.columns: list[Column] = []
        tests: list[dict[int, int]] = []  # by column: atom → number
        words: dict[int, int] = {}
        self._rules: list[_Ready] = []
        self._by_atom: dict[int, list[int]] = {}
        self._always: list[int] = []
        for number, (rule, source, ready) in enumerate(candidates):
            self._rules.append(_Ready(rule, source, ready))
            for leaf in ready.leaves:
                self._register(leaf, source, tests, words)
            for leaf in ready.witness or ():
                self._by_atom.setdefault(self._number(leaf, source), []).append(number)
            if ready.witness is None:
                self._always.append(number)
        self.matchers = [shared.matcher(one) for one in tests]
        self._locals = [dict(one) for one in tests]
        self.words = Words([shared.atoms[one] for one in words], shared.budget) if words else None
        self._word_numbers = tuple(words.values())
        self.decided: Memo[Found] = Memo(shared.budget)
        self.empty = not candidates
        self.gets = tuple(matcher.get for matcher in self.matchers)
        self.values = self._reader()

    def _reader(self) -> Values:
        try:
            return reader(self.columns, self._shared.guarded)
        except Unusual:  # a field name deeper than any event
            return _unusual

    # --- atoms --------------------------------------------------------------------------------------------------

    def _register(self, leaf: atoms.Leaf, source: Source, tests: list[dict[int, int]], words: dict[int, int]) -> None:
        if isinstance(leaf, SameAs):
            return
        atom = self._shared.number(leaf)
        if isinstance(leaf, Keyword):
            words.setdefault(atom, self._numbers.setdefault((-1, atom), len(self._numbers)))
            return
        one = self._shared.column(source, leaf.field, not isinstance(leaf, Is))
        at = self._columns.setdefault(one.key, len(self.columns))
        if at == len(self.columns):
            self.columns.append(one)
            tests.append({})
        elif one.whole:
            self.columns[at] = self.columns[at]._replace(whole=True)
        tests[at].setdefault(atom, self._numbers.setdefault((at, atom), len(self._numbers)))

    def _number(self, leaf: atoms.Leaf, source: Source) -> int:
        atom = self._shared.number(leaf)
        if isinstance(leaf, Keyword):
            return self._numbers[-1, atom]
        assert not isinstance(leaf, SameAs)
        return self._numbers[self._columns[self._shared.column(source, leaf.field).key], atom]

    # --- events -------------------------------------------------------------------------------------------------

    def shapes(self, values: Iterable[Any]) -> tuple[int, ...]:
        return tuple(matcher.of(value) for matcher, value in zip(self.matchers, values, strict=True))

    def flat_values(self, flattened: Mapping[str, Any]) -> list[Any]:
        return [value_in(flattened, one) for one in self.columns]

    def decide(self, values: Sequence[Any], words: frozenset[int] = _NOTHING, key: Sequence[int | None] = ()) -> Found:
        """The rules that hold for these values; remembered if no keyword was met. `key`: the shapes known already."""
        shapes = tuple([matcher.of(value) if shape is None else shape
                        for matcher, value, shape in zip(self.matchers, values, key, strict=True)]
                       ) if key else self.shapes(values)  # fmt: skip
        if not words:
            known = self.decided.get(shapes) or self.decided.older(shapes)
            if known is not None:
                return known
        satisfied = self._satisfied(shapes)
        anew = satisfied is None  # a matcher forgot these numbers meanwhile
        if satisfied is None:
            satisfied = self._met(values)
        satisfied.update(self._word_numbers[number] for number in words)
        found = self._decided(satisfied)
        if not words and not anew:
            self.decided.put(shapes, found, 24 * len(found.rules))
        return found

    def _satisfied(self, key: Sequence[int]) -> set[int] | None:
        satisfied: set[int] = set()
        for shape, matcher, numbers in zip(key, self.matchers, self._locals, strict=True):
            atoms_met = matcher.sets.get(shape)
            if atoms_met is None:
                return None
            satisfied.update(numbers[one] for one in atoms_met)
        return satisfied

    def _met(self, values: Sequence[Any]) -> set[int]:
        satisfied: set[int] = set()
        for value, matcher, numbers in zip(values, self.matchers, self._locals, strict=True):
            satisfied.update(numbers[one] for one in matcher.sets[matcher.of(value)])
        return satisfied

    def _decided(self, satisfied: set[int]) -> Found:
        numbers = set(self._always)
        for atom in self._by_atom.keys() & satisfied:
            numbers.update(self._by_atom[atom])
        rules, later = [], []
        for number in sorted(numbers):
            ready = self._rules[number]
            if ready.test is None:
                ready.test = atoms.compiled(ready.prepared.above, partial(self._number, source=ready.source))
            if ready.test(satisfied):
                if ready.prepared.above is ready.prepared.condition:
                    rules.append((ready.rule, ready.source))
                else:
                    later.append(number)
        return Found(tuple(rules), tuple(later)) if rules or later else NONE

    def settled(self, found: Found, values: Sequence[Any], words: frozenset[int],
                view: Callable[[Source], EventView]) -> list[tuple[Rule, Source]]:  # fmt: skip
        """With the rules that compare two fields decided, in the order loaded."""
        satisfied = self._met(values)
        satisfied.update(self._word_numbers[number] for number in words)
        held = set()
        for number in found.later:
            ready = self._rules[number]

            def is_true(leaf: atoms.Leaf, ready: _Ready = ready) -> bool:
                if isinstance(leaf, SameAs):
                    seen = view(ready.source)
                    return same(leaf, seen.value(leaf.field), seen.value(leaf.other))
                return self._number(leaf, ready.source) in satisfied

            if atoms.decide(ready.prepared.condition, is_true):
                held.add(number)
        certain = {id(rule) for rule, _ in found.rules}
        return [(one.rule, one.source) for number, one in enumerate(self._rules)
                if number in held or id(one.rule) in certain]  # fmt: skip


def _unusual(_: Any) -> tuple[Any, ...]:
    raise Unusual


def atom_of(leaf: Is | Null | Exists) -> Atom:
    match leaf:
        case Is():
            return leaf.test
        case Null():
            return NULL
        case Exists():
            return THERE
