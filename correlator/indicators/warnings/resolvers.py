"""Name and time servers that everybody asks: a feed lists them because malware asked them too.

Source: the operators' own pages (Google, Cloudflare, Quad9, OpenDNS, AdGuard, DNS.WATCH, CleanBrowsing; VNNIC, VNPT,
Viettel, FPT), written 2026-11. Asked about, not refused: a tunnel through such a server is worth knowing.
"""

from __future__ import annotations

from collections.abc import Callable

from correlator.indicators.seam import Caution, Own, Warn
from correlator.indicators.warnings._places import among, net_of, networks

_KNOWN = networks((
    "8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844",
    "1.1.1.0/28", "1.0.0.0/28", "2606:4700:4700::1111", "2606:4700:4700::1001",
    "9.9.9.9", "9.9.9.10", "9.9.9.11", "149.112.112.112", "2620:fe::fe", "2620:fe::9",
    "208.67.222.222", "208.67.220.220", "208.67.222.220", "208.67.220.222", "2620:119:35::35", "2620:119:53::53",
    "94.140.14.14", "94.140.15.15", "84.200.69.80", "84.200.70.40", "185.228.168.9", "185.228.169.9", "4.2.2.1",
    "4.2.2.2", "64.6.64.6", "64.6.65.6", "76.76.2.0", "76.76.10.0", "77.88.8.8", "114.114.114.114", "223.5.5.5",
    "203.119.36.106", "203.119.73.106", "203.162.4.190", "203.162.4.191", "203.162.0.181", "123.23.23.23",
    "123.26.26.26", "203.113.131.1", "203.113.131.2", "203.113.188.1", "210.245.24.20", "210.245.24.22",
    "210.245.31.130",
    "198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
    "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33",
))  # fmt: skip


def make(own: Own) -> Callable[[str, str], Caution | None]:
    known = among(_KNOWN)

    def check(kind: str, value: str) -> Caution | None:
        net = net_of(kind, value)
        if net is None or known(net) is None:
            return None
        return Caution("ask", "resolvers", "Máy chủ phân giải tên miền công cộng, nhiều máy dùng hằng ngày.",
                       "A public resolver or root server that many machines ask every day.")  # fmt: skip

    return check


WARNING = Warn(
    title={"vi": "Máy chủ tên miền công cộng", "en": "Public resolvers"},
    make=make,
    examples=(
        ("ip", "8.8.8.8", "ask"),
        ("ip", "2606:4700:4700::1111", "ask"),
        ("network", "9.9.9.0/24", "ask"),
        ("ip", "8.8.8.9", None),
    ),
)
