"""syslog over UDP (RFC 5426): one datagram, one message, at most 65,507 bytes.

In:  "host:port". Out: messages in the inbox. What the inbox or the kernel's buffer cannot hold is lost, as UDP is; the
first is counted there, the second from /proc/net/udp(6) (`kernel_drops`).
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from sensors.clock import Clock, SystemClock
from sensors.sources.inbox import Inbox, Message

DATAGRAM_BYTES = 65_535
BUFFER_BYTES = 8 << 20  # asked for; the kernel's net.core.rmem_max may give less


class SyslogUdp:
    def __init__(self, where: str, inbox: Inbox, clock: Clock | None = None) -> None:
        host, port = split(where)
        self._inbox, self._clock = inbox, clock or SystemClock()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind((host, port))
        self._socket.settimeout(0.5)
        self._stop = threading.Event()
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._thread = threading.Thread(target=self._run, name="syslog-udp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._socket.close()

    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped since the socket was opened."""
        inode = str(_inode(self._socket.fileno()))
        for name in ("udp", "udp6"):
            try:
                rows = Path("/proc/net", name).read_text("ascii").splitlines()[1:]
            except OSError:
                continue
            for row in rows:
                parts = row.split()
                if len(parts) > 12 and parts[9] == inode:
                    return int(parts[12])
        return 0

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                data, sender = self._socket.recvfrom(DATAGRAM_BYTES)
            except TimeoutError:
                continue
            except OSError:  # an ICMP error of an earlier answer, or the socket is closed
                continue
            if data:
                self._inbox.put(Message(data.rstrip(b"\r\n\x00"), str(sender[0]), "udp", self._clock.now(), cut=False))


def split(where: str) -> tuple[str, int]:
    """`127.0.0.1:5514`, `[::1]:5514`, `:5514` (all addresses); ValueError otherwise."""
    host, colon, port = where.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{where!r} is not host:port")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  # the operator wrote so


def _inode(fd: int) -> int:
    return Path(f"/proc/self/fd/{fd}").stat().st_ino
