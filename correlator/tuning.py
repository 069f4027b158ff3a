"""What this agency changes of rules without touching their files, so that it survives the rules' next version.

In:  `<data>/rules/tuning.toml`, a table a rule:

    ["c5d73062-c77c-4f32-a150-b986ce5f39d6"]
    enabled = false                    # or: level = "low"
    reason = "Máy quét của Sở chạy mỗi đêm, đã thống nhất với phòng CNTT"
    owner = "lan.nguyen"
    until = 2027-01-31                 # the last day (Việt Nam's); then the rule is as it was

Out: `Tuning.adjust(loaded)`, called by `Engine.load`: rules and correlations with other levels, or silent, or gone; and
what was changed, what has ended, and what is wrong with the file, for the rules' screen and `luytre rules list`.
Every entry has a reason, an owner and an end within YEAR_DAYS: a rule that somebody switched off once and nobody
remembers is a hole. A wrong entry changes nothing and is told: the rule then runs, which is the safe side. A file that
can't be read leaves what was in force before.
A rule that is switched off makes no alerts; correlations that count it still do (it becomes silent).
Bound: FILE_LIMIT_BYTES, ENTRIES_LIMIT.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from correlator.engine.load import Loaded
from correlator.engine.rule import About, Correlation, Rule
from correlator.hit import Level
from sensors.config import Config, NodeTable

FILE_LIMIT_BYTES = 1024 * 1024
ENTRIES_LIMIT = 10_000
TEXT_LIMIT = 500
YEAR_DAYS = 366
ZONE = dt.timezone(dt.timedelta(hours=7))
_HEADER = re.compile(r"""^\[\s*(?:"([^"\n]+)"|'([^'\n]+)'|([A-Za-z0-9_-]+))\s*\]""", re.MULTILINE)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule's table."""

    reason: str
    owner: str
    until: dt.date
    enabled: bool = True
    level: Level | None = None

    def ended(self, now: float) -> bool:
        return dt.datetime.fromtimestamp(now, ZONE).date() > self.until


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of the file that is not in force, and why. LT-R0401 unreadable, LT-R0402 a wrong entry, LT-R0403 no
    such rule, LT-R0404 has ended."""

    code: str
    line: int
    rule_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    about: About
    kind: str  # sigma, correlation
    entry: Entry
    level_before: str


@dataclass(slots=True)
class Tuning:
    path: Path | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)  # in force
    ended: Mapping[str, Entry] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)  # of the file
    disabled: list[Changed] = field(default_factory=list)  # by the last `adjust`
    levels: dict[str, Changed] = field(default_factory=dict)
    unknown: list[Fault] = field(default_factory=list)

    def adjust(self, loaded: Loaded) -> None:
        """For `Engine.load(adjust=…)`."""
        self.disabled, self.levels, self.unknown = [], {}, []
        found: dict[str, Rule | Correlation] = {rule.id: rule for rule in loaded.rules}
        found |= {made.id: made for made in loaded.correlations}
        refused = {one.rule_id for one in loaded.refused}
        counted = {name for made in loaded.correlations for name in made.rules}
        gone: set[str] = set()
        for key, entry in self.entries.items():
            rule = found.get(key)
            if rule is None:
                if key not in refused:
                    self.unknown.append(Fault("LT-R0403", self.lines.get(key, 0), key, "no rule has this id"))
                continue
            changed = Changed(rule.about, _kind(rule), entry, rule.about.level)
            if not entry.enabled:
                self.disabled.append(changed)
                (gone.add(key) if key not in counted else found.update({key: replace(rule, silent=True)}))
            elif entry.level and entry.level != rule.about.level:
                self.levels[key] = changed
                found[key] = replace(rule, about=replace(rule.about, level=entry.level))
        loaded.rules[:] = [one for old in loaded.rules if isinstance(one := found[old.id], Rule) and old.id not in gone]
        loaded.correlations[:] = [one for old in loaded.correlations
                                  if isinstance(one := found[old.id], Correlation) and old.id not in gone]  # fmt: skip

    def told(self) -> list[Fault]:
        """All that is written and not in force."""
        over = [Fault("LT-R0404", self.lines.get(key, 0), key, f"ended on {entry.until}")
                for key, entry in self.ended.items()]  # fmt: skip
        return [*self.faults, *self.unknown, *over]

    def report(self) -> dict[str, Any]:
        """For the correlator's health."""
        return {
            "path": str(self.path or ""),
            "faults": [{"code": one.code, "line": one.line, "id": one.rule_id, "reason": one.reason}
                       for one in self.told()],
        }  # fmt: skip

    def mark(self, now: float) -> tuple[str, ...]:
        """Changes when a day ends an entry: then the rules are loaded anew."""
        return tuple(key for key, entry in self.entries.items() if entry.ended(now))


