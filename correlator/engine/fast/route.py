"""Events → plans: by log source, then by what EventID and Provider_Name already decide of the rules.

In:  events. Out: a `Route`: the family (the rules of the event's log sources) and the plan of those that the head
     values (`HEADS`) leave possible.
Bound: a routing value that no source is told by, and a head value that no rule names, is like every other such, so
strangers can't make many routes; `ROUTES_LIMIT`, `FAMILIES_LIMIT` and `PLANS_LIMIT` hold for what is left (datasets,
combinations). Past the last, events share their family's general plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import call
from typing import Any, NamedTuple

import msgspec

from correlator.engine.conditions import MISSING, Exists, Is, Null
from correlator.engine.fast.atoms import leaves
from correlator.engine.fast.lines import line_reader
from correlator.engine.fast.matchers import Matcher
from correlator.engine.fast.plan import Plan
from correlator.engine.fast.reach import EXACT_BELOW, Column, Unusual, column, guards, holds_objects, reader, value_in
from correlator.engine.fast.shared import Candidate, Shared
from correlator.engine.rule import LogSource, Rule
from correlator.engine.sources import Source, Sources, routing_key
from correlator.engine.values import Regex

Place = tuple[Any, ...]  # where a head stands: the key of its column
_Heads = tuple[tuple[Is | Null | Exists, Place, int], ...]  # leaf, place, atom

HEADS = ("EventID", "Provider_Name")
ROUTES_LIMIT = 8192
PLANS_LIMIT = 2048
FAMILIES_LIMIT = 4096


class Family:
    """The rules of some log sources, each with the first source that it covers, and when the last event came."""

    def __init__(self, rules: Sequence[tuple[Rule, Source]], heads: Collection[Place], shared: Shared) -> None:
        self.rules = tuple(rules)
        self.last: Any = None
        self._shared = shared
        self._candidates: list[tuple[Candidate, _Heads]] = []
        tests: dict[Place, set[int]] = {}
        for rule, source in self.rules:
            ready = shared.prepared(rule)
            found: _Heads = ()
            for leaf in ready.leaves:
                if isinstance(leaf, Is | Null | Exists) and leaf.field in HEADS:
                    place, number = shared.columns[shared.at(source, leaf.field)].key, shared.number(leaf)
                    if place in heads:
                        tests.setdefault(place, set()).add(number)
                    found += ((leaf, place, number),)
            self._candidates.append((shared.candidate(rule, source, ready), found))
        self._tests = {place: frozenset(found) for place, found in tests.items()}
        self._plans: dict[tuple[frozenset[int], ...], Plan] = {}
        self._general: Plan | None = None

    def plan(self, shapes: Mapping[Place, frozenset[int]]) -> Plan:
        """`shapes`: what the head values satisfy."""
        key = tuple(shapes[place] & tests for place, tests in self._tests.items())
        found = self._plans.get(key)
        if found is None:
            if self._shared.plans >= PLANS_LIMIT:
                return self.general()
            self._shared.plans += 1
            found = self._plans[key] = Plan(self._left(shapes), self._shared)
        return found

    def general(self) -> Plan:
        if self._general is None:
            self._general = Plan(self._left({}), self._shared)
        return self._general

    def _left(self, shapes: Mapping[Place, frozenset[int]]) -> list[Candidate]:
        """The rules that these head values leave possible. Equal rests are prepared once."""
        left = []
        for one, heads in self._candidates:
            if not heads:
                left.append(one)
                continue
            met = [shapes.get(place) for _, place, _ in heads]
            told = tuple(None if found is None else number in found
                         for found, (_, _, number) in zip(met, heads, strict=True))  # fmt: skip
            rest = self._shared.rest(one.rule, told, [leaf for leaf, _, _ in heads])
            if rest is not None:
                left.append(self._shared.candidate(one.rule, one.source, rest))
        return left


class Route(NamedTuple):
    family: Family
    plan: Plan


class _Told:
    """A path that sources are told by: its values, as far as a source names them."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._known: dict[Any, str] = {MISSING: "-", None: "-"}
        self.get = self._known.get

    def of(self, value: Any) -> str:
        found = routing_key(value)
        if found is not None and found not in self._wanted:
            found = "*"
        told = "-" if found is None else "=" + found
        if _plain(value) and len(self._known) < ROUTES_LIMIT:
            self._known[value] = told
        return told


class _Head:
    """A head: value → what it satisfies, as a number. (The matcher's own memory can't hold 1, which is `True` too.)"""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._known: dict[Any, int] = {}
        self.get = self._known.get

    def of(self, value: Any) -> int:
        shape = self.matcher.of(value)
        if _plain(value) and len(self._known) < ROUTES_LIMIT:
            self._known[value] = shape
        return shape


def _plain(value: Any) -> bool:
    """A key of a dictionary like no other value that is read differently."""
    return value is MISSING or type(value) is str or (type(value) is int and -EXACT_BELOW < value < EXACT_BELOW)


