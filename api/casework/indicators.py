"""Which values of an alert are worth telling another agency: the other side's addresses, names and hashes.

In:  the alert's entities. Out: (type, value) in normal form, so that two agencies that met the same peer say the same
     bytes. Our own addresses and names never: an inner address identifies nobody elsewhere, and a portal's own name in
     a request that came from outside is the victim.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from sensors.event import Event, get

# Addresses that mean another machine in every network. Not `is_global`: Python 3.11 calls multicast and NAT64-wrapped
# loopback global, and documentation networks (which exercises use) not (reliability.md §0.6).
_INNER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAMES = ("dns.question.name", "destination.domain", "tls.client.server_name", "url.domain")


def of_entities(entities: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    values: dict[str, list[str]] = {}
    for path, value in entities:
        values.setdefault(path, []).append(value)
    sources = [address(value) for value in values.get("source.ip", ())]
    outbound = not any(found is not None and not inner(found) for found in sources)
    found: dict[tuple[str, str], None] = {}
    for path in ("source.ip", "destination.ip") if outbound else ("source.ip",):
        for value in values.get(path, ()):
            place = address(value)
            if place is not None and not inner(place):
                found[f"ipv{place.version}", str(place)] = None
    if outbound:
        for path in _NAMES:
            for value in values.get(path, ()):
                name = domain(value)
                if name:
                    found["domain", name] = None
    for value in values.get("file.hash.sha256", ()):
        if len(value) == 64 and all(c in "0123456789abcdef" for c in value.lower()):
            found["sha256", value.lower()] = None
    return list(found)


def of_event(event: Event) -> list[tuple[str, str]]:
    paths = ("source.ip", "destination.ip", *_NAMES, "file.hash.sha256")
    return of_entities((path, str(value)) for path in paths if (value := get(event, path)) is not None)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, unwrapped from IPv4-mapped, 6to4 and NAT64 forms."""
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return found.ipv4_mapped
        if found.sixtofour:
            return found.sixtofour
        if found in _NAT64:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def inner(place: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(place.version == network.version and place in network for network in _INNER)


def domain(text: str) -> str | None:
    """A name with at least one dot, lower case, A-labels; None for addresses, single labels and inner zones."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if "." not in name or len(name) > 253 or address(name) is not None:
        return None
    if name.endswith((".local", ".lan", ".internal", ".arpa", ".localhost", ".home")):
        return None
    return name if all(part and len(part) <= 63 for part in name.split(".")) else None


def fits(kind: str, value: str) -> bool:
    """Whether an indicator (of another node, too) is of the outside and in the one form that we would write."""
    if kind in ("ipv4", "ipv6"):
        place = address(value)
        return place is not None and not inner(place) and (f"ipv{place.version}", str(place)) == (kind, value)
    if kind == "domain":
        return domain(value) == value
    if kind == "sha256":
        return len(value) == 64 and all(c in "0123456789abcdef" for c in value)
    return kind == "url" and value.startswith(("http://", "https://")) and value.isprintable() and " " not in value