def tuning_path(config: Config) -> Path:
    return config.table("node", NodeTable).root / "rules" / "tuning.toml"


def read(path: Path, now: float, keep: Tuning | None = None) -> Tuning:
    """Never raises. `keep`: what is in force when the file can't be read at all."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return Tuning(path)
    except OSError as error:
        return _unreadable(path, now, keep, 0, f"not readable: {error.strerror}")
    if len(data) > FILE_LIMIT_BYTES:
        return _unreadable(path, now, keep, 0, f"over {FILE_LIMIT_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
        raw = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        return _unreadable(path, now, keep, int(at[1]) if at else 0, f"not TOML: {error}"[:200])
    made = Tuning(path, lines=lines_of(text))
    active: dict[str, Entry] = {}
    over: dict[str, Entry] = {}
    for key, given in list(raw.items())[:ENTRIES_LIMIT]:
        try:
            entry = entry_of(given, now)
        except ValueError as wrong:
            made.faults.append(Fault("LT-R0402", made.lines.get(key, 0), key[:100], str(wrong)[:200]))
            continue
        (over if entry.ended(now) else active)[key] = entry
    if len(raw) > ENTRIES_LIMIT:
        made.faults.append(Fault("LT-R0402", 0, "", f"more than {ENTRIES_LIMIT} entries"))
    made.entries, made.ended = active, over
    return made


def entry_of(given: Any, now: float) -> Entry:
    """Raises ValueError in words."""
    try:
        entry = msgspec.convert(given, Entry)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if not entry.reason.strip() or not entry.owner.strip():
        raise ValueError("reason and owner must say something")
    if len(entry.reason) > TEXT_LIMIT or len(entry.owner) > TEXT_LIMIT:
        raise ValueError(f"reason or owner is over {TEXT_LIMIT} characters")
    if entry.enabled and entry.level is None:
        raise ValueError("changes nothing: enabled = false, or level = …")
    if (entry.until - dt.datetime.fromtimestamp(now, ZONE).date()).days > YEAR_DAYS:
        raise ValueError("until must be within a year")
    return entry


def lines_of(text: str) -> dict[str, int]:
    """Table → line from 1."""
    return {next(name for name in found.groups() if name): text.count("\n", 0, found.start()) + 1
            for found in _HEADER.finditer(text)}  # fmt: skip


def states(tuning: Tuning) -> list[dict[str, Any]]:
    """The disabled rules, as correlator/run.py lists the running ones."""
    return [
        {"id": one.about.id, "title": one.about.titles, "level": one.about.level, "kind": one.kind, "state": "disabled",
         "path": one.about.path, "line": one.about.line, "tags": one.about.tags, "hits": 0, "reason": "",
         "tuned": tuned(one)}
        for one in tuning.disabled
    ]  # fmt: skip


def tuned(one: Changed) -> dict[str, Any]:
    entry = one.entry
    return {"enabled": entry.enabled, "level": entry.level, "level_before": one.level_before, "reason": entry.reason,
            "owner": entry.owner, "until": entry.until.isoformat()}  # fmt: skip


def with_tuning(rows: Iterable[dict[str, Any]], tuning: Tuning) -> list[dict[str, Any]]:
    """What rule_states() says, and what this agency changed; what is off and counted by others is listed once."""
    off = {one.about.id for one in tuning.disabled}
    rows = [{**row, "tuned": tuned(tuning.levels[row["id"]])} if row["id"] in tuning.levels else row
            for row in rows if row["id"] not in off or row["state"] == "refused"]  # fmt: skip
    return [*rows, *states(tuning)]


def _kind(rule: Rule | Correlation) -> str:
    return "sigma" if isinstance(rule, Rule) else "correlation"


def _unreadable(path: Path, now: float, keep: Tuning | None, line: int, reason: str) -> Tuning:
    made = Tuning(path, faults=[Fault("LT-R0401", line, "", reason)])
    if keep is not None:  # an end comes whether the file can be read or not
        every = {**keep.ended, **keep.entries}
        made.entries = {key: entry for key, entry in every.items() if not entry.ended(now)}
        made.ended = {key: entry for key, entry in every.items() if entry.ended(now)}
        made.lines = keep.lines
    return made
