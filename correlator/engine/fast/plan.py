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
from itertools import count
from typing import Any, NamedTuple

from correlator.engine.conditions import Condition, Exists, Is, Keyword, Null, SameAs, same
from correlator.engine.fast import atoms
from correlator.engine.fast.lines import PIECES_LIMIT, Look, line_reader, look
from correlator.engine.fast.matchers import NULL, THERE, Atom, Matcher
from correlator.engine.fast.memo import Budget, Memo
from correlator.engine.fast.reach import Column, Unusual, Values, column, reader, value_in
from correlator.engine.fast.regexes import Scanners
from correlator.engine.fast.words import Words
from correlator.engine.rule import Rule
from correlator.engine.sources import EventView, Source

HOT_LINES = 1  # (the very first is read whole: its route is not known)
MET_LIMIT = 4096  # shapes of which it is remembered what pairs they are

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


class Found(NamedTuple):
    """`later`: numbers of rules that compare two fields; they hold if that does."""

    rules: tuple[tuple[Rule, Source], ...]
    later: tuple[int, ...] = ()


NONE = Found(())


@dataclass(slots=True)
class Candidate:
    """A rule read through a source, and what a plan must know of it, worked out once for all plans that hold it."""

    rule: Rule
    source: Source
    prepared: Prepared
    asks: tuple[tuple[int, bool, frozenset[int]], ...]  # (column, is it asked whether the field is there, atoms)
    words: frozenset[int]
    witness: tuple[int, ...] | None  # pairs
    test: Callable[[set[int]], bool] | None = None


