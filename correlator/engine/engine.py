"""The engine: an event in, the rules that it matches out. Stateless: correlations are kept apart.

In:  `Engine.load(rules, pipelines)`, then `match(event)`. Out: `Match(rule, view)` for each rule that holds, in the
order loaded; `refused` names each rule that could not be loaded, `unrouted` those whose log source no pipeline knows.
Bound: the rules of one log source, each evaluated once an event; nothing is remembered but routes (`ROUTES_LIMIT`).
Source: Sigma specification 2.1.0; reliability.md B9, B10. This evaluator is literal: the truth that a fast one must
equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from correlator.engine import load as loader
from correlator.engine import sources as routing
from correlator.engine.conditions import holds
from correlator.engine.rule import Correlation, Refused, Rule
from sensors.event import Event

BUCKETS_LIMIT = 4096


@dataclass(slots=True)
class _Bucket:
    """The rules that an event of certain sources meets, and when the last such event was."""

    rules: tuple[tuple[Rule, routing.Source], ...]
    events: int = 0
    last: Any = None


@dataclass(frozen=True, slots=True)
class Match:
    rule: Rule
    view: routing.EventView


class Engine:
    def __init__(self, rules: Sequence[Rule], correlations: Sequence[Correlation] = (),
                 sources: Sequence[routing.Source] = (), refused: Sequence[Refused] = (),
                 waiting: Sequence[Refused] = ()) -> None:  # fmt: skip
        self.rules, self.correlations, self.refused = tuple(rules), tuple(correlations), tuple(refused)
        self.waiting = tuple(waiting)  # rules that need the agency's placeholder values
        self._sources = routing.Sources(sources)
        self.unrouted = tuple(rule for rule in self.rules
                              if not self._sources.known(rule.logsource) and not _by_dataset(rule))  # fmt: skip
        self._buckets: dict[tuple[Any, ...], _Bucket] = {}

    @classmethod
    def load(cls, paths: Iterable[Path], pipelines: Iterable[Path] = (), keep: Engine | None = None,
             adjust: Callable[[loader.Loaded], None] | None = None) -> Engine:  # fmt: skip
        """`keep`: the engine that runs now. A rule of it whose file has become unusable goes on as it was, and is
        listed as refused. `adjust` changes what was loaded before it runs (tuning, a backtest's choice of rules).
        Raises ValueError when a pipeline file is unusable: without it no rule can be trusted."""
        files = routing.read(pipelines)
        loaded = loader.load(paths, transformations(files), routing.placeholders(files))
        if keep is not None:
            _keep(loaded, keep)
        if adjust is not None:
            adjust(loaded)
        return cls(loaded.rules, loaded.correlations, routing.load(files), loaded.refused, loaded.waiting)

    def match(self, event: Event) -> list[Match]:
        flattened = routing.flat(event)
        views: dict[int, routing.EventView] = {}
        found = []
        bucket = self._bucket(self._sources.of(flattened))
        bucket.events += 1
        bucket.last = event.get("@timestamp")
        for rule, source in bucket.rules:
            view = views.get(id(source))
            if view is None:
                view = views[id(source)] = routing.EventView(flattened, source)
            if holds(rule.condition, view):
                found.append(Match(rule, view))
        return found

    def last_seen(self) -> dict[str, str]:
        """Rule id → `@timestamp` of the last event that it was asked about: is its data source there at all?"""
        seen: dict[str, str] = {}
        for bucket in self._buckets.values():
            if isinstance(bucket.last, str):
                for rule, _ in bucket.rules:
                    seen[rule.id] = max(seen.get(rule.id, ""), bucket.last)
        return seen

    def _bucket(self, sources: tuple[routing.Source, ...]) -> _Bucket:
        """The rules of these sources, each with the first source that it covers."""
        key = tuple((source.name, source.logsource) for source in sources)
        found = self._buckets.get(key)
        if found is None:
            found = _Bucket(
                tuple(
                    (rule, source)
                    for rule in self.rules
                    if (source := next((s for s in sources if rule.logsource.covers(s.logsource)), None)) is not None
                )
            )
            if len(self._buckets) >= BUCKETS_LIMIT:
                self._buckets.clear()
            self._buckets[key] = found
        return found


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
    for _, name, value in files:
        if not value.get("transformations"):
            continue
        from sigma.exceptions import SigmaError
        from sigma.processing.pipeline import ProcessingPipeline

        own = {key: value[key] for key in ("name", "priority", "vars", "transformations") if key in value}
        try:
            one = ProcessingPipeline.from_dict(own)
        except SigmaError as error:
            raise ValueError(f"{name}: {error}") from None
        except Exception as error:  # a shape that pySigma doesn't expect: its own AttributeError, TypeError …
            raise ValueError(f"{name}: not a pipeline: {type(error).__name__}: {error}"[:300]) from None
        made = one if made is None else made + one
    return made
