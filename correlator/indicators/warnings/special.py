"""Addresses that mean another machine in every network, or none: IANA's special-purpose registries.

Source: https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry (RFC 6890, 8190),
multicast RFC 5771 and 4291. Networks kept for documentation are asked about, not refused: exercises use them.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Warn
from correlator.indicators.warnings._places import among, net_of, networks

_NEVER = networks((
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "fc00::/7",
    "fe80::/10", "ff00::/8",
))  # fmt: skip
_DOCUMENTS = networks(("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))


def make(own: Own) -> Callable[[str, str], Caution | None]:
    never, documents = among(_NEVER), among(_DOCUMENTS)

    def check(kind: str, value: str) -> Caution | None:
        net = net_of(kind, value)
        if net is None:
            return None
        if (found := never(net)) is not None:
            return Caution("refuse", "special", f"{found} là địa chỉ nội bộ hoặc đặc biệt (IANA).",
                           f"{found} is private or special-purpose (IANA).")  # fmt: skip
        if (found := documents(net)) is not None:
            return Caution("ask", "special", f"{found} dành cho tài liệu và diễn tập.",
                           f"{found} is kept for documentation and exercises.")  # fmt: skip
        return None

    return check


WARNING = Warn(
    title={"vi": "Địa chỉ nội bộ và đặc biệt", "en": "Private and special addresses"},
    make=make,
    examples=(
        ("ip", "10.1.2.3", "refuse"),
        ("ip", "224.0.0.251", "refuse"),
        ("ip", "fe80::1", "refuse"),
        ("network", "192.168.4.0/24", "refuse"),
        ("network", "172.0.0.0/8", "refuse"),
        ("url", "http://127.0.0.1/x", "refuse"),
        ("ip", "203.0.113.9", "ask"),
        ("ip", "45.67.89.10", None),
        ("domain", "evil.example", None),
    ),
)
