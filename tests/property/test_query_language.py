"""The search language: `parse` reads back what `show` writes; what is typed gives a tree or an error with a place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.store.base import All, And, Exists, Is, Not, Or, Range, Text
from correlator.store.query import LIMIT_CHARS, LIMIT_DEPTH, LIMIT_TERMS, QueryError, check, parse, pieces, show

fields = st.one_of(
    st.sampled_from(["host.name", "source.ip", "@timestamp", "a-b", "-x", "NOT", "AND", "tên trường"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
).filter(lambda text: text.strip() == text)
texts = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(["TO", "OR", "007", "1.10", "true", "-1", "10.0.0.0/8"]),
)
numbers = st.one_of(st.integers(-(10**18), 10**18), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(texts, numbers, st.booleans())


@st.composite
def patterns(draw):
    """A pattern in its one canonical spelling: with at least one wildcard, and never a bare "*", which is Exists."""
    parts = draw(
        st.lists(st.one_of(st.sampled_from(["*", "?"]), st.text(min_size=1, max_size=5)), min_size=2, max_size=6)
    )
    parts.insert(draw(st.integers(0, len(parts))), "?")
    return "".join(
        one if one in ("*", "?") else one.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") for one in parts
    )


leaves = st.one_of(
    st.just(All()),
    st.builds(Text, texts),
    st.builds(Is, fields, values),
    st.builds(Is, fields, patterns(), st.just(True)),
    st.builds(Exists, fields),
    st.builds(Range, fields, st.one_of(st.none(), texts, numbers), st.one_of(st.none(), texts, numbers)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(trees)
def test_what_is_shown_is_read_back(tree):
    assert parse(show(tree)) == tree


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(st.sampled_from('ab:()"*?\\<>=[]{} -TOANDR1.'), max_size=40)))
def test_whatever_is_typed_is_a_tree_or_an_error_with_a_column(text):
    try:
        tree = parse(text)
    except QueryError as error:
        failure = error
    else:
        check(tree)
        assert parse(show(tree)) == tree
        return
    assert 1 <= failure.column <= len(text) + 1
    assert failure.problems[0].vi
    assert failure.problems[0].en


@pytest.mark.parametrize("text", [
    "a " * 10_000, "(" * 100 + "a" + ")" * 100, "NOT " * 100 + "a", " OR ".join(["a"] * 1_000), "-" * 1_000 + "a",
    "a:" + "(" * 500, '"' + "x" * 100_000, "f:(" * 40 + "a" + ")" * 40,
])  # fmt: skip
def test_size_and_depth_are_bounded(text):
    with pytest.raises(QueryError):
        parse(text)


def test_the_bounds_themselves_are_allowed():
    assert parse(" ".join(["a"] * LIMIT_TERMS))
    assert parse("(" * (LIMIT_DEPTH - 1) + "a" + ")" * (LIMIT_DEPTH - 1)) == Text("a")
    assert parse("x" * LIMIT_CHARS) == Text("x" * LIMIT_CHARS)


def test_a_tree_of_a_program_is_bounded_too():
    tree = Text("a")
    for _ in range(100):
        tree = Not(tree)
    with pytest.raises(QueryError):
        check(tree)
    with pytest.raises(QueryError):
        check(Or(tuple(Text(str(number)) for number in range(5_000))))


@given(st.text(st.sampled_from("ab*?\\"), max_size=20))
def test_pieces_cover_the_pattern(pattern):
    found = list(pieces(pattern))
    again = "".join(p if wild else p.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") for p, wild in found)
    assert list(pieces(again)) == found
