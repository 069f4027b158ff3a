"""How much one sender may post: items and bytes, each a bucket that fills up again. One site can't starve another.

In:  who posts, how much. Out: 0 when it may, else the seconds until it may (the 429's Retry-After).
Bound: SENDERS buckets in memory; a restart fills them, which costs one burst.
A site that was cut off for days brings its backlog in one burst and then at the steady rate; none is refused for good.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from sensors.clock import Clock

ITEMS, ITEMS_PER_S = 600, 10.0
BYTES, BYTES_PER_S = 64 << 20, 64 << 10  # a site gone mad writes at most 5.5 GB a day
SENDERS = 10_000


@dataclass(slots=True)
class _Bucket:
    items: float
    size: float
    at: float


class Quota:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, sender: str, size: int, items: int = 1) -> int:
        now = self._clock.monotonic()
        with self._lock:
            bucket = self._buckets.get(sender)
            if bucket is None:
                if len(self._buckets) >= SENDERS:
                    self._buckets.clear()
                bucket = self._buckets[sender] = _Bucket(ITEMS, BYTES, now)
            passed, bucket.at = now - bucket.at, now
            bucket.items = min(ITEMS, bucket.items + passed * ITEMS_PER_S)
            bucket.size = min(BYTES, bucket.size + passed * BYTES_PER_S)
            lacking = max((items - bucket.items) / ITEMS_PER_S, (size - bucket.size) / BYTES_PER_S)
            if lacking > 0:
                return math.ceil(lacking)
            bucket.items -= items
            bucket.size -= size
            return 0
