"""Networks so wide that they hold everybody: over a /8 (IPv6 /16) refused, over a /16 (IPv6 /29) asked about.

A regional registry gives a provider /29 to /32 of IPv6 and up to /8 of IPv4 was once given to one owner.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Warn
from correlator.indicators.warnings._places import net_of

_LIMITS = {4: (8, 16), 6: (16, 29)}


def make(own: Own) -> Callable[[str, str], Caution | None]:
    def check(kind: str, value: str) -> Caution | None:
        net = net_of(kind, value) if kind == "network" else None
        if net is None:
            return None
        never, ask = _LIMITS[net.version]
        if net.prefixlen < never:
            return Caution("refuse", "wide", "Dải địa chỉ quá rộng.", "The network is far too wide.")
        if net.prefixlen < ask:
            return Caution("ask", "wide", "Dải địa chỉ rất rộng, có nhiều chủ.", "A very wide network of many owners.")
        return None

    return check


WARNING = Warn(
    title={"vi": "Dải địa chỉ quá rộng", "en": "Networks too wide"},
    make=make,
    examples=(
        ("network", "44.0.0.0/7", "refuse"),
        ("network", "45.0.0.0/12", "ask"),
        ("network", "45.67.89.0/24", None),
        ("network", "2a00::/12", "refuse"),
        ("network", "2a00::/24", "ask"),
        ("network", "2a00:1234::/32", None),
    ),
)
