"""Which processes a node runs, from its configuration: the table of design.md, "Programs and processes".

A sensor without anything to watch is not started; the packet sensor only when it may capture (or reads a folder of
captures), and `lacking` says which right is missing and how to give it to this node.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from api.node.supervise import Program
from sensors.config import Config, NodeTable

API = Program("luytre-api", "api.serve")
INDEX = Program("luytre-index", "correlator.cli", ("index",))
RUN = Program("luytre-run", "correlator.cli", ("run",))


def sensor(role: str) -> Program:
    return Program(f"luytre-{role}", "sensors.cli", (role,))


def is_sensor(data: Path) -> bool:
    """Whether this is the folder of a sensor of another machine's node: it has a certificate, and no CA of its own."""
    return (data / "keys" / "sensor.pem").exists() and not (data / "keys" / "ca.key").exists()


def of_node(config: Config) -> list[Program]:
    """The programs to run, the API first; on a sensor's machine its roles alone."""
    raw = config.raw
    found = []
    if not is_sensor(config.table("node", NodeTable).root):
        embedded = raw.get("store", {}).get("kind", "embedded") == "embedded"
        found = [API, INDEX, RUN] if embedded else [API, RUN]
    roles = [role for role in ("log", "probe", "packet") if _has_work(role, raw.get(role, {}))]
    if "packet" in roles and raw["packet"].get("interfaces") and not may_capture():
        roles.remove("packet")
    return found + [sensor(role) for role in ([*roles, "ship"] if roles else [])]


def lacking(config: Config) -> str | None:
    """One line when the packet sensor is wanted and may not capture; None when all is well."""
    if not config.raw.get("packet", {}).get("interfaces") or may_capture():
        return None
    # For this node alone: `setcap` on the interpreter would let every Python program of everybody capture.
    luytre = Path(sys.executable).parent / "luytre"
    return (
        "Cảm biến gói tin không chạy: thiếu quyền CAP_NET_RAW. Cấp cho riêng nút này / the packet sensor lacks "
        f"CAP_NET_RAW; for this node alone:\n    sudo setpriv --reuid={os.getuid()} --regid={os.getgid()} "
        f"--init-groups --inh-caps=+net_raw --ambient-caps=+net_raw {luytre} up --config {config.path}"
    )


def may_capture() -> bool:
    """Whether this user may open a raw packet socket."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except (PermissionError, OSError):
        return False
    return True


def _has_work(role: str, table: dict[str, Any]) -> bool:
    wanted = {"log": ("files", "syslog_udp", "syslog_tcp"), "probe": ("services",),
              "packet": ("interfaces", "pcap_folder")}  # fmt: skip
    return any(table.get(key) for key in wanted[role])
