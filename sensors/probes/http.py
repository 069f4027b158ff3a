"""http: does the page answer? Target an http:// or https:// URL; one GET.

up: a status below 400 (a redirect counts as an answer and is not followed: it may lead anywhere). degraded: 4xx, or the
certificate of an https page does not hold. down: 5xx, no answer in time, not HTTP.
Bound: a head of 64 KiB, a body of 64 KiB, one deadline over everything.
Source: RFC 9112.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sensors.probes import Outcome, Probe
from sensors.probes.wire.connect import Deadline, Failed, Link, connect, connect_tls

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")
_LENGTH = re.compile(rb"\r?\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)


def accepts(target: str) -> str | None:
    try:
        parts = urlsplit(target)
        plain = not re.search(r"[\x00-\x20\x7f]", target) and target.isascii()
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
        return None if fits and plain else "http://… or https://…, without a user name"
    except ValueError:
        return "http://… or https://…, without a user name"


def check(target: str, timeout_s: float) -> Outcome:
    parts = urlsplit(target)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    fields: dict[str, object] = {"url.full": target, "destination.address": host, "destination.port": port}
    deadline = Deadline(timeout_s)
    try:
        link = (connect_tls if secure else connect)(host, port, deadline)
    except Failed as error:
        return Outcome("down", error.reason, None, fields)
    try:
        fields["destination.ip"] = link.address
        if link.days_left is not None:
            fields["luytre.probe.certificate_days_left"] = link.days_left
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        link.send(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: luytre-probe\r\nAccept: */*\r\n"
            "Accept-Encoding: identity\r\nConnection: close\r\n\r\n".encode("ascii", "replace")
        )
        status, size = _read(link)
    except Failed as error:
        return Outcome("down", error.reason, None, fields)
    finally:
        link.close()
    fields |= {"http.response.status_code": status, "http.response.body.bytes": size}
    if status >= 500:
        return Outcome("down", f"http-{status}", deadline.taken_ms(), fields)
    reason = f"http-{status}" if status >= 400 else link.certificate_problem
    return Outcome("degraded" if reason else "up", reason, deadline.taken_ms(), fields)


def _read(link: Link) -> tuple[int, int]:
    """(status, bytes of the body that were read)."""
    data = b""
    while b"\r\n\r\n" not in data and b"\n\n" not in data:
        piece = link.receive(16 * 1024)
        data += piece
        if not piece or len(data) > HEAD_LIMIT_BYTES or (len(data) > 12 and not data.startswith(b"HTTP/1.")):
            raise Failed("not-http" if data else "closed")
    status = _STATUS.match(data)
    if not status:
        raise Failed("not-http")
    head, _, body = data.partition(b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n")
    length = _LENGTH.search(head + b"\r\n")
    wanted = min(int(length[1]) if length else BODY_LIMIT_BYTES, BODY_LIMIT_BYTES)
    size = len(body)
    while size < wanted:
        piece = link.receive(16 * 1024)
        if not piece:
            break
        size += len(piece)
    return int(status[1]), min(size, wanted)


PROBE = Probe(
    "http",
    accepts,
    check,
    (
        ("https://dichvucong.gov.vn/", True),
        ("http://10.0.0.1:8080/a?b=c", True),
        ("ftp://x/", False),
        ("http://", False),
        ("http://user:pw@x/", False),
        ("http://x/\r\nHost: y", False),
        ("http://x:99999/", False),
    ),
)
