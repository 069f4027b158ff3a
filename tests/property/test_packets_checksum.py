"""The fast Internet checksum is the slow one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.packets.checksum import ones_sum
from tests.naive.frames import checksum


@given(st.binary(max_size=4000) | st.integers(0, 70000).map(bytes) | st.integers(0, 70000).map(lambda n: b"\xff" * n))
@settings(max_examples=200, deadline=None)
def test_as_the_slow_one(data: bytes) -> None:
    assert (ones_sum(data) or 0) == (~checksum(data) & 0xFFFF)
