"""Rule files → rules that run, and lists of those that don't, each with file, line, code and reason.

In:  files and folders, pipelines' transformations and placeholder values. Out: `Loaded`: what runs, what is `refused`,
     what is `waiting` for an agency's placeholder values. One bad rule never takes another with it. A pure function of
     the files' bytes and of what the pipelines say.
Bound: `FILES_LIMIT` files, `TOTAL_LIMIT_BYTES` together, `REFUSED_LIMIT` refusals written out; read.py and what it
uses say what one file may hold.
Source: Sigma specification 2.1.0 (rules, correlations, filters).

Codes: LT-R0200 not readable, LT-R0201 not valid Sigma, LT-R0202 regular expression refused, LT-R0203 placeholder
without a value, LT-R0205 reference (unknown, cyclic, refused), LT-R0206 id used twice.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from correlator.engine.cache import Kept
from correlator.engine.compile import logsource
from correlator.engine.conditions import AllOf
from correlator.engine.documents import FILE_LIMIT_BYTES
from correlator.engine.patterns import Placeholders
from correlator.engine.read import Item, Reader
from correlator.engine.rule import Correlation, Refused, Rule, Unusable

FILES_LIMIT = 20_000
TOTAL_LIMIT_BYTES = 256 * 1024 * 1024
REFUSED_LIMIT = 20_000
SUFFIXES = (".yml", ".yaml")
SKIPPED_FOLDERS = frozenset({"pipelines", "playbooks"})
EXCEPTIONS = "exceptions"  # directly under a place of rules: read by correlator/exceptions.py, each by its agency


@dataclass(slots=True)
class Loaded:
    rules: list[Rule] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)  # what they refer to stands before them
    refused: list[Refused] = field(default_factory=list)
    waiting: list[Refused] = field(default_factory=list)  # whole, but for placeholder values: `needs` names them


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Rule files under the paths, sorted; a file given by name is taken whatever its suffix."""
    return map(Path, itertools.islice(_all_files(paths), FILES_LIMIT))


