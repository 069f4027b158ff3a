"""A TCP or TLS connection within one deadline, and the words for why there is none.

In:  host, port, a `Deadline`. Out: `Link` (a socket whose every operation has what is left of it), or `Failed`.
TLS is verified against the system's roots first; a certificate that fails is the finding, not the end: the connection
is made again unverified (nothing secret is ever sent), so that "expired" differs from "down".
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import dataclass

from sensors.probes.wire.certificate import not_after


class Failed(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deadline:
    def __init__(self, timeout_s: float) -> None:
        self.started = time.monotonic()
        self._ends = self.started + timeout_s

    def left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Failed("timeout")
        return left

    def taken_ms(self) -> float:
        return round((time.monotonic() - self.started) * 1000, 3)


@dataclass(slots=True)
class Link:
    sock: socket.socket
    address: str
    deadline: Deadline
    certificate_problem: str = ""
    days_left: int | None = None

    def send(self, data: bytes) -> None:
        self._within(lambda: self.sock.sendall(data))

    def receive(self, count: int) -> bytes:
        found: list[bytes] = []
        self._within(lambda: found.append(self.sock.recv(count)))
        return found[0]

    def close(self) -> None:
        self.sock.close()

    def _within(self, act: object) -> None:
        self.sock.settimeout(self.deadline.left())
        try:
            act()  # type: ignore[operator]
        except OSError as error:
            raise Failed(reason_of(error)) from None


def connect(host: str, port: int, deadline: Deadline) -> Link:
    address = _resolve(host, port, deadline)
    try:
        sock = socket.create_connection((address, port), deadline.left())
    except OSError as error:
        raise Failed(reason_of(error)) from None
    return Link(sock, address, deadline)


def connect_tls(host: str, port: int, deadline: Deadline) -> Link:
    link = connect(host, port, deadline)
    verified = ssl.create_default_context()
    try:
        link.sock.settimeout(deadline.left())
        link.sock = verified.wrap_socket(link.sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        link.close()
        problem = "certificate-expired" if error.verify_code == 10 else (
            "certificate-name" if error.verify_code in (62, 64) else "certificate-untrusted"
        )  # fmt: skip
        link = connect(host, port, deadline)
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname = False
        anyone.verify_mode = ssl.CERT_NONE
        link.certificate_problem = problem
        try:
            link.sock.settimeout(deadline.left())
            link.sock = anyone.wrap_socket(link.sock, server_hostname=host)
        except (OSError, ValueError, Failed) as again:
            link.close()
            raise Failed(reason_of(again)) from None
    except (OSError, ValueError, Failed) as error:
        link.close()
        raise Failed(reason_of(error)) from None
    assert isinstance(link.sock, ssl.SSLSocket)
    ends = not_after(link.sock.getpeercert(binary_form=True) or b"")
    if ends is not None:
        link.days_left = int((ends - time.time()) // 86400)
    return link


def reason_of(error: Exception) -> str:
    if isinstance(error, Failed):
        return error.reason
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset"
    if isinstance(error, ssl.SSLError | ValueError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "name-not-found"
    return "unreachable"


def _resolve(host: str, port: int, deadline: Deadline) -> str:
    answer: list[str | Exception] = []

    def look() -> None:
        try:
            answer.append(str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if not answer:
        raise Failed("name-timeout")
    if isinstance(answer[0], Exception):
        raise Failed("name-not-found")
    return answer[0]
