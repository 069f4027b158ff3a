"""The rules that an exception concerns, as they run: found in the files, loaded by the engine's own loader.

In:  the places of rules and pipelines. Out: `Rulebook.about(id)` → `Subject`: the rule, or a correlation's base rules,
     and every correlation that reads one of them; and an engine of just these, for the test over the last 30 days.
How: each file's root keys `id`, `name`, `correlation` and `filter` are looked for as text (3,700 files: 0.27 s the
first time, then only what changed), the few files that matter are loaded as always. So what the loader refuses is not
found here either, an agency's own filters narrow as they do live, and `tuning.toml` sets the levels.
Bound: the loader's; files over its limit are passed by. Looked at again after CHECK_S.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from correlator import tuning
from correlator.backtest import Chosen
from correlator.engine import Correlation, Engine, Rule
from correlator.engine import sources as routing
from correlator.engine.documents import FILE_LIMIT_BYTES, DocumentProblem, documents
from correlator.engine.load import Loaded
from correlator.engine.load import files as rule_files
from correlator.hit import SEVERITY
from sensors.clock import Clock

CHECK_S = 10.0
KEPT = 8
_KEY = re.compile(rb"""^(?:id|name): *["']?([^"'\r\n#]+?)["']? *(?:#.*)?\r?$""", re.MULTILINE)
_CORRELATION = re.compile(rb"^correlation:", re.MULTILINE)
_FILTER = re.compile(rb"^filter:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Places:
    rules: Sequence[Path]
    pipelines: Sequence[Path]
    tuning: Path


@dataclass(frozen=True, slots=True)
class Subject:
    """What an exception of one alert concerns."""

    rules: tuple[Rule, ...]  # those that it will name
    readers: tuple[Correlation, ...]  # correlations that count them
    chosen: Chosen

    @property
    def told(self) -> tuple[Rule | Correlation, ...]:
        """What makes alerts of its own."""
        every: tuple[Rule | Correlation, ...] = (*self.rules, *self.readers)
        return tuple(one for one in every if not one.silent)

    @property
    def level(self) -> str:
        """The highest that can be hidden: of a rule that only correlations read, theirs."""
        return max((one.about.level for one in self.told or self.rules), key=lambda level: SEVERITY[level])


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int]
    keys: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()  # what its correlations refer to
    is_filter: bool = False


class Rulebook:
    """Not for two threads at once: api/exceptions/preview.py holds the lock."""

    def __init__(self, places: Callable[[], Places], clock: Clock) -> None:
        self._places, self._clock = places, clock
        self._looked = float("-inf")
        self._files: dict[Path, _File] = {}
        self._made: dict[str, tuple[object, Subject | None]] = {}

    def about(self, rule_id: str) -> Subject | None:
        """None: no such rule or correlation is loaded (a detector has no rule, a deleted rule no file)."""
        places = self._places()
        self._look(places)
        wanted = self._closure(rule_id)
        day = int(self._clock.now() // 86_400)  # a day ends an entry of the tuning
        files = tuple((path, self._files[path].stamp) for path in wanted)
        stamp = files, _stamps((*places.pipelines, places.tuning)), day
        kept = self._made.get(rule_id)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        found = self._load(rule_id, wanted, places) if wanted else None
        self._made.pop(rule_id, None)
        self._made[rule_id] = (stamp, found)
        while len(self._made) > KEPT:
            del self._made[next(iter(self._made))]
        return found

    def _look(self, places: Places) -> None:
        now = self._clock.monotonic()
        if now - self._looked < CHECK_S:
            return
        self._looked = now
        found: dict[Path, _File] = {}
        for path in rule_files(places.rules):
            try:
                stat = path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size)
                before = self._files.get(path)
                found[path] = before if before is not None and before.stamp == stamp else _read(path, stamp)
            except OSError:
                continue
        self._files = found

    def _closure(self, rule_id: str) -> list[Path]:
        """The files of the rule, of what counts it, and of what these count besides: a correlation runs whole."""
        keys, files = {rule_id}, set[Path]()
        grown = True
        while grown:
            before = len(keys), len(files)
            for path, file in self._files.items():
                if file.keys & keys or file.reads & keys:
                    files.add(path)
                    keys |= file.keys | file.reads
            grown = (len(keys), len(files)) != before
        if not any(rule_id in self._files[path].keys for path in files):
            return []
        return sorted(files | {path for path, file in self._files.items() if file.is_filter})

    def _load(self, rule_id: str, files: Sequence[Path], places: Places) -> Subject | None:
        """Raises ValueError when a pipeline is unusable."""
        change = tuning.read(places.tuning, self._clock.now())
        needed: set[str] = set()
        base: set[str] = set()

        def adjust(loaded: Loaded) -> None:
            change.adjust(loaded)
            base.update(_base(rule_id, loaded))
            readers = _readers(base, loaded)
            needed.update(base, readers)
            for made in reversed(loaded.correlations):
                if made.id in needed:
                    needed.update(made.rules)
            loaded.rules[:] = [rule for rule in loaded.rules if rule.id in needed]
            loaded.correlations[:] = [made for made in loaded.correlations if made.id in needed]

        engine = Engine.load(files, places.pipelines, adjust=adjust)
        rules = tuple(rule for rule in engine.rules if rule.id in base)
        if not rules:
            return None
        readers = tuple(made for made in engine.correlations if made.id in _readers(base, engine))
        sources = tuple(routing.load(routing.read(places.pipelines)))
        made = Subject(rules, readers, Chosen(engine, frozenset(), sources, ()))
        return replace(made, chosen=replace(made.chosen, ids=frozenset(one.id for one in made.told)))


def _base(wanted: str, loaded: Loaded) -> set[str]:
    """The rule itself; of a correlation, the rules at the end of what it counts."""
    counts = {made.id: made.rules for made in loaded.correlations}
    waiting, found = [wanted], set[str]()
    seen: set[str] = set()
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        if here in counts:
            waiting += counts[here]
        else:
            found.add(here)
    return found & {rule.id for rule in loaded.rules}


def _readers(base: Iterable[str], loaded: Loaded | Engine) -> set[str]:
    """Correlations that count one of `base`, through others too: what they refer to stands before them."""
    known = set(base)
    found = set()
    for made in loaded.correlations:
        if known & set(made.rules):
            known.add(made.id)
            found.add(made.id)
    return found


def _read(path: Path, stamp: tuple[int, int]) -> _File:
    if not path.is_file() or stamp[1] > FILE_LIMIT_BYTES:
        return _File(stamp)
    data = path.read_bytes()
    keys = frozenset(found[1].decode("utf-8", "replace").strip() for found in _KEY.finditer(data))
    reads: frozenset[str] = frozenset()
    if _CORRELATION.search(data):
        with contextlib.suppress(DocumentProblem):  # the loader refuses the file
            reads = frozenset(_referred(documents(data)))
    return _File(stamp, keys, reads, _FILTER.search(data) is not None)


def _referred(found: Iterable[object]) -> Iterable[str]:
    for document in found:
        raw = getattr(document, "value", None)
        inner = raw.get("correlation") if isinstance(raw, dict) else None
        names = inner.get("rules") if isinstance(inner, dict) else None
        for name in names if isinstance(names, list) else [names]:
            if isinstance(name, str):
                yield name


def _stamps(paths: Iterable[Path]) -> tuple[tuple[str, int], ...]:
    found = []
    for path in paths:
        for one in sorted(path.glob("*.yml")) if path.is_dir() else [path]:
            try:
                found.append((str(one), one.stat().st_mtime_ns))
            except OSError:
                continue
    return tuple(found)
