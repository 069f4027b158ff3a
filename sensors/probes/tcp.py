"""tcp: does something listen? Target `host:port`; the connection is opened and closed, nothing is sent or read."""

from __future__ import annotations

from urllib.parse import urlsplit

from sensors.probes import Outcome, Probe
from sensors.probes.wire.connect import Deadline, Failed, connect


def accepts(target: str) -> str | None:
    try:
        parts = urlsplit(f"//{target}")
        return None if parts.hostname and parts.port and parts.netloc == target else "host:port"
    except ValueError:
        return "host:port"


def check(target: str, timeout_s: float) -> Outcome:
    parts = urlsplit(f"//{target}")
    host, port = parts.hostname or "", parts.port or 0
    fields = {"destination.address": host, "destination.port": port}
    deadline = Deadline(timeout_s)
    try:
        link = connect(host, port, deadline)
    except Failed as error:
        return Outcome("down", error.reason, None, fields)
    link.close()
    return Outcome("up", "", deadline.taken_ms(), fields | {"destination.ip": link.address})


PROBE = Probe(
    "tcp",
    accepts,
    check,
    (
        ("mail.gov.vn:25", True),
        ("[::1]:22", True),
        ("mail.gov.vn", False),
        ("a:b", False),
        ("", False),
        ("h:1/x", False),
    ),
)
