"""Bodies: bounded on the wire, inflated, in time, and together."""

from __future__ import annotations

import asyncio
import gzip
import io
import time
import tracemalloc
import zlib
from typing import Any

import pytest
import zstandard

from api.ingest.body import BodyRefused, Held, coding_of, inflate, read
from api.ingest.limits import Limits

TEXT = b'{"create":{}}\n{"message":"xin ch\xc3\xa0o"}\n' * 50
LIMITS = Limits(wire_bytes=1000, held_bytes=5000, idle_s=0.05, held_per_machine=2)


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("zstd", zstandard.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT[:100]) + zstandard.compress(TEXT[100:])),
    ],
)
def test_codings(coding: str, data: bytes) -> None:
    assert inflate(data, coding, 10_000) == TEXT


def _stream_frame(size: int) -> bytes:
    """A frame that does not declare its size."""
    out = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as writer:
        for _ in range(size // 65536):
            writer.write(b"\0" * 65536)
    return out.getvalue()


@pytest.mark.parametrize(
    ("coding", "make"),
    [
        ("gzip", lambda: gzip.compress(b"\0" * 50_000_000, 9)),
        ("deflate", lambda: zlib.compress(b"\0" * 50_000_000, 9)),
        ("zstd", lambda: zstandard.compress(b"\0" * 50_000_000)),
        ("zstd", lambda: _stream_frame(50_000_000)),
    ],
)
def test_a_bomb_costs_its_limit_and_not_more(coding: str, make: Any) -> None:
    data = make()
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(BodyRefused) as error:
        inflate(data, coding, 1_000_000)
    assert error.value.status == 413
    assert time.process_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", b"plain"),
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(b"") * 100),
        ("zstd", b"plain"),
        ("zstd", zstandard.compress(TEXT)[:-5]),
        ("deflate", b""),
    ],
)
def test_what_is_not_its_coding_is_400(coding: str, data: bytes) -> None:
    with pytest.raises(BodyRefused) as error:
        inflate(data, coding, 10_000)
    assert error.value.status == 400


@pytest.mark.parametrize("value", [b"gzip, gzip", b"br", b"gzip,zstd", b"snappy"])
def test_nested_and_unknown_codings_are_415(value: bytes) -> None:
    with pytest.raises(BodyRefused) as error:
        coding_of({b"content-encoding": value})
    assert error.value.status == 415


def _receive(*pieces: bytes, end: bool = True) -> Any:
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if end:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(60)
        return messages.pop(0)

    return receive


def _read(
    *pieces: bytes, headers: dict[bytes, bytes] | None = None, end: bool = True, held: Held | None = None
) -> bytes:
    async def go() -> bytes:
        with (held or Held(LIMITS)).request("m") as share:
            return await read(_receive(*pieces, end=end), headers or {}, LIMITS, share)

    return asyncio.run(go())


def test_a_body_in_pieces() -> None:
    assert _read(b"ab", b"", b"c") == b"abc"


@pytest.mark.parametrize(
    ("pieces", "headers", "end", "status"),
    [
        ((), {b"content-length": b"1001"}, True, 413),  # by what it declares, before a byte is read
        ((b"a" * 600, b"b" * 600), {}, True, 413),  # chunked, without a length
        ((b"a" * 600, b"b" * 600), {b"content-length": b"5"}, True, 413),
        ((b"a",), {}, False, 408),
    ],
)
def test_bounds(pieces: tuple[bytes, ...], headers: dict[bytes, bytes], end: bool, status: int) -> None:
    with pytest.raises(BodyRefused) as error:
        _read(*pieces, headers=headers, end=end)
    assert error.value.status == status


def test_all_requests_together_are_bounded_and_what_ends_is_given_back() -> None:
    held = Held(LIMITS)
    held.held_bytes = 4800
    with pytest.raises(BodyRefused) as error:
        _read(b"a" * 300, held=held)
    assert error.value.status == 429
    assert held.held_bytes == 4800


def test_one_machine_cannot_take_all_places() -> None:
    held = Held(LIMITS)
    with held.request("a"), held.request("a"):
        with pytest.raises(BodyRefused), held.request("a"):
            pass
        with held.request("b"):
            pass
    with held.request("a"):
        pass
