"""uvicorn's HTTP/1.1 protocol for the machine port: brings the peer's certificate, and lets nobody dawdle.

In:  a TLS connection whose context asks for (but does not force) a client certificate of the node's CA.
Out: `scope["luytre.peer"]`: the verified certificate as DER, or None. ASGI servers carry no peer certificate
     (uvicorn 0.54), so the app is wrapped per connection in `connection_made`.
Bound: HEADER_TIMEOUT_S from the first byte that is owed to a whole request head: uvicorn drops its keep-alive timer at
     the first byte, so a client that sends one byte of a header a minute would stay for ever. Bodies are the app's own
     affair (api/ingest/body.py: idle and rate limits).
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import ssl
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT_S = 10.0
TLS_BUFFER_BYTES = 64 * 1024
PEER = "luytre.peer"

# asyncio keeps a read buffer of 256 KiB for each TLS connection from its first byte to its last: 450 idle sensors were
# 130 MB (measured). A TLS record is at most 16 KiB, so a quarter serves as well.
if getattr(asyncio.sslproto.SSLProtocol, "max_size", 0) > TLS_BUFFER_BYTES:
    asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES


class TlsH11Protocol(H11Protocol):
    header_timeout_s = HEADER_TIMEOUT_S
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        # Without a verified chain getpeercert gives nothing: CERT_OPTIONAL fails the handshake on a bad certificate.
        peer = tls.getpeercert(binary_form=True) if tls is not None else None
        inner: Any = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[PEER] = peer
            await inner(scope, receive, send)

        self.app = app
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._cancel_head()
        elif self._head_timer is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_head()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.header_timeout_s, self._too_slow)

    def _cancel_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
