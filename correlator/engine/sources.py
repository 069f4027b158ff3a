"""Which log source an event is from, and where a rule's field names stand in it.

In:  the pipeline files of `rules/pipelines/` (one a source family) and events. Out: for an event, its `Source`s; for a
     source, a `View` through which conditions read.
Bound: routes are remembered for at most `ROUTES_LIMIT` combinations of routing values.
Source: Sigma specification 2.1.0, appendix taxonomy. A pipeline file holds `sources` (ours: `when` an event has these
values, it is of this `logsource`, and `fields`/`prefixes`/`values` say where the taxonomy's names stand), and may hold
`transformations` and `vars` (pySigma's, applied to rules when they are loaded).

The mapping is on the event's side, not the rule's, because one rule meets several shapes of event: process creation
comes as Sysmon 1 and as Security 4688, and an event may be of several categories at once (Sysmon 13 is registry_set
and registry_event).
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from correlator.engine.conditions import MISSING, members
from correlator.engine.documents import FILE_LIMIT_BYTES, documents
from correlator.engine.rule import LogSource
from correlator.engine.values import text_of

ROUTES_LIMIT = 4096
DEPTH_LIMIT = 32  # of an event; ingest refuses deeper ones

# What our own programs add is not the event's own words: a keyword must not hit a routing tag (engine-study.md).
_NOT_WORDS = ("luytre.", "agent.", "observer.", "organization.", "ecs.", "log.", "event.", "rule.", "data_stream.")
_WORDS = frozenset(("event.original", "event.reason"))


@dataclass(frozen=True, slots=True)
class Combined:
    """A field that no single place of the event holds. `of` is given what stands at each path, MISSING where nothing
    does. Without `glue` it is the list of what is there; with it the texts joined, if the first is there, and where
    that begins with a key of `begins`, with its value instead."""

    paths: tuple[str, ...]
    glue: str | None = None
    begins: tuple[tuple[str, str], ...] = ()

    def of(self, found: Sequence[Any]) -> Any:
        if self.glue is None:
            there = [value for value in found if value is not MISSING and value is not None]
            return MISSING if not there else there[0] if len(there) == 1 else there
        texts = [text for text in (text_of(value) for value in found if value is not MISSING) if text]
        if not texts or text_of(found[0]) is None:
            return MISSING
        joined = self.glue.join(texts)
        start = joined[:64].lower()
        for old, new in self.begins:
            if start.startswith(old):
                return new + joined[len(old) :]
        return joined


@dataclass(frozen=True, slots=True)
class Source:
    """Events with these values are of these log sources; the names in `combined` are made of several values; the names
    in `fields` stand at these paths, in this order; other names are tried behind each prefix, then as they are.
    `values` translate what is found."""

    name: str
    when: tuple[tuple[str, frozenset[str]], ...]
    logsource: LogSource
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    combined: Mapping[str, Combined] = field(default_factory=dict)


def flat(event: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted path → value; a list of objects becomes a list under each member's path, as Elasticsearch has it."""
    found: dict[str, Any] = {}
    _flatten(event, "", found, 0)
    return found


def _flatten(value: Mapping[str, Any], prefix: str, found: dict[str, Any], depth: int) -> None:
    if depth > DEPTH_LIMIT:
        return
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, Mapping):
            if inner:
                _flatten(inner, path + ".", found, depth + 1)
            else:
                found.setdefault(path, inner)
        elif isinstance(inner, list) and any(isinstance(part, Mapping) for part in inner):
            for part in inner:
                if isinstance(part, Mapping):
                    below: dict[str, Any] = {}
                    _flatten(part, path + ".", below, depth + 1)
                    for name, leaf in below.items():
                        found.setdefault(name, []).append(leaf) if isinstance(found.get(name, []), list) else None
        else:
            found[path] = inner


