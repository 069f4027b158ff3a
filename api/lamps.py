"""How a machine that sends is, judged from what it sent: three lamps and one word.

In:  its row, its streams' rows, now. Out: a lamp each for connection, data and clock, and the state; nothing is
     asked of the machine. One truth for the sensors' screen and the overview.
Why three: a sensor that is reached and sends heartbeats may still see nothing (a mirror port that was unplugged), and
one that sees all may stamp it with a wrong clock. Users of other systems could not tell these apart (ux.md A9, 70–71).
The word is by connection, as reports to the centre are (api/federation/report_facts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from api.state.machines import Machine, MachineStream

Lamp = Literal["ok", "warn", "bad", "none"]
State = Literal["starting", "ok", "quiet", "silent", "never", "revoked"]

START_S = 300.0  # after enrolling it may be silent this long: unpacking, learning the network
QUIET_S = 120.0  # four heartbeats of 30 s
SILENT_S = 1800.0
DATA_WARN_S, DATA_BAD_S = 300.0, 1800.0  # without an event that is not its own heartbeat
AHEAD_S = 2.0  # a clock ahead of ours: nothing else makes an event come before it happened
BEHIND_S = 60.0  # its clock is behind, or what it sends waited


@dataclass(frozen=True, slots=True)
class Lamps:
    connection: Lamp
    data: Lamp
    clock: Lamp
    state: State
    heard_at: float | None  # when anything came
    real_at: float | None  # when something other than a heartbeat came


def judge(machine: Machine, streams: Sequence[MachineStream], now: float) -> Lamps:
    heard = max((row.last_data_at for row in streams), default=None)
    real = max((row.real_at for row in streams if row.real_at is not None), default=None)
    if real is None and any(row.last_event_at is not None and row.real_at is None for row in streams):
        # Rows of before 0011 know the moment of the last event only; not later than it came.
        real = max(min(row.last_event_at, row.last_data_at) for row in streams if row.last_event_at is not None)
    if machine.revoked_at is not None:
        return Lamps("none", "none", "none", "revoked", heard, real)
    lags = [row.beat_lag_s for row in streams if row.beat_lag_s is not None]
    young = now - machine.enrolled_at < START_S
    if heard is None:
        lamp: Lamp = "none" if young else "bad"
        return Lamps(lamp, lamp, "none", "starting" if young else "never", None, None)
    connection = _by_age(now - heard, QUIET_S, SILENT_S)
    data = ("none" if young else "bad") if real is None else _by_age(now - real, DATA_WARN_S, DATA_BAD_S)
    states: dict[Lamp, State] = {"ok": "ok", "warn": "quiet", "bad": "silent", "none": "ok"}
    return Lamps(connection, data, _clock(lags), states[connection], heard, real)


def state_of_stream(row: MachineStream, now: float) -> Literal["ok", "quiet", "silent"]:
    age = now - row.last_data_at
    return "ok" if age < QUIET_S else "quiet" if age < SILENT_S else "silent"


def _by_age(age: float, warn: float, bad: float) -> Lamp:
    return "ok" if age < warn else "warn" if age < bad else "bad"


def _clock(lags: Sequence[float]) -> Lamp:
    if not lags:
        return "none"
    if min(lags) < -AHEAD_S:
        return "bad"
    return "warn" if max(lags) > BEHIND_S else "ok"
