"""Apache httpd's access log: `common`, `combined`, `vhost_common`, `vhost_combined`.

Source: https://httpd.apache.org/docs/2.4/logs.html#accesslog
"""

from __future__ import annotations

from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar import clf


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str) and '] "' in payload


def parse(payload: Payload, context: Context) -> Parsed | None:
    access = clf.read(payload) if isinstance(payload, str) else None
    if access is None:
        return None
    fields = clf.fields(access)
    fields["event.module"] = "apache"
    return Parsed(fields, access.when)


FORMAT = Format(
    dataset="apache.access",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"apache", "apache2", "httpd"}),
    rank=50,
    examples=(
        Example(
            '192.0.2.44 - - [26/Dec/2026:16:16:48 +0700] "GET / HTTP/1.1" 200 45 "-" "curl/8.5.0"',
            {"user_agent.original": "curl/8.5.0"},
            named=True,
        ),
        Example(
            '::1 - frank [10/Oct/2026:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
            {
                "@timestamp": "2026-10-10T20:55:36Z",
                "source.ip": "::1",
                "user.name": "frank",
                "http.response.body.bytes": 2326,
                "event.outcome": "success",
                "url.path": "/apache_pb.gif",
            },
        ),
        Example(
            'cong.example.gov.vn:443 198.51.100.7 - - [26/Dec/2026:16:16:48 +0700] "-" 408 - "-" "-"',
            {"url.domain": "cong.example.gov.vn", "url.port": 443, "http.response.status_code": 408,
             "url.original": None, "http.response.body.bytes": None},
        ),
        Example(
            '192.0.2.44 - - [26/Dec/2026:16:16:48 +0700] "GET /\\"x HTTP/1.1" 200 45 "-" "a \\"b\\" c"',
            {"url.original": '/\\"x', "user_agent.original": 'a \\"b\\" c'},
        ),
    ),
)  # fmt: skip
