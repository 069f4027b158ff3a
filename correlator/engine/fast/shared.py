"""What the plans of one engine have in common: atoms and columns by number, matchers, candidates.

In:  rules and the sources that they are read through. Out: `Candidate`s: rules made ready once for all plans.
Bound: one of each for a rule and source; nothing here grows with events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from correlator.engine.conditions import Condition, Exists, Is, Keyword, Null, SameAs
from correlator.engine.fast import atoms
from correlator.engine.fast.lines import Look, look
from correlator.engine.fast.matchers import NULL, THERE, Atom, Matcher
from correlator.engine.fast.memo import Budget
from correlator.engine.fast.reach import Column, column
from correlator.engine.fast.regexes import Scanners
from correlator.engine.fast.rows import Hold, compiled
from correlator.engine.rule import Rule
from correlator.engine.sources import Source

WORDS = -1  # the column in which keywords stand
SHARED_FROM = 4  # a plan that needs a fourth of a field's witnesses uses the matcher for all of them
LITERAL_WEIGHT = 0.01  # what it costs to look for one more literal, in candidates that are asked in vain

Witness = tuple[tuple[int, int], ...] | None  # (column, atom): one of them is satisfied whenever the rule holds


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
    found = atoms.witness(above, lambda leaf: atoms.commonness(leaf) + LITERAL_WEIGHT)
    return Prepared(condition, leaves, above, tuple(found[1]) if found is not None else None)


@dataclass(slots=True, eq=False)
class Candidate:
    """A rule read through a source, and what a plan must know of it, worked out once for all plans that hold it."""

    rule: Rule
    source: Source
    prepared: Prepared
    asks: tuple[tuple[int, bool, frozenset[int]], ...]  # (column, is it asked whether the field is there, atoms)
    words: frozenset[int]
    witness: Witness
    test: Hold | None = None  # compiled when it is first asked
    exact: Hold | None = None  # where two fields are compared: what must hold too

    @property
    def compares(self) -> bool:
        return self.prepared.above is not self.prepared.condition


class Shared:
    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.scanners = Scanners()
        self.plans = 0
        self.made = 0  # what was built since: plans, readers, rules compiled
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
        self._wanted: dict[str, set[int]] = {}  # field name → atoms that are witnesses of some rule
        self._looking: dict[str, tuple[frozenset[int], Matcher]] = {}  # what it was made for, and itself
        self.version = 0  # of those matchers
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
            for leaf in found.witness or ():
                if isinstance(leaf, Is | Null | Exists):
                    self._wanted.setdefault(leaf.field, set()).add(self._by_leaf[id(leaf)])
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
        atom = leaf.test if isinstance(leaf, Keyword) else _atom_of(leaf)
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
            found = self._candidates[key] = Candidate(
                rule, source, ready, tuple((at, at in wholes, frozenset(asked)) for at, asked in asks.items()),
                frozenset(words), self.placed(ready.witness, source))  # fmt: skip
            self._kept.append(source)
        return found

    def placed(self, leaves: Iterable[atoms.Leaf] | None, source: Source) -> Witness:
        return None if leaves is None else tuple(dict.fromkeys(self.place(leaf, source) for leaf in leaves))

    def place(self, leaf: atoms.Leaf, source: Source) -> tuple[int, int]:
        """(column, atom)"""
        assert not isinstance(leaf, SameAs)
        return WORDS if isinstance(leaf, Keyword) else self.at(source, leaf.field), self.number(leaf)

    def compile(self, one: Candidate) -> Hold:
        def place(leaf: atoms.Leaf) -> tuple[int, int]:
            return self.place(leaf, one.source)

        self.made += 1
        one.test = compiled(one.prepared.above, place, one.source)
        if one.compares:
            one.exact = compiled(one.prepared.condition, place, one.source)
        return one.test

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

    def looking(self, at: int, wanted: Collection[int]) -> Matcher:
        """The matcher that looks for these witnesses in a column. Columns of one name share one, if they need much of
        it: what a value meets is found out once for all plans, and one automaton stays in the processor's cache where
        several would not."""
        name = self.columns[at].name
        known = self._wanted.setdefault(name, set())
        if len(wanted) * SHARED_FROM < len(known):
            return self.matcher(wanted)
        held, made = self._looking.get(name, (frozenset[int](), None))
        if made is None or not held.issuperset(wanted):
            if made is not None:
                self._matchers.pop(held, None)  # plans that have it let it go when they are renewed
                self.version += 1
            known.update(wanted)
            held = frozenset(known)
            made = self.matcher(held)
            self._looking[name] = held, made
        return made

    def matcher(self, wanted: Collection[int]) -> Matcher:
        key = frozenset(wanted)
        found = self._matchers.get(key)
        if found is None:
            found = self._matchers[key] = Matcher(
                [(number, self.atoms[number]) for number in wanted], self.budget, self.scanners
            )
        return found


def _atom_of(leaf: Is | Null | Exists) -> Atom:
    match leaf:
        case Is():
            return leaf.test
        case Null():
            return NULL
        case Exists():
            return THERE
