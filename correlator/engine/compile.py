"""A YAML document → a `Rule`: our own reader of the Sigma specification.

In:  a document and the agency's placeholder values. Out: a `Rule` (correlations: compile_correlation.py, filters:
filters.py); `Unusable` says why not, and near which key.
Bound: detection.py, grammar.py, modifiers.py.
Source: Sigma specification 2.1.0. pySigma reads only where its types are needed (pysigma.py: an agency's pipelines with
`transformations`); tests/conformance compares the two readers over all of SigmaHQ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from correlator.engine.detection import Detection
from correlator.engine.documents import Document
from correlator.engine.metadata import read
from correlator.engine.patterns import Placeholders
from correlator.engine.rule import LogSource, Rule, Unusable


def check(document: Document) -> str:
    """What the document is: "rule", "correlation" or "filter"."""
    raw = document.value
    if not isinstance(raw, dict):
        raise Unusable("a rule must be a mapping")
    if "action" in raw:
        raise Unusable("collections with `action` left the specification with version 2", "action")
    if str(raw.get("status")).lower() == "unsupported":
        raise Unusable("its status is `unsupported`", "status")
    if "correlation" in raw:
        return "correlation"
    return "filter" if "filter" in raw else "rule"


def rule(document: Document, path: str, placeholders: Placeholders) -> Rule:
    raw: Mapping[str, Any] = document.value
    if "detection" not in raw:
        raise Unusable("a rule needs a detection", "detection")
    return Rule(read(document, path), logsource(raw), Detection(placeholders).condition(raw["detection"]))


def logsource(raw: Mapping[str, Any]) -> LogSource:
    """Small letters, as the specification writes them. What is left out may be anything."""
    given = raw.get("logsource")
    if not isinstance(given, dict):
        raise Unusable("a rule needs a log source: product, category, service", "logsource")
    found: dict[str, str | None] = {}
    for name in ("product", "category", "service"):
        value = given.get(name)
        if value is not None and not isinstance(value, str):
            raise Unusable(f"{name} of the log source must be text", f"logsource.{name}")
        found[name] = value.strip().lower() or None if value else None
    return LogSource(**found)
