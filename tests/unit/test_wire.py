"""The client against a peer that lies: what is not a full, fitting answer acknowledges nothing."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard

from sensors.wire import BulkClient, Busy, ItemStatus, NotAllowed, TooLarge


class Canned:
    """A plain server that gives one canned reply per connection and keeps what it was sent."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.reply = b""
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(2)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += sock.recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                length = int(
                    next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")).split(b":")[1]
                )
                while len(body) < length:
                    body += sock.recv(65536)
                self.requests.append(head + b"\r\n\r\n" + body)
                sock.sendall(self.reply)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


@pytest.fixture
def peer() -> Iterator[Canned]:
    made = Canned()
    yield made
    made.close()


def http(status: int, body: Any, *headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def send(peer: Canned, reply: bytes, items: int = 1, **more: Any) -> list[ItemStatus]:
    peer.reply = reply
    client = BulkClient(f"http://127.0.0.1:{peer.port}", None, timeout_s=1, **more)
    try:
        return client.send([b'{"a":1}'] * items)
    finally:
        client.close()


def test_statuses_per_item(peer: Canned) -> None:
    items = [{"create": {"status": 201}}, {"create": {"status": 400, "error": {"type": "x", "reason": "why"}}}]
    assert send(peer, http(200, {"errors": True, "items": items}), 2) == [ItemStatus(201), ItemStatus(400, "why")]
    assert [ItemStatus(s).stored for s in (200, 201, 409, 400)] == [True, True, True, False]


@pytest.mark.parametrize("coding", ["zstd", "gzip", "identity"])
def test_the_body_is_bulk(peer: Canned, coding: Any) -> None:
    send(peer, http(200, {"items": [{"create": {"status": 201}}] * 2}), 2, coding=coding, api_key="k")
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    plain = {"zstd": zstandard.decompress, "gzip": gzip.decompress, "identity": bytes}[coding](body)
    assert plain == b'{"create":{}}\n{"a":1}\n' * 2
    assert b"authorization: ApiKey k" in head


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"\x00\xff garbage",
        http(200, b"not json"),
        http(200, {"items": []}),
        http(200, {"items": [{"create": {"status": "201"}}]}),
        http(200, {"items": [None]}),
        http(200, {"items": [{}]}),
        http(200, [1]),
        http(302, {}, "Location: http://127.0.0.1:1/"),
        http(500, {}),
        http(200, gzip.compress(b" " * 40_000_000), "Content-Encoding: gzip"),
    ],
)
def test_an_answer_that_does_not_fit_acknowledges_nothing(peer: Canned, reply: bytes) -> None:
    with pytest.raises(Busy):
        send(peer, reply)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NotAllowed), (403, NotAllowed), (413, TooLarge), (400, TooLarge), (429, Busy), (503, Busy)],
)
def test_refusals_say_what_to_do(peer: Canned, status: int, kind: type[Exception]) -> None:
    reply = http(status, {"error": {"reason": "lý do"}}, "Retry-After: 7")
    with pytest.raises(kind, match="lý do") as error:
        send(peer, reply)
    if isinstance(error.value, Busy):
        assert error.value.retry_after_s == 7


@pytest.mark.parametrize("header", ["Retry-After: -1", "Retry-After: 99999999999999", "Retry-After: Mon, 01 Jan 2035"])
def test_a_strange_retry_after_is_none(peer: Canned, header: str) -> None:
    with pytest.raises(Busy) as error:
        send(peer, http(429, {}, header))
    assert error.value.retry_after_s is None


def test_nobody_there_is_busy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = BulkClient(f"http://127.0.0.1:{port}", None, timeout_s=1)
    with pytest.raises(Busy):
        client.send([b"{}"])
    assert client.send([]) == []
    client.close()
