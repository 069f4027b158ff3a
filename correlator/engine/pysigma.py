"""Where pySigma's types are read: rules that an agency's own pipeline transforms.

In:  a document, and a pySigma `ProcessingPipeline` with transformations. Out: a log source and a condition tree;
     `Unusable` says why not.
Bound: pySigma parses conditions by backtracking and writes `windash` out as 5^n texts, so what it is given is bounded
here: `CONDITION_LIMIT_CHARS`, `WORDS_LIMIT`, `PARENTHESES_LIMIT`, `STARS_LIMIT`, `WINDASH_LIMIT`, `LEAVES_LIMIT`.
Source: pySigma 1.5. Known to differ from the specification: `not_x` as a name behind an operator reads as `not _x`,
patterns have no hyphen, `utf16` writes its byte order mark as UTF-8, `base64offset` counts letters for bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sigma import conditions as sc
from sigma import types as st
from sigma.exceptions import SigmaConditionError, SigmaError, SigmaLogsourceError
from sigma.rule import SigmaRule

from correlator.engine import conditions as c
from correlator.engine import values as v
from correlator.engine.detection import regex
from correlator.engine.modifiers import WINDASH_LIMIT
from correlator.engine.patterns import Placeholder, Placeholders, Token, Tokens, filled, joined
from correlator.engine.rule import LogSource, Unusable

CONDITION_LIMIT_CHARS = 4096
WORDS_LIMIT = 200
PARENTHESES_LIMIT = 8
STARS_LIMIT = 4  # "*" in one selector pattern: pySigma makes a backtracking pattern of it
LEAVES_LIMIT = 200_000

_WINDASH = re.compile(r"\B[-/]\b")


def transformed(raw: dict[str, Any], pipeline: Any, placeholders: Placeholders) -> tuple[LogSource, c.Condition]:
    """The rule as the pipeline makes it."""
    _check(raw.get("detection"))
    parsed = _parsed(_rewritten(raw))
    try:
        pipeline.apply(parsed)
    except (SigmaError, RecursionError, NotImplementedError, AttributeError, TypeError, ValueError) as error:
        raise Unusable(f"the pipeline can't transform it: {type(error).__name__}: {error}"[:300]) from None
    tree = _Tree(placeholders)
    condition = tree.of(parsed)
    if tree.missing:
        names = tuple(sorted(tree.missing))
        raise Unusable(f"waits for the values of {', '.join(f'%{name}%' for name in names)}", "detection", "LT-R0203",
                       names)  # fmt: skip
    source = parsed.logsource
    return LogSource(source.product, source.category, source.service), condition


def _parsed(raw: dict[str, Any]) -> SigmaRule:
    try:
        parsed = SigmaRule.from_dict(raw, collect_errors=True)
    except SigmaError as error:
        raise _unusable(error) from None
    except Exception as error:  # a shape that pySigma doesn't expect: its own AttributeError, TypeError …
        raise Unusable(f"not a Sigma rule: {type(error).__name__}: {error}"[:300]) from None
    if parsed.errors:
        raise _unusable(*parsed.errors)
    return parsed


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


def _check(detection: Any) -> None:
    if not isinstance(detection, dict):
        return  # pySigma says it better
    given = detection.get("condition")
    count = 0
    for condition in given if isinstance(given, list) else [given]:
        if not isinstance(condition, str):
            raise Unusable("a condition must be text", "detection.condition")
        depth = deepest = 0
        for letter in condition:
            depth += (letter == "(") - (letter == ")")
            deepest = max(deepest, depth)
        words = condition.replace("(", " ").replace(")", " ").split()
        count += len(words)
        if len(condition) > CONDITION_LIMIT_CHARS or len(words) > WORDS_LIMIT or deepest > PARENTHESES_LIMIT:
            raise Unusable(
                f"with a pipeline a condition has at most {CONDITION_LIMIT_CHARS} characters, {WORDS_LIMIT} words "
                f"and parentheses {PARENTHESES_LIMIT} deep",
                "detection.condition",
            )
        if any(word.count("*") > STARS_LIMIT for word in words):
            raise Unusable(f"a selector has more than {STARS_LIMIT} wildcards", "detection.condition")
    total = 0
    for key, value in _leaves(detection, ""):
        total += 1
        if isinstance(value, str) and "|windash" in key and len(_WINDASH.findall(value)) > WINDASH_LIMIT:
            raise Unusable(f"`windash` over more than {WINDASH_LIMIT} dashes", f"detection.{key}")
    if total * max(1, count) > 20 * LEAVES_LIMIT or total > LEAVES_LIMIT:
        raise Unusable(f"{total} values times {count} words of condition are too many", "detection")


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


class _Tree:
    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self.missing: set[str] = set()

    def of(self, parsed: SigmaRule) -> c.Condition:
        """Several conditions are several ways to match."""
        trees = []
        for condition in parsed.detection.parsed_condition:
            try:
                trees.append(self._node(condition.parsed))
            except SigmaError as error:
                raise _unusable(error) from None
            except RecursionError:
                raise Unusable("the condition is nested too deep", "detection.condition") from None
        return trees[0] if len(trees) == 1 else c.AnyOf(tuple(trees))

    def _node(self, node: Any) -> c.Condition:
        match node:
            case sc.ConditionAND():
                return c.AllOf(tuple(self._node(arg) for arg in node.args))
            case sc.ConditionOR():
                return c.AnyOf(tuple(self._node(arg) for arg in node.args))
            case sc.ConditionNOT():
                return c.Not(self._node(node.args[0]))
            case sc.ConditionFieldEqualsValueExpression():
                return self._field(str(node.field), node.value)
            case sc.ConditionValueExpression():
                return self._keyword(node.value)
        raise Unusable("the condition refers to nothing", "detection.condition")

    def _field(self, name: str, value: Any) -> c.Condition:
        match value:
            case st.SigmaExpansion():
                return _any([self._field(name, inner) for inner in value.values])
            case st.SigmaNull():
                return c.Null(name)
            case st.SigmaExists():
                return c.Exists(name, bool(value.exists))
            case st.SigmaFieldReference():
                return c.SameAs(name, value.field, value.starts_with, value.ends_with)
            case st.SigmaString():
                return _any([c.Is(name, v.Text(parts, cased)) for parts, cased in self._texts(value)])
        return c.Is(name, _test(value, f"detection.{name}"))

    def _keyword(self, value: Any) -> c.Condition:
        match value:
            case st.SigmaExpansion():
                return _any([self._keyword(inner) for inner in value.values])
            case st.SigmaString():
                return _any([c.keyword(parts, cased) for parts, cased in self._texts(value)])
            case st.SigmaBool():
                return c.keyword(("true" if value.boolean else "false",))
            case st.SigmaNumber() if not isinstance(value, st.SigmaTimestampPart):
                return c.keyword((str(value.number),))
            case st.SigmaRegularExpression():
                return c.Keyword(_test(value, "detection"))
        raise Unusable(f"a {type(value).__name__} needs a field", "detection")

    def _texts(self, value: st.SigmaString) -> Iterator[tuple[tuple[v.Part, ...], bool]]:
        cased = isinstance(value, st.SigmaCasedString)
        try:
            found = filled(_tokens(value), self._placeholders, self.missing)
        except ValueError as error:
            raise Unusable(str(error), "detection") from None
        for one in found:
            parts = tuple(part for part in one if isinstance(part, str | v.Wild))
            yield (parts if cased else v.lowered(parts)), cased


def _any(parts: list[c.Condition]) -> c.Condition:
    return parts[0] if len(parts) == 1 else c.AnyOf(tuple(parts))


def _tokens(value: st.SigmaString) -> Tokens:
    parts: list[Token] = []
    for part in value.s:
        match part:
            case st.Placeholder():
                parts.append(Placeholder(part.name))
            case st.SpecialChars.WILDCARD_MULTI:
                parts.append(v.MANY)
            case st.SpecialChars.WILDCARD_SINGLE:
                parts.append(v.ONE)
            case str():
                parts.append(part)
    return joined(parts)


def _test(value: Any, key: str) -> v.Test:
    match value:
        case st.SigmaTimestampPart():
            return v.Compare("eq", value.number, value.timestamp_part.name.lower())
        case st.SigmaNumber():
            return v.Number(str(v.text_of(value.number)))
        case st.SigmaBool():
            return v.Bool(value.boolean)
        case st.SigmaRegularExpression():
            try:
                return regex(str(value.regexp), (value.sigma_to_re_flag[flag] for flag in value.flags))
            except Unusable as why:
                raise Unusable(why.reason, key, why.code) from None
        case st.SigmaCIDRExpression():
            return v.Network(str(value.network))
        case st.SigmaCompareExpression():
            number = value.number
            part = number.timestamp_part.name.lower() if isinstance(number, st.SigmaTimestampPart) else ""
            return v.Compare(value.op.name.lower(), number.number, part)
    raise Unusable(f"a value of type {type(value).__name__} is not supported", key)
