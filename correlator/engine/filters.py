"""Sigma filters: documents that narrow other rules.

In:  a filter document. Out: a `Filter`; `narrow` gives the rule with "and the filter's condition" behind its own.
Source: Sigma filters specification 2.1.0. Its example says `condition: selection` and means that what the selection
finds is left out; pySigma, sigma-cli and every published filter say `condition: not selection` for that, and join the
condition with "and". We read it as they do, and `trap` names filters that are written the other way round.

A filter narrows the rules that it names by id or name (`rules: any`: all) whose log source lies within its own;
correlations are narrowed through the rules that they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from correlator.engine import compile as compiler
from correlator.engine import grammar
from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Not
from correlator.engine.detection import Detection
from correlator.engine.documents import Document
from correlator.engine.patterns import Placeholders
from correlator.engine.rule import LogSource, Rule, Unusable

_OUTSIDE = frozenset({"condition", "rules"})


@dataclass(frozen=True, slots=True)
class Filter:
    title: str
    logsource: LogSource
    rules: frozenset[str] | None  # None: any
    condition: Condition

    def concerns(self, rule: Rule) -> bool:
        named = self.rules is None or rule.id in self.rules or rule.about.name in self.rules
        return named and self.logsource.covers(rule.logsource)

    def narrow(self, rule: Rule) -> Rule:
        return replace(rule, condition=AllOf((rule.condition, self.condition)))


def read(document: Document, placeholders: Placeholders) -> Filter:
    raw: Mapping[str, Any] = document.value
    given = raw.get("filter")
    source = compiler.logsource(raw)
    condition = Detection(placeholders, _OUTSIDE).condition(given, "filter")
    assert isinstance(given, dict)  # Detection refused the rest
    return Filter(str(raw.get("title") or ""), source, _rules(given.get("rules")), condition)


def _rules(given: object) -> frozenset[str] | None:
    names = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise Unusable("a filter names its rules by id or name, or says `any`", "filter.rules")
    if len(names) == 1 and str(names[0]).lower() == "any":
        return None
    return frozenset(text for name in names for text in (str(name), str(name).lower()))


def trap(document: Document) -> str:
    """Why this filter hides what it was written to keep, or "": an event that no selection of it finds must pass."""
    given = document.value.get("filter") if isinstance(document.value, dict) else None
    if not isinstance(given, dict):
        return ""
    names = {str(name): Exists(str(name), True) for name in given if name not in _OUTSIDE}
    try:
        tree = grammar.parse(given.get("condition"), names, dict.fromkeys(names, 1))
    except Unusable:
        return ""  # said when it is loaded
    if _found_by_nothing(tree):
        return ""
    return ("its condition is joined with `and`: only what its selections find would still be told. "
            "To leave that out, write `condition: not selection`")  # fmt: skip


def _found_by_nothing(tree: Condition) -> bool:
    """The condition's value for an event that no selection finds."""
    match tree:
        case AllOf(parts):
            return all(_found_by_nothing(part) for part in parts)
        case AnyOf(parts):
            return any(_found_by_nothing(part) for part in parts)
        case Not(part):
            return not _found_by_nothing(part)
    return False