def _all_files(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield from _under(str(path)) if path.is_dir() else [str(path)]


def _under(folder: str) -> list[str]:
    """At most one file more than the limit: a folder of a million files costs no more than that."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        skipped = SKIPPED_FOLDERS | {EXCEPTIONS} if place == folder else SKIPPED_FOLDERS
        folders[:] = sorted(name for name in folders if name not in skipped)
        found += [os.path.join(place, name) for name in names if name.endswith(SUFFIXES)]  # noqa: PTH118 - 20,000 of them
        if len(found) > FILES_LIMIT:
            break
    return sorted(found, key=lambda path: path.split("/"))[: FILES_LIMIT + 1]  # as Path sorts


def load(paths: Iterable[Path], pipeline: Any = None, placeholders: Placeholders | None = None,
         kept: Kept | None = None) -> Loaded:  # fmt: skip
    """`pipeline`: a pySigma ProcessingPipeline applied to each rule, or None. `placeholders`: values by name. `kept`:
    what is known of files from before."""
    loaded = Loaded()
    values: Placeholders = placeholders or {}
    items = list(_items(paths, loaded, Reader(values, pipeline), kept))
    found = [item for item in items if item.filter is not None]
    _compile(items, loaded, _Narrowing(found, values, pipeline))
    if len(loaded.refused) > REFUSED_LIMIT:
        more = len(loaded.refused) - REFUSED_LIMIT
        loaded.refused[REFUSED_LIMIT:] = [Refused("", 0, "LT-R0200", f"and {more} more were refused")]
    return loaded


def _items(paths: Iterable[Path], loaded: Loaded, reader: Reader, kept: Kept | None) -> Iterator[Item]:
    total, last = 0, ""
    for number, path in enumerate(_all_files(paths)):
        if number == FILES_LIMIT:
            loaded.refused.append(Refused(last, 0, "LT-R0200", f"the last of {FILES_LIMIT} files: more are not read"))
            return
        if total > TOTAL_LIMIT_BYTES:
            size = f"{TOTAL_LIMIT_BYTES // 1024**2} MiB"
            why = f"the rule files before this one are already {size}; it and all after it are not read"
            loaded.refused.append(Refused(path, 0, "LT-R0200", why))
            return
        last = path
        try:
            data = _bytes(path)
        except OSError as error:
            loaded.refused.append(Refused(path, 0, "LT-R0200", f"not readable: {error.strerror}"))
            continue
        if data is None:
            loaded.refused.append(Refused(path, 0, "LT-R0200", "not a regular file"))
            continue
        total += len(data)
        yield from reader.read(path, data) if kept is None else kept.items(path, data, reader.read)


def _bytes(path: str) -> bytes | None:
    """What a rule file may hold and one byte more; None of what is no file (a pipe would wait for its writer)."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        data = part = os.read(fd, FILE_LIMIT_BYTES + 1)
        while part and len(data) <= FILE_LIMIT_BYTES:
            part = os.read(fd, FILE_LIMIT_BYTES + 1 - len(data))
            data += part
        return data
    finally:
        os.close(fd)


class _Narrowing:
    """Rules and the filters that concern them."""

    def __init__(self, found: Sequence[Item], values: Placeholders, pipeline: Any) -> None:
        self._filters, self._values, self._pipeline = found, values, pipeline

    def of(self, item: Item, rule: Rule) -> Rule:
        if self._pipeline is None:
            for one in self._filters:
                if one.filter is not None and one.filter.concerns(rule):
                    rule = one.filter.narrow(rule)
            return rule
        if not self._filters:
            return rule
        from correlator.engine import pysigma

        # What a filter concerns is said of the rule as its author wrote it; the pipeline renames both alike.
        written = replace(rule, logsource=logsource({"logsource": item.raw}))
        more = [
            pysigma.transformed(_as_rule(item.raw, one.raw), self._pipeline, self._values)[1]
            for one in self._filters
            if one.filter is not None and one.filter.concerns(written)
        ]
        return replace(rule, condition=AllOf((rule.condition, *more))) if more else rule


def _as_rule(source: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """A filter's selections as a rule of the rule's log source."""
    inner = {key: value for key, value in given.items() if key != "rules"}
    return {"title": "a filter", "logsource": source, "detection": inner}


def _refuse(loaded: Loaded, refused: Refused) -> None:
    (loaded.waiting if refused.needs else loaded.refused).append(refused)


def _compile(items: Sequence[Item], loaded: Loaded, narrowing: _Narrowing) -> None:
    seen: dict[str, str] = {}
    later: dict[str, tuple[Correlation, Item]] = {}
    names: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for item in items:
        made: Rule | Correlation | None = item.rule or item.correlation
        refused = item.refused
        try:
            if made is not None and made.id in seen:
                raise Unusable(f"its id is already used by {seen[made.id]}", "id", "LT-R0206")
            if isinstance(made, Rule):
                made = narrowing.of(item, made)
        except Unusable as why:
            refused = item.refuse(why)
        except RecursionError as error:
            refused = item.refuse(Unusable(f"nested too deep: {error}"[:300]))
        if refused is not None:
            _refuse(loaded, refused)
            needs |= {name: refused.needs for name in (item.written_id, item.name) if name and refused.needs}
            continue
        if made is None:
            continue
        seen[made.id] = item.path
        for name in (made.id, made.about.name):
            if name:
                names.setdefault(name, made.id)
        if isinstance(made, Rule):
            loaded.rules.append(made)
        else:
            later[made.id] = (made, item)
    _resolve(later, names, needs, loaded)


def _resolve(later: dict[str, tuple[Correlation, Item]], names: dict[str, str], needs: dict[str, tuple[str, ...]],
             loaded: Loaded) -> None:  # fmt: skip
    """References become ids; correlations are ordered so that what they refer to comes first; cycles are refused.
    `needs`: what the rules wait for that are not loaded for that; a correlation over them waits with them."""
    known = {rule.id for rule in loaded.rules}
    resolved: dict[str, Correlation] = {}
    for made, item in list(later.values()):
        unknown = [name for name in made.rules if name not in names]
        if unknown and unknown[0] in needs:
            needs[made.id] = needs[unknown[0]]
            _wait(later.pop(made.id)[1], unknown[0], needs[made.id], loaded)
            continue
        if unknown:
            _give_up(later.pop(made.id)[1], f"refers to {unknown[0]}, which is not loaded", loaded)
            continue
        later[made.id] = (made.resolved(names), item)
    progress = True
    while later and progress:
        progress = False
        for key, (made, _) in list(later.items()):
            if all(name in known for name in made.rules):
                known.add(key)
                resolved[key] = made
                del later[key]
                progress = True
    while asleep := [key for key, (made, _) in later.items() if any(name in needs for name in made.rules)]:
        made, item = later.pop(asleep[0])
        needs[made.id] = next(needs[name] for name in made.rules if name in needs)
        _wait(item, next(name for name in made.rules if name in needs), needs[made.id], loaded)
    for made, item in later.values():
        left = [name for name in made.rules if name not in known]
        cyclic = left[0] in later
        _give_up(item, "refers to itself through other correlations" if cyclic else
                 f"refers to {left[0]}, which was refused", loaded)  # fmt: skip
    _silence(resolved, loaded)


def _wait(item: Item, name: str, needs: tuple[str, ...], loaded: Loaded) -> None:
    shown = ", ".join(f"%{one}%" for one in needs)
    why = Unusable(f"refers to {name}, which waits for the values of {shown}", "correlation.rules", "LT-R0203", needs)
    _refuse(loaded, item.refuse(why))


def _give_up(item: Item, reason: str, loaded: Loaded) -> None:
    loaded.refused.append(item.refuse(Unusable(reason, "correlation.rules", "LT-R0205")))


def _silence(resolved: dict[str, Correlation], loaded: Loaded) -> None:
    """What a correlation refers to makes no hits of its own, unless a correlation over it says `generate: true`."""
    generating: dict[str, bool] = {}
    for made in resolved.values():
        for name in made.rules:
            generating[name] = generating.get(name, False) or made.generate
    quiet = {name for name, told in generating.items() if not told}
    loaded.rules = [replace(rule, silent=True) if rule.id in quiet else rule for rule in loaded.rules]
    loaded.correlations = [replace(made, silent=made.id in quiet) for made in resolved.values()]