class EventView:
    """An event as the rules of one source see it."""

    __slots__ = ("_flat", "_found", "_source", "_words")

    def __init__(self, flattened: Mapping[str, Any], source: Source) -> None:
        self._flat, self._source = flattened, source
        self._words: list[Any] | None = None
        self._found: dict[str, Any] = {}  # a rule set asks for the same few names again and again

    def value(self, name: str) -> Any:
        if name in self._found:
            return self._found[name]
        found = self._find(name)
        table = self._source.values.get(name)
        if table and isinstance(found, str):
            found = table.get(found, found)
        self._found[name] = found
        return found

    def _find(self, name: str) -> Any:
        here = self._flat
        combined = self._source.combined.get(name)
        if combined is not None:
            return combined.of([here.get(path, MISSING) for path in combined.paths])
        for path in self._source.fields.get(name, ()):
            if path in here:
                return here[path]
        for prefix in self._source.prefixes:
            if prefix + name in here:
                return here[prefix + name]
        if name in here:
            return here[name]
        below = name + "."
        return {} if any(path.startswith(below) for path in here) else MISSING

    def words(self) -> Iterator[Any]:
        if self._words is None:
            self._words = [
                word
                for path, value in self._flat.items()
                if path in _WORDS or not path.startswith(_NOT_WORDS)
                for word in members(value)
            ]
        return iter(self._words)


class Sources:
    """All sources, asked by event."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.all = tuple(sources)
        self.paths = tuple(dict.fromkeys(path for source in sources for path, _ in source.when))
        self._known: dict[tuple[Any, ...], tuple[Source, ...]] = {}

    def of(self, flattened: Mapping[str, Any]) -> tuple[Source, ...]:
        """The sources that the event is of; equal routing values give the same tuple object's content."""
        dataset = flattened.get("event.dataset")
        key = (dataset if isinstance(dataset, str) else None,
               *(routing_key(flattened.get(path)) for path in self.paths))  # fmt: skip
        found = self._known.get(key)
        if found is None:
            found = self._route(flattened, key)
            if len(self._known) >= ROUTES_LIMIT:  # attackers choose these values
                self._known.clear()
            self._known[key] = found
        return found

    def _route(self, flattened: Mapping[str, Any], key: tuple[Any, ...]) -> tuple[Source, ...]:
        seen = dict(zip(self.paths, key[1:], strict=True))
        found = [source for source in self.all
                 if all(seen[path] is not None and ("*" in wanted or seen[path] in wanted)
                        for path, wanted in source.when)]  # fmt: skip
        return (*found, *_by_dataset(key[0]))

    def known(self, logsource: LogSource) -> bool:
        """Can an event of this log source ever be seen? (`product`s that name a dataset always can.)"""
        return any(logsource.covers(source.logsource) for source in self.all)


def _by_dataset(dataset: str | None) -> list[Source]:
    """Every event is of {product: luytre, service: <dataset>}, and "aws.cloudtrail" of {product: aws, service:
    cloudtrail} (and category application): no pipeline file is needed when the rules speak its own field names."""
    if not dataset:
        return []
    product, dot, service = dataset.partition(".")
    labels = [LogSource("luytre", None, dataset)]
    if dot:
        labels.append(LogSource(product, "application", service))
    return [Source(dataset, (), label) for label in labels]


