"""A file given by name, read once from its beginning: what kind it is, and its lines with their offsets.

In:  a path, plain or gzip. Out: `kind()` by the first bytes, never by the name; `lines()` yields (offset in the plain
text, line without its end, whether it was cut).
Bound: a line is cut at `LINE_LIMIT_BYTES` and the rest of it skipped in steps; a gzip file gives at most
`INFLATED_LIMIT_BYTES`, so that a bomb costs time and disk of ours nowhere.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple

from sensors.formats.format import LINE_LIMIT_BYTES

INFLATED_LIMIT_BYTES = 4 << 30

Kind = Literal["capture", "evtx", "text"]
# pcap in both byte orders with micro- and nanoseconds, "modified" pcap, pcapng's section header
_CAPTURES = {bytes.fromhex(text) for text in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "a1b2cd34", "34cdb2a1",
                                              "0a0d0d0a")}  # fmt: skip
_GZIP = b"\x1f\x8b\x08"
_EVTX = b"ElfFile\x00"


class Line(NamedTuple):
    offset: int
    data: bytes
    cut: bool


class ReadError(OSError):
    """The file cannot be read to its end: damaged gzip data, or more of it than we take."""


def kind(path: Path) -> tuple[Kind, bool]:
    """(what the file holds, whether it is packed with gzip)."""
    with path.open("rb") as file:
        first = file.read(8)
    packed = first[:3] == _GZIP
    if packed:
        with open_plain(path) as file:
            try:
                first = file.read(8)
            except (OSError, EOFError, zlib.error):
                return "text", True
    if first[:4] in _CAPTURES:
        return "capture", packed
    return ("evtx" if first == _EVTX else "text"), packed


def open_plain(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(3) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def lines(path: Path) -> Iterator[Line]:
    offset = 0
    with open_plain(path) as file:
        while True:
            try:
                data = file.readline(LINE_LIMIT_BYTES)
                if not data:
                    return
                cut, length = len(data) == LINE_LIMIT_BYTES and data[-1:] != b"\n", len(data)
                more = data if cut else b""
                while more and more[-1:] != b"\n":
                    more = file.readline(LINE_LIMIT_BYTES)
                    length += len(more)
                    if offset + length > INFLATED_LIMIT_BYTES:
                        break
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ReadError(f"{path}: {error}") from None
            yield Line(offset, data.rstrip(b"\r\n"), cut)
            offset += length
            if offset > INFLATED_LIMIT_BYTES:
                raise ReadError(f"{path}: more than {INFLATED_LIMIT_BYTES} bytes")


def copy_plain(path: Path, to: IO[bytes]) -> None:
    """The inflated bytes of a packed file into `to`, for readers that want a real file."""
    written = 0
    with open_plain(path) as file:
        while True:
            try:
                data = file.read(1 << 20)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ReadError(f"{path}: {error}") from None
            if not data:
                break
            written += len(data)
            if written > INFLATED_LIMIT_BYTES:
                raise ReadError(f"{path}: more than {INFLATED_LIMIT_BYTES} bytes")
            to.write(data)
    to.flush()
