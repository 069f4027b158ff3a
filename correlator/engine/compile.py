"""pySigma's parsed rule → our condition tree. The one place where pySigma's types are read.

In:  a YAML document. Out: a `Rule` (correlations: compile_correlation.py); `Unusable` says why not, and near which key.
Bound: `CONDITION_LIMIT_CHARS`, `TOKENS_LIMIT`, `PARENTHESES_LIMIT`, `WINDASH_LIMIT` dashes a value (pySigma writes out
5^n strings), `NODES_LIMIT` leaves, regular expressions only as RE2 takes them (linear time, `REGEX_MEMORY_BYTES`).
Source: Sigma specification 2.1.0; pySigma 1.5. Where pySigma refuses what the specification allows, the document is put
into words that it takes: `utf16le` is `wide`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

import re2
from sigma import conditions as sc
from sigma import types as st
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaConditionError, SigmaError, SigmaLogsourceError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from correlator.engine import compile_correlation as correlations
from correlator.engine import conditions as c
from correlator.engine import values as v
from correlator.engine.documents import Document
from correlator.engine.metadata import about
from correlator.engine.rule import LogSource, Rule, Unusable

CONDITION_LIMIT_CHARS = 4096
TOKENS_LIMIT = 200
PARENTHESES_LIMIT = 8
STARS_LIMIT = 4  # "*" in one selector pattern: pySigma makes a backtracking pattern of it
WINDASH_LIMIT = 4
NODES_LIMIT = 200_000
REGEX_MEMORY_BYTES = 8 * 1024 * 1024

_WINDASH = re.compile(r"\B[-/]\b")


def parse(document: Document) -> SigmaRule | SigmaCorrelationRule | SigmaFilter:
    """The document as pySigma reads it."""
    raw = document.value
    if not isinstance(raw, dict):
        raise Unusable("a rule must be a mapping")
    if "action" in raw:
        raise Unusable("collections with `action` left the specification with version 2", "action")
    if raw.get("status") == "unsupported":
        raise Unusable("its status is `unsupported`", "status")
    kind: Any = SigmaRule
    if "correlation" in raw:
        if not isinstance(raw["correlation"], dict) or "type" not in raw["correlation"]:
            raise Unusable("a correlation needs a type", "correlation")
        kind, raw = SigmaCorrelationRule, correlations.as_taken(raw)
    else:
        kind = SigmaFilter if "filter" in raw else SigmaRule
        _check_detection(raw.get("filter" if "filter" in raw else "detection"))
        raw = _rewritten(raw)
    try:
        parsed = kind.from_dict(raw, collect_errors=True)
    except SigmaError as error:
        raise _unusable(error) from None
    except Exception as error:  # a shape that pySigma doesn't expect: its own AttributeError, TypeError …
        raise Unusable(f"not a Sigma rule: {type(error).__name__}: {error}"[:300]) from None
    if parsed.errors:
        raise _unusable(*parsed.errors)
    return cast("SigmaRule | SigmaCorrelationRule | SigmaFilter", parsed)


def rule(parsed: SigmaRule, document: Document, path: str) -> Rule:
    source = parsed.logsource
    return Rule(
        about(parsed, document, path),
        LogSource(source.product, source.category, source.service),
        _conditions(parsed),
    )


# --- refusals ----------------------------------------------------------------------------------------------------


def _unusable(*errors: SigmaError) -> Unusable:
    first = errors[0]
    key = "detection"
    if isinstance(first, SigmaConditionError):
        key = "detection.condition"
    elif isinstance(first, SigmaLogsourceError):
        key = "logsource"
    elif "Correlation" in type(first).__name__ or "Timespan" in type(first).__name__:
        key = "correlation"
    else:
        named = re.match(r"Sigma(Tag|Level|Status|Date|Modified|Title|Related|Author|Identifier)s?Error",
                         type(first).__name__)  # fmt: skip
        if named:
            key = {"Identifier": "id"}.get(named[1], named[1].lower())
    return Unusable("; ".join(dict.fromkeys(str(e.args[0]) if e.args else str(e) for e in errors))[:500], key)


# --- what pySigma can't bound -------------------------------------------------------------------------------------


def _check_detection(detection: Any) -> None:
    if not isinstance(detection, dict):
        return  # pySigma says it better
    given = detection.get("condition")
    tokens = 0
    for condition in given if isinstance(given, list) else [given]:
        if not isinstance(condition, str):
            raise Unusable("a condition must be text", "detection.condition")
        depth = deepest = 0
        for letter in condition:
            depth += (letter == "(") - (letter == ")")
            deepest = max(deepest, depth)
        words = condition.replace("(", " ").replace(")", " ").split()
        tokens += len(words)
        if len(condition) > CONDITION_LIMIT_CHARS or len(words) > TOKENS_LIMIT or deepest > PARENTHESES_LIMIT:
            raise Unusable(f"the condition is over {CONDITION_LIMIT_CHARS} characters, {TOKENS_LIMIT} words or "
                           f"{PARENTHESES_LIMIT} parentheses deep", "detection.condition")  # fmt: skip
        if any(word.count("*") > STARS_LIMIT for word in words):
            raise Unusable(f"a selector has more than {STARS_LIMIT} wildcards", "detection.condition")
    total = 0
    for key, value in _leaves(detection, ""):
        total += 1
        if isinstance(value, str) and "|windash" in key and len(_WINDASH.findall(value)) > WINDASH_LIMIT:
            raise Unusable(f"`windash` over more than {WINDASH_LIMIT} dashes", f"detection.{key}")
    if total * max(1, tokens) > 20 * NODES_LIMIT or total > NODES_LIMIT:
        raise Unusable(f"{total} values times {tokens} words of condition are too many", "detection")


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _rewritten(value: Any) -> Any:
    """A copy in which the keys that pySigma doesn't know are put into those that it does."""
    if isinstance(value, dict):
        return {_key(key): _rewritten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rewritten(inner) for inner in value]
    return value


