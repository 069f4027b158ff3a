"""What lists share: the address or network of an indicator, the name of one, a sorted look among networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from correlator.indicators.kinds._plain import packed

Net = IPv4Network | IPv6Network


def net_of(kind: str, value: str) -> Net | None:
    """Of an address, a network, a URL that names an address."""
    text = host_of(value) if kind == "url" else value
    if kind not in ("ip", "network", "url") or (kind == "url" and packed(text) is None):
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None


def name_of(kind: str, value: str) -> str | None:
    return value if kind == "domain" else host_of(value) if kind == "url" else None


def host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def networks(texts: Iterable[str]) -> list[Net]:
    """Those that can be read; host bits are forgiven."""
    found: list[Net] = []
    for text in texts:
        try:
            found.append(ip_network(text.strip(), strict=False))
        except ValueError:
            continue
    return found


def among(nets: Iterable[Net]) -> Callable[[Net], Net | None]:
    """The first of `nets` that an indicator touches. A thousand own ranges and a million rows are a product, so what is
    asked goes by (family, prefix length): as many looks into a set as there are lengths."""
    by_length: dict[tuple[int, int], set[int]] = {}
    kept = list(nets)
    for net in kept:
        by_length.setdefault((net.version, net.prefixlen), set()).add(int(net.network_address))

    def find(asked: Net) -> Net | None:
        number = int(asked.network_address)
        for (version, length), starts in by_length.items():
            if version != asked.version:
                continue
            if length <= asked.prefixlen:
                shift = asked.max_prefixlen - length
                start = number >> shift << shift
                if start in starts:
                    return IPv4Network((start, length)) if version == 4 else IPv6Network((start, length))
        if asked.prefixlen < asked.max_prefixlen:
            return next((net for net in kept if net.version == asked.version and asked.supernet_of(net)), None)  # type: ignore[arg-type]
        return None

    return find
