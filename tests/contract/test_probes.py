"""Every probe of the registry: its examples, and targets that are gone, slow, silent, endless or garbage."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.auth.ca import Authority
from sensors.fields import table
from sensors.probes import FIELDS, Outcome, Probe, found
from sensors.probes.wire.certificate import not_after

PROBES = found()
each = pytest.mark.parametrize("probe", PROBES.values(), ids=list(PROBES))


class Target:
    """A server whose every connection is handled by `act`."""

    def __init__(self, act: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._act, self._tls = act, tls
        self.port = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._run)]
        self._threads[0].start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._one, args=(sock,))
            thread.start()
            self._threads.append(thread)

    def _one(self, sock: socket.socket) -> None:
        sock.settimeout(3)
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._act(sock)
        except OSError:
            pass
        finally:
            sock.close()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., Target]]:
    made: list[Target] = []

    def make(act: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Target:
        made.append(Target(act, tls))
        return made[-1]

    yield make
    for target in made:
        target.close()


def target_of(probe: Probe, port: int) -> str:
    return {"http": f"http://127.0.0.1:{port}/"}.get(probe.kind, f"127.0.0.1:{port}")


def timed(probe: Probe, target: str, timeout_s: float = 0.5) -> Outcome:
    started = time.monotonic()
    outcome = probe.check(target, timeout_s)
    assert time.monotonic() - started < timeout_s + 2  # the rest is a busy machine's; what forgets its time-out hangs
    return outcome


def test_fields_agree_with_the_table() -> None:
    assert set(PROBES) == {"http", "tls", "tcp"}
    table(FIELDS)


@each
def test_examples(probe: Probe) -> None:
    for target, accepted in probe.examples:
        assert (probe.accepts(target) is None) == accepted, target


@each
def test_refused_and_unknown_names_are_down(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert timed(probe, target_of(probe, port)) == Outcome(
        "down", "refused", None, probe.check(target_of(probe, port), 0.5).fields
    )
    gone = target_of(probe, port).replace("127.0.0.1", "khong-co.invalid")
    assert timed(probe, gone, 2).reason in ("name-not-found", "name-timeout")


def silent(sock: socket.socket) -> None:
    time.sleep(1)


def dripping(sock: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100:
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


def endless(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(b"a" * 65536)


def headless(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        sock.sendall(b"X: " + b"a" * 1000 + b"\r\n")


def garbage(sock: socket.socket) -> None:
    sock.sendall(b"\x1b[2J\x00\xff SSH-2.0-\r\n" * 10)


def closing(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_RDWR)


@each
@pytest.mark.parametrize("act", [silent, dripping, endless, headless, garbage, closing])
def test_hostile_targets_cost_their_time_and_no_more(
    probe: Probe, act: Callable[[socket.socket], None], serve: Callable[..., Target]
) -> None:
    outcome = timed(probe, target_of(probe, serve(act).port))
    assert outcome.state in ("up", "down")
    assert "\x1b" not in outcome.reason
    if probe.kind != "tcp":
        assert (outcome.state == "up") == (probe.kind == "http" and act is endless)


@pytest.mark.parametrize(
    ("reply", "state", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "up", ""),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "up", ""),
        (b"HTTP/1.1 404 Khong\r\nContent-Length: 0\r\n\r\n", "degraded", "http-404"),
        (b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "down", "http-503"),
        (b"HTTP/1.1 999 X\r\n\r\n", "down", "not-http"),
    ],
)
def test_http_statuses(reply: bytes, state: str, reason: str, serve: Callable[..., Target]) -> None:
    def act(sock: socket.socket) -> None:
        sock.recv(10_000)
        sock.sendall(reply)

    outcome = timed(PROBES["http"], f"http://127.0.0.1:{serve(act).port}/")
    assert (outcome.state, outcome.reason) == (state, reason)


def test_a_certificate_that_does_not_hold_is_degraded_with_its_days(
    serve: Callable[..., Target], tmp_path: Path
) -> None:
    authority = Authority.open(tmp_path, "x")
    authority.server(tmp_path, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "machine.pem", tmp_path / "machine.key")

    def act(sock: socket.socket) -> None:
        sock.recv(10_000)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    port = serve(act, context).port
    for outcome in (timed(PROBES["tls"], f"127.0.0.1:{port}"), timed(PROBES["http"], f"https://127.0.0.1:{port}/")):
        assert (outcome.state, outcome.reason) == ("degraded", "certificate-untrusted")
        assert outcome.fields["luytre.probe.certificate_days_left"] in (89, 90)


def test_the_end_of_a_certificate_from_any_bytes(tmp_path: Path) -> None:
    from cryptography import x509

    pem = Authority.open(tmp_path, "x").pem
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    assert not_after(der) == x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    for cut in range(len(der)):
        assert not_after(der[:cut]) is None
        not_after(der[:cut] + b"\xff" + der[cut + 1 :])
