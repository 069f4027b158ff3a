"""The process in which Apprise sends one message and ends. In: JSON on standard input. Out: {"ok"} or {"ok", "why"}.

Limits: processor time, address space, no file grows. The guard stands under every socket: `connect` and `sendto` judge
the address that is really meant, so that no plugin and no redirect gets past it; redirects are off besides.
Nothing of the address (it holds tokens) is printed or logged.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import socket
import sys
from typing import Any

from api.outward import Forbidden, Guard

CPU_S, SPACE_BYTES = 20, 1024 * 1024 * 1024
forbidden: list[str] = []


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE_BYTES, SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def put_under_sockets(guard: Guard) -> None:
    """The host's name is not known down here: names of the operator's list count by what they resolve to."""
    named = {address for name in guard.names for address in _addresses(name)}

    def judge(sock: socket.socket, address: Any) -> None:
        if sock.family == socket.AF_UNIX:
            raise Forbidden("a local socket")
        host = str(address[0])
        plain = host if _is_address(host) else (_addresses(host) or ["::"])[0]
        why = None if plain in named else guard.judge("", plain)
        if why:
            forbidden.append(why)
            raise Forbidden(why)

    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto

    def guarded_connect(self: socket.socket, address: Any) -> None:
        judge(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        judge(self, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        judge(self, rest[-1])
        return sendto(self, data, *rest)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign,assignment]
    socket.socket.sendto = guarded_sendto  # type: ignore[method-assign,assignment]


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text.partition("%")[0])
        except (OSError, ValueError):
            continue
        return True
    return False


def _addresses(name: str) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except OSError:
        return []


def main() -> dict[str, Any]:
    asked = json.loads(sys.stdin.buffer.read(64 * 1024))
    limit()
    socket.setdefaulttimeout(float(asked["timeout_s"]))
    if asked["ca"]:
        os.environ["REQUESTS_CA_BUNDLE"] = asked["ca"]
    put_under_sockets(Guard(asked["local_hosts"]))
    logging.disable(logging.CRITICAL)
    import apprise

    sender = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False, secure_logging=True))
    if not sender.add(asked["url"]):
        return {"ok": False, "why": "address"}
    kind = apprise.NotifyType.FAILURE if asked["kind"] == "failure" else apprise.NotifyType.INFO
    if sender.notify(title=asked["title"], body=asked["body"], notify_type=kind):
        return {"ok": True}
    return {"ok": False, "why": "forbidden" if forbidden else "refused"}


if __name__ == "__main__":
    try:
        done = main()
    except MemoryError:
        done = {"ok": False, "why": "died"}
    print(json.dumps(done))
