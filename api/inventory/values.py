"""Addresses and names in one canonical form, so that what a person typed and what an event says are the same bytes.

In:  an address, a CIDR network, a host name, a domain or a URL. Out: (kind, value): ip | network | name.
     IPv4 in IPv6 (`::ffff:10.0.0.1`) is the IPv4 address; a scope (`%eth0`) goes; a network with host bits is its
     network; names are lower-case A-labels without the last dot; a URL is its host.
Bound: LIMIT characters in; `ValueError` for what is none of these.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

LIMIT = 512
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def canonical(text: str) -> tuple[str, str]:
    text = text.strip()
    if not text or len(text) > LIMIT:
        raise ValueError("empty or too long")
    if "://" in text:
        host = urlsplit(text).hostname
        if not host:
            raise ValueError("a URL without a host")
        text = host
    if "/" in text:
        return "network", network(text)
    found = address(text)
    if found is not None:
        return "ip", found
    return "name", name(text)


def address(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def network(text: str) -> str:
    found = ipaddress.ip_network(text, strict=False)
    if found.prefixlen == 0:
        raise ValueError("the whole Internet is no network of an agency")
    return str(found)


def name(text: str) -> str:
    """A host or domain name; Vietnamese letters become A-labels (IDNA)."""
    text = text.rstrip(".").lower()
    if not text.isascii():
        text = text.encode("idna").decode("ascii")  # UnicodeError is a ValueError
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    if labels[-1].isdecimal() and len(labels) > 1:
        raise ValueError("neither an address nor a name")  # 10.0.0.256
    return text
