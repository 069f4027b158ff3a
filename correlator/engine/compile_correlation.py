"""A Sigma correlation, as it stands in a rule file → `Correlation`.

In:  a YAML document. Out: a `Correlation` whose rules are as they are referred to (names or ids; the loader resolves
     them); `Unusable` says why not, and near which key.
Bound: `RULES_LIMIT`, `NAMES_LIMIT`, `EXPRESSION_LIMIT_CHARS`, `TERMS_LIMIT`, `TIMESPAN_LIMIT_S`.
Source: Sigma correlation rules specification 2.1.0; what it leaves open as pySigma 1.5 has it: units w, M (2,629,746 s)
and y (31,556,952 s), `percentile`, value_median, extended conditions.

Read from the document and not through pySigma, which takes one operator a condition where the specification allows
ranges, whole numbers only where an average is compared with a fraction, and only plain words in an expression.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from correlator.engine.correlate.expression import Wrong, terms
from correlator.engine.correlate.kinds import KINDS
from correlator.engine.correlate.measure import Kind
from correlator.engine.documents import Document
from correlator.engine.metadata import read as about
from correlator.engine.rule import Correlation, Term, Unusable

TIMESPAN_LIMIT_S = 366 * 86_400
RULES_LIMIT = 100
NAMES_LIMIT = 20
NAME_LIMIT_CHARS = 256
NUMBER_LIMIT = 1e18

_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}
_TIMESPAN = re.compile(r"([0-9]{1,9})([smhdwMy])")
_KEYS = frozenset(("type", "rules", "group-by", "timespan", "condition", "aliases", "generate"))
_EXTENDED = {"temporal_extended": "temporal", "temporal_ordered_extended": "temporal_ordered"}


def read(document: Document, path: str) -> Correlation:
    raw = document.value.get("correlation")
    if not isinstance(raw, dict):
        raise Unusable("a correlation is a mapping", "correlation")
    for key in raw:
        if key not in _KEYS:
            raise Unusable(f"a correlation has no {str(key)[:40]!r}", f"correlation.{key}")
    kind = _kind(raw.get("type"))
    condition = raw.get("condition")
    rules = _names(raw.get("rules"), "rules", RULES_LIMIT)
    operators: tuple[tuple[str, float], ...] = ()
    fields: tuple[str, ...] = ()
    ways: tuple[Term, ...] = ()
    percentile = None
    if isinstance(condition, str):
        ways, rules = _extended(condition, kind, rules)
    elif condition is None and not kind.condition:
        operators = (("gte", len(set(rules))),)
    elif isinstance(condition, dict):
        operators, fields, percentile = _condition(condition, kind, len(set(rules)))
    else:
        raise Unusable(f"{kind.name} needs a condition", "correlation.condition")
    if not rules:
        raise Unusable("a correlation needs rules", "correlation.rules")
    generate = raw.get("generate", document.value.get("generate", False))
    if not isinstance(generate, bool):
        raise Unusable("generate is true or false", "correlation.generate")
    group_by = _names(raw.get("group-by"), "group-by", NAMES_LIMIT)
    made = Correlation(
        about(document, path), kind.name, rules, group_by, timespan_s(raw.get("timespan")), operators, fields, generate,
        _aliases(raw.get("aliases")), percentile=percentile, terms=ways,
    )  # fmt: skip
    problem = kind.problem(made)
    if problem:
        raise Unusable(problem, "correlation.condition")
    return made


def timespan_s(given: object) -> int:
    found = _TIMESPAN.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise Unusable("a timespan is a number and one of s, m, h, d, w, M, y", "correlation.timespan")
    seconds = int(found[1]) * _UNITS_S[found[2]]
    if not 0 < seconds <= TIMESPAN_LIMIT_S:
        raise Unusable(f"a timespan is over 0 and at most {TIMESPAN_LIMIT_S // 86_400} days", "correlation.timespan")
    return seconds


def _kind(given: object) -> Kind:
    name = str(given or "").strip().lower()
    kind = KINDS.get(_EXTENDED.get(name, name))
    if kind is None:
        reason = f"{name[:40]!r} is no correlation type; there are {', '.join(sorted(KINDS))}"
        raise Unusable(reason if given else "a correlation needs a type", "correlation.type")
    return kind


def _extended(condition: str, kind: Kind, rules: tuple[str, ...]) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    if not kind.terms:
        raise Unusable(f"{kind.name} takes no expression: those are for temporal types", "correlation.condition")
    try:
        ways, named = terms(condition)
    except Wrong as wrong:
        raise Unusable(str(wrong), "correlation.condition") from None
    if not rules:
        return ways, named
    for name in named:
        if name not in rules:
            raise Unusable(f"the condition names {name[:80]!r}, which is not among the rules", "correlation.condition")
    for name in rules:
        if name not in named:
            raise Unusable(f"{name[:80]!r} is not in the condition", "correlation.rules")
    return ways, rules


def _condition(given: Mapping[Any, Any], kind: Kind, rules: int) -> tuple[
    tuple[tuple[str, float], ...], tuple[str, ...], float | None]:  # fmt: skip
    for key in given:
        if key not in (*_OPERATORS, "field", "percentile"):
            raise Unusable(f"a condition has no {str(key)[:40]!r}", f"correlation.condition.{key}")
    operators = tuple((operator, _number(given[operator], operator)) for operator in _OPERATORS if operator in given)
    if not operators:
        if kind.condition:
            raise Unusable(f"the condition needs one of {', '.join(_OPERATORS)}", "correlation.condition")
        operators = (("gte", rules),)
    if not kind.condition and operators == (("eq", rules),):
        operators = (("gte", rules),)  # there are no more than all: no need to wait for the end of the window
    fields = _names(given.get("field"), "condition.field", NAMES_LIMIT)
    if kind.field and not fields:
        raise Unusable(f"{kind.name} needs a field", "correlation.condition")
    if kind.field and kind.name != "value_count" and len(fields) > 1:
        raise Unusable(f"{kind.name} reads one field", "correlation.condition.field")
    percentile = None
    if "percentile" in given:
        if not kind.percentile:
            raise Unusable(f"{kind.name} has no percentile", "correlation.condition.percentile")
        percentile = _number(given["percentile"], "percentile")
        if not 0 <= percentile <= 100:
            raise Unusable("a percentile is 0 to 100", "correlation.condition.percentile")
    return operators, fields, percentile


def _number(given: object, key: str) -> float:
    if isinstance(given, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", given):
        given = float(given) if "." in given else int(given)  # pySigma takes a number in quotes as well
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= NUMBER_LIMIT:
        raise Unusable(f"{key} needs a number", f"correlation.condition.{key}")
    return int(given) if math.floor(given) == given else given


def _names(given: object, key: str, limit: int) -> tuple[str, ...]:
    """A name or a list of names."""
    if given is None:
        return ()
    names = given if isinstance(given, list) else [given]
    if len(names) > limit:
        raise Unusable(f"over {limit} names", f"correlation.{key}")
    for name in names:
        if isinstance(name, dict | list) or name is None or not 0 < len(str(name)) <= NAME_LIMIT_CHARS:
            raise Unusable(f"a name is a text of at most {NAME_LIMIT_CHARS} characters", f"correlation.{key}")
    return tuple(dict.fromkeys(map(str, names)))


def _aliases(given: object) -> dict[str, dict[str, str]]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > NAMES_LIMIT:
        raise Unusable(f"aliases are a mapping of at most {NAMES_LIMIT}", "correlation.aliases")
    found: dict[str, dict[str, str]] = {}
    for alias, table in given.items():
        if not isinstance(table, dict) or len(table) > RULES_LIMIT:
            raise Unusable("an alias is a mapping of rules to their fields", f"correlation.aliases.{alias}")
        found[str(alias)] = {
            str(rule): _names(name, f"aliases.{alias}.{rule}", 1)[0] for rule, name in table.items() if name is not None
        }
    return found
