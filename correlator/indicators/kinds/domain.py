"""A name of the DNS; it stands for itself and all below it. Normal form: lower case, A-labels, no last dot.

At least two labels: a single one would be a whole top-level domain, or a machine's own short name. Wildcards in front
(`*.evil.example`) are what a name means anyway. Bound: MAX_LABELS asked, from the name downwards to two labels.
Source: RFC 1035 2.3.4, RFC 5890, RFC 2181 11 (underscores live).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from correlator.indicators.kinds._plain import packed, refang
from correlator.indicators.seam import Kind

MAX_LABELS = 12
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))+\Z", re.ASCII)
_FIELDS = (
    "dns.question.name", "destination.domain", "source.domain", "tls.client.server_name", "url.domain",
    "dns.answers.data", "server.address", "destination.address", "related.hosts",
    "winlog.event_data.QueryName", "winlog.event_data.DestinationHostname",
)  # fmt: skip


def normal(text: str) -> str | None:
    name = refang(text).rstrip(".").lower().removeprefix("*.").removeprefix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except (UnicodeError, ValueError):
            return None
    last = name.rpartition(".")[2]
    if len(name) > 253 or not _NAME.match(name) or last.isdigit() or packed(name) is not None:
        return None
    return name


def keys(text: str) -> Iterator[tuple[bytes, str]]:
    name = text.rstrip(".").lower()
    if not name.isascii():
        name = normal(name) or ""
    if not 3 < len(name) <= 253:
        return
    labels = name.count(".") + 1
    while labels > MAX_LABELS:
        name = name.partition(".")[2]
        labels -= 1
    while labels > 1:
        yield name.encode(), name
        name = name.partition(".")[2]
        labels -= 1


KIND = Kind(
    name="domain",
    tag=3,
    title={"vi": "Tên miền", "en": "Name"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000003",
    alert={"vi": "Truy vấn hoặc truy cập tên miền trong danh sách chỉ dấu", "en": "A name of a list was met"},
    reason={"vi": "{luytre.who} truy vấn hoặc truy cập {luytre.indicator.matched}, thuộc {threat.indicator.name} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} asked for or reached {luytre.indicator.matched} of {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=_FIELDS,
    normal=normal,
    keys=keys,
    guess=5,
    below=True,
    examples=(
        ("Evil.Example.", "evil.example"),
        ("evil[.]example", "evil.example"),
        ("*.evil.example", "evil.example"),
        ("tên-miền.vn", "xn--tn-min-iva0322d.vn"),
        ("localhost", None),
        ("203.0.113.7", None),
        ("evil.example/path", None),
        ("-evil.example", None),
    ),
    seen=(
        ({"dns.question.name": "a.b.EVIL.example."}, "evil.example"),
        ({"tls.client.server_name": "evil.example"}, "evil.example"),
        ({"winlog.event_data.QueryName": "x.evil.example"}, "evil.example"),
    ),
)  # fmt: skip
