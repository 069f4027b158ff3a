"""Rule files → rules that run, and a list of those that don't, each with file, line, code and reason.

In:  files and folders. Out: `Loaded(rules, correlations, refused)`. One bad rule never takes another with it.
Bound: `FILES_LIMIT` files; see documents.py and compile.py for what one file may hold.
Source: Sigma specification 2.1.0 (rules, correlations, filters).

Codes: LT-R0200 not readable, LT-R0201 not valid Sigma, LT-R0202 regular expression refused, LT-R0203 placeholder
without a value, LT-R0204 not supported yet, LT-R0205 reference (unknown, cyclic, refused), LT-R0206 id used twice.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from correlator.engine import compile as compiler
from correlator.engine import compile_correlation
from correlator.engine.documents import Document, DocumentProblem, documents
from correlator.engine.rule import Correlation, Refused, Rule, Unusable

FILES_LIMIT = 20_000
SUFFIXES = (".yml", ".yaml")
SKIPPED_FOLDERS = frozenset({"pipelines", "playbooks"})


@dataclass(slots=True)
class Loaded:
    rules: list[Rule] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)  # what they refer to stands before them
    refused: list[Refused] = field(default_factory=list)


@dataclass(slots=True)
class _Parsed:
    path: str
    document: Document
    parsed: Any


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Rule files under the paths, sorted; a file given by name is taken whatever its suffix."""
    count = 0
    for path in paths:
        inner = (
            sorted(
                found
                for found in path.rglob("*")
                if found.suffix in SUFFIXES and not SKIPPED_FOLDERS & set(found.relative_to(path).parts[:-1])
            )
            if path.is_dir()
            else [path]
        )
        for found in inner:
            count += 1
            if count > FILES_LIMIT:
                return
            yield found


def load(paths: Iterable[Path], pipeline: Any = None) -> Loaded:
    """`pipeline`: a pySigma ProcessingPipeline applied to each rule, or None."""
    loaded = Loaded()
    parsed: list[_Parsed] = []
    for path in files(paths):
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
                loaded.refused.append(Refused(str(path), 0, "LT-R0200", "not a regular file"))
                continue
            with path.open("rb") as file:
                found = documents(file.read(2 * 1024 * 1024))
        except OSError as error:
            loaded.refused.append(Refused(str(path), 0, "LT-R0200", f"not readable: {error.strerror}"))
            continue
        except DocumentProblem as problem:
            loaded.refused.append(Refused(str(path), problem.line, "LT-R0200", problem.reason))
            continue
        for document in found:
            try:
                parsed.append(_Parsed(str(path), document, compiler.parse(document)))
            except Unusable as why:
                loaded.refused.append(_refused(str(path), document, why))
    _filter(parsed, loaded)
    _compile(parsed, loaded, pipeline)
    return loaded


def _refused(path: str, document: Document, why: Unusable) -> Refused:
    value = document.value if isinstance(document.value, dict) else {}
    return Refused(path, _line(document, why.key), why.code, why.reason,
                   str(value.get("id") or ""), str(value.get("title") or ""))  # fmt: skip


def _line(document: Document, key: str) -> int:
    """The key's line; "detection.CommandLine" means that field in whichever selection."""
    if key.startswith("detection.") and key not in document.lines:
        name = key[10:]
        for path, line in document.lines.items():
            last = path.rpartition("detection.")[2].split(".", 1)[-1]
            if path.startswith("detection.") and (last == name or last.startswith(name + "|")
                                                  or f".{name}|" in path or path.endswith("." + name)):  # fmt: skip
                return line
    return document.line_of(key)


def _filter(parsed: list[_Parsed], loaded: Loaded) -> None:
    """Sigma filters narrow the rules that they name, before those are compiled."""
    for item in parsed:
        if not isinstance(item.parsed, SigmaFilter):
            continue
        for other in parsed:
            if isinstance(other.parsed, SigmaRule):
                try:
                    other.parsed = item.parsed.apply_on_rule(other.parsed)
                except SigmaError as error:
                    loaded.refused.append(_refused(item.path, item.document, Unusable(str(error), "filter")))
                    break


def _compile(parsed: Sequence[_Parsed], loaded: Loaded, pipeline: Any) -> None:
    seen: dict[str, str] = {}
    waiting: dict[str, tuple[Correlation, _Parsed]] = {}
    names: dict[str, str] = {}
    for item in parsed:
        if isinstance(item.parsed, SigmaFilter):
            continue
        try:
            if isinstance(item.parsed, SigmaCorrelationRule):
                made: Rule | Correlation = compile_correlation.correlation(item.parsed, item.document, item.path)
            else:
                if pipeline is not None:
                    pipeline.apply(item.parsed)
                made = compiler.rule(item.parsed, item.document, item.path)
            if made.id in seen:
                raise Unusable(f"its id is already used by {seen[made.id]}", "id", "LT-R0206")
        except Unusable as why:
            loaded.refused.append(_refused(item.path, item.document, why))
            continue
        except (SigmaError, RecursionError, NotImplementedError) as error:
            loaded.refused.append(
                _refused(item.path, item.document, Unusable(f"{type(error).__name__}: {error}"[:300]))
            )
            continue
        seen[made.id] = item.path
        for name in (made.id, made.about.name):
            if name:
                names.setdefault(name, made.id)
        if isinstance(made, Rule):
            loaded.rules.append(made)
        else:
            waiting[made.id] = (made, item)
    _resolve(waiting, names, loaded)


def _resolve(waiting: dict[str, tuple[Correlation, _Parsed]], names: dict[str, str], loaded: Loaded) -> None:
    """References become ids; correlations are ordered so that what they refer to comes first; cycles are refused."""
    known = {rule.id for rule in loaded.rules}
    resolved: dict[str, Correlation] = {}
    for made, item in list(waiting.values()):
        unknown = [name for name in made.rules if name not in names]
        if unknown:
            _give_up(waiting.pop(made.id)[1], f"refers to {unknown[0]}, which is not loaded", loaded)
            continue
        ids = tuple(dict.fromkeys(names[name] for name in made.rules))
        aliases = {alias: {names.get(name, name): path for name, path in table.items()}
                   for alias, table in made.aliases.items()}  # fmt: skip
        waiting[made.id] = (replace(made, rules=ids, aliases=aliases), item)
    progress = True
    while waiting and progress:
        progress = False
        for key, (made, _) in list(waiting.items()):
            if all(name in known for name in made.rules):
                known.add(key)
                resolved[key] = made
                del waiting[key]
                progress = True
    for made, item in waiting.values():
        left = [name for name in made.rules if name not in known]
        cyclic = left[0] in waiting
        _give_up(item, "refers to itself through other correlations" if cyclic else
                 f"refers to {left[0]}, which was refused", loaded)  # fmt: skip
    _silence(resolved, loaded)


def _give_up(item: _Parsed, reason: str, loaded: Loaded) -> None:
    loaded.refused.append(_refused(item.path, item.document, Unusable(reason, "correlation.rules", "LT-R0205")))


def _silence(resolved: dict[str, Correlation], loaded: Loaded) -> None:
    """What a correlation refers to makes no hits of its own, unless a correlation over it says `generate: true`."""
    generating: dict[str, bool] = {}
    for made in resolved.values():
        for name in made.rules:
            generating[name] = generating.get(name, False) or made.generate
    loaded.rules = [replace(rule, silent=not generating.get(rule.id, True)) for rule in loaded.rules]
    loaded.correlations = [replace(made, silent=not generating.get(made.id, True)) for made in resolved.values()]
