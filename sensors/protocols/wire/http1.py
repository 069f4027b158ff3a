"""HTTP/1.x message grammar: one direction of a connection, bytes in, parts out.

Out of `Messages.feed`: `Start`, `Head`, `End` in order, and `Lost` when the framing cannot be followed any more.
Bound: LINE bytes a line, HEADERS headers, values cut at VALUE; bodies are counted, never kept. Compressed bodies are
inflated only to be counted, at most INFLATED bytes of them.
Sources: RFC 9112 (framing §6, chunks §7.1), RFC 9110; HTTP/0.9 as in
https://www.w3.org/Protocols/HTTP/AsImplemented.html
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

LINE, HEADERS, VALUE, INFLATED = 64 * 1024, 500, 8192, 32 << 20
METHODS = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH "
    b"REPORT "
    b"CHECKOUT MERGE MKACTIVITY SUBSCRIBE UNSUBSCRIBE NOTIFY POLL BMOVE BCOPY BDELETE BPROPFIND BPROPPATCH LABEL PURGE "
    b"RPC_IN_DATA RPC_OUT_DATA RPC_CONNECT LINK UNLINK SOURCE BASELINE-CONTROL CCM_POST SMS_POST".split()
)  # fmt: skip
_METHOD = re.compile(rb"[A-Z][A-Z_-]{1,31}\Z")
_VERSION = re.compile(rb"\s+HTTP/(\d{1,3}(?:\.\d{0,3})?)\s*\Z", re.IGNORECASE)
# What a start line must begin with, to find one again in a heap of bytes without looking at every line.
_AGAIN = {
    True: re.compile(rb"^[A-Z][A-Z_-]{1,31} [^\n]*?HTTP/\d", re.MULTILINE),
    False: re.compile(rb"^HTTP/\d", re.MULTILINE | re.IGNORECASE),
}
_STATUS = re.compile(rb"HTTP/(\d{1,3}(?:\.\d{1,3})?)\s+(\d{3})(?:\s+(.*))?\s*\Z", re.IGNORECASE | re.DOTALL)


class Start(NamedTuple):
    """A request line (`method`) or a status line (`status`)."""

    version: str
    method: str = ""
    target: str = ""
    status: int = 0
    reason: str = ""


class Head(NamedTuple):
    headers: dict[str, str]  # lower-case names; the first of several, joined for none


class End(NamedTuple):
    body_bytes: int


class Lost(NamedTuple):
    """Bytes that fit no message: the rest cannot be read."""


Part = Start | Head | End | Lost


def text(raw: bytes, limit: int = VALUE) -> str:
    raw = raw[:limit]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(chr(c) if c < 128 else f"\\x{c:02x}" for c in raw)


def request_line(line: bytes) -> Start | None:
    """RFC 9112 §3, lenient: the target may hold blanks; without a version it is HTTP/0.9 if the method is known."""
    method, blank, rest = line.partition(b" ")
    if not _METHOD.match(method):
        return None
    found = _VERSION.search(b" " + rest)
    if found:
        return Start(found[1].decode(), method.decode(), text(rest[: max(0, found.start() - 1)].strip()))
    if method in METHODS and blank:
        return Start("0.9", method.decode(), text(rest.strip()))
    return None


def status_line(line: bytes) -> Start | None:
    found = _STATUS.match(line)
    return Start(found[1].decode(), status=int(found[2]), reason=text(found[3] or b"", 256)) if found else None


class Messages:
    """`request`: this direction sends requests. The reader of responses must set `bodiless` before each head."""

    def __init__(self, request: bool) -> None:
        self.request = request
        self.bodiless = False  # the response to come has no body (HEAD), whatever its headers say
        self.raw_body = False  # HTTP/0.9: everything until the end is one body
        self._buffer = bytearray()
        self._state = self._at_start
        self._headers: dict[str, str] = {}
        self._count = 0
        self._left = 0
        self._body = 0
        self._inflate: _Inflate | None = None
        self._status = 0
        self._searched = 0
        self.open = False  # between Start and End

    def feed(self, data: bytes) -> Iterator[Part]:
        self._buffer += data
        while True:
            before = len(self._buffer), self._state
            yield from self._state()
            if before == (len(self._buffer), self._state):
                return

    def lose(self, length: int) -> Iterator[Part]:
        """A gap: inside a body of known length it counts as body, elsewhere the framing is gone."""
        if self._state == self._in_length and self._left >= length:
            self._left -= length
            self._body += length
            if not self._left:
                yield self._finish()
        elif self._state == self._until_close:
            self._body += length
        else:
            self._buffer.clear()
            if self.open:
                yield self._finish()
            self._state = self._seek

    def close(self) -> Iterator[Part]:
        """The stream is over."""
        if self.open:
            yield self._finish()

    # -- states --------------------------------------------------------------------------------------------------------

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > LINE:  # endless line: keep what is needed to see that it is nonsense
                del self._buffer[LINE:]
                self._searched = LINE
            return None
        self._searched = 0
        line = bytes(self._buffer[: end - 1 if end and self._buffer[end - 1] == 13 else end])
        del self._buffer[: end + 1]
        return line[:LINE]

    def _at_start(self) -> Iterator[Part]:
        if self.raw_body:
            self._open_body()
            self.open = True
            self._state = self._until_close
            yield Start("0.9")
            yield Head({})
            return
        if not self.request and self._buffer and not b"HTTP/".startswith(bytes(self._buffer[:5]).upper()[:5]):
            yield Lost()
            self._buffer.clear()
            self._state = self._seek
            return
        if self._buffer and self._buffer[0] in b"\r\n":  # RFC 9112 §2.2: empty lines before a start line
            blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
            del self._buffer[:blank]
            self._searched = 0
        line = self._line()
        if line is None:
            return
        start = request_line(line) if self.request else status_line(line)
        if start is None:
            yield Lost()
            self._state = self._seek
            return
        self.open = True
        self._headers, self._count, self._body = {}, 0, 0
        self._status = start.status
        yield start
        # HTTP/0.9 has no headers, but clients that forget the version send them: they are read when they come.
        self._state = self._in_headers

    def _seek(self) -> Iterator[Part]:
        """After nonsense or a gap: the next line that is a start line."""
        found = _AGAIN[self.request].search(self._buffer)
        if found is None:
            self._searched = 0
            last = self._buffer.rfind(b"\n") + 1
            del self._buffer[: last if len(self._buffer) - last < LINE else len(self._buffer)]
            return
        del self._buffer[: found.start()]
        self._searched = 0
        line = self._line()
        if line is None:
            return
        start = request_line(line) if self.request else status_line(line)
        if start is not None and start.version != "0.9":
            self.open = True
            self._headers, self._count, self._body = {}, 0, 0
            self._status = start.status
            self._state = self._in_headers
            yield start

    def _in_headers(self) -> Iterator[Part]:
        line = self._line()
        if line is None:
            return
        if line:
            self._count += 1
            if self._count > HEADERS:
                yield Head(self._headers)
                yield self._finish()
                self._state = self._seek
                return
            name, colon, value = line.partition(b":")
            if colon and line[:1] not in b" \t":
                self._headers.setdefault(text(name.strip().lower(), 64), text(value.strip()))
            return
        headers = self._headers
        yield Head(headers)
        self._open_body(headers.get("content-encoding", ""))
        if not self.request and (self.bodiless or self._status in (204, 304) or 100 <= self._status < 200):
            yield self._finish()
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            self._state = self._in_chunk_size
        elif (length := headers.get("content-length", "").strip()).isdecimal() and len(length) < 19:
            self._left = int(length)
            if self._left:
                self._state = self._in_length
            else:
                yield self._finish()
        elif self.request:
            yield self._finish()
        else:
            self._state = self._until_close

    def _in_length(self) -> Iterator[Part]:
        taken = min(self._left, len(self._buffer))
        self._take(taken)
        self._left -= taken
        if not self._left:
            yield self._finish()

    def _in_chunk_size(self) -> Iterator[Part]:
        line = self._line()
        if line is None:
            return
        digits = line.partition(b";")[0].strip()
        try:
            if not 0 < len(digits) <= 16:
                raise ValueError
            self._left = int(digits, 16)
        except ValueError:
            yield self._finish()
            self._state = self._seek
            return
        self._state = self._in_chunk if self._left else self._in_trailer

    def _in_chunk(self) -> Iterator[Part]:
        taken = min(self._left, len(self._buffer))
        self._take(taken)
        self._left -= taken
        if not self._left:
            self._state = self._after_chunk
        return iter(())

    def _after_chunk(self) -> Iterator[Part]:
        if self._line() is not None:
            self._state = self._in_chunk_size
        return iter(())

    def _in_trailer(self) -> Iterator[Part]:
        line = self._line()
        if line is not None and not line:
            yield self._finish()

    def _until_close(self) -> Iterator[Part]:
        self._take(len(self._buffer))
        return iter(())

    # -- bodies --------------------------------------------------------------------------------------------------------

    def _open_body(self, encoding: str = "") -> None:
        self._body = 0
        self._inflate = _Inflate() if encoding.strip().lower() in ("gzip", "x-gzip", "deflate") else None

    def _take(self, length: int) -> None:
        if not length:
            return
        if self._inflate is None:
            self._body += length
        else:
            self._body += self._inflate.count(bytes(self._buffer[:length]))
        del self._buffer[:length]

    def _finish(self) -> End:
        self.open = False
        self._state = self._at_start
        self._searched = 0
        return End(self._body)


class _Inflate:
    """Counts inflated bytes; what turns out not to be compressed counts as it is."""

    def __init__(self) -> None:
        self._engine: zlib._Decompress | None = zlib.decompressobj(47)  # gzip or zlib, as the header says
        self._first = True
        self._total = 0

    def count(self, data: bytes) -> int:
        if self._engine is None:
            return len(data)
        size, before = 0, data
        try:
            while data and self._engine is not None and not self._engine.eof:
                size += len(self._engine.decompress(data, 65536))
                data = self._engine.unconsumed_tail
                if self._total + size > INFLATED:
                    self._engine = None
        except zlib.error:
            self._engine = None
            if self._first:  # RFC 9110 §8.4.1.2: some send raw deflate
                return self._raw(before)
            size += len(data)
        self._first = False
        self._total += size
        return size

    def _raw(self, data: bytes) -> int:
        engine = zlib.decompressobj(-15)
        try:
            size = len(engine.decompress(data, INFLATED))
        except zlib.error:
            return len(data)
        self._engine, self._first = engine, False
        self._total = size
        return size
