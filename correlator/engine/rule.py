"""A compiled rule, and the problem of one that doesn't compile.

`texts` is what people read ({"vi": …, "en": …} each): title, description, reason; `steps` are what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from correlator.engine.conditions import Condition
from correlator.hit import Level

Texts = Mapping[str, str]


class LogSource(NamedTuple):
    product: str | None = None
    category: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        return ", ".join(f"{k}: {v}" for k, v in self._asdict().items() if v) or "(any)"

    def covers(self, label: LogSource) -> bool:
        """Is an event of `label` within this rule's log source? What the rule leaves out may be anything."""
        return all(mine is None or mine == its for mine, its in zip(self, label, strict=True))


@dataclass(frozen=True, slots=True)
class About:
    """What rules and correlations share."""

    id: str
    name: str  # the reference name, or ""
    title: str
    level: Level
    tags: tuple[str, ...] = ()
    titles: Texts = field(default_factory=dict)
    description: Texts = field(default_factory=dict)
    reason: Texts = field(default_factory=dict)
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group_by: tuple[str, ...] | None = None
    tests: Sequence[Any] = ()
    path: str = ""
    line: int = 0
    status: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    about: About
    logsource: LogSource
    condition: Condition
    silent: bool = False  # read by correlations only; makes no hit of its own

    @property
    def id(self) -> str:
        return self.about.id


class Term(NamedTuple):
    """One way for an extended condition to hold: all of `present` (in this order, if ordered), none of `absent`."""

    present: tuple[str, ...]
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correlation:
    about: About
    type: str  # one of correlate/kinds/
    rules: tuple[str, ...]  # ids of rules and correlations, in the order given
    group_by: tuple[str, ...]
    timespan_s: int
    condition: tuple[tuple[str, int | float], ...]  # (operator, number); all must hold; empty with `terms`
    fields: tuple[str, ...] = ()  # the condition's `field`
    generate: bool = False
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # alias → rule id → field
    silent: bool = False
    percentile: int | float | None = None  # value_percentile
    terms: tuple[Term, ...] = ()  # temporal types with an extended condition: any must hold

    @property
    def id(self) -> str:
        return self.about.id

    def resolved(self, names: Mapping[str, str]) -> Correlation:
        """With ids for the names and ids by which its rules are referred to."""

        def ids(given: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(names[name] for name in given))

        aliases = {alias: {names.get(name, name): path for name, path in table.items()}
                   for alias, table in self.aliases.items()}  # fmt: skip
        terms = tuple(Term(ids(term.present), ids(term.absent)) for term in self.terms)
        return replace(self, rules=ids(self.rules), aliases=aliases, terms=terms)


class Refused(NamedTuple):
    path: str
    line: int
    code: str
    reason: str
    rule_id: str = ""
    title: str = ""
    needs: tuple[str, ...] = ()  # the placeholders that it waits for: whole, but for the agency's own values


class Unusable(ValueError):
    """Why a document is no rule that can run; `key` is the key path to show; `needs`: see `Refused`."""

    def __init__(self, reason: str, key: str = "", code: str = "LT-R0201", needs: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.key, self.code, self.needs = reason, key, code, needs
