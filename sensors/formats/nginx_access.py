"""nginx's access log: the `combined` format, with a host name in front or addresses of proxies, or more at its end.

Source: https://nginx.org/en/docs/http/ngx_http_log_module.html
nginx's `combined` is byte for byte Apache's; a file is taken for Apache's when its path, its syslog program, the
configuration or a line that only Apache writes says so.
"""

from __future__ import annotations

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar import clf


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str) and '] "' in payload


def parse(payload: Payload, context: Context) -> Parsed | None:
    access = clf.read(payload) if isinstance(payload, str) else None
    if access is None or len(access.quoted) < 2 or access.port or (isinstance(payload, str) and '\\"' in payload):
        return None  # nginx writes a quote as \\x22, and no port
    fields = clf.fields(access)
    fields["event.module"] = "nginx"
    return Parsed(fields, access.when)


FORMAT = Format(
    dataset="nginx.access",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"nginx"}),
    rank=40,
    fields=(Field("url.port", "long"), Field("url.extension"), Field("url.fragment"), Field("destination.domain")),
    examples=(
        Example(
            '203.0.113.9 - lan [25/Oct/2026:14:49:33 +0700] "GET /tim-kiem?q=%C4%91%E1%BA%A5t HTTP/1.1" 404 571 '
            '"https://example.gov.vn/" "Mozilla/5.0 (X11; Linux x86_64)"',
            {
                "@timestamp": "2026-10-25T07:49:33Z",
                "source.ip": "203.0.113.9",
                "user.name": "lan",
                "http.request.method": "GET",
                "url.original": "/tim-kiem?q=%C4%91%E1%BA%A5t",
                "url.path": "/tim-kiem",
                "url.query": "q=%C4%91%E1%BA%A5t",
                "http.version": "1.1",
                "http.response.status_code": 404,
                "http.response.body.bytes": 571,
                "http.request.referrer": "https://example.gov.vn/",
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
                "event.outcome": "failure",
            },
        ),
        Example(
            'dichvu.example.gov.vn 10.0.0.2, 198.51.100.7, 127.0.0.1 - - [09/Jun/2026:12:10:39 +0000] '
            '"POST /a.php HTTP/2.0" 200 0 "-" "curl/8.5.0" "198.51.100.7"',
            {
                "source.ip": "198.51.100.7",
                "url.domain": "dichvu.example.gov.vn",
                "url.extension": "php",
                "related.ip": ["10.0.0.2", "127.0.0.1", "198.51.100.7"],
            },
        ),
        Example(
            '198.51.100.7 - - [09/Jun/2026:12:10:39 +0000] "\\x16\\x03\\x01\\x00" 400 150 "-" "-"',
            {"url.original": "\\x16\\x03\\x01\\x00", "http.response.status_code": 400, "http.request.method": None},
        ),
    ),
)  # fmt: skip
