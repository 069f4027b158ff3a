"""An IPv4 or IPv6 network. Normal form: CIDR without host bits; of one address: see address.py. The narrowest wins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from correlator.indicators.kinds._plain import packed, refang
from correlator.indicators.seam import Kind


def normal(text: str) -> str | None:
    text = refang(text)
    if "/" not in text or len(text) > 64:
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= 96 and found.network_address.ipv4_mapped:
        found = ipaddress.ip_network((found.network_address.ipv4_mapped, found.prefixlen - 96))
    return str(found) if found.prefixlen < found.max_prefixlen else None


def keys(text: str) -> Iterator[tuple[bytes, str]]:
    """The address that is looked for among the networks; of a network, its own text."""
    raw = packed(text)
    yield (raw, text) if raw is not None else (text.encode("utf-8", "replace"), text)


KIND = Kind(
    name="network",
    tag=2,
    title={"vi": "Dải địa chỉ", "en": "Network"},
    rule_id="3f0f8a50-5d0e-4c53-9f0e-7d1c00000002",
    alert={"vi": "Liên lạc với dải địa chỉ trong danh sách chỉ dấu", "en": "Contact with a listed network"},
    reason={"vi": "{luytre.who} liên lạc với {luytre.indicator.matched}, thuộc {threat.indicator.name} "
                  "(nguồn chỉ dấu: {threat.indicator.provider})",
            "en": "{luytre.who} was in contact with {luytre.indicator.matched} of {threat.indicator.name} "
                  "(indicator of {threat.indicator.provider})"},
    fields=("source.ip", "destination.ip", "client.ip", "server.ip", "source.nat.ip", "dns.answers.data",
            "dns.resolved_ip", "related.ip", "winlog.event_data.DestinationIp", "winlog.event_data.SourceIp",
            "winlog.event_data.IpAddress"),
    normal=normal,
    keys=keys,
    guess=2,
    networks=True,
    examples=(
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2001:db8::1/48", "2001:db8::/48"),
        ("203.0.113.7/32", None),
        ("203.0.113.0", None),
        ("http://203.0.113.0/24", None),
    ),
    seen=(
        ({"destination.ip": "203.0.113.200"}, "203.0.113.0/24"),
        ({"source.ip": "2001:db8:0:1::9"}, "2001:db8::/48"),
    ),
)  # fmt: skip
