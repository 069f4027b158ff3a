"""`get` reads a dotted path as its slow, obvious twin does, through nested objects and dotted keys."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.event import get

WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join)
KEYS = WORDS | st.integers(0, 2)
EVENTS = st.recursive(
    st.integers(0, 9), lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2)
)


def naive(event: Mapping[Any, Any], path: str) -> Any:
    """Whole, then by the first word, then by a key that begins the path; the first way that is there decides."""
    if path in event:
        return event[path]
    words = path.split(".")
    ways = [words[:1], *([key.split(".") for key in event if isinstance(key, str) and "." in key])]
    for way in ways:
        key = ".".join(way)
        if len(way) < len(words) and words[: len(way)] == way and key in event:
            inner = event[key]
            return naive(inner, ".".join(words[len(way) :])) if isinstance(inner, Mapping) else None
    return None


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.dictionaries(KEYS, EVENTS, max_size=5), WORDS)
def test_get_is_its_twin(event: dict[Any, Any], path: str) -> None:
    assert get(event, path) == naive(event, path)
    assert get(MappingProxyType(event), path) == naive(event, path)
