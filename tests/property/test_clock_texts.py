"""Times in the form that we write ourselves are read a shorter way: to the same number as any other form of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.clock import parse_rfc3339

NUMBER = st.integers(0, 99).map("{:02}".format)
TEXTS = st.builds(
    "{:04}-{}-{}T{}:{}:{}{}".format, st.integers(0, 9999), NUMBER, NUMBER, NUMBER, NUMBER, NUMBER,
    st.just("") | st.from_regex(r"\.[0-9]{0,11}", fullmatch=True),
)  # fmt: skip
SENSIBLE = st.datetimes().map(lambda when: when.isoformat())


@settings(max_examples=1000, deadline=None, database=None, derandomize=True)
@given(TEXTS | SENSIBLE)
def test_both_ways_are_one(text: str) -> None:
    assert parse_rfc3339(text + "Z") == parse_rfc3339(text + "+00:00") == parse_rfc3339(text.replace("T", " ") + "z")


def test_what_it_is() -> None:
    assert parse_rfc3339("1970-01-01T00:00:00.5Z") == 0.5
    assert parse_rfc3339("2026-11-22T04:05:59.000000001Z") == 1_795_320_359.000000001
    assert parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2017-01-01T00:00:00Z")
    assert parse_rfc3339("2026-02-29T00:00:00Z") is None
    assert parse_rfc3339("2026-11-22T04:05:06Z\n") is None