class Router:
    def __init__(self, rules: Sequence[Rule], sources: Sources, shared: Shared) -> None:
        self._rules, self._sources, self._shared = rules, sources, shared
        self.families: dict[tuple[Any, ...], Family] = {}
        self._routes: dict[tuple[Any, ...], Route] = {}
        self._met: dict[tuple[Any, ...], Route] = {}  # the same by the values themselves
        self._by_logsource: dict[LogSource, list[int]] = {}
        for number, rule in enumerate(rules):
            self._by_logsource.setdefault(rule.logsource, []).append(number)
        self._told = {path: _Told(frozenset(one for source in sources.all for told, wanted in source.when
                                            if told == path for one in wanted)) for path in sources.paths}  # fmt: skip
        heads = {one.key: one for source in sources.all for name in HEADS if name in source.fields
                 for one in [column(source, name, whole=True)]}  # fmt: skip
        tests: dict[Place, set[int]] = {place: set() for place in heads}
        regexes: dict[str, dict[int, Regex]] = {}
        for rule in rules:  # as they are written: a rule is prepared when an event of its log source comes
            for leaf in leaves(rule.condition):
                if isinstance(leaf, Is) and isinstance(leaf.test, Regex):
                    regexes.setdefault(leaf.field, {})[shared.atom(leaf)] = leaf.test
                if isinstance(leaf, Is | Null | Exists) and leaf.field in HEADS:
                    for one in heads.values():
                        if one.paths[-1] == leaf.field:
                            tests[one.key].add(shared.atom(leaf))
        for found_regexes in regexes.values():
            shared.scanners.add(found_regexes)
        self._heads = {place: _Head(shared.matcher(found)) for place, found in tests.items() if found}
        self._columns = [Column(("event.dataset",), 1, None, False),
                         *(Column((path,), 1, None, False, single=True, text=True) for path in self._told),
                         *(heads[place]._replace(text=True) for place in self._heads)]  # fmt: skip
        self._values = reader(self._columns)
        self._line_values = line_reader([*self._columns, Column(("@timestamp",), 1, None, False)])
        shared.guarded = guards(self._columns)
        self._askers: tuple[_Told | _Head, ...] = (*self._told.values(), *self._heads.values())
        self._gets = (_itself, *(asker.get for asker in self._askers))

    def of(self, event: Any) -> Route:
        """Raises `Unusual` when the event must be flattened first."""
        try:
            values = self._values(event)
        except TypeError:  # a key that is no text
            raise Unusual from None
        try:
            return self._routes[tuple(map(call, self._gets, values))]
        except (KeyError, TypeError):
            return self._new(values)

    def of_line(self, line: bytes) -> tuple[Route, Any] | None:
        """The route and `@timestamp` of an event as JSON; None when it must be decoded to know."""
        if self._line_values is None:
            return None
        try:
            *values, when = self._line_values(line)
            told = tuple(values)
            route = self._met.get(told)
            if route is None:
                route = self._routes.get(tuple(map(call, self._gets, values)))
                if route is None:
                    route = self._new(told)
                if len(self._met) < ROUTES_LIMIT and all(map(_plain, values)):
                    self._met[told] = route
            return route, when
        except (TypeError, Unusual, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _new(self, values: tuple[Any, ...]) -> Route:
        if any(map(holds_objects, values)):
            raise Unusual
        dataset = values[0] if isinstance(values[0], str) else MISSING
        key = (dataset, *(asker.of(value) for asker, value in zip(self._askers, values[1:], strict=True)))
        found = self._routes.get(key)
        if found is None:
            paths = ("event.dataset", *self._told)
            found = self._route({path: value for path, value in zip(paths, values, strict=False)
                                 if value is not MISSING}, values[len(paths) :])  # fmt: skip
            if len(self._routes) >= ROUTES_LIMIT:
                self._routes.clear()
                self._met.clear()
            self._routes[key] = found
        return found

    def of_flat(self, flattened: Mapping[str, Any]) -> Route:
        return self._route(flattened, [value_in(flattened, one) for one in self._columns[1 + len(self._told) :]])

    def _route(self, routing: Mapping[str, Any], heads: Sequence[Any]) -> Route:
        family = self._family(self._sources.of(routing))
        shapes = {place: head.matcher.sets[head.matcher.of(value)]
                  for (place, head), value in zip(self._heads.items(), heads, strict=True)}  # fmt: skip
        return Route(family, family.plan(shapes))

    def _family(self, sources: tuple[Source, ...]) -> Family:
        key = tuple((source.name, source.logsource) for source in sources)
        found = self.families.get(key)
        if found is None:
            covered: dict[int, Source] = {}
            for logsource, numbers in self._by_logsource.items():
                source = next((one for one in sources if logsource.covers(one.logsource)), None)
                if source is not None:
                    covered.update(dict.fromkeys(numbers, source))
            rules = [(self._rules[number], covered[number]) for number in sorted(covered)]
            if len(self.families) >= FAMILIES_LIMIT:
                self.families.clear()
                self._routes.clear()
                self._met.clear()
                self._shared.plans = 0
            found = self.families[key] = Family(rules, self._heads, self._shared)
        return found


def _itself(value: Any) -> Any:
    return value
