"""A URL. Kept: scheme and host in lower case, no user, no fragment, no default port, "/" for an empty path.

Matched without its scheme and with percent-signs undone once, on both sides: feeds and logs differ in both, and a
server log doesn't know whether TLS stood before it. A bare name is a domain, not a URL.
Source: RFC 3986 section 6.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from correlator.indicators.kinds._plain import packed, refang, shown
from correlator.indicators.kinds._plain import packed as _packed
from correlator.indicators.seam import VALUE_LIMIT, Kind

_PORTS = {"http": 80, "https": 443, "ftp": 21}


def normal(text: str) -> str | None:
    text = refang(text)
    if "://" not in text[:12] or len(text) > VALUE_LIMIT or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except (UnicodeError, ValueError):
            return None
    scheme = parts.scheme.lower()
    raw = _packed(host)
    if not host or scheme not in _PORTS or (raw is None and "." not in host):
        return None
    if raw is not None:
        host = f"[{shown(raw)}]" if len(raw) == 16 else shown(raw)
    if port and port != _PORTS[scheme]:
        host += f":{port}"
    return f"{scheme}://{host.lower()}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def keys(text: str) -> Iterator[tuple[bytes, str]]:
    found = normal(text)
    if found:
        yield unquote(found.partition("://")[2], errors="replace").encode("utf-8", "replace"), found


def made(url: Mapping[str, Any]) -> str | None:
    """Of the pieces in which dissectors and web servers' logs tell it."""
    host, path, query, port = url.get("domain"), url.get("path"), url.get("query"), url.get("port")
    if not isinstance(host, str) or not isinstance(path, str) or not path.startswith("/"):
        return None
    where = f"[{host}]" if ":" in host and packed(host) else host
    rest = f"?{query}" if isinstance(query, str) and query else ""
    return f"http://{where}{f':{port}' if isinstance(port, int) and port not in (80, 443) else ''}{path}{rest}"


KIND = Kind(
    name="url",
    tag=4,
    title={"vi": "Đường dẫn (URL)", "en": "URL"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000004",
    alert={"vi": "Truy cập đường dẫn trong danh sách chỉ dấu", "en": "A listed URL was asked for"},
    reason={"vi": "{luytre.who} truy cập {threat.indicator.name} (nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} asked for {threat.indicator.name} (indicator of {threat.indicator.provider})"},
    fields=("url.full", "url.original"),
    normal=normal,
    keys=keys,
    guess=4,
    made={"url": made},
    examples=(
        ("hxxps://Evil[.]example/a?b=c#d", "https://evil.example/a?b=c"),
        ("http://user:pw@evil.example:80", "http://evil.example/"),
        ("http://203.0.113.7:8080/x", "http://203.0.113.7:8080/x"),
        ("evil.example/a", None),
        ("javascript://evil.example/", None),
        ("http://[::1/", None),
    ),
    seen=(
        ({"url.full": "http://evil.example/a?b=c"}, "https://evil.example/a?b=c"),
        ({"url.domain": "evil.example", "url.path": "/a", "url.query": "b=c"}, "https://evil.example/a?b=c"),
    ),
)  # fmt: skip
