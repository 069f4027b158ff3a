"""What network listeners have received and the role has not yet taken. Bounded in messages and bytes.

In:  `put` from listener threads. Out: `take` for the one consumer. A full inbox refuses: UDP counts the loss, TCP stops
reading, so that the sender waits.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Literal, NamedTuple


class Message(NamedTuple):
    data: bytes
    address: str  # of the transport's other end
    transport: Literal["udp", "tcp"]
    received: float  # epoch seconds
    cut: bool


class Inbox:
    def __init__(self, wake: threading.Event, limit_messages: int = 100_000, limit_bytes: int = 64 << 20) -> None:
        self._wake, self._limit_messages, self._limit_bytes = wake, limit_messages, limit_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.refused = 0
        self.received = 0

    def nearly_full(self) -> bool:
        """Half of either limit: time to stop reading where one can."""
        return self._bytes > self._limit_bytes // 2 or len(self._waiting) > self._limit_messages // 2

    def put(self, message: Message) -> bool:
        with self._lock:
            if len(self._waiting) >= self._limit_messages or self._bytes + len(message.data) > self._limit_bytes:
                self.refused += 1
                return False
            self._waiting.append(message)
            self._bytes += len(message.data)
            self.received += 1
        self._wake.set()
        return True

    def take(self, limit: int) -> list[Message]:
        with self._lock:
            found = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            self._bytes -= sum(len(message.data) for message in found)
        return found
