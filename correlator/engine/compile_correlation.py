"""A Sigma correlation → `Correlation`.

In:  a YAML document. Out: a `Correlation` whose rules are as they are referred to; the loader resolves them.
Source: Sigma correlation rules specification 2.1.0.
"""

from __future__ import annotations

from typing import Any

from sigma.correlations import SigmaCorrelationRule

from correlator.engine.documents import Document
from correlator.engine.metadata import about
from correlator.engine.rule import Correlation, Unusable

TIMESPAN_LIMIT_S = 31 * 86_400
TYPES = ("event_count", "value_count", "temporal", "temporal_ordered")
_OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")


def as_taken(raw: dict[str, Any]) -> dict[str, Any]:
    """pySigma takes one operator; the specification allows a range ("gt: 100, lte: 200")."""
    inner = raw.get("correlation")
    condition = inner.get("condition") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(condition, dict):
        return raw
    extra = [name for name in _OPERATORS if name in condition][1:]
    kept = {name: value for name, value in condition.items() if name not in extra}
    return {**raw, "correlation": {**inner, "condition": kept}}


def correlation(parsed: SigmaCorrelationRule, document: Document, path: str) -> Correlation:
    """The correlation with its rules as they are referred to (names or ids): the loader resolves them."""
    raw = document.value["correlation"]
    kind = str(raw.get("type"))
    if kind not in TYPES:
        raise Unusable(f"correlations of type {kind} do not run yet", "correlation.type", "LT-R0204")
    condition = raw.get("condition")
    if isinstance(condition, str):
        raise Unusable("extended conditions do not run yet", "correlation.condition", "LT-R0204")
    references = [reference.reference for reference in parsed.rules or ()]
    operators: list[tuple[str, float]] = []
    for operator in _OPERATORS:
        if isinstance(condition, dict) and operator in condition:
            number = condition[operator]
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise Unusable(f"{operator} needs a number", f"correlation.condition.{operator}")
            operators.append((operator, number))
    if not operators:
        operators = [("gte", float(len(references)))]
    if (
        kind == "temporal_ordered"
        and operators != [("gte", float(len(references)))]
        and operators != [("eq", len(references))]
    ):
        raise Unusable("temporal_ordered counts all its rules", "correlation.condition", "LT-R0204")
    names = condition.get("field") if isinstance(condition, dict) else None
    fields = tuple(str(name) for name in (names if isinstance(names, list) else [names])) if names else ()
    if not 0 < parsed.timespan.seconds <= TIMESPAN_LIMIT_S:
        raise Unusable("the timespan is over 31 days", "correlation.timespan")
    return Correlation(
        about(parsed, document, path),
        kind,
        tuple(references),
        tuple(parsed.group_by or ()),
        parsed.timespan.seconds,
        tuple(operators),
        fields,
        bool(parsed.generate),
        parsed.aliases.to_dict(),
    )
