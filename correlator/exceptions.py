"""Exceptions that people of an agency made: Sigma filters, each of one agency, with an owner, a reason and an end.

In:  `<data>/rules/exceptions/<agency>.yml`, written by the API (api/exceptions/), a filter document an exception:

    title: NL-2026-000001
    logsource: {product: linux, service: sshd}
    filter:
      rules: [a1111111-2222-4333-8444-555555555551]
      selection: {organization.id|cased: so-tttt, source.ip: [10.0.0.5]}
      condition: not selection
    luytre:
      exception: {id: NL-2026-000001, agency: so-tttt, until: "2027-02-20T03:00:00Z"}

Out: `Exceptions.passed(event, matches)`: the matches that are still told, and counted by correlations; what was hidden,
     by exception; `faults`: what is written and not in force, and why.
They mean what a filter means that stands beside the rules ("rule and not selection": engine/filters.py, a property test
compares the two), but are asked only about events that a rule has already matched: so each knows how many it hid, a
change is in force without a rule being loaded anew, and thousands cost nothing while no rule matches.
An exception hides nothing but what it says: events of its own agency by the stamp of ingest, rules that it names, until
its end, whether or not the API still runs. A wrong one hides nothing and is told. A file that can't be read leaves what
was in force of it, until its end.
Bound: FILES_LIMIT files, LIMIT exceptions, and documents.py's.

Codes: LT-R0701 a file can't be read, LT-R0702 a document is no exception, LT-R0703 names no rule that runs, LT-R0704
has ended.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from correlator.engine import Engine, Match, filters
from correlator.engine.conditions import MISSING, Exists, Is, Keyword, Null, SameAs, members, same
from correlator.engine.documents import FILE_LIMIT_BYTES, Document, DocumentProblem, documents
from correlator.engine.fast.atoms import Leaf, decide
from correlator.engine.rule import Unusable
from correlator.engine.sources import EventView
from sensors.clock import parse_rfc3339, rfc3339
from sensors.config import Config, NodeTable
from sensors.event import Event, get

FOLDER = "exceptions"  # under <data>/rules; the loader of rules passes it by
FILES_LIMIT = 1_000
LIMIT = 10_000
FAULTS_LIMIT = 1_000
AGENCY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
AGENCY_FIELD = "organization.id"
_SHAPE = frozenset(("rules", "selection", "condition"))


@dataclass(frozen=True, slots=True)
class Exempt:
    """One exception in force."""

    id: str
    agency: str
    until: float
    filter: filters.Filter
    path: str = ""
    line: int = 0

    def hides(self, view: EventView) -> bool:
        """The event stands outside the filter: what the rule with this filter would not match."""
        return not decide(self.filter.condition, lambda leaf: _holds(leaf, view))


@dataclass(frozen=True, slots=True)
class Fault:
    code: str
    path: str
    line: int
    id: str
    reason: str


Stamp = tuple[str, int, int]


@dataclass(slots=True)
class Exceptions:
    items: Sequence[Exempt] = ()
    faults: list[Fault] = field(default_factory=list)  # of the files
    unmet: list[Fault] = field(default_factory=list)  # by the last `fit`
    hidden: Counter[str] = field(default_factory=Counter)  # rule matches that were not told, by exception
    last: dict[str, str] = field(default_factory=dict)  # @timestamp of the newest of them
    _of: dict[tuple[str, str], list[Exempt]] = field(default_factory=dict)

    def fit(self, engine: Engine) -> None:
        """Which rules there are to hide anything of. After `read`, and after each load of the rules."""
        self._of, self.unmet = {}, []
        rules = {rule.id: rule for rule in engine.rules}
        for one in self.items:
            met = [rules[name] for name in one.filter.rules or () if name in rules and one.filter.concerns(rules[name])]
            for rule in met:
                self._of.setdefault((one.agency, rule.id), []).append(one)
            if not met:
                self.unmet.append(Fault("LT-R0703", one.path, one.line, one.id, "names no rule that runs"))

    def passed(self, event: Event, matches: Sequence[Match]) -> list[Match]:
        """Without the matches that an exception of the event's own agency hides; those are counted."""
        agency = get(event, AGENCY_FIELD)
        if not self._of or not isinstance(agency, str):
            return list(matches)
        told = []
        for match in matches:
            one = next((one for one in self._of.get((agency, match.rule.id), ()) if one.hides(match.view)), None)
            if one is None:
                told.append(match)
                continue
            self.hidden[one.id] += 1
            self.last[one.id] = max(self.last.get(one.id, ""), str(event.get("@timestamp") or ""))
        return told

    def mark(self, now: float) -> tuple[str, ...]:
        """Not empty when an end has come: then the files are read anew."""
        return tuple(one.id for one in self.items if one.until <= now)

    def counted(self) -> dict[str, Any]:
        return {one.id: [self.hidden[one.id], self.last.get(one.id, "")] for one in self.items}

    def restore(self, counts: Mapping[str, Any]) -> None:
        """What was counted before; of exceptions that are gone nothing is kept."""
        there = {one.id for one in self.items}
        for key, (number, last) in counts.items():
            if key in there:
                self.hidden[key], self.last[key] = int(number), str(last)

    def told(self) -> list[Fault]:
        return [*self.faults, *self.unmet][:FAULTS_LIMIT]

    def report(self) -> dict[str, Any]:
        """For the correlator's health: who is in force with what it hid, and what is not in force."""
        unmet = {one.id for one in self.unmet}
        return {
            "in_force": {one.id: {"hidden": self.hidden[one.id], "last": self.last.get(one.id, "")}
                         for one in self.items if one.id not in unmet},
            "faults": [{"code": one.code, "id": one.id, "path": one.path, "line": one.line, "reason": one.reason}
                       for one in self.told()],
        }  # fmt: skip


