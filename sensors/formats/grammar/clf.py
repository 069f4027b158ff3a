"""The access log line that NCSA httpd gave the world: `host ident user [time] "request" status bytes` and what follows.

In:  one line. Out: a `Access` record with the parts as they stand, and `fields()` with ECS names; None for other lines.
The time is looked for only before the first quote, because everything quoted was chosen by the client.
Source: https://httpd.apache.org/docs/2.4/mod/mod_log_config.html, https://nginx.org/en/docs/http/ngx_http_log_module.html
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from sensors.formats.grammar.text import address, peer, whole
from sensors.formats.grammar.times import clf

# Possessive, so that no line makes it try twice.
_LINE = re.compile(
    r"(?P<head>[^\"]{1,4096}) \[(?P<time>[0-9A-Za-z/:]{20} [+-]\d{4})\] "
    r"\"(?P<request>(?:[^\"\\]|\\.)*+)\" (?P<status>\d{3}|-) (?P<bytes>\d{1,18}|-)(?P<rest>(?: .*)?)\Z",
    re.DOTALL,
)
_QUOTED = re.compile(r" \"((?:[^\"\\]|\\.)*+)\"")
_REQUEST = re.compile(r"(?P<method>[A-Za-z_-]{1,32}) (?P<url>.*?)(?: HTTP/(?P<version>\d(?:\.\d)?))?\Z", re.DOTALL)
_VHOST = re.compile(r"(?P<name>\[?[0-9A-Za-z_.:*-]{1,255}?\]?)(?::(?P<port>\d{1,5}))?\Z")

# Addresses that a client on the internet cannot have (RFC 1918, 6598, 4193, loopback, link-local). Python's
# `is_private` counts the documentation networks too.
_INSIDE = [
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    vhost: str
    port: str
    hosts: tuple[str, ...]
    user: str
    when: float
    request: str
    status: int | None
    size: int | None
    quoted: tuple[str, ...]  # referrer, user agent, what a site added


def read(line: str) -> Access | None:
    found = _LINE.match(line)
    if not found:
        return None
    when = clf(found["time"])
    if when is None:
        return None
    head = found["head"].split(" ")
    vhost = port = ""
    if len(head) >= 4 and address(head[0]) is None and head[1] != "-" and not head[0].endswith(","):
        named = _VHOST.match(head[0])
        if not named:
            return None
        vhost, port = named["name"], named["port"] or ""
        head = head[1:]
    hosts = []
    while head and head[0].endswith(","):  # a proxy's list: "10.0.0.2, 10.0.0.1, 127.0.0.1"
        hosts.append(head.pop(0)[:-1])
    if len(head) < 3 or (len(head) > 3 and head[1] != "-"):  # a user's name may hold blanks, ident is "-" nowadays
        return None
    hosts.append(head[0])
    user = " ".join(head[2:])
    quoted = tuple(part if part != "-" else "" for part in _QUOTED.findall(found["rest"]))
    return Access(vhost, port, tuple(hosts[:32]), user if user not in ("-", '""') else "", when, found["request"],
                  whole(found["status"]), whole(found["bytes"]), quoted)  # fmt: skip


def fields(access: Access) -> dict[str, Any]:
    """ECS names; the source is the first public address of a proxy's list, else its first."""
    known = [ip for host in access.hosts if (ip := address(host))]
    public = [ip for ip in known if not _inside(ip)]
    out: dict[str, Any] = {"event.category": ["web"], "event.type": ["access"], "event.kind": "event"}
    peer(out, (public or known or list(access.hosts))[0])
    if known:
        out["related.ip"] = sorted(set(known))
    if access.vhost:
        out["url.domain"] = out["destination.domain"] = access.vhost
        if access.port:
            out["url.port"] = out["destination.port"] = int(access.port)
    if access.user:
        out["user.name"] = access.user
        out["related.user"] = [access.user]
    if access.status is not None:
        out["http.response.status_code"] = access.status
        out["event.outcome"] = "success" if access.status < 400 else "failure"
    if access.size is not None:
        out["http.response.body.bytes"] = access.size
    request(out, access.request)
    if access.quoted and access.quoted[0]:
        out["http.request.referrer"] = access.quoted[0]
    if len(access.quoted) > 1 and access.quoted[1]:
        out["user_agent.original"] = access.quoted[1]
    return out


def request(out: dict[str, Any], line: str) -> None:
    """`GET /path?query HTTP/1.1` into http.* and url.*; bytes that are no request stand in url.original alone."""
    if line in ("", "-"):
        return
    found = _REQUEST.match(line)
    if not found or not (found["version"] or found["url"].startswith(("/", "http", "*"))):
        out["url.original"] = line
        return
    out["http.request.method"] = found["method"]
    if found["version"]:
        out["http.version"] = found["version"]
    url(out, found["url"])


def url(out: dict[str, Any], text: str) -> None:
    """`url.original` as sent, `url.path` decoded once, `url.query` as sent."""
    out["url.original"] = text
    rest = text
    if "://" in text[:16]:
        scheme, _, rest = text.partition("://")
        host, slash, rest = rest.partition("/")
        out["url.scheme"] = scheme.lower()
        named = _VHOST.match(host.rpartition("@")[2])
        if named:
            out["url.domain"] = named["name"]
            if named["port"]:
                out["url.port"] = int(named["port"])
        rest = slash + rest
    rest, _, fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    if path:
        out["url.path"] = unquote(path, errors="replace")
        name = path.rpartition("/")[2]
        if "." in name and (extension := name.rpartition(".")[2]).isalnum() and len(extension) <= 16:
            out["url.extension"] = extension
    if query:
        out["url.query"] = query
    if fragment:
        out["url.fragment"] = fragment


@lru_cache(maxsize=4096)
def _inside(ip: str) -> bool:
    found = ipaddress.ip_address(ip)
    return any(found in network for network in _INSIDE if network.version == found.version)
