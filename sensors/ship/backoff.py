"""How long to wait before the next try: exponential with full jitter, never sooner than Retry-After asks.

Two hundred sensors that lose their node at the same moment must not come back at the same moment (osquery#3706).
A node on this very machine has one such sender, and mostly it is only starting: it is asked again soon, for a minute.
Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter, with a floor of a fifth).
"""

from __future__ import annotations

from random import Random

FIRST_S, LIMIT_S = 1.0, 60.0
NOT_ALLOWED_LIMIT_S = 300.0  # a person must act first
NEAR_LIMIT_S, NEAR_TRIES = 2.0, 50  # 0.4 to 2 s each: about a minute


class Backoff:
    def __init__(self, random: Random, *, near: bool = False) -> None:
        """`near`: the peer is on this machine."""
        self._random, self._near = random, near
        self.tries = 0

    def next_s(self, retry_after_s: float | None = None, limit_s: float = LIMIT_S) -> float:
        ceiling = min(limit_s, FIRST_S * 2 ** min(self.tries, 16))
        if self._near and self.tries < NEAR_TRIES:
            ceiling = min(ceiling, NEAR_LIMIT_S)
        self.tries += 1
        wait = self._random.uniform(ceiling / 5, ceiling)
        if retry_after_s is not None:
            wait = max(wait, retry_after_s * self._random.uniform(1.0, 1.5))
        return wait

    def clear(self) -> None:
        self.tries = 0