def folder_of(config: Config) -> Path:
    return config.table("node", NodeTable).root / "rules" / FOLDER


def stamps(folder: Path) -> tuple[Stamp, ...]:
    """Changes when a file does."""
    found = []
    for path in _files(folder):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((path.name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def read(folder: Path, now: float, keep: Exceptions | None = None) -> Exceptions:
    """Never raises. `keep`: what is in force; its counts go on, and of a file that can't be read, its exceptions."""
    made = Exceptions()
    items: list[Exempt] = []
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                data = file.read(FILE_LIMIT_BYTES + 1)
            found, faults = of_file(data, path.stem, now, str(path))
        except (OSError, DocumentProblem) as error:
            reason = error.reason if isinstance(error, DocumentProblem) else f"not readable: {error.strerror}"
            line = error.line if isinstance(error, DocumentProblem) else 0
            found = [one for one in keep.items if one.path == str(path) and one.until > now] if keep else []
            faults = [Fault("LT-R0701", str(path), line, "", reason)]
        items += found
        made.faults += faults
    if len(items) > LIMIT:
        made.faults.append(Fault("LT-R0702", str(folder), 0, "", f"more than {LIMIT}: the others are not in force"))
    made.items = tuple(items[:LIMIT])
    if keep is not None:
        made.restore(keep.counted())
    return made


def of_file(data: bytes, agency: str, now: float, path: str = "") -> tuple[list[Exempt], list[Fault]]:
    """`agency`: whose file it is. Raises `DocumentProblem` when it is no YAML."""
    found: list[Exempt] = []
    faults: list[Fault] = []
    for document in documents(data):
        try:
            one = _exempt(document, agency, path)
        except Unusable as why:
            faults.append(Fault("LT-R0702", path, document.line_of(why.key), _id(document)[:64], why.reason[:200]))
            continue
        if one.until <= now:
            faults.append(Fault("LT-R0704", path, document.line, one.id, f"ended on {rfc3339(one.until)}"))
        else:
            found.append(one)
    return found, faults


def _exempt(document: Document, agency: str, path: str) -> Exempt:
    """Only what can hide no more than one agency's events of named rules."""
    raw = document.value
    said = _said(document)
    if not said or not isinstance(raw.get("filter"), dict):
        raise Unusable("not an exception: it needs `filter` and `luytre.exception`", "luytre")
    until = parse_rfc3339(str(said.get("until") or ""))
    if not isinstance(said.get("id"), str) or not said["id"] or until is None:
        raise Unusable("an exception needs its id and its end (until)", "luytre.exception")
    given = raw["filter"]
    if said.get("agency") != agency:
        raise Unusable(f"it is not of the agency whose file this is ({agency})", "luytre.exception.agency")
    if set(given) != _SHAPE or given["condition"] != "not selection" or not isinstance(given["selection"], dict):
        raise Unusable("an exception says rules, selection and `condition: not selection`", "filter")
    if given["selection"].get(f"{AGENCY_FIELD}|cased") != agency or not AGENCY.fullmatch(agency):
        raise Unusable(f"it must be bound to {AGENCY_FIELD}|cased: {agency}", "filter.selection")
    if len(given["selection"]) < 2:
        raise Unusable("it would hide all that its rules say: tuning.toml switches rules off", "filter.selection")
    made = filters.read(document, {})
    if made.rules is None:
        raise Unusable("an exception names its rules", "filter.rules")
    return Exempt(said["id"], agency, until, made, path, document.line)


def _said(document: Document) -> Mapping[str, Any]:
    ours = document.value.get("luytre") if isinstance(document.value, dict) else None
    said = ours.get("exception") if isinstance(ours, dict) else None
    return said if isinstance(said, dict) else {}


def _id(document: Document) -> str:
    return str(_said(document).get("id") or "")


def _files(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.yml"))[:FILES_LIMIT]


def _holds(leaf: Leaf, view: EventView) -> bool:
    """One question about one event, as conditions.py means it: what a filter asks is asked seldom."""
    match leaf:
        case Is(name, test):
            return any(test(value) for value in members(view.value(name)))
        case Null(name):
            return view.value(name) in (MISSING, None, [])
        case Exists(name, wanted):
            return (view.value(name) is not MISSING) == wanted
        case SameAs(name, other):
            return same(leaf, view.value(name), view.value(other))
        case Keyword(test):
            return any(test(word) for word in view.words())
