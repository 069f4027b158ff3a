"""The engine: an event in, the rules that it matches out. Stateless: correlations are kept apart.

In:  `Engine.load(rules, pipelines)`, then `match(event)`, or `match_lines(lines)` for events as JSON. Out: `Match` for
     each rule that holds, in the order loaded; `refused` names each rule that could not be loaded, `unrouted` those
     whose log source no pipeline knows.
Bound: `MEMORY_BYTES` for all that is remembered, whatever strangers send; one event takes time linear in its size.
Source: Sigma specification 2.1.0; reliability.md B9, B10; the architecture is the study's (README.md, fast/).

`tests/naive/sigma.py` is what all this must equal. An event of an odd shape (`fast.reach.Unusual`) is flattened first
and then goes the same way.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from operator import call
from pathlib import Path
from typing import Any

import msgspec

from correlator.engine import load as loader
from correlator.engine import sources as routing
from correlator.engine.cache import Cache
from correlator.engine.fast import batch
from correlator.engine.fast.memo import Budget
from correlator.engine.fast.plan import Plan, exactly
from correlator.engine.fast.reach import Unusual, holds_objects
from correlator.engine.fast.route import Route, Router
from correlator.engine.fast.rows import Row
from correlator.engine.fast.shared import Candidate, Shared
from correlator.engine.rule import Correlation, LogSource, Refused, Rule
from sensors.event import Event, decode, encode

MEMORY_BYTES = 64 * 1024 * 1024
SETTLED_MORE = 50

_NOTHING: frozenset[int] = frozenset()
_NO_EVENT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Seen:
    """An event that rules matched: flattened once, seen through each source once, and only if somebody looks."""

    __slots__ = ("_flat", "_views", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._flat: dict[str, Any] | None = None
        self._views: dict[int, routing.EventView] = {}

    def flat(self) -> dict[str, Any]:
        if self._flat is None:
            self._flat = routing.flat(self.event)
        return self._flat

    def view(self, source: routing.Source) -> routing.EventView:
        found = self._views.get(id(source))
        if found is None:
            found = self._views[id(source)] = routing.EventView(self.flat(), source)
        return found


class Match:
    """A rule that holds for an event. `view` is made when it is asked for."""

    __slots__ = ("_seen", "_source", "rule")

    def __init__(self, rule: Rule, source: routing.Source, seen: Seen) -> None:
        self.rule, self._source, self._seen = rule, source, seen

    @property
    def event(self) -> Event:
        return self._seen.event

    @property
    def view(self) -> routing.EventView:
        return self._seen.view(self._source)


class Engine:
    def __init__(self, rules: Sequence[Rule], correlations: Sequence[Correlation] = (),
                 sources: Sequence[routing.Source] = (), refused: Sequence[Refused] = (),
                 waiting: Sequence[Refused] = ()) -> None:  # fmt: skip
        self.rules, self.correlations, self.refused = tuple(rules), tuple(correlations), tuple(refused)
        self.waiting = tuple(waiting)  # rules that need the agency's placeholder values
        self._sources = routing.Sources(sources)
        known = {one: self._sources.known(one) for one in {rule.logsource for rule in self.rules}}
        self.unrouted = tuple(rule for rule in self.rules if not known[rule.logsource] and not _by_dataset(rule))
        self._shared = Shared(Budget(MEMORY_BYTES))
        self._router = Router(self.rules, self._sources, self._shared)
        self._settled = math.inf  # so much was made when the collector was last told that it stays; inf: it isn't told

    @classmethod
    def load(cls, paths: Iterable[Path], pipelines: Iterable[Path] = (), keep: Engine | None = None,
             adjust: Callable[[loader.Loaded], None] | None = None, cache: Cache | None = None) -> Engine:  # fmt: skip
        """`keep`: the engine that runs now. A rule of it whose file has become unusable goes on as it was, and is
        listed as refused. `adjust` changes what was loaded before it runs (tuning, a backtest's choice of rules).
        `cache`: where compiled rules are kept from one start to the next.
        Raises ValueError when a pipeline file is unusable: without it no rule can be trusted."""
        # A collection passes over all that was loaded so far; of what is made here nothing is garbage for long.
        collecting = gc.isenabled()
        gc.disable()
        try:
            files = routing.read(pipelines)
            values, changes = routing.placeholders(files), transformations(files)
            with cache.open(sorted(values.items()), transforming(files)) if cache else nullcontext() as kept:
                loaded = loader.load(paths, changes, values, kept)
                if keep is not None:
                    _keep(loaded, keep)
                if adjust is not None:
                    adjust(loaded)
                made = cls(loaded.rules, loaded.correlations, routing.load(files), loaded.refused, loaded.waiting)
                made._shared.scanners.prepare(kept.database if kept else None)
        finally:
            if collecting:
                gc.enable()
        # Rules are hundreds of thousands of objects that stay: a collector that walks over them takes half of all time.
        gc.unfreeze()  # those of the engine before may go
        gc.collect()
        gc.freeze()
        made._settled = 0
        return made

    def match(self, event: Event, line: bytes = b"") -> list[Match]:
        """`line`: the event as JSON, from whoever has it already."""
        try:
            route = self._router.of(event)
        except Unusual:
            return self._flattened(event)
        family, plan = route.family, route.plan
        family.last = event.get("@timestamp")
        plan.renew()
        if plan.empty:
            return []
        words = _NOTHING
        if plan.words is not None:
            written = line or _written(event)
            if not written or plan.words.may_hold(written):
                words = plan.words.found(routing.EventView(routing.flat(event), _NO_SOURCE).words())
        return self._found(plan, event, words)

    def match_lines(self, lines: Sequence[bytes]) -> list[Sequence[Match]]:
        """The matches of each line, an event as JSON; a line that is none has no matches."""
        found: list[Sequence[Match]] = []
        for chunk in batch.chunks(lines):
            outcomes = batch.matched(chunk, self._router)
            if self._shared.made > self._settled:
                # Plans and compiled rules stay, as rules do. (Without this a full collection took 80 to 150 ms.)
                self._settled = self._shared.made * 11 // 10 + SETTLED_MORE
                gc.collect(1)
                gc.freeze()
            found += [() if outcome is True else self._read(line, outcome)
                      for line, outcome in zip(chunk, outcomes, strict=True)]  # fmt: skip
        return found

    def _read(self, line: bytes, outcome: batch.Outcome) -> Sequence[Match]:
        """What matches, or can't be read column by column, is decoded whole."""
        try:
            event = decode(line)
        except _NO_EVENT:
            return ()
        if isinstance(outcome, bool):
            return self.match(event, line)
        try:
            return _matches(outcome.rules, outcome.row, Seen(event))
        except Unusual:  # a comparison of two fields asked for a field that only flattening finds
            return self.match(event, line)

    def _found(self, plan: Plan, event: Event, words: frozenset[int]) -> list[Match]:
        try:
            values = plan.values(event)
        except (Unusual, TypeError):
            return self._slowly(plan, Seen(event), words)
        try:
            asked = plan.candidates(values, [*map(call, plan.gets, values)])
        except TypeError:  # a list or an object
            if any(map(holds_objects, values)):
                return self._slowly(plan, Seen(event), words)
            asked = plan.candidates(values)
        if not asked and not words:
            return []
        try:
            held, row = plan.held(asked, values, words)
            return _matches(held, row, Seen(event)) if held else []
        except Unusual:
            return self._slowly(plan, Seen(event), words)

    def _slowly(self, plan: Plan, seen: Seen, words: frozenset[int]) -> list[Match]:
        values = plan.flat_values(seen.flat())
        held, row = plan.held(plan.candidates(values), values, words, flat=True)
        return _matches(held, row, seen)

    def _flattened(self, event: Event) -> list[Match]:
        """The same for an event of an odd shape: dotted keys, lists of objects …"""
        seen = Seen(event)
        route: Route = self._router.of_flat(seen.flat())
        family, plan = route.family, route.plan
        family.last = event.get("@timestamp")
        plan.renew()
        words = _NOTHING
        if plan.words is not None:
            words = plan.words.found(seen.view(_NO_SOURCE).words())
        return self._slowly(plan, seen, words)

    def remembered(self) -> dict[str, int]:
        """How much is remembered of what came before: entries, bytes (by estimate), times that room was made, plans."""
        budget = self._shared.budget
        return {"entries": sum(map(len, budget.memos)), "bytes": budget.used_bytes, "turns": budget.turns,
                "plans": self._shared.plans}  # fmt: skip

    def last_seen(self) -> dict[str, str]:
        """Rule id → `@timestamp` of the last event that it was asked about: is its data source there at all?"""
        seen: dict[str, str] = {}
        for family in self._router.families.values():
            if isinstance(family.last, str):
                for rule, _ in family.rules:
                    seen[rule.id] = max(seen.get(rule.id, ""), family.last)
        return seen


_NO_SOURCE = routing.Source("", (), LogSource())


def _matches(held: Sequence[Candidate], row: Row, seen: Seen) -> list[Match]:
    return [Match(one.rule, one.source, seen) for one in exactly(held, row, seen.view)]


def _written(event: Event) -> bytes:
    """As JSON; nothing for what JSON doesn't know."""
    try:
        return encode(event)
    except (TypeError, ValueError, RecursionError):
        return b""


def _by_dataset(rule: Rule) -> bool:
    """{product: luytre, service: X} and {product: a, service: b} are met by datasets "X" and "a.b"."""
    return rule.logsource.product == "luytre" and rule.logsource.category is None


def _keep(loaded: loader.Loaded, running: Engine) -> None:
    broken = {refused.path for refused in loaded.refused}
    known = {rule.id for rule in loaded.rules} | {made.id for made in loaded.correlations}
    for rule in running.rules:
        if rule.about.path in broken and rule.id not in known:
            loaded.rules.append(rule)
            known.add(rule.id)
    for made in running.correlations:
        if made.about.path in broken and made.id not in known and all(name in known for name in made.rules):
            loaded.correlations.append(made)
            known.add(made.id)


def transformations(files: Iterable[routing.PipelineFile]) -> Any:
    """The pySigma part (`transformations`, `vars`) of the pipeline files as one pipeline, or None when none has any."""
    made: Any = None
    for name, own in transforming(files):
        from sigma.exceptions import SigmaError
        from sigma.processing.pipeline import ProcessingPipeline

        try:
            one = ProcessingPipeline.from_dict(own)
        except SigmaError as error:
            raise ValueError(f"{name}: {error}") from None
        except Exception as error:  # a shape that pySigma doesn't expect: its own AttributeError, TypeError …
            raise ValueError(f"{name}: not a pipeline: {type(error).__name__}: {error}"[:300]) from None
        made = one if made is None else made + one
    return made


def transforming(files: Iterable[routing.PipelineFile]) -> list[tuple[str, dict[str, Any]]]:
    """What pySigma is given of each file that has transformations."""
    names = ("name", "priority", "vars", "transformations")
    return [(path, {key: value[key] for key in names if key in value})
            for _, path, value in files if value.get("transformations")]  # fmt: skip
