"""What the link may carry: bytes per second (pacing) and per UTC day (a cap that survives restarts).

In:  the size of each body about to be sent. Out: how many seconds to wait before sending it.
Rule: the last tenth of a day's bytes is for urgent events; an agency that pays by volume still hears that its portal is
      down. What was sent is counted even if it was not answered: the link charged for it.
Bound: the file is written at most every SAVE_EVERY_S; a kill -9 forgets that much at most.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from sensors.clock import Clock

OVERHEAD_BYTES = 500  # HTTP head, TLS records and the slim answer, per request
RESERVE = 0.1
SAVE_EVERY_S = 5.0
_DAY_S = 86400


class Budget:
    def __init__(self, file: Path, clock: Clock, per_second: int | None, per_day: int | None) -> None:
        self._file, self._clock = file, clock
        self._per_second, self._per_day = per_second, per_day
        self._free_at = clock.monotonic()
        self._saved_at = clock.monotonic()
        self._day, self.used_today = self._load()

    def batch_bytes(self, wanted: int) -> int:
        """How much to take at a time, before compression: about ten seconds of the link, so that urgent events wait no
        longer than that behind a batch of flows."""
        return wanted if self._per_second is None else min(wanted, max(16 * 1024, self._per_second * 10))

    def wait_s(self, size: int, *, urgent: bool) -> float:
        """Seconds until a body of `size` bytes may go; 0: now."""
        self._turn_day()
        if self._per_day is not None:
            allowed = self._per_day if urgent else int(self._per_day * (1 - RESERVE))
            if self.used_today and self.used_today + size + OVERHEAD_BYTES > allowed:
                return _DAY_S - self._clock.now() % _DAY_S
        return max(0.0, self._free_at - self._clock.monotonic())

    def spent(self, size: int) -> None:
        """`size` bytes were sent, answered or not."""
        self._turn_day()
        size += OVERHEAD_BYTES
        self.used_today += size
        now = self._clock.monotonic()
        if self._per_second is not None:
            self._free_at = max(self._free_at, now) + size / self._per_second
        if self._per_day is not None and now - self._saved_at >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        if self._per_day is None:
            return
        self._saved_at = self._clock.monotonic()
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk: the count goes on in memory
            temporary.write_bytes(msgspec.json.encode({"day": self._day, "used": self.used_today}))
            temporary.replace(self._file)

    def _turn_day(self) -> None:
        today = int(self._clock.now() // _DAY_S)
        if today != self._day:
            self._day, self.used_today = today, 0

    def _load(self) -> tuple[int, int]:
        today = int(self._clock.now() // _DAY_S)
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.MsgspecError):
            return today, 0
        return today, max(0, found.get("used", 0)) if found.get("day") == today else 0
