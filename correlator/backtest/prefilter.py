"""A question to the store that no event which a rule matches can fail: so that not every stored event is read.

In:  rules and the sources of the pipelines. Out: a query tree of correlator/store/base.py, the same for both stores
     (Elasticsearch and the embedded index search by it); `All()` when nothing can be said.
Invariant: the tree finds every event on which the rules hold, and more. It only asks what the index surely answers:
where an event comes from (`when` of its source), whole values, addresses and numbers of core fields. `quick=True` asks
more: patterns, presence, and fields that the field table doesn't name. Then an event may be passed over whose value is
longer than the index keeps (KEYWORD_LIMIT characters), or whose field it gave up on (FIELDS_LIMIT): the report says so.
Left out always: what stands under `not`, null, keywords, regular expressions, letters outside ASCII (case differs),
patterns over fields that are often longer than an index keeps (LONG: measured on EVTX, they alone lost matches).
Not found in either way: an event with over 1,000 values (embedded), or one that Elasticsearch's mapping refused.
Bound: TERMS_LIMIT terms; a part that is larger is left out.
Source: Sigma specification 2.1.0; correlator/store/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from correlator.engine import conditions as c
from correlator.engine import values as v
from correlator.engine.rule import LogSource, Rule
from correlator.engine.sources import Source
from correlator.store.base import All, And, Exists, Is, Node, Or, Range
from correlator.store.columns import KEYWORD_LIMIT, KINDS, TAIL_NAME, as_long
from correlator.store.query import LIMIT_TERMS, network

TERMS_LIMIT = 3 * LIMIT_TERMS  # the stores take four times LIMIT_TERMS, brackets included
PART_LIMIT = 100
LONG = ("ScriptBlockText", "Payload", "ContextInfo")  # PowerShell's own; a script block is up to 32 KiB
DEPTH_LIMIT = 10


def narrow(rules: Iterable[Rule], sources: Sequence[Source], *, quick: bool = False) -> Node:
    """What every event that one of `rules` matches is found by."""
    parts: list[Node | None] = []
    routed: list[Node | None] = []
    for rule in rules:
        whole, route = _rule(rule, sources, quick=quick)
        parts.append(whole)
        routed.append(route)
    for given in (_any(parts), _any(routed)):
        if given is not None and size(given) <= TERMS_LIMIT and _depth(given) <= DEPTH_LIMIT:
            return given
    return All()


def size(node: Node) -> int:
    return 1 + sum(size(part) for part in node.parts) if isinstance(node, And | Or) else 1


def _depth(node: Node) -> int:
    return 1 + max((_depth(part) for part in node.parts), default=0) if isinstance(node, And | Or) else 1


def _rule(rule: Rule, sources: Sequence[Source], *, quick: bool) -> tuple[Node | None, Node | None]:
    """(route and condition, route alone): an alternative per source that the rule covers."""
    whole: list[Node | None] = []
    routes: list[Node | None] = []
    for source in sources_of(rule, sources):
        route = route_of(source)
        routes.append(route)
        whole.append(_all([route, _condition(rule.condition, source, quick=quick)]))
    return _any(whole), _any(routes)


def sources_of(rule: Rule, sources: Sequence[Source]) -> list[Source]:
    """All that the rule may meet, those that need no pipeline too."""
    return [*(one for one in sources if rule.logsource.covers(one.logsource)), *_by_dataset(rule.logsource)]


def _by_dataset(wanted: LogSource) -> list[Source]:
    """What sources.py routes without a pipeline: {product: luytre, service: X} is dataset "X", {product: a, service: b}
    is "a.b". `when` here holds patterns."""
    found = []
    if wanted.product in (None, "luytre") and wanted.category is None:
        found.append(wanted.service or "*")
    if wanted.product != "luytre" and wanted.category in (None, "application"):
        found.append(f"{wanted.product or '*'}.{wanted.service or '*'}")
    return [Source("", (("event.dataset", frozenset((name.lower(),))),), wanted) for name in found]


def route_of(source: Source) -> Node | None:
    """Where its events come from."""
    parts = []
    for path, wanted in source.when:
        if KINDS.get(path) == "keyword" and "*" not in wanted:
            parts.append(_any([_whole(path, value) if source.name else _dataset(value) for value in sorted(wanted)]))
    return _all(parts)


def _dataset(pattern: str) -> Node | None:
    if set(pattern) <= set("*."):
        return None
    return Is("event.dataset", pattern, wildcard=True) if "*" in pattern else Is("event.dataset", pattern)


def _condition(node: c.Condition, source: Source, *, quick: bool) -> Node | None:
    match node:
        case c.AllOf(parts):
            return _all([_condition(part, source, quick=quick) for part in parts])
        case c.AnyOf(parts):
            return _any([_condition(part, source, quick=quick) for part in parts])
        case c.Is(field, test):
            return _is(field, test, source, quick=quick)
        case c.Exists(field, True) if quick and field not in source.combined:
            return _any([Exists(path) if KINDS.get(path) != "text" else None for path in paths_of(field, source)])
    return None


def _is(field: str, test: v.Test, source: Source, *, quick: bool) -> Node | None:
    if field in source.values or field in source.combined:  # what stands in the event is another word, or several
        return None
    mapped = source.fields.get(field, (field,))
    if not quick and not any(path in KINDS for path in mapped):
        return None
    return _any([_leaf(path, test, quick=quick) for path in paths_of(field, source)])


def paths_of(field: str, source: Source) -> list[str]:
    """Where sources.py looks for a field."""
    if field in source.combined:
        return list(source.combined[field].paths)
    paths = [*source.fields.get(field, ()), *(prefix + field for prefix in source.prefixes), field]
    return list(dict.fromkeys(paths))


def _leaf(path: str, test: v.Test, *, quick: bool) -> Node | None:
    kind = KINDS.get(path)
    if kind not in ("keyword", "ip", "long", None) or (kind is None and not TAIL_NAME.match(path)):
        return None
    match test:
        case v.Text(parts):
            if len(parts) == 1 and isinstance(parts[0], str):
                return _whole(path, parts[0])
            if path.endswith(LONG):
                return None
            if quick and kind in ("keyword", None) and (pattern := _pattern(path, parts)):
                return pattern
        case v.Number(text):
            return _whole(path, text)
        case v.Bool(true) if kind in ("keyword", None):
            return Is(path, "true" if true else "false")
        case v.Network(net) if kind == "ip":
            return Is(path, net)
        case v.Compare(operator, number, "") if kind == "long":
            return _compare(path, operator, number)
    return Exists(path) if quick else None


def _whole(path: str, text: str) -> Node | None:
    if not text or not text.isascii() or len(text) > KEYWORD_LIMIT:
        return None
    match KINDS.get(path):
        case "ip":
            return Is(path, text) if network(text) else None
        case "long":
            number = as_long(text)
            return None if number is None else Is(path, number)
        case "keyword" if text.isdigit():  # JSON may say 4625.0; Sigma compares it as 4625
            return Or((Is(path, text), Is(path, text + ".0")))
    return Is(path, text)


_WILD = {v.MANY: "*", v.ONE: "?"}


def _pattern(path: str, parts: Sequence[v.Part]) -> Node | None:
    texts = [part for part in parts if isinstance(part, str)]
    if not texts or not all(text.isascii() for text in texts) or sum(map(len, texts)) > 200:
        return None
    text = "".join(_escaped(part) if isinstance(part, str) else _WILD[part] for part in parts)
    return Is(path, text, wildcard=True)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _compare(path: str, operator: str, number: float) -> Node | None:
    match operator:
        case "eq":
            whole = as_long(number)
            return None if whole is None else Is(path, whole)
        case "gt" | "gte":
            return Range(path, low=number)
        case "lt" | "lte":
            return Range(path, high=number + 1)
    return None


def _all(parts: Sequence[Node | None]) -> Node | None:
    """What can't be asked is left out."""
    known = list(dict.fromkeys(part for part in parts if part is not None))
    flat = [inner for part in known for inner in (part.parts if isinstance(part, And) else (part,))]
    return None if not flat else flat[0] if len(flat) == 1 else And(tuple(flat))


def _any(parts: Sequence[Node | None]) -> Node | None:
    """One way that can't be asked, and nothing can be said."""
    if not parts or any(part is None for part in parts):
        return None
    known = [inner for part in parts if part for inner in (part.parts if isinstance(part, Or) else (part,))]
    flat = list(dict.fromkeys(known))
    if len(flat) > PART_LIMIT:
        return None
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
