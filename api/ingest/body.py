"""A request's body, bounded: on the wire, inflated, in time, and over all requests together.

In:  ASGI `receive` and the headers. Out: the inflated bytes, or `BodyRefused` with the status to answer.
Bound: `Limits`; `Held` counts what all requests keep in memory. A body without Content-Length is counted as it comes;
       one that lies is cut by the server (h11). Nested codings are refused; the size that zstd declares is checked.
Rule:  nothing here blocks the event loop; `inflate` is called in a worker thread.
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zstandard

from api.ingest.limits import Limits

GZIP_MEMBERS = 16  # each further member copies the rest of the body: unbounded members cost quadratic time
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
Receive = Callable[[], Awaitable[Any]]


class BodyRefused(Exception):
    def __init__(self, status: int, reason: str, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s


class Held:
    """What all requests of the port keep in memory together. Used from the event loop only."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held_bytes = 0
        self._machines: dict[str, int] = {}

    @contextmanager
    def request(self, machine: str) -> Iterator[Share]:
        if self._machines.get(machine, 0) >= self._limits.held_per_machine:
            raise BodyRefused(429, "too many requests of this machine at a time", 2)
        self._machines[machine] = self._machines.get(machine, 0) + 1
        share = Share(self, self._limits.held_bytes)
        try:
            yield share
        finally:
            self.held_bytes -= share.bytes
            left = self._machines[machine] - 1
            if left:
                self._machines[machine] = left
            else:
                del self._machines[machine]


class Share:
    def __init__(self, held: Held, limit_bytes: int) -> None:
        self._held, self._limit = held, limit_bytes
        self.bytes = 0

    def grow(self, count: int) -> None:
        if self._held.held_bytes + count > self._limit:
            raise BodyRefused(429, "the node is busy with other bodies", 2)
        self._held.held_bytes += count
        self.bytes += count


def coding_of(headers: dict[bytes, bytes]) -> str:
    coding = headers.get(b"content-encoding", b"").strip().lower().decode("latin-1")
    if coding in ("", "identity"):
        return ""
    if coding in ("gzip", "x-gzip", "deflate", "zstd"):
        return coding.removeprefix("x-")
    raise BodyRefused(415, "Content-Encoding must be one of gzip, deflate, zstd, and only one")


async def read(receive: Receive, headers: dict[bytes, bytes], limits: Limits, share: Share,
               wire_bytes: int | None = None) -> bytes:  # fmt: skip
    """The body as sent."""
    limit = wire_bytes or limits.wire_bytes
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise BodyRefused(413, f"the body is larger than {limit} bytes")
    loop = asyncio.get_running_loop()
    started = loop.time()
    pieces: list[bytes] = []
    size = 0
    while True:
        try:
            message = await asyncio.wait_for(receive(), limits.idle_s)
        except TimeoutError:
            raise BodyRefused(408, "the body stopped coming") from None
        if message["type"] == "http.disconnect":
            raise BodyRefused(400, "the connection ended inside the body")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BodyRefused(413, f"the body is larger than {limit} bytes")
        share.grow(len(piece))
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        taken = loop.time() - started
        if taken > limits.rate_after_s and size < taken * limits.rate_bytes_per_s:
            raise BodyRefused(408, "the body comes too slowly")


def inflate(data: bytes, coding: str, limit: int) -> bytes:
    """`data` decoded; at most `limit` bytes are ever made."""
    if not coding:
        if len(data) > limit:
            raise BodyRefused(413, f"the body is larger than {limit} bytes")
        return data
    try:
        out = _zstd(data, limit) if coding == "zstd" else _zlib(data, coding, limit)
    except (zlib.error, zstandard.ZstdError, EOFError, ValueError) as error:
        raise BodyRefused(400, f"the body is not {coding}: {type(error).__name__}") from None
    if len(out) > limit:
        raise BodyRefused(413, f"the body inflates to more than {limit} bytes")
    return out


def _zlib(data: bytes, coding: str, limit: int) -> bytes:
    # RFC 9110 says zlib format for "deflate"; some senders put raw deflate there.
    bits = 31 if coding == "gzip" else 15 if data[:1] and data[0] & 0x0F == 8 else -15
    out: list[bytes] = []
    size = 0
    for _ in range(GZIP_MEMBERS):
        member = zlib.decompressobj(bits)
        piece = member.decompress(data, limit + 1 - size)
        out.append(piece)
        size += len(piece)
        if size > limit:
            break
        if not member.eof:
            raise EOFError
        data = member.unused_data
        if not data:
            break
    else:
        raise ValueError("too many members")
    return b"".join(out)


def _zstd(data: bytes, limit: int) -> bytes:
    declared = zstandard.frame_content_size(data)
    if declared > limit:
        raise BodyRefused(413, f"the body inflates to more than {limit} bytes")
    reader = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).stream_reader(
        io.BytesIO(data), read_across_frames=True
    )
    out = reader.read(limit + 1)
    if declared >= 0 and len(out) < declared:
        raise EOFError  # stream_reader says nothing of a cut frame
    return out
