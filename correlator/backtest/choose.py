"""The rules of a backtest: those asked for, told, and what they count, silent; nothing else.

In:  rule ids, names or files, and the places where rules lie. Out: `Chosen`: an engine of these rules alone.
A rule that only a correlation counts (silent) speaks here when it was asked for by itself: "how often does it match?"
Bound: the loader's. A file that is named comes before the rules of the same id elsewhere: a draft is tried, not what it
will replace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from correlator.engine import Correlation, Engine, Refused, Rule
from correlator.engine import sources as routing
from correlator.engine.cache import Cache
from correlator.engine.load import Loaded
from correlator.engine.load import files as rule_files


@dataclass(frozen=True, slots=True)
class Chosen:
    engine: Engine
    ids: frozenset[str]  # what was asked for, without what it counts
    sources: tuple[routing.Source, ...]
    refused: tuple[Refused, ...]  # of the files that were named

    @property
    def span_s(self) -> int:
        """How long before the first moment events must be read, so that windows are full by then."""
        spans = {made.id: made.timespan_s for made in self.engine.correlations}
        for made in self.engine.correlations:  # what a correlation refers to stands before it
            spans[made.id] += max((spans.get(name, 0) for name in made.rules), default=0)
        return max(spans.values(), default=0)


class Unknown(LookupError):
    """Nothing of that name is loaded."""

    def __init__(self, wanted: str, known: Sequence[str], refused: Sequence[Refused] = ()) -> None:
        super().__init__(wanted)
        self.wanted, self.known, self.refused = wanted, known, refused


def choose(wanted: Iterable[str], rules: Sequence[Path], pipelines: Sequence[Path],
           cache: Cache | None = None) -> Chosen:  # fmt: skip
    """`wanted`: ids, names (a file's too), files, folders. Raises `Unknown`; ValueError when a pipeline is unusable."""
    words = list(wanted)
    named = [Path(word) for word in words if Path(word).exists()]
    texts = [word for word in words if not Path(word).exists()]
    asked: set[str] = set()
    inside = {str(file) for file in rule_files(named)}

    def adjust(loaded: Loaded) -> None:
        every: list[Rule | Correlation] = [*loaded.rules, *loaded.correlations]
        mine = [one for one in every if one.about.path in inside]
        # Of a file, what it tells people; a file of base rules alone is tried rule by rule.
        asked.update(one.id for one in (made for made in mine if not made.silent))
        if not asked:
            asked.update(one.id for one in mine)
        for text in texts:
            found = [one.id for one in every if text in (one.id, one.about.name)]
            found = found or [one.id for one in every if text == Path(one.about.path).stem and not one.silent]
            if not found:
                raise Unknown(text, sorted({name for one in every for name in _names(one) if name}))
            asked.update(found)
        _keep(loaded, asked)

    engine = Engine.load([*named, *rules], pipelines, adjust=adjust, cache=cache)
    refused = tuple(one for one in engine.refused if one.path in inside)
    if not asked:
        raise Unknown(words[0] if words else "", (), refused)
    return Chosen(engine, frozenset(asked), tuple(routing.load(routing.read(pipelines))), refused)


def _names(one: Rule | Correlation) -> tuple[str, str, str]:
    return one.id, one.about.name, Path(one.about.path).stem


def _keep(loaded: Loaded, asked: set[str]) -> None:
    needed = set(asked)
    for made in reversed(loaded.correlations):  # what a correlation refers to stands before it
        if made.id in needed:
            needed.update(made.rules)
    loaded.rules[:] = [replace(one, silent=one.id not in asked) for one in loaded.rules if one.id in needed]
    loaded.correlations[:] = [
        replace(one, silent=one.id not in asked) for one in loaded.correlations if one.id in needed
    ]