class Shared:
    """What the plans of one engine have in common: atoms, columns and pairs by number, matchers, candidates.

    A pair is (column, atom): what a condition is made of. Keywords stand in column -1.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.scanners = Scanners()
        self.plans = 0
        self.guarded: frozenset[tuple[str, ...]] = frozenset()  # where the router has looked for dotted keys
        self.atoms: list[Atom] = []
        self.columns: list[Column] = []
        self._numbers: dict[Atom, int] = {}
        self._by_leaf: dict[int, int] = {}  # by identity: a leaf is hashed once
        self._matchers: dict[frozenset[int], Matcher] = {}
        self._prepared: dict[int, Prepared] = {}
        self._rests: dict[tuple[int, tuple[bool | None, ...]], Prepared | None] = {}
        self._candidates: dict[tuple[int, int], Candidate] = {}
        self._columns: dict[tuple[int, str], int] = {}
        self._by_place: dict[tuple[Any, ...], int] = {}
        self._pairs: dict[int, dict[int, int]] = {}  # column → atom → pair
        self._count = count()
        self._met: dict[tuple[int, int], dict[int, frozenset[int]]] = {}
        self._looks: dict[frozenset[bytes], Look | None] = {}
        self._kept: list[Any] = []  # what identities are taken of

    def look(self, pieces: Iterable[bytes]) -> Look | None:
        key = frozenset(pieces)
        if key not in self._looks:
            self._looks[key] = look(sorted(key))
        return self._looks[key]

    def prepared(self, rule: Rule) -> Prepared:
        found = self._prepared.get(id(rule))
        if found is None:
            found = prepared(atoms.simplified(rule.condition, lambda _: None))
            for leaf in found.leaves:
                if not isinstance(leaf, SameAs):
                    self._by_leaf[id(leaf)] = self.atom(leaf)
            self._prepared[id(rule)] = found
            self._kept.append(rule)
        return found

    def rest(self, rule: Rule, told: tuple[bool | None, ...], heads: Sequence[atoms.Leaf]) -> Prepared | None:
        """What is left of a rule's condition when these of its leaves are known; None when it can't hold any more."""
        key = id(rule), told
        if key not in self._rests:
            known = {id(leaf): value for leaf, value in zip(heads, told, strict=True)}
            condition = atoms.simplified(self.prepared(rule).condition, lambda leaf: known.get(id(leaf)))
            self._rests[key] = None if condition == atoms.FALSE else prepared(condition)
        return self._rests[key]

    def number(self, leaf: atoms.Leaf) -> int:
        """The number of the atom that a leaf of a prepared rule is."""
        return self._by_leaf[id(leaf)]

    def atom(self, leaf: Is | Null | Exists | Keyword) -> int:
        """The number of the atom that any leaf is."""
        atom = leaf.test if isinstance(leaf, Keyword) else atom_of(leaf)
        number = self._numbers.get(atom)
        if number is None:
            number = self._numbers[atom] = len(self.atoms)
            self.atoms.append(atom)
        return number

    def candidate(self, rule: Rule, source: Source, ready: Prepared) -> Candidate:
        key = id(ready), id(source)
        found = self._candidates.get(key)
        if found is None:
            asks: dict[int, set[int]] = {}
            wholes, words = set[int](), set[int]()
            for leaf in ready.leaves:
                if isinstance(leaf, Keyword):
                    words.add(self.number(leaf))
                elif not isinstance(leaf, SameAs):
                    at = self.at(source, leaf.field)
                    asks.setdefault(at, set()).add(self.number(leaf))
                    if not isinstance(leaf, Is):
                        wholes.add(at)
            witness = None if ready.witness is None else tuple(self.pair(leaf, source) for leaf in ready.witness)
            found = self._candidates[key] = Candidate(
                rule, source, ready, tuple((at, at in wholes, frozenset(asked)) for at, asked in asks.items()),
                frozenset(words), witness)  # fmt: skip
            self._kept.append(source)
        return found

    def at(self, source: Source, name: str) -> int:
        """The number of the column in which a field of this source stands."""
        key = (id(source), name)
        found = self._columns.get(key)
        if found is None:
            one = column(source, name)
            found = self._columns[key] = self._by_place.setdefault(one.key, len(self.columns))
            if found == len(self.columns):
                self.columns.append(one)
            self._kept.append(source)
        return found

    def pairs(self, at: int) -> dict[int, int]:
        return self._pairs.setdefault(at, {})

    def pair(self, leaf: atoms.Leaf, source: Source) -> int:
        assert not isinstance(leaf, SameAs)
        return self.pair_of(-1 if isinstance(leaf, Keyword) else self.at(source, leaf.field), self.number(leaf))

    def pair_of(self, at: int, atom: int) -> int:
        pairs = self.pairs(at)
        found = pairs.get(atom)
        if found is None:
            found = pairs[atom] = next(self._count)
        return found

    def matcher(self, wanted: Collection[int]) -> Matcher:
        key = frozenset(wanted)
        found = self._matchers.get(key)
        if found is None:
            found = self._matchers[key] = Matcher(
                [(number, self.atoms[number]) for number in wanted], self.budget, self.scanners
            )
        return found

    def met(self, matcher: Matcher, at: int) -> dict[int, frozenset[int]]:
        """Shape → pairs, for a matcher that is asked of this column."""
        return self._met.setdefault((id(matcher), at), {})


class Plan:
    def __init__(self, candidates: Sequence[Candidate], shared: Shared) -> None:
        self._shared = shared
        self._rules = candidates
        self._by_pair: dict[int, list[int]] = {}
        self._always: list[int] = []
        tests: dict[int, set[int]] = {}  # by column: atoms
        wholes, words = set[int](), set[int]()
        for number, one in enumerate(candidates):
            for at, whole, asked in one.asks:
                if at in tests:
                    tests[at] |= asked
                else:
                    tests[at] = set(asked)
                if whole:
                    wholes.add(at)
            words |= one.words
            if one.witness is None:
                self._always.append(number)
            else:
                for pair in one.witness:
                    self._by_pair.setdefault(pair, []).append(number)
        self.columns = [shared.columns[at]._replace(whole=at in wholes) for at in tests]
        self.matchers = [shared.matcher(one) for one in tests.values()]
        self._met_by = [
            (shared.met(matcher, at), matcher, at) for matcher, at in zip(self.matchers, tests, strict=True)
        ]
        numbered = tuple(words)
        self.words = Words([shared.atoms[one] for one in numbered], shared.budget) if numbered else None
        self._word_pairs = tuple(shared.pair_of(-1, one) for one in numbered)
        self.decided: Memo[Found] = Memo(shared.budget)
        self.empty = not candidates
        self.gets = tuple(matcher.get for matcher in self.matchers)
        self._values: Values | None = None
        self._asked = False
        self.look: Look | None = None
        self.line_values: Values | None = None
        self.words_looked = False  # `look` looks for the words too
        self._lines = 0

    def hot(self) -> bool:
        """Asked once a line until it says yes: are there enough such events to make a reader of lines for them?"""
        self._lines += 1
        if self._lines == HOT_LINES:
            pieces = self.words.pieces if self.words is not None else ()
            self.words_looked = pieces is not None and len(pieces) <= PIECES_LIMIT
            self.look = self._shared.look(pieces if pieces is not None and self.words_looked else ())
            if self.look is not None:
                self.line_values = line_reader(self.columns)
        return self.line_values is not None

    def values(self, event: Any) -> tuple[Any, ...]:
        """What stands in the plan's columns. Raises `Unusual`: also for the first event, since writing a function costs
        more than flattening six, and most plans see no second event that must be decoded."""
        if self._values is None:
            if not self._asked:
                self._asked = True
                raise Unusual
            self._values = self._reader()
        return self._values(event)

    def _reader(self) -> Values:
        try:
            return reader(self.columns, self._shared.guarded)
        except Unusual:  # a field name deeper than any event
            return _unusual

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
        satisfied.update(self._word_pairs[number] for number in words)
        found = self._decided(satisfied)
        if not words and not anew:
            self.decided.put(shapes, found, 24 * len(found.rules))
        return found

    def _satisfied(self, key: Sequence[int]) -> set[int] | None:
        """The pairs that these shapes are."""
        satisfied: set[int] = set()
        for shape, (met, matcher, at) in zip(key, self._met_by, strict=True):
            pairs = met.get(shape)
            if pairs is None:
                atoms_met = matcher.sets.get(shape)
                if atoms_met is None:
                    return None
                if len(met) > MET_LIMIT:
                    met.clear()
                pairs = met[shape] = frozenset(self._shared.pair_of(at, one) for one in atoms_met)
            satisfied |= pairs
        return satisfied

    def _met(self, values: Sequence[Any]) -> set[int]:
        satisfied: set[int] = set()
        for value, (_, matcher, at) in zip(values, self._met_by, strict=True):
            satisfied.update(self._shared.pair_of(at, one) for one in matcher.sets[matcher.of(value)])
        return satisfied

    def _decided(self, satisfied: set[int]) -> Found:
        numbers = set(self._always)
        for pair in self._by_pair.keys() & satisfied:
            numbers.update(self._by_pair[pair])
        rules, later = [], []
        for number in sorted(numbers):
            one = self._rules[number]
            if one.test is None:
                one.test = atoms.compiled(one.prepared.above, partial(self._shared.pair, source=one.source))
            if one.test(satisfied):
                if one.prepared.above is one.prepared.condition:
                    rules.append((one.rule, one.source))
                else:
                    later.append(number)
        return Found(tuple(rules), tuple(later)) if rules or later else NONE

    def settled(self, found: Found, values: Sequence[Any], words: frozenset[int],
                view: Callable[[Source], EventView]) -> list[tuple[Rule, Source]]:  # fmt: skip
        """With the rules that compare two fields decided, in the order loaded."""
        satisfied = self._met(values)
        satisfied.update(self._word_pairs[number] for number in words)
        held = set()
        for number in found.later:
            ready = self._rules[number]

            def is_true(leaf: atoms.Leaf, ready: Candidate = ready) -> bool:
                if isinstance(leaf, SameAs):
                    seen = view(ready.source)
                    return same(leaf, seen.value(leaf.field), seen.value(leaf.other))
                return self._shared.pair(leaf, ready.source) in satisfied

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
