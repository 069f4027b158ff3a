"""A steady, attackful load for torture runs: ordinary lines and captures, and a new attacker every few seconds.

Runs in a thread of its own until told to stop; everything it issues is in the site's manifest first.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

from api.node.exercise.scene import Line, Scene
from api.node.exercise.world import Site

EVERY_S = 0.25
CAPTURE_EVERY = 16  # rounds
GUESSES = 25  # enough for the brute-force rule


class Load:
    def __init__(self, site: Site, number: int) -> None:
        assert site.stage is not None
        self._stage, self._scene = site.stage, Scene(number, seed=7)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the round that runs; raises what went wrong while writing."""
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error

    def _run(self) -> None:
        try:
            attackers = self._attackers()
            for round_number in itertools.count():
                now = time.time()
                self._stage.write([*self._scene.visits(now, 20), *next(attackers)])
                if round_number % CAPTURE_EVERY == 0:
                    self._stage.capture([*self._scene.browsing(now - 60, 6), *self._scene.scan(now - 10)])
                if self._stop.wait(EVERY_S):
                    return
        except BaseException as error:
            self.error = error

    def _attackers(self) -> Iterator[list[Line]]:
        """One address guesses, five lines a round, then the next one does."""
        for number in itertools.count():
            address = f"203.0.113.{number % 250 + 1}"
            lines = list(self._scene.guessing(time.time(), attacker=address, failures=GUESSES))
            for start in range(0, len(lines), 5):
                yield lines[start : start + 5]
