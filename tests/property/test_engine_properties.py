"""Any rule text and any event give values, not exceptions; wildcards equal their definition as a regular expression."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.engine import Engine
from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Is, Not, Null
from correlator.engine.documents import DocumentProblem, documents
from correlator.engine.rule import LogSource
from correlator.engine.sources import EventView, Source, flat
from correlator.engine.values import MANY, ONE, Number, Part, Text, glob
from tests.naive.sigma import holds

LETTERS = "ab\\*?\n İß"
parts = st.lists(st.one_of(st.text(LETTERS, min_size=1, max_size=3), st.sampled_from([MANY, ONE])), max_size=7)


@settings(max_examples=500, deadline=None)
@given(parts, st.text(LETTERS, max_size=12))
def test_a_glob_is_its_regular_expression(given_parts: list[Part], text: str) -> None:
    pattern = "".join(".*" if p is MANY else "." if p is ONE else re.escape(str(p)) for p in given_parts)
    assert glob(given_parts, text) == (re.fullmatch(pattern, text, re.DOTALL) is not None)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("ab.", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
VIEWED = Source("s", (), LogSource(), {"a": ("x.a", "a")}, ("b.",), {"a": {"x": "y"}})
leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Is, st.sampled_from("ab"), st.builds(Text, parts.map(tuple))),
    st.builds(Is, st.sampled_from("ab"), st.builds(Number, st.integers(0, 3).map(str))),
    st.builds(Null, st.sampled_from("ab")),
    st.builds(Exists, st.sampled_from("ab"), st.booleans()),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(conditions, st.dictionaries(st.text("abx.", max_size=3), values, max_size=4))
def test_logic_is_logic_on_any_event(condition: Condition, event: dict[str, Any]) -> None:
    view = EventView(flat(event), VIEWED)
    truth = holds(condition, view)
    assert holds(Not(condition), view) is not truth
    assert holds(AllOf((condition, condition)), view) is truth
    assert holds(AnyOf((condition, Not(condition))), view)
    assert not holds(AllOf((condition, Not(condition))), view)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_documents_or_a_problem(data: bytes) -> None:
    with contextlib.suppress(DocumentProblem):
        documents(data)


WORDS = st.sampled_from(
    ["sel", "x_1", "and", "or", "not", "1", "all", "of", "them", "(", ")", "sel*", "|", "\u00e9", "*"]
)
keys = st.sampled_from(
    ["f", "f|contains", "f|re", "f|all", "|re", "f|cidr", "f|gt", "f|base64offset|contains", "f|exists", "f|windash",
     "f|expand", "f|fieldref", "f|re|i", "f|neq", "f|hour", "f|utf16le", "f|x", "", "f|"]
)  # fmt: skip
selections = st.dictionaries(keys, values, max_size=3)
detections = st.fixed_dictionaries(
    {
        "sel": st.one_of(selections, values),
        "x_1": selections,
        "condition": st.one_of(st.lists(WORDS, max_size=8).map(" ".join), values),
    }
)


@settings(max_examples=150, deadline=None)
@given(detections, values)
def test_any_detection_runs_or_is_refused(tmp_path_factory: Any, detection: dict[str, Any], value: Any) -> None:
    folder: Path = tmp_path_factory.mktemp("rules")
    rule = {"title": "Anything", "logsource": {"product": "luytre", "service": "unit"}, "detection": detection}
    (folder / "a_rule.yml").write_text(yaml.safe_dump(rule, allow_unicode=True), encoding="utf-8", errors="replace")
    engine = Engine.load([folder])
    assert len(engine.rules) + len(engine.refused) == 1
    for event in ({"f": value}, {"f": {"g": value}}, {"message": value}, {}):
        engine.match({**event, "event": {"dataset": "unit"}})
