"""Who a group is about is read fast from nested events; it must be what `get` finds, whatever the event looks like."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from correlator.engine.correlate.entities import META, PATHS, agreed, common, present
from sensors.event import get

ENTITIES = PATHS[: -len(META)]
values = st.sampled_from(["a", "b", "ế", "\ud800", "", 0, 1, True, None, 1.5, 2**70, ["a"], ["a", 1], "x" * 2000])
names = st.sampled_from(sorted({part for path in (*ENTITIES, "other.name") for part in (
    path, path.partition(".")[0], path.partition(".")[2], path.rpartition(".")[2])}))  # fmt: skip
events: Any = st.dictionaries(names, st.recursive(values, lambda inner: st.dictionaries(names, inner, max_size=4),
                                                  max_leaves=6), max_size=6)  # fmt: skip


def plain(event: Any) -> dict[str, Any]:
    """What of it can be kept is `present`'s own business; where it is found is not."""
    return {path: get(event, path) for path in ENTITIES if get(event, path) is not None}


@given(events)
def test_present_finds_what_get_finds(event: Any) -> None:
    found = common(*present(event))
    assert found.items() <= plain(event).items()
    for path, value in plain(event).items():
        if isinstance(value, str | bool | float) and len(str(value)) < 1000 and value != "\ud800":
            assert found[path] == value


@given(events, events)
def test_agreed_leaves_what_both_say(first: Any, second: Any) -> None:
    shape, kept = present(first)
    left = agreed(shape, kept, second)
    assert common(*(left or (shape, kept))) == {
        path: value for path, value in common(shape, kept).items() if get(second, path) == value
    }
