"""One IPv4 or IPv6 address. Normal form: RFC 5952; IPv4-mapped IPv6 is IPv4. Key: its 4 or 16 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from correlator.indicators.kinds._plain import packed, refang, shown
from correlator.indicators.seam import Kind

FIELDS = (
    "source.ip", "destination.ip", "client.ip", "server.ip", "source.nat.ip", "dns.answers.data", "dns.resolved_ip",
    "related.ip", "winlog.event_data.DestinationIp", "winlog.event_data.SourceIp", "winlog.event_data.IpAddress",
)  # fmt: skip


def normal(text: str) -> str | None:
    text = refang(text)
    alone, slash, bits = text.partition("/")
    raw = packed(alone)
    if slash and (raw is None or bits != str(8 * len(raw))):
        return None
    return shown(raw) if raw is not None else None


def keys(text: str) -> Iterator[tuple[bytes, str]]:
    raw = packed(text)
    if raw is not None:
        yield raw, shown(raw)


KIND = Kind(
    name="ip",
    tag=1,
    title={"vi": "Địa chỉ", "en": "Address"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000001",
    alert={"vi": "Liên lạc với địa chỉ trong danh sách chỉ dấu", "en": "Contact with a listed address"},
    reason={"vi": "{luytre.who} liên lạc với {threat.indicator.name} (nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} was in contact with {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=FIELDS,
    normal=normal,
    keys=keys,
    guess=1,
    address=True,
    examples=(
        ("203.0.113.7", "203.0.113.7"),
        ("203[.]0[.]113[.]7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("203.0.113.0/24", None),
        ("203.0.113.256", None),
        ("evil.example", None),
    ),
    seen=(
        ({"destination.ip": "203.0.113.7", "source.ip": "10.0.0.5"}, "203.0.113.7"),
        ({"destination.ip": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ({"dns.answers": [{"data": "198.51.100.1"}, {"type": "A", "data": "203.0.113.7"}]}, "203.0.113.7"),
        ({"winlog.event_data.DestinationIp": "203.0.113.7"}, "203.0.113.7"),
        ({"dns.answers.data": ["198.51.100.1", "203.0.113.7"]}, "203.0.113.7"),
    ),
)  # fmt: skip
