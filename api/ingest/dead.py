"""Dead letters: what was refused for good, with its reason and an excerpt, for people to see.

In:  refusals. Out: pages of them, newest last; counts by reason are kept by whoever refuses.
Bound: EXCERPT_BYTES of each; LIMIT_BYTES of disk, the oldest segment goes first; PER_APPEND of one sender at a time,
       the rest as one line with its count: a flood of garbage must cost its sender, not us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sensors.clock import Clock, rfc3339
from sensors.durable.log import Full, LogReader, LogWriter, Position
from sensors.errors import Unavailable

EXCERPT_BYTES = 2048
SEGMENT_BYTES = 4 * 1024 * 1024
LIMIT_BYTES = 32 * 1024 * 1024
PER_APPEND = 100
_encode = msgspec.json.Encoder().encode


class Letter(NamedTuple):
    sender: str
    status: int
    reason: str
    source: bytes
    dataset: str = ""


class DeadLetters:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._log = LogWriter(folder, segment_bytes=SEGMENT_BYTES, daily=False, clock=clock)
        self.count = 0
        self.unwritten = 0

    def add(self, letters: Sequence[Letter]) -> None:
        """Durable when it returns. A full disk only counts: the refusal itself has been answered anyway."""
        if not letters:
            return
        self.count += len(letters)
        at = rfc3339(self._clock.now())
        lines: list[bytes] = []
        per_sender: Counter[str] = Counter()
        for letter in letters:
            per_sender[letter.sender] += 1
            if per_sender[letter.sender] <= PER_APPEND:
                lines.append(_encode({
                    "at": at, "sender": letter.sender, "dataset": letter.dataset, "status": letter.status,
                    "reason": letter.reason, "excerpt": letter.source[:EXCERPT_BYTES].decode("utf-8", "replace"),
                }))  # fmt: skip
        lines += [
            _encode({"at": at, "sender": sender, "dataset": "", "status": 400,
                     "reason": f"and {count - PER_APPEND} more like these", "excerpt": ""})
            for sender, count in per_sender.items() if count > PER_APPEND
        ]  # fmt: skip
        try:
            self._log.append(lines)
        except Full:
            self.unwritten += len(letters)
            return
        if self._log.usage_bytes() > LIMIT_BYTES:
            over = self._log.usage_bytes() - LIMIT_BYTES
            oldest = []
            for info in self._log.segments():
                if over <= 0:
                    break
                oldest.append(info.number)
                over -= info.bytes
            self._log.drop_segments(lambda info: info.number in oldest)

    def close(self) -> None:
        self._log.close()


def page(folder: Path, cursor: str | None, limit: int) -> tuple[list[dict[str, Any]], str]:
    """Up to `limit` letters after `cursor` (None: the oldest kept), and the next cursor."""
    try:
        batch = LogReader(folder).read(Position.parse(cursor) if cursor else None, limit)
    except (FileNotFoundError, Unavailable):
        return [], cursor or ""
    return [msgspec.json.decode(item) for _, item in batch.items], str(batch.next)