def routing_key(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    text = text_of(value)
    return None if text is None else text.lower()[:200]


class PipelineFile(NamedTuple):
    priority: float
    path: str
    value: dict[str, Any]


def read(paths: Iterable[Path]) -> list[PipelineFile]:
    """The pipeline files under these paths, by priority. Raises ValueError with the file's name."""
    found: list[PipelineFile] = []
    for path in paths:
        # Ours end in .yaml: sigma-cli takes every .yml under rules/ for a rule.
        for file in sorted((*path.rglob("*.yml"), *path.rglob("*.yaml"))) if path.is_dir() else [path]:
            try:
                if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe would wait for its writer
                    raise TypeError("not a regular file")
                with file.open("rb") as opened:
                    data = opened.read(FILE_LIMIT_BYTES + 1)
                found += [PipelineFile(float(document.value.get("priority", 50)), str(file), document.value)
                          for document in documents(data) if isinstance(document.value, dict)]  # fmt: skip
            except (ValueError, TypeError) as problem:
                raise ValueError(f"{file}:{getattr(problem, 'line', 0)}: {problem}") from None
    return sorted(found, key=lambda file: file[:2])


def placeholders(files: Sequence[PipelineFile]) -> dict[str, tuple[str, ...]]:
    """The values of `%name%` in rules: the pipeline files' `vars`; a later file's list replaces an earlier one's."""
    found: dict[str, tuple[str, ...]] = {}
    for _, path, value in files:
        given = value.get("vars") or {}
        if not isinstance(given, dict):
            raise ValueError(f"{path}: vars: a mapping of names to values")
        for name, values in given.items():
            texts = [text_of(one) for one in _list(values)]
            if not all(texts):
                raise ValueError(f"{path}: vars.{name}: texts or numbers")
            found[str(name)] = tuple(text for text in texts if text)
    return found


def load(files: Sequence[PipelineFile]) -> list[Source]:
    """The sources of pipeline files. Raises ValueError with the file's name."""
    shared: dict[str, Mapping[str, Any]] = {}
    for file in files:
        if "shared" in file.value:
            name = str(file.value["shared"])
            if name in shared:
                raise ValueError(f"{file.path}: shared: {name} is there twice")
            shared[name] = _defaults(file.value, file.path, shared={})
    return [source for file in files for source in _sources(file.value, file.path, shared)]


_TABLES = ("fields", "values")


def _defaults(value: Mapping[str, Any], name: str, shared: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The file's `defaults` over those of the file whose `shared` name it gives under `uses`."""
    own = value.get("defaults") or {}
    used = value.get("uses")
    if used is not None and used not in shared:
        raise ValueError(f"{name}: uses: no pipeline file is shared as {used}")
    if not isinstance(own, dict):
        raise ValueError(f"{name}: defaults must be a mapping")
    below: Mapping[str, Any] = shared[used] if used is not None else {}
    merged = {table: {**(below.get(table) or {}), **(own.get(table) or {})} for table in _TABLES}
    return {**below, **own, **merged}


def _sources(value: Mapping[str, Any], name: str, shared: Mapping[str, Mapping[str, Any]]) -> Iterator[Source]:
    defaults = _defaults(value, name, shared)
    sources = value.get("sources") or ()
    if not isinstance(sources, list | tuple):
        raise ValueError(f"{name}: sources must be a list")
    for number, given in enumerate(sources):
        try:
            logsource = LogSource(**given["logsource"])
            fields = {**(defaults.get("fields") or {}), **(given.get("fields") or {})}
            combined = {str(key): _combined(places) for key, places in fields.items() if isinstance(places, dict)}
            yield Source(
                str(given.get("name") or logsource),
                tuple((str(path), frozenset(str(text_of(one)).lower() for one in _list(wanted)))
                      for path, wanted in given["when"].items()),
                logsource,
                {str(key): tuple(str(path) for path in _list(paths)) for key, paths in fields.items()
                 if key not in combined},
                tuple(given.get("prefixes", defaults.get("prefixes", ()))),
                {**(defaults.get("values") or {}), **(given.get("values") or {})},
                combined,
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{name}: sources[{number}]: {type(error).__name__}: {error}") from None


def _combined(given: Mapping[str, Any]) -> Combined:
    """`{all: [paths]}`, or `{join: [paths], by: "\\", begins: {from: to}}`."""
    known = {"all"} if "all" in given else {"join", "by", "begins"}
    if set(given) - known or not (given.get("all") or given.get("join")):
        raise TypeError(f"a field of several places is {{all: …}} or {{join: …, by: …, begins: …}}, not {set(given)}")
    paths = tuple(str(path) for path in _list(given.get("all") or given.get("join")))
    begins = tuple((str(old).lower(), str(new)) for old, new in (given.get("begins") or {}).items())
    return Combined(paths, None if "all" in given else str(given.get("by", "")), begins)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
