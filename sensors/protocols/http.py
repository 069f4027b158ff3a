"""HTTP/0.9, 1.0, 1.1 on TCP: one `network.http` event per request with its response.

In:  both streams. Out: method, target, host, status, agent, referrer, body sizes (inflated, as Zeek counts them).
Credentials: the user name of Basic authentication is kept, its password and all cookies are not even read.
After CONNECT (2xx) or 101 the rest is looked at afresh: `Switch("")`.
Bound: PIPELINED requests without response; see `wire/http1.py`. Sources: RFC 9110, RFC 9112, RFC 7617.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from sensors.fields import Field
from sensors.protocols import Context, Dissector, Example, Finding, Record, Switch
from sensors.protocols.wire.http1 import METHODS, End, Head, Lost, Messages, Part, Start, request_line, text

PIPELINED = 256


class _Exchange:
    __slots__ = ("at_ns", "info", "reply", "reply_body", "reply_headers", "request", "request_body", "request_headers")

    def __init__(self, at_ns: int, request: Start | None) -> None:
        self.at_ns = at_ns
        self.request = request
        self.request_headers: dict[str, str] = {}
        self.request_body = 0
        self.reply: Start | None = None
        self.reply_headers: dict[str, str] = {}
        self.reply_body = 0
        self.info: Start | None = None


class _Session:
    def __init__(self, context: Context) -> None:
        self.confirmed = False
        self._sides = {True: Messages(True), False: Messages(False)}
        self._open: deque[_Exchange] = deque()
        self._asking: _Exchange | None = None
        self._answering: _Exchange | None = None
        self._depth = 0

    def feed(self, forward: bool, data: bytes, time_ns: int) -> Sequence[Finding]:
        return self._parts(forward, self._sides[forward].feed(data), time_ns)

    def gap(self, forward: bool, length: int, time_ns: int) -> Sequence[Finding]:
        return self._parts(forward, self._sides[forward].lose(length), time_ns)

    def end(self, time_ns: int) -> Sequence[Finding]:
        out = self._parts(True, self._sides[True].close(), time_ns)
        out += self._parts(False, self._sides[False].close(), time_ns)
        out += [self._event(exchange) for exchange in self._open]
        self._open.clear()
        return out

    def _parts(self, forward: bool, parts: Iterable[Part], time_ns: int) -> list[Finding]:
        out: list[Finding] = []
        for part in parts:
            if forward:
                self._asked(part, time_ns, out)
            else:
                self._answered(part, time_ns, out)
            if out and isinstance(out[-1], Switch):
                break
        return out

    def _asked(self, part: Part, time_ns: int, out: list[Finding]) -> None:
        if isinstance(part, Start):
            self.confirmed = self.confirmed or part.version != "0.9"
            if len(self._open) >= PIPELINED:
                out.append(self._event(self._open.popleft()))
            self._asking = _Exchange(time_ns, part)
            self._open.append(self._asking)
            if part.version == "0.9":
                self._sides[False].raw_body = True
        elif self._asking is not None:
            if isinstance(part, Head):
                self._asking.request_headers = part.headers
            elif isinstance(part, End):
                self._asking.request_body = part.body_bytes

    def _answered(self, part: Part, time_ns: int, out: list[Finding]) -> None:
        if isinstance(part, Start):
            self.confirmed = True
            if not self._open:
                self._open.append(_Exchange(time_ns, None))
            self._answering = exchange = self._open[0]
            exchange.reply = part
            request = exchange.request
            self._sides[False].bodiless = request is not None and (
                request.method == "HEAD" or (request.method == "CONNECT" and 200 <= part.status < 300)
            )
            return
        exchange_ = self._answering
        if exchange_ is None:
            return
        if isinstance(part, Head):
            exchange_.reply_headers = part.headers
        elif isinstance(part, End | Lost):
            if isinstance(part, End):
                exchange_.reply_body = part.body_bytes
            self._answering = None
            reply = exchange_.reply
            if reply is not None and 100 <= reply.status < 200 and reply.status != 101:
                exchange_.info, exchange_.reply = reply, None  # the final answer is still to come
                return
            if self._open and self._open[0] is exchange_:
                self._open.popleft()
            out.append(self._event(exchange_))
            method = exchange_.request.method if exchange_.request else ""
            if reply is not None and (reply.status == 101 or (method == "CONNECT" and 200 <= reply.status < 300)):
                out.append(Switch(""))

    def _event(self, exchange: _Exchange) -> Record:
        request, reply = exchange.request, exchange.reply
        fields: dict[str, Any] = {"event.category": ["network", "web"], "event.type": ["access", "protocol"]}
        self._depth += 1
        fields["luytre.http.trans_depth"] = self._depth
        version = reply.version if reply is not None else request.version if request is not None else None
        fields["http.version"] = version
        if request is not None:
            headers = exchange.request_headers
            fields["http.request.method"] = request.method
            fields["url.original"] = request.target
            _address(fields, request, headers.get("host", ""))
            fields["user_agent.original"] = headers.get("user-agent")
            fields["http.request.referrer"] = headers.get("referer")
            fields["http.request.mime_type"] = _mime(headers)
            fields["user.name"] = _user(headers.get("authorization", ""))
        fields["http.request.body.bytes"] = exchange.request_body
        fields["http.response.body.bytes"] = exchange.reply_body
        if reply is not None:
            fields["http.response.status_code"] = reply.status  # 0: a reply without status line (HTTP/0.9), as Zeek
            fields["luytre.http.status_msg"] = reply.reason or None
            fields["http.response.mime_type"] = _mime(exchange.reply_headers)
            fields["luytre.http.server"] = exchange.reply_headers.get("server")
            fields["event.outcome"] = "failure" if reply.status >= 400 else "success" if reply.status else None
        if exchange.info is not None:
            fields["luytre.http.info_code"] = exchange.info.status
        return Record("http", exchange.at_ns, fields)


def _address(fields: dict[str, Any], request: Start, host: str) -> None:
    target = request.target
    if request.method == "CONNECT":
        host = host or target
    else:
        scheme, found, rest = target.partition("://")
        if found and scheme.isalnum():
            authority, slash, path = rest.partition("/")
            host, target = host or authority, slash + path
        path, mark, query = target.partition("?")
        fields["url.path"] = path or None
        fields["url.query"] = query if mark else None
    if host:
        name, colon, port = host.rpartition(":")
        if colon and port.isdecimal() and len(port) < 6 and not name.endswith(":"):
            fields["url.port"] = int(port)
            host = name
        fields["url.domain"] = host.strip("[]").lower()


def _mime(headers: dict[str, str]) -> str | None:
    return headers.get("content-type", "").partition(";")[0].strip().lower() or None


def _user(authorization: str) -> str | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return text(base64.b64decode(value.strip(), validate=True).partition(b":")[0], 256) or None
    except (binascii.Error, ValueError):
        return None


def probe(data: bytes, forward: bool) -> bool | None:
    if not forward:
        return (
            True
            if data[:7].upper() in (b"HTTP/1.", b"HTTP/0.")
            else (None if b"HTTP/1."[: len(data)] == data[:7] else False)
        )
    line, end, _ = data[:4096].partition(b"\n")
    method = line.split(b" ", 1)[0]
    if method in METHODS:
        if end:
            return True if request_line(line.rstrip(b"\r")) else None
        return None
    if not end and len(line) < 32:
        return None if all(65 <= c <= 90 for c in line) else False
    found = request_line(line.rstrip(b"\r")) if end else None
    return True if found and found.version != "0.9" else None if data[:1].isalpha() else False


_GET = b"GET /a?b=c HTTP/1.1\r\nHost: example.gov.vn:8080\r\nUser-Agent: curl/8\r\nReferer: http://x/\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi"
_CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
_POST = b"POST /login HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YW46c2VjcmV0\r\nContent-Length: 3\r\n\r\nabc"
DISSECTOR = Dissector(
    name="http",
    transport=("tcp",),
    ports=(80, 81, 631, 3128, 8000, 8080, 8888),
    probe=probe,
    make=_Session,
    fields=(
        Field("url.port", "long"),
        Field("http.request.mime_type"),
        Field("http.response.mime_type"),
        Field("luytre.http.trans_depth", "long"),
        Field("luytre.http.status_msg"),
        Field("luytre.http.server"),
        Field("luytre.http.info_code", "long"),
    ),
    examples=(
        Example("tcp", ((True, _GET), (False, _OK)),
                {"http.request.method": "GET", "url.domain": "example.gov.vn", "url.query": "b=c",
                 "http.response.status_code": 200, "http.response.body.bytes": 2}, 80),
        Example("tcp", ((True, _GET), (False, _CHUNKED)),
                {"http.response.status_code": 404, "http.response.body.bytes": 5}, 12345),
        Example("tcp", ((True, _POST), (False, _OK)), {"user.name": "an", "http.request.body.bytes": 3}, 80),
        Example("tcp", ((True, b"GET /old\r\n"), (False, b"<html>")), {"http.version": "0.9"}, 80),
    ),
)  # fmt: skip
