"""Where this node may connect to when it sends: every address is judged at the moment of connecting.

In:  a host and port, what the operator allows beyond the public network. Out: a connected socket or the addresses to
     connect to, or `Forbidden`. Notices (`[notices] local_hosts`) and OpenID providers (`private`) both come here.
The name is resolved once, each address is judged as what it means in the end (IPv4 in mapped, compatible, 6to4, Teredo
and NAT64 form is unwrapped), and the connection goes to the very address that was judged: a name that answers
differently the second time (rebinding) gains nothing. Addresses that are not global are refused unless `local_hosts`
names the host or a network that holds the address; link-local (where clouds keep their metadata), multicast and
unspecified ones unless the network itself is named. Redirects are refused by each caller.
Source: OWASP ASVS 5.0 1.3.6; RFC 4291, 3056, 4380, 6052, 8215.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
ADDRESSES = 16  # of one name
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_RESERVED = ipaddress.IPv4Network("192.0.0.0/24")  # IETF protocol assignments; Python 3.11 knows a part of them
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Forbidden(OSError):
    """This node does not connect there."""


class Guard:
    def __init__(self, local_hosts: Sequence[str] = (), resolve: Resolve | None = None) -> None:
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._resolve = resolve or _resolve
        for text in local_hosts:
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                self._names.add(_name(text))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._names)

    @property
    def listed(self) -> list[str]:
        """The operator's list, to make the same guard elsewhere."""
        return [*sorted(self._names), *map(str, self._networks)]

    def judge(self, host: str, address: str) -> str | None:
        """Why this address may not be reached, in English; None when it may."""
        try:
            plain = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return "not an address"
        for meant in meanings(plain):
            if any(meant in network for network in self._networks if network.version == meant.version):
                continue
            if meant.is_link_local or meant.is_multicast or meant.is_unspecified:
                return "link-local, multicast or unspecified"
            if (not meant.is_global or meant in _RESERVED) and _name(host) not in self._names:
                return "not a public address, and nothing here names it"
        return None

    def addresses(self, host: str, port: int) -> list[str]:
        """Those that may be reached; Forbidden when one may not: a name that mixes both is not to be trusted."""
        found = list(self._resolve(host, port))[:ADDRESSES]
        if not found:
            raise OSError("the name has no address")
        for address in found:
            why = self.judge(host, address)
            if why:
                raise Forbidden(why)
        return found

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        last: OSError | None = None
        for address in self.addresses(host, port):
            try:
                return socket.create_connection((address, port), timeout=timeout_s)
            except OSError as error:
                last = error
        raise last or OSError("no address")


def meanings(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it carries."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        found += [inner for inner in (address.ipv4_mapped, address.sixtofour) if inner]
        if address.teredo:
            found += address.teredo
        if any(address in network for network in _NAT64) or (
            address in _COMPATIBLE and int(address) > 1  # :: and ::1 mean themselves
        ):
            found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped:
            found.remove(address)  # the wrapper itself is never global
    return found


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _name(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").casefold()
