"""A plan: the rules that events of one kind meet, made ready.

In:  candidates; then events' values. Out: the rules that hold, in the order loaded.
Bound: tuples of shapes are remembered within the engine's budget; a rule is compiled when it is first asked.

The way of an event: each rule is filed under atoms of which one must hold (its *witness*, `atoms.witness`). Only
witnesses are looked for in every value: one look-up per column gives its shape, the tuple of shapes names the rules
that are worth asking (mostly none), and these are asked of the values themselves (`rows.py`). Which witness of a rule
is met least only the events can say: when rules are asked in vain too often, a sample of events is kept and the worst
of them are filed anew (`learn.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from correlator.engine.fast.learn import Learner
from correlator.engine.fast.lines import PIECES_LIMIT, Look, line_reader
from correlator.engine.fast.matchers import Matcher
from correlator.engine.fast.memo import Memo
from correlator.engine.fast.reach import Column, Unusual, Values, reader, value_in
from correlator.engine.fast.rows import Row
from correlator.engine.fast.shared import WORDS, Candidate, Shared, Witness
from correlator.engine.fast.words import Words
from correlator.engine.sources import EventView, Source

HOT_LINES = 2  # a reader of lines costs what two events cost that are read whole

_NOTHING: frozenset[int] = frozenset()
Asked = tuple[int, ...]  # numbers of candidates that are worth asking


class Plan:
    def __init__(self, candidates: Sequence[Candidate], shared: Shared) -> None:
        self._shared = shared
        self._rules = candidates
        self.empty = not candidates
        tests: dict[int, set[int]] = {}  # by column: atoms
        wholes, words = set[int](), set[int]()
        for one in candidates:
            for at, whole, asked in one.asks:
                if at in tests:
                    tests[at] |= asked
                else:
                    tests[at] = set(asked)
                if whole:
                    wholes.add(at)
            words |= one.words
        self._tests, self._wholes = tests, wholes
        self._full: dict[int, Matcher] = {}
        self._word_atoms = tuple(words)
        self.words = Words([shared.atoms[one] for one in self._word_atoms], shared.budget) if words else None
        self._learner = Learner(self._rules)
        self.look: Look | None = None
        self.words_looked = False  # `look` looks for the words too
        self._lines = 0
        self._anew: Sequence[Witness] | None = None
        self._file([one.witness for one in candidates])

    def _file(self, witnesses: Sequence[Witness]) -> None:
        """Each rule under the atoms of its witness; columns in which a witness stands come first."""
        self._shared.made += 1
        by_atom: dict[int, dict[int, list[int]]] = {}  # column → atom → candidates
        always = list[int]()
        for number, witness in enumerate(witnesses):
            if witness is None:
                always.append(number)
            else:
                for at, atom in witness:
                    by_atom.setdefault(at, {}).setdefault(atom, []).append(number)
        self._always = frozenset(always)
        self._by_word = by_atom.pop(WORDS, {})
        self._by_atom = by_atom
        order = [*by_atom, *(at for at in self._tests if at not in by_atom)]
        self.columns: list[Column] = [self._shared.columns[at]._replace(whole=at in self._wholes) for at in order]
        self.places = {at: place for place, at in enumerate(order)}
        self._values: Values | None = None
        self._asked_once = False
        self.line_values: Values | None = None
        self._bind()

    def _bind(self) -> None:
        """Takes the matchers as they are now."""
        self.matchers = self._looking()
        self.gets = tuple(matcher.get for matcher in self.matchers)
        self.decided: Memo[Asked] = Memo(self._shared.budget)  # tuple of shapes → rules worth asking
        self._version = self._shared.version

    def renew(self) -> None:
        """Between events: what was learned is put to use. (Columns change places.)"""
        if self._anew is not None:
            self._file(self._anew)
            self._anew = None
        elif self._version != self._shared.version:
            self._version = self._shared.version
            if self._looking() != self.matchers:
                self._bind()

    def _looking(self) -> tuple[Matcher, ...]:
        return tuple(self._shared.looking(at, found) for at, found in self._by_atom.items())

    def hot(self, lines: int = 1) -> bool:
        """Asked until it says yes: are there enough such events to make a reader of lines for them?"""
        self._lines += lines
        if self._lines >= HOT_LINES:
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
            if not self._asked_once:
                self._asked_once = True
                raise Unusual
            self._values = self._reader()
        return self._values(event)

    def _reader(self) -> Values:
        try:
            return reader(self.columns, self._shared.guarded)
        except Unusual:  # a field name deeper than any event
            return _unusual

    # --- events -------------------------------------------------------------------------------------------------

    def flat_values(self, flattened: Mapping[str, Any]) -> list[Any]:
        return [value_in(flattened, one) for one in self.columns]

    def met(self, at: int, value: Any) -> frozenset[int]:
        matcher = self._full.get(at)
        if matcher is None:
            matcher = self._full[at] = self._shared.matcher(self._tests[at])
        return matcher.sets[matcher.of(value)]

    def candidates(self, values: Sequence[Any], shapes: Sequence[int | None] = ()) -> Asked:
        """The rules worth asking for these values. `shapes`: as far as they are known."""
        if not shapes or None in shapes:
            shapes = [matcher.of(value) if shape is None else shape for matcher, value, shape
                      in zip(self.matchers, values, shapes or [None] * len(self.matchers), strict=False)]  # fmt: skip
        key = tuple(shapes)
        known = self.decided.get(key)
        if known is None:
            known = self.decided.older(key)
        if known is not None:
            return known
        numbers, forgotten = set(self._always), False
        for matcher, by_atom, shape, value in zip(self.matchers, self._by_atom.values(), key, values, strict=False):
            atoms = matcher.sets.get(shape) if shape is not None else None
            if atoms is None:  # the matcher made room meanwhile: the number means nothing any more
                forgotten, atoms = True, matcher.sets[matcher.of(value)]
            for atom in atoms:
                numbers.update(by_atom.get(atom, ()))
        asked = tuple(sorted(numbers))
        if not forgotten:
            self.decided.put(key, asked, 8 * len(asked))
        return asked

    def held(self, asked: Asked, values: Sequence[Any], words: Iterable[int] = (),
             flat: bool = False) -> tuple[list[Candidate], Row]:  # fmt: skip
        """Those of the candidates that hold, comparisons of two fields left out: `exactly`. Raises `Unusual`."""
        met = _NOTHING
        if words:
            met = frozenset(self._word_atoms[number] for number in words)
            asked = tuple(sorted({*asked, *(one for atom in met for one in self._by_word.get(atom, ()))}))
        row, found, vain = Row(self, values, met, flat), list[Candidate](), list[int]()
        for number in asked:
            one = self._rules[number]
            test = one.test or self._shared.compile(one)
            if test(row):
                found.append(one)
            else:
                vain.append(number)
        if vain and self._learner.in_vain(vain, row):
            self._anew = self._learner.learned(self._shared)
        return found, row


def exactly(held: Sequence[Candidate], row: Row, view: Callable[[Source], EventView]) -> list[Candidate]:
    """With comparisons of two fields: for that the whole event must have been read."""
    row.view = view
    return [one for one in held if one.exact is None or one.exact(row)]


def _unusual(_: Any) -> tuple[Any, ...]:
    raise Unusual
