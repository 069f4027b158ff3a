"""`luytre-sensor ship`: the only process of a sensor host that holds the key and talks to the node.

In:  `[ship]`, the spools, the keys that enrolment wrote. Out: exit 0 when asked to stop.
It waits for its certificate to appear, takes a renewed one without a restart, and has it renewed by a child process
when a third of its life is left (cryptography stays out of this process: memory).
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sensors.clock import SystemClock
from sensors.config import Config, NodeTable
from sensors.daemon import Daemon
from sensors.ship.backoff import Backoff
from sensors.ship.budget import Budget
from sensors.ship.dead import DeadLetters
from sensors.ship.shipper import Shipper
from sensors.ship.table import ShipTable
from sensors.wire import BulkClient, tls_context

REPORT_EVERY_S = 5.0
RENEW_EVERY_S = 6 * 3600.0
FIRST_RENEWAL_S = 60.0
_POLL_S = 1.0


def run(config: Config, daemon: Daemon) -> int:
    node, table = config.table("node", NodeTable), config.table("ship", ShipTable)
    keys = Path(table.keys) if table.keys else node.root / "keys"
    clock = SystemClock()
    certificate = keys / "sensor.pem"

    def connect() -> BulkClient:
        tls = tls_context(keys / "ca.pem", certificate, keys / "sensor.key")
        return BulkClient(table.url, tls, coding=table.coding, timeout_s=table.timeout_s)

    shipper = Shipper(
        node.root / "spool", connect, DeadLetters(node.root / "dead" / "ship", clock, table.dead_bytes),
        Budget(node.root / "ship" / "budget.json", clock, table.bytes_per_second, table.bytes_per_day),
        Backoff(random.Random(), near=is_near(table.url)), clock,  # noqa: S311  jitter
        batch_items=table.batch_items, batch_bytes=table.batch_bytes, idle_s=table.idle_s,
    )  # fmt: skip
    daemon.ready("sending")
    try:
        _loop(shipper, daemon, clock, certificate, keys, table.url)
    finally:
        shipper.close()
    return 0


def _loop(shipper: Shipper, daemon: Daemon, clock: SystemClock, certificate: Path, keys: Path, url: str) -> None:
    reported = float("-inf")
    renew_at = clock.monotonic() + FIRST_RENEWAL_S
    stamp = _stamp(certificate)
    child: subprocess.Popen[bytes] | None = None
    state = ""
    while not daemon.stop.is_set():
        if stamp is None:
            shipper.state = "waiting for enrolment"
            wait = _POLL_S
        else:
            try:
                wait = shipper.round()
            except OSError as error:  # the key files are being replaced, or cannot be read: say so, go on
                shipper.state, wait = f"{type(error).__name__}: {error.strerror}", _POLL_S
        now = clock.monotonic()
        if now - reported >= REPORT_EVERY_S or wait > REPORT_EVERY_S:
            reported = now
            daemon.report(shipper.health())
        if shipper.state != state:
            state = shipper.state
            daemon.log.info("ship", state=state)
        until = now + wait
        while (left := until - clock.monotonic()) > 0 and not clock.wait(daemon.stop, min(left, _POLL_S)):
            if _stamp(certificate) != stamp:
                break
        if _stamp(certificate) != stamp:
            stamp = _stamp(certificate)
            shipper.reconnect()
        if child is not None and child.poll() is not None:
            child = None
        if stamp is not None and child is None and now >= renew_at:
            renew_at = now + RENEW_EVERY_S
            command = (sys.executable, "-m", "sensors.ship.enrol", "renew", "--url", url, "--keys", str(keys))
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if child is not None:
        child.terminate()
        child.wait(10)


def is_near(url: str) -> bool:
    """Whether a URL names this machine by a loopback address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # said when it is asked
        return False
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
