"""tls: does it speak TLS, is its certificate good, and for how many days? Target `host` or `host:port` (443).

up: verified against the system's roots, more than WARN_DAYS left. degraded: it speaks, but the certificate does not
hold or ends soon. down: no handshake.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sensors.probes import Outcome, Probe
from sensors.probes.wire.connect import Deadline, Failed, connect_tls

WARN_DAYS = 14


def accepts(target: str) -> str | None:
    try:
        parts = urlsplit(f"//{target}")
        return None if parts.hostname and parts.port != 0 and parts.netloc == target else "host or host:port"
    except ValueError:
        return "host or host:port"


def check(target: str, timeout_s: float) -> Outcome:
    parts = urlsplit(f"//{target}")
    host, port = parts.hostname or "", parts.port or 443
    fields: dict[str, object] = {"destination.address": host, "destination.port": port}
    deadline = Deadline(timeout_s)
    try:
        link = connect_tls(host, port, deadline)
    except Failed as error:
        return Outcome("down", error.reason, None, fields)
    link.close()
    fields |= {"destination.ip": link.address, "luytre.probe.certificate_days_left": link.days_left}
    reason = link.certificate_problem
    if not reason and link.days_left is not None and link.days_left <= WARN_DAYS:
        reason = "certificate-ends-soon"
    return Outcome("degraded" if reason else "up", reason, deadline.taken_ms(), fields)


PROBE = Probe(
    "tls",
    accepts,
    check,
    (
        ("dichvucong.gov.vn", True),
        ("dichvucong.gov.vn:8443", True),
        ("https://x", False),
        ("", False),
        ("a:99999", False),
    ),
)
