"""syslog over TCP (RFC 6587): octet counting (`83 <34>1 …`) and LF framing, told apart message by message.

In:  "host:port", any number of senders up to `CONNECTIONS_LIMIT`. Out: messages in the inbox. When the inbox is half
full nobody is read from, so that senders wait instead of losing.
Bound: one message 64 KiB: a longer one is cut, marked, and the rest of it skipped; a count that lies (over a MiB, or no
number after all) falls back to LF framing. A connection that is silent for `idle_s` is closed.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading
from dataclasses import dataclass, field

from sensors.clock import Clock, SystemClock
from sensors.formats.format import LINE_LIMIT_BYTES
from sensors.sources.inbox import Inbox, Message
from sensors.sources.syslog_udp import split

CONNECTIONS_LIMIT = 512
COUNT_LIMIT_BYTES = 1 << 20
READ_BYTES = 64 * 1024
# RFC 6587 3.4.1: no zero in front; the "<" is what makes digits a count and not the beginning of a line.
_COUNT = re.compile(rb"([1-9][0-9]{0,6}) (?=<)")
_MAYBE_COUNT = re.compile(rb"[1-9][0-9]{0,6} ?\Z")


@dataclass(slots=True)
class Framing:
    """Bytes of one connection into messages: `feed` gives (message, cut)."""

    buffer: bytearray = field(default_factory=bytearray)
    _skip: int = 0  # bytes of a counted message that are over the limit
    _skip_line: bool = False

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        self.buffer += data
        out: list[tuple[bytes, bool]] = []
        at = 0
        while at < len(self.buffer):
            if self._skip:
                step = min(self._skip, len(self.buffer) - at)
                self._skip -= step
                at += step
                continue
            count = None if self._skip_line else _COUNT.match(self.buffer, at)
            if count and int(count[1]) <= COUNT_LIMIT_BYTES:
                at, done = self._counted(count.end(), int(count[1]), at, out)
            elif not self._skip_line and _MAYBE_COUNT.match(self.buffer, at):
                break
            else:
                at, done = self._line(at, out)
            if not done:
                break
        del self.buffer[:at]
        return out

    def rest(self) -> list[tuple[bytes, bool]]:
        """What is left when the connection ends: an unfinished message."""
        data, self.buffer = bytes(self.buffer), bytearray()
        return [(data, True)] if data.strip() and not self._skip_line and not self._skip else []

    def _counted(self, start: int, length: int, at: int, out: list[tuple[bytes, bool]]) -> tuple[int, bool]:
        have = len(self.buffer) - start
        if length <= LINE_LIMIT_BYTES:
            if have < length:
                return at, False
            out.append((bytes(self.buffer[start : start + length]), False))
            return start + length, True
        if have < LINE_LIMIT_BYTES:
            return at, False
        out.append((bytes(self.buffer[start : start + LINE_LIMIT_BYTES]), True))
        self._skip = length - LINE_LIMIT_BYTES
        return start + LINE_LIMIT_BYTES, True

    def _line(self, at: int, out: list[tuple[bytes, bool]]) -> tuple[int, bool]:
        end = self.buffer.find(b"\n", at)
        if self._skip_line:
            self._skip_line = end < 0
            return (len(self.buffer) if end < 0 else end + 1), end >= 0
        if end < 0 and len(self.buffer) - at <= LINE_LIMIT_BYTES:
            return at, False
        line = bytes(self.buffer[at : min(end if end >= 0 else len(self.buffer), at + LINE_LIMIT_BYTES)])
        cut = end < 0 or end - at > LINE_LIMIT_BYTES
        if line.strip(b"\r\x00 "):
            out.append((line, cut))
        self._skip_line = end < 0
        return (len(self.buffer) if end < 0 else end + 1), end >= 0


@dataclass(slots=True)
class _Sender:
    socket: socket.socket
    address: str
    framing: Framing
    active: float


class SyslogTcp:
    def __init__(self, where: str, inbox: Inbox, clock: Clock | None = None, idle_s: float = 3600.0) -> None:
        host, port = split(where)
        self._inbox, self._clock, self._idle_s = inbox, clock or SystemClock(), idle_s
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._senders: dict[int, _Sender] = {}
        self._stop = threading.Event()
        self.turned_away = 0
        self._thread = threading.Thread(target=self._run, name="syslog-tcp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        swept = self._clock.monotonic()
        while not self._stop.is_set():
            if self._inbox.nearly_full():
                self._stop.wait(0.05)
                continue
            for key, _ in self._selector.select(0.5):
                if key.fd == self._listener.fileno():
                    self._accept()
                else:
                    self._receive(self._senders[key.fd])
                if self._inbox.nearly_full():
                    break
            if self._clock.monotonic() - swept > 60:
                swept = self._clock.monotonic()
                for sender in [one for one in self._senders.values() if swept - one.active > self._idle_s]:
                    self._end(sender)
        for sender in list(self._senders.values()):
            self._end(sender)
        self._selector.close()
        self._listener.close()

    def _accept(self) -> None:
        try:
            sock, peer = self._listener.accept()
        except OSError:
            return
        if len(self._senders) >= CONNECTIONS_LIMIT:
            self.turned_away += 1
            sock.close()
            return
        sock.setblocking(False)
        sender = _Sender(sock, str(peer[0]), Framing(), self._clock.monotonic())
        self._senders[sock.fileno()] = sender
        self._selector.register(sock, selectors.EVENT_READ)

    def _receive(self, sender: _Sender) -> None:
        try:
            data = sender.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        sender.active = self._clock.monotonic()
        self._put(sender, sender.framing.feed(data) if data else sender.framing.rest())
        if not data:
            self._end(sender)

    def _put(self, sender: _Sender, messages: list[tuple[bytes, bool]]) -> None:
        for data, cut in messages:
            self._inbox.put(Message(data.rstrip(b"\r\n\x00"), sender.address, "tcp", self._clock.now(), cut))

    def _end(self, sender: _Sender) -> None:
        del self._senders[sender.socket.fileno()]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sender.socket)
        sender.socket.close()
