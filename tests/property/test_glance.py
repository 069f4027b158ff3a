"""A glance at a line says of its paths what the whole event says, whatever else stands there, however it is written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlator.glance import WORDS_LIMIT, glance
from sensors.event import decode, encode, get

WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
KEYS = WORDS | st.text(max_size=2)
INNER = st.recursive(VALUES, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2))
EVENTS = st.dictionaries(KEYS, INNER, max_size=5)


@settings(max_examples=250, deadline=None, database=None, derandomize=True)
@given(EVENTS, st.lists(WORDS, max_size=4))
def test_it_says_what_the_whole_says(event: dict[str, Any], paths: list[str]) -> None:
    line = encode(event)
    few, whole = glance(paths)(line), decode(line)
    assert [get(few, path) for path in paths] == [get(whole, path) for path in paths]
    assert list(few) == [key for key in whole if key in few]  # in the order in which they stand


def test_only_what_is_asked_for_is_made() -> None:
    line = b'{"a":{"b":1,"c":2},"d":{"a":{"b":3}},"a.b":4,"e":[{"f":5,"g":6},{"f":7}],"h\\u002ei":8,"j":{"k":9}}'
    read = glance(["a.b", "e.f", "h.i", "j"])
    assert read(line) == {"a": {"b": 1}, "a.b": 4, "e": [{"f": 5}, {"f": 7}], "h.i": 8, "j": {"k": 9}}
    assert read(b'{"a":5,"z":1}') == {"a": 5, "z": 1}  # no object where one belongs: decoded whole


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b'{"z":}', b'{"z":1}x', b'{"z":"\xff"}', b"\xff", b'{"a":{"b":01}}']
)
def test_what_is_no_event_is_an_error(line: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        glance(["a.b"])(line)


def test_the_ways_of_writing_a_path_are_bounded() -> None:
    with pytest.raises(ValueError, match="words"):
        glance([".".join("a" * (WORDS_LIMIT + 1))])
