"""Hits posted to the node's own machine port until each is stored, or refused for good.

In:  hits. Out: True when all are settled, False when we were asked to stop before; counts, and why we wait.
Bound: SEND_ITEMS a request, fewer where that was too large; waits double up to WAIT_LIMIT_S.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from correlator.config import CorrelatorTable, machine_url
from sensors.clock import Clock
from sensors.config import Config, NodeTable
from sensors.daemon import Daemon
from sensors.event import Event, encode
from sensors.wire import BulkClient, Busy, ItemStatus, NotAllowed, TooLarge, tls_context

SEND_ITEMS = 500
WAIT_LIMIT_S = 30.0
REFUSED_WAIT_S = 5.0  # our certificate is missing or refused: somebody must act, then we go on

Send = Callable[[Sequence[bytes]], list[ItemStatus]]


def sender(config: Config, table: CorrelatorTable, node: NodeTable) -> Send:
    """Connects when first asked, and anew after the certificate was not accepted."""
    keys = Path(table.keys) if table.keys else node.root / "keys"
    url = machine_url(config)
    client: list[BulkClient] = []

    def send(items: Sequence[bytes]) -> list[ItemStatus]:
        if not client:
            try:
                tls = tls_context(keys / "ca.pem", keys / "correlator.pem", keys / "correlator.key")
            except OSError as error:
                raise NotAllowed(0, f"{keys}: {error.strerror or error}") from None
            client.append(BulkClient(url, tls))
        try:
            return client[0].send(items)
        except NotAllowed:
            client.pop().close()
            raise

    return send


class Poster:
    def __init__(self, send: Send, daemon: Daemon, clock: Clock) -> None:
        self._send, self._daemon, self._clock = send, daemon, clock
        self.posted = self.refused = 0
        self.state = "ok"

    def post(self, hits: Sequence[Event]) -> bool:
        """True when all are settled; False when we were asked to stop before."""
        waiting = [encode(hit) for hit in hits]
        pause = 0.5
        size = SEND_ITEMS
        while waiting:
            if self._daemon.stop.is_set():
                return False
            chunk = waiting[:size]
            try:
                statuses = self._send(chunk)
            except TooLarge as error:
                if len(chunk) == 1:
                    self._refuse(chunk[0], str(error))
                    waiting = waiting[1:]
                size = max(1, len(chunk) // 2)
                continue
            except NotAllowed as error:
                self.state = str(error)
                self._daemon.log.warning("hits not accepted", reason=str(error))
                self._clock.wait(self._daemon.stop, REFUSED_WAIT_S)
                continue
            except Busy as error:
                self.state = str(error)
                self._clock.wait(self._daemon.stop, error.retry_after_s or pause)
                pause = min(WAIT_LIMIT_S, pause * 2)
                continue
            again = []
            for item, status in zip(chunk, statuses, strict=True):
                if status.stored:
                    self.posted += 1
                elif status.again:
                    again.append(item)
                else:
                    self._refuse(item, f"{status.status} {status.reason}")
            waiting = again + waiting[len(chunk) :]
            self.state = "ok"
            if again:
                self._clock.wait(self._daemon.stop, pause)
                pause = min(WAIT_LIMIT_S, pause * 2)
        return True

    def _refuse(self, item: bytes, reason: str) -> None:
        self.refused += 1
        self._daemon.log.error("a hit was refused", reason=reason, hit=item[:500].decode("utf-8", "replace"))
