"""The three lamps and the word of a machine that sends, from what was received."""

from __future__ import annotations

from typing import Any

import pytest

from api import lamps
from api.auth.machines import HOURS, _hours
from api.state.machines import Machine, MachineStream

NOW = 1_795_000_000.0
DAY = 86_400.0


def machine(**changed: Any) -> Machine:
    return Machine(**{"id": "a:sensor:x", "agency": "a", "name": "x", "enrolled_at": NOW - DAY, "revoked_at": None,
                      **changed})  # fmt: skip


def stream(**changed: Any) -> MachineStream:
    return MachineStream(**{"machine_id": "a:sensor:x", "stream": "log", "first_data_at": NOW - DAY,
                            "last_data_at": NOW - 10, "real_at": NOW - 10, "last_event_at": NOW - 10,
                            "beat_lag_s": 0.2, **changed})  # fmt: skip


@pytest.mark.parametrize(
    ("age", "state", "lamp"),
    [(10, "ok", "ok"), (119, "ok", "ok"), (121, "quiet", "warn"), (1799, "quiet", "warn"), (1801, "silent", "bad")],
)
def test_connection_is_by_age_of_what_came(age: float, state: str, lamp: str) -> None:
    found = lamps.judge(machine(), [stream(last_data_at=NOW - age)], NOW)
    assert (found.state, found.connection) == (state, lamp)


def test_heartbeats_alone_are_no_data() -> None:
    """A mirror port that was unplugged: reached, and blind."""
    found = lamps.judge(machine(), [stream(real_at=NOW - 3600)], NOW)
    assert (found.state, found.connection, found.data) == ("ok", "ok", "bad")
    never = lamps.judge(machine(), [stream(real_at=None, last_event_at=None)], NOW)
    assert (never.connection, never.data, never.real_at) == ("ok", "bad", None)


def test_a_new_one_is_not_blamed_while_it_starts() -> None:
    young = machine(enrolled_at=NOW - 60)
    assert lamps.judge(young, [], NOW).state == "starting"
    assert lamps.judge(young, [stream(real_at=None, last_event_at=None)], NOW).data == "none"
    assert lamps.judge(machine(enrolled_at=NOW - 301), [], NOW).state == "never"


@pytest.mark.parametrize(
    ("lag", "lamp"), [(-2.5, "bad"), (-1.0, "ok"), (0.0, "ok"), (59.0, "ok"), (61.0, "warn"), (None, "none")]
)
def test_the_clock(lag: float | None, lamp: str) -> None:
    assert lamps.judge(machine(), [stream(beat_lag_s=lag)], NOW).clock == lamp


def test_one_stream_ahead_is_enough() -> None:
    assert (
        lamps.judge(machine(), [stream(beat_lag_s=0.0), stream(stream="packet", beat_lag_s=-30.0)], NOW).clock == "bad"
    )


def test_a_revoked_one_has_no_lamps() -> None:
    found = lamps.judge(machine(revoked_at=NOW - 1), [stream()], NOW)
    assert (found.state, found.connection, found.data, found.clock) == ("revoked", "none", "none", "none")


def test_rows_of_before_know_their_last_event() -> None:
    """From a database that was upgraded a minute ago: not blind because the column is new."""
    assert lamps.judge(machine(), [stream(real_at=None, last_event_at=NOW - 20)], NOW).data == "ok"
    ahead = lamps.judge(machine(), [stream(real_at=None, last_event_at=NOW + DAY)], NOW)
    assert ahead.real_at == NOW - 10


def test_hours_are_bounded_and_counted() -> None:
    kept: list[list[int]] = []
    for hour in range(1000, 1100):
        kept = _hours(kept, hour, 2)
        kept = _hours(kept, hour, 3)
    assert len(kept) == HOURS
    assert kept[-1] == [1099, 5]
    assert _hours(kept, 5000, 1) == [[5000, 1]]
