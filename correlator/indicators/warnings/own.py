"""What is ours: addresses and names of the inventory, and the names that this node answers to.

A name above one of ours is refused too: it would match us. A URL below our own name is asked about: a page of ours that
was broken into is a real indicator.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Verdict, Warn
from correlator.indicators.warnings._places import among, name_of, net_of, networks


def make(own: Own) -> Callable[[str, str], Caution | None]:
    ours = among(networks(own.networks))
    names = {name.lower().rstrip(".") for name in own.names if "." in name.strip(".")}
    above = {name[at + 1 :] for name in names for at, sign in enumerate(name) if sign == "."}

    def check(kind: str, value: str) -> Caution | None:
        net = net_of(kind, value)
        if net is not None and (found := ours(net)) is not None:
            return Caution("refuse", "own", f"{found} là địa chỉ của ta.", f"{found} is an address of ours.")
        name = name_of(kind, value)
        if name is None:
            return None
        mine = next((one for one in _up(name) if one in names), name if kind == "domain" and name in above else None)
        if mine is None:
            return None
        verdict: Verdict = "ask" if kind == "url" else "refuse"
        return Caution(verdict, "own", f"{mine} là tên miền của ta hoặc bao trùm tên miền của ta.",
                       f"{mine} is a name of ours, or stands above one.")  # fmt: skip

    return check


def _up(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[at:]) for at in range(len(parts) - 1)]


WARNING = Warn(
    title={"vi": "Địa chỉ và tên miền của ta", "en": "Our own addresses and names"},
    make=make,
    own=Own(("45.67.89.0/24", "2404:1234::/32"), ("portal.so.example", "mail.so.example")),
    examples=(
        ("ip", "45.67.89.10", "refuse"),
        ("network", "45.67.0.0/16", "refuse"),
        ("ip", "2404:1234::9", "refuse"),
        ("domain", "portal.so.example", "refuse"),
        ("domain", "a.portal.so.example", "refuse"),
        ("domain", "so.example", "refuse"),
        ("url", "https://portal.so.example/upload/x.php", "ask"),
        ("domain", "other.example", None),
        ("ip", "45.67.90.1", None),
    ),
)
