"""What the node refused for good, kept here with its reason so that a person can look and mend.

In:  refused items of a lane (a spool) with their positions. Out: a bounded log, <data>/dead/ship. A position that was
     written before (the crash came before the acknowledgement) is not written again: the lane's mark is durable too.
Bound: `limit_bytes`, oldest segment first; an excerpt of EXCERPT_BYTES of each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensors.clock import Clock, rfc3339
from sensors.durable.log import LogWriter
from sensors.spool import SpoolItem

EXCERPT_BYTES = 4096


class DeadLetters:
    def __init__(self, folder: Path, clock: Clock, limit_bytes: int) -> None:
        self._folder, self._clock, self._limit = folder, clock, limit_bytes
        self._log: LogWriter | None = None  # opened at the first refusal: most sensors never have one

    def add(self, lane: str, letters: Sequence[tuple[SpoolItem, int, str]]) -> int:
        """Keep (item, status, reason) of each; returns how many were new."""
        if not letters:
            return 0
        if self._log is None:
            self._log = LogWriter(self._folder, clock=self._clock, segment_bytes=max(self._limit // 8, 1 << 16),
                                  daily=False)  # fmt: skip
        known = _mark(self._log.marks.get(lane, ""))
        fresh = [letter for letter in letters if letter[0].position[:2] > known]
        if not fresh:
            return 0
        at = rfc3339(self._clock.now())
        lines = [
            msgspec.json.encode({
                "at": at, "sender": lane, "status": status, "reason": reason,
                "epoch": item.position.epoch, "sequence": item.position.sequence,
                "excerpt": item.event_bytes[:EXCERPT_BYTES].decode("utf-8", "replace"),
            })
            for item, status, reason in fresh
        ]  # fmt: skip
        last = fresh[-1][0].position
        self._log.append(lines, {lane: f"{last.epoch}:{last.sequence}"})
        while self._log.usage_bytes() > self._limit:
            oldest = self._log.segments()[0].number
            if not self._log.drop_segments(lambda info, oldest=oldest: info.number == oldest).segments:  # type: ignore[misc]
                break
        return len(fresh)

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def _mark(text: str) -> tuple[int, int]:
    epoch, _, sequence = text.partition(":")
    return (int(epoch), int(sequence)) if epoch.isdigit() and sequence.isdigit() else (0, 0)
