"""The fast engine equals the literal evaluator: on any rules, any events, decoded or as lines, however odd."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
import re2
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st

from correlator.engine import Engine, Rule
from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Is, Keyword, Not, Null, SameAs, keyword
from correlator.engine.fast.regexes import FOLDED, scanner, sketch
from correlator.engine.patterns import joined
from correlator.engine.rule import About, LogSource
from correlator.engine.sources import Combined, Source, Sources
from correlator.engine.values import MANY, ONE, Bool, Compare, Network, Number, Regex, Text, lowered
from sensors.event import decode, encode
from tests.naive import sigma

OPTIONS = re2.Options()
OPTIONS.log_errors = False

# Letters that change in lower case, some of them their length or into ASCII; marks and escapes; a lone surrogate.
LETTERS = 'aAbkKsS\u0130\u0131\u017f\u212a\u00df\u1e9e\u03a3\u03c2\u03c3*?\\"/.\n \x02\x03\u00e9\ud8007'
texts = st.one_of(
    st.text(LETTERS, max_size=6),
    st.sampled_from(["", "a", "ab", "aab", "10.0.0.1", "::ffff:10.0.0.1", "true", "7", "1e3", "2026-01-05T22:10:00Z"]),
)
numbers = st.one_of(st.sampled_from([0, 1, 2, 7, 1.0, 7.0, 0.0, -0.0, 1e16, 10**16, 10**15, 1e15, float("nan")]),
                    st.integers(), st.floats())  # fmt: skip
scalars = st.one_of(texts, numbers, st.booleans(), st.none())

parts = st.lists(st.one_of(texts, st.sampled_from([MANY, ONE])), max_size=4).map(joined)
globs = st.one_of(
    st.builds(lambda p: Text(lowered(p)), parts),
    st.builds(lambda p: Text(tuple(p), cased=True), parts),
    st.builds(lambda t: Text(lowered((MANY, t, MANY) if t else (MANY,))), texts),
    st.builds(lambda t: Text(lowered((MANY, t) if t else (MANY,))), texts),
    st.builds(lambda t: Text(lowered((t, MANY) if t else (MANY,))), texts),
)
PIECES = ["a", "b", "k", "s", "aab", "\\s", "\\S", "[a-c]", "[^a]", "[^?]", "[!-~]", "[^!-@]", "[^ -~]", "\\w", "\\W",
          "\\d", "\\D", ".", "(?:a|b)", "(a)", "(?i:k)", "(?P<n>s)", "a?", "a*", "(ab)*", "a+", "b{2}", "a{0,2}", "|",
          "^", "$", "\\b", "\\B", "\\.", "\\?", "\u00e9", "[[:alpha:]]", "\\x61", "\\v", "[\\s]", "[^\\s]", "[\\S]",
          "[]a]", "[^]a]", "[a\\-s]", "[[a]", "\\z", "\\A", "a+?", "\\n", "\\pL", "(?-s:.)", "\\Qa\\E", "[^\u00e9]",
          "[\u00e9a]", "[a-\u00e9]"]  # fmt: skip
patterns = st.builds(
    lambda flags, pieces: flags + "".join(pieces),
    st.sampled_from(["", "", "(?i)", "(?s)", "(?m)", "(?is)", "(?U)"]),
    st.lists(st.sampled_from(PIECES), max_size=6),
)


def usable(pattern: str) -> Regex | None:
    try:
        re2.compile(pattern, OPTIONS)
    except re2.error:
        return None
    return Regex(pattern)


regexes = patterns.map(usable).filter(lambda found: found is not None)
tests: st.SearchStrategy[Any] = st.one_of(
    globs,
    globs,
    st.builds(Number, st.sampled_from(["0", "1", "2", "7", "1e+16", "10000000000000000", "nan"])),
    st.builds(Bool, st.booleans()),
    regexes,
    st.sampled_from([Network(net) for net in ("10.0.0.0/8", "0.0.0.0/0", "::/0")]),
    st.builds(Compare, st.sampled_from(["lt", "lte", "gt", "gte", "eq", "neq"]), st.sampled_from([0, 1, 7, 7.5]),
              st.sampled_from(["", "", "hour", "year"])),
)  # fmt: skip

NAMES = ["a", "b", "x.a", "q", "EventID"]
names = st.sampled_from(NAMES)
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Is, names, tests),
    st.builds(Is, names, tests),
    st.builds(Null, names),
    st.builds(Exists, names, st.booleans()),
    st.builds(SameAs, names, names, st.booleans(), st.booleans(), st.booleans()),
    st.builds(Keyword, st.one_of(globs, regexes)),
    st.builds(lambda t: keyword((t,)), texts.filter(bool)),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
SOURCES = (
    Source("first", (("kind", frozenset("a")),), LogSource("p", "first", "s"),
           {"EventID": ("x.id", "id"), "a": ("x.a", "y")}, ("x.", "q.r."), {"a": {"a": "b", "7": "1"}}),
    Source("second", (("kind", frozenset(("a", "1"))),), LogSource("p", "second", "s"), {"EventID": ("x.id",)},
           combined={"a": Combined(("x.a", "y", "q.r.b")), "b": Combined(("x.a", "b", "x.id"), "-", (("7", "A"),))}),
    Source("third", (("x.id", frozenset("*")),), LogSource("p", "third", None), {"b": ("q.r.b",)}, ("x.",)),
)  # fmt: skip
logsources = st.sampled_from([LogSource("p", "first"), LogSource("p", "second"), LogSource("p"), LogSource("d"),
                              LogSource(None, "third"), LogSource("luytre", None, "d.e")])  # fmt: skip
rules = st.lists(st.tuples(logsources, conditions), min_size=1, max_size=5)

values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "r", "id", "x", "r.b", "a.b", ""]), inner, max_size=3),
    ),
    max_leaves=4,
)
PATHS = ["x.a", "x.b", "x.id", "id", "y", "a", "b", "q", "q.r.a", "q.r.b", "x.q", "x.x.a", "EventID", "x.EventID",
         "event.dataset", "event.original", "message", "a.b", "q.r", "x"]  # fmt: skip


def build(kind: Any, placed: list[tuple[str, Any, bool]]) -> dict[str, Any]:
    """An event with values at paths, some under dotted keys."""
    event: dict[str, Any] = {"kind": kind, "event": {"dataset": "d.e"}}
    for path, value, dotted in placed:
        heads, here = ([] if dotted else path.split(".")[:-1]), event
        for head in heads:
            inner = here.get(head)
            if not isinstance(inner, dict):
                inner = here[head] = {}
            here = inner
        here[path if dotted else path.rpartition(".")[2]] = value
    return event


events = st.builds(
    build,
    st.sampled_from(["a", "A", "a", "a", 1, True, ["a"], ["a", "b"], None]),
    st.lists(st.tuples(st.sampled_from(PATHS), st.one_of(scalars, values), st.sampled_from([False] * 6 + [True])),
             max_size=6),
)  # fmt: skip

# Every bound so small that each is met; and no hyperscan.
TINY = {
    "correlator.engine.fast.literals.FEW": 0, "correlator.engine.fast.literals.PIECE_CHARS": 2,
    "correlator.engine.fast.matchers.LONG_CHARS": 1, "correlator.engine.fast.regexes.SCANNED_FROM": 1,
    "correlator.engine.fast.matchers.SHAPES_LIMIT": 2, "correlator.engine.fast.route.PLANS_LIMIT": 1,
    "correlator.engine.fast.route.ROUTES_LIMIT": 1, "correlator.engine.fast.route.FAMILIES_LIMIT": 1,
    "correlator.engine.fast.learn.FIRST_LIMIT": 1, "correlator.engine.fast.learn.SAMPLE_ROWS": 1,
    "correlator.engine.fast.rows.SHORT_CHARS": 1, "correlator.engine.fast.memo.SEEN_LIMIT": 1,
    "correlator.engine.fast.shared.SHARED_FROM": 1, "correlator.engine.fast.batch.CHUNK_LINES": 2,
    "correlator.engine.engine.MEMORY_BYTES": 2_000,
}  # fmt: skip


@contextmanager
def limits(found: Mapping[str, int], *, without: str = "") -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in found.items():
            stack.enter_context(mock.patch(name, value))
        if without:
            stack.enter_context(mock.patch.dict(sys.modules, {without: None}))
        yield


def engine(given_rules: list[tuple[LogSource, Condition]]) -> Engine:
    return Engine([Rule(About(f"r{n}", "", "", "low"), source, condition)
                   for n, (source, condition) in enumerate(given_rules)], (), SOURCES)  # fmt: skip


def compare(given_rules: list[tuple[LogSource, Condition]], given_events: list[dict[str, Any]]) -> None:
    made, sources = engine(given_rules), Sources(SOURCES)
    for event in given_events:
        assert [match.rule.id for match in made.match(event)] == sigma.matches(made, event, sources)
    lines = [encode(event) for event in given_events]
    for line, found in zip(lines, made.match_lines(lines), strict=True):
        assert [match.rule.id for match in found] == sigma.matches(made, decode(line), sources)
    for line, found in zip(lines, made.match_lines(lines), strict=True):  # by now they are read column by column
        assert [match.rule.id for match in found] == sigma.matches(made, decode(line), sources)
    for event in reversed(given_events):  # what is remembered is as true as what was found
        assert [match.rule.id for match in made.match(event)] == sigma.matches(made, event, sources)


PHASES = [phase for phase in Phase if phase is not Phase.shrink or "LUYTRE_SHRINK" in os.environ]  # it takes minutes


@pytest.mark.parametrize("kind", ["usual", "tiny", "without"])
@settings(max_examples=250, deadline=None, phases=PHASES)
@given(given_rules=rules, given_events=st.lists(events, min_size=1, max_size=4))
def test_the_engine_equals_the_literal_evaluator(
    kind: str, given_rules: list[tuple[LogSource, Condition]], given_events: list[dict[str, Any]]
) -> None:
    with limits({} if kind == "usual" else TINY, without="hyperscan" if kind == "without" else ""):
        compare(given_rules, given_events)


@settings(max_examples=1000, deadline=None)
@given(patterns, st.one_of(texts, st.text("aAbkKsS?\t\x0b\n \u00e9\u1e00_-7", max_size=8)))
@example("[^?]", "\u00e9")
@example("(?i)aks", "a\u212a\u017f")
@example("\\s", "\x0b")
@example("(?m)^$", "a\n")
def test_what_is_asked_first_never_hides_a_match(pattern: str, text: str) -> None:
    regex = usable(pattern)
    assume(regex is not None)
    assert regex is not None
    known = sketch(pattern)
    if not regex(text) or any(letter in text for letter in FOLDED):
        return
    assert known.literal in text.lower()
    if known.ascii:
        found, left = scanner([(5, known.ascii)])
        assert left == [5] or (found is not None and found.find(text) == {5})