def _key(key: Any) -> str:
    field, *modifiers = str(key).split("|")
    return "|".join([field, *("wide" if modifier == "utf16le" else modifier for modifier in modifiers)])


# --- conditions ---------------------------------------------------------------------------------------------------


def _conditions(parsed: SigmaRule) -> c.Condition:
    """Several conditions are several ways to match."""
    trees = []
    for condition in parsed.detection.parsed_condition:
        try:
            tree = condition.parsed
        except SigmaError as error:
            raise _unusable(error) from None
        except RecursionError:
            raise Unusable("the condition is nested too deep", "detection.condition") from None
        trees.append(_tree(tree))
    return trees[0] if len(trees) == 1 else c.AnyOf(tuple(trees))


def _tree(node: Any) -> c.Condition:
    match node:
        case sc.ConditionAND():
            return c.AllOf(tuple(_tree(arg) for arg in node.args))
        case sc.ConditionOR():
            return c.AnyOf(tuple(_tree(arg) for arg in node.args))
        case sc.ConditionNOT():
            return c.Not(_tree(node.args[0]))
        case sc.ConditionFieldEqualsValueExpression():
            return _field(str(node.field), node.value)
        case sc.ConditionValueExpression():
            return _keyword(node.value)
    raise Unusable("the condition refers to nothing", "detection.condition")


def _field(name: str, value: Any) -> c.Condition:
    match value:
        case st.SigmaExpansion():
            return c.AnyOf(tuple(_field(name, inner) for inner in value.values))
        case st.SigmaNull():
            return c.Null(name)
        case st.SigmaExists():
            return c.Exists(name, bool(value.exists))
        case st.SigmaFieldReference():
            return c.SameAs(name, value.field, value.starts_with, value.ends_with)
    return c.Is(name, _test(value, f"detection.{name}"))


def _keyword(value: Any) -> c.Condition:
    match value:
        case st.SigmaExpansion():
            return c.AnyOf(tuple(_keyword(inner) for inner in value.values))
        case st.SigmaString():
            cased = isinstance(value, st.SigmaCasedString)
            return c.keyword(_parts(value, cased), cased)
        case st.SigmaNumber() if not isinstance(value, st.SigmaTimestampPart):
            return c.keyword((str(value.number),))
        case st.SigmaRegularExpression():
            return c.Keyword(_test(value, "detection"))
    raise Unusable(f"a {type(value).__name__} needs a field", "detection")


def _test(value: Any, key: str) -> v.Test:
    match value:
        case st.SigmaString():
            cased = isinstance(value, st.SigmaCasedString)
            return v.Text(_parts(value, cased), cased)
        case st.SigmaTimestampPart():
            return v.Compare("eq", value.number, value.timestamp_part.name.lower())
        case st.SigmaNumber():
            return v.Number(str(v.text_of(value.number)))
        case st.SigmaBool():
            return v.Bool(value.boolean)
        case st.SigmaRegularExpression():
            flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
            return regex(str(value.regexp), flags, key)
        case st.SigmaCIDRExpression():
            return v.Network(value.network)
        case st.SigmaCompareExpression():
            number = value.number
            part = number.timestamp_part.name.lower() if isinstance(number, st.SigmaTimestampPart) else ""
            return v.Compare(value.op.name.lower(), number.number, part)
    raise Unusable(f"a value of type {type(value).__name__} is not supported", key)


def _parts(value: st.SigmaString, cased: bool) -> tuple[v.Part, ...]:
    parts: list[v.Part] = []
    for part in value.s:
        if isinstance(part, st.Placeholder):
            raise Unusable(f"the placeholder %{part.name}% has no value", "detection", "LT-R0203")
        if isinstance(part, st.SpecialChars):
            wild = v.MANY if part is st.SpecialChars.WILDCARD_MULTI else v.ONE
            if not (wild is v.MANY and parts and parts[-1] is v.MANY):
                parts.append(wild)
        elif part:
            parts.append(part)
    return tuple(parts) if cased else v.lowered(parts)


@lru_cache(maxsize=4096)
def _re2(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = REGEX_MEMORY_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)


def regex(pattern: str, flags: str = "", key: str = "") -> v.Regex:
    full = f"(?{flags}){pattern}" if flags else pattern
    try:
        return v.Regex(full, _re2(full).search)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise Unusable(f"a regular expression that RE2 does not take: {reason}: {pattern[:120]}", key,
                       "LT-R0202") from None  # fmt: skip
