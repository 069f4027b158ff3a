"""`luytre init`: a node's folder, keys, certificates, configuration and first account; safe to repeat.

In:  a data folder, the agency's code and name. Out: `luytre.toml` (with what may stand in each table), `keys/`, the
database, an administrator without a password, who comes in by a one-time link. What exists already is kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from api.audit import Audit
from api.auth import users
from api.auth.ca import Authority, Name
from api.auth.machines import Machines
from api.config import ApiTable
from api.local_port import WHO, Node
from api.permissions import Granted
from api.state.base import Database
from api.state.migrate import migrate
from sensors.clock import SystemClock
from sensors.config import Config, NodeTable

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="luytre init --data /var/lib/luytre --agency ubnd-tinh --name 'UBND tỉnh'",
)

Tables = Mapping[str, Mapping[str, Any]]
FIRST_USER = "quantri"
SIOCGIFADDR = 0x8915  # netdevice(7)
_PATHS = ("/var/log/auth.log", "/var/log/secure", "/var/log/syslog", "/var/log/nginx/access.log",
          "/var/log/apache2/access.log", "/var/log/mail.log")  # fmt: skip
NOTES = {
    "api": ("people: màn hình và API; machines: cảm biến và nút khác, TLS hai chiều", "screens; sensors and nodes"),
    "store": ('kind = "elasticsearch": url, username, password_file; days: giữ bao lâu', "days: how long events stay"),
    "log": ('files = [{ path = "/var/log/mail.log" }, { path = "/srv/*.log", format = "nginx.access" }]',
            "path may be a pattern; format: sensors/formats/"),
    "packet": ('interfaces = ["eth0"]; bpf = "not port 9200"', "needs CAP_NET_RAW"),
    "probe": ('services = [{ id = "cong", name = "Cổng", kind = "http" | "tls" | "tcp", target = "https://…" }]',
              "the services that must answer"),
    "ship": ("url: cổng máy của nút", "url: the node's machine port"),
}  # fmt: skip


def default_tables(data: Path, agency: str, name: str, role: str) -> dict[str, dict[str, Any]]:
    """What `luytre.toml` says before anybody has edited it."""
    return {
        "node": {"data": str(data), "role": role, "agency": agency, "name": name, "observer": observer_name()},
        # The addresses of now: a sensor on another machine finds the node by them even where no DNS knows its name.
        "api": {"people": "127.0.0.1:8443", "machines": "0.0.0.0:8444", "machine_names": addresses()},
        "store": {"kind": "embedded", "days": 90},
        "log": {"files": log_files(), "syslog_udp": "127.0.0.1:5514",
                "syslog_tcp": "127.0.0.1:5514"},
        "packet": {"interfaces": interfaces()},
        # The node watches its own screen; add the agency's services beside it.
        "probe": {"services": [{"id": "luytre", "name": "Lũy Tre", "system": "luytre", "kind": "http",
                                "target": "http://127.0.0.1:8443/healthz", "every_s": 60.0}]},
        "ship": {"url": "https://127.0.0.1:8444"},
    }  # fmt: skip


def log_files() -> list[dict[str, str]]:
    """What [log] watches before anybody has edited it: the usual files that this machine has."""
    return [{"path": path} for path in _PATHS if Path(path).exists()]


def interfaces() -> list[str]:
    """Network interfaces that are up and carry other machines' traffic: neither loopback nor virtual pairs."""
    found = []
    for path in sorted(Path("/sys/class/net").glob("*")):
        try:
            up = (path / "operstate").read_text().strip() in ("up", "unknown")
        except OSError:
            continue
        if up and path.name != "lo" and not path.name.startswith(("veth", "docker", "br-", "virbr")):
            found.append(path.name)
    return found


def addresses() -> list[str]:
    """The IPv4 addresses of those interfaces, as other machines reach this one."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for name in interfaces():
            try:
                packed = fcntl.ioctl(sock, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # an interface without an address
                continue
            found.append(socket.inet_ntoa(packed[20:24]))
    return found


def observer_name() -> str:
    """This machine's name in a certificate: host name, reduced to the letters that one may have."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:64].lstrip("._-") or "node"


def first_roles(role: str) -> tuple[str, str]:
    """Of the first person, who appoints all others: what the work needs and what the node needs. Together they may give
    every role of their kind of node (api/permissions.py `may_give`), the auditor's too; either one alone may not."""
    return ("national_lead" if role == "national" else "lead", "admin")


def make_node(tables: Tables, path: Path | None = None) -> Path:
    """Write what is missing of a node; returns the path of its configuration."""
    data = Path(tables["node"]["data"])
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = path or data / "luytre.toml"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(toml(tables))
    config = Config(path)
    with opened(config) as node:
        keys, table = node.table.root / "keys", node.table
        port_host = config.table("api", ApiTable).machines.rpartition(":")[0].strip("[]")
        names = {socket.gethostname(), *([port_host] if port_host not in ("", "0.0.0.0", "::") else [])}  # noqa: S104
        node.machines.authority.server(keys, names)
        for part in ("sensor", "correlator"):
            node.machines.local(keys, part, Name(table.agency, part, table.observer or observer_name()))
        with node.db.write() as session:
            users.ensure_agency(session, table.agency, table.name or table.agency, node.clock.now())
            if not users.count(session):
                national = table.role == "national"
                users.add(session, node.audit, WHO, FIRST_USER, now=node.clock.now(), name="Quản trị viên",
                          language=table.language, grants=[Granted(role, None) for role in first_roles(table.role)],
                          national=national)  # fmt: skip
    return path


@contextmanager
def opened(config: Config) -> Iterator[Node]:
    """The node of a configuration whose API is not running, its database migrated."""
    table, api = config.table("node", NodeTable), config.table("api", ApiTable)
    clock = SystemClock()
    authority = Authority.open(table.root / "keys", table.agency, clock)
    db = Database(api.database or table.root / "state" / "luytre.db")
    try:
        migrate(db)
        audit = Audit(table.root / "keys" / "audit.head", clock.now)
        yield Node(table, db, audit, Machines(db, authority, clock), clock, api.refused_passwords)
    finally:
        db.close()


def toml(tables: Tables) -> str:
    """TOML of plain tables; lists of tables are written inline, one a line."""
    lines = ["# Lũy Tre. Khóa lạ bị từ chối khi khởi động (LT-C0104). / Unknown keys refuse to start."]
    for name, table in tables.items():
        note = [f"# {' / '.join(NOTES[name])}"] if name in NOTES else []
        lines += ["", *note, f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(f"\n  {_value(inner)}" for inner in value) + ("\n]" if value else "]")
    return json.dumps(value, ensure_ascii=False)


@app.command()
def init(
    data: Annotated[Path, typer.Option(help="thư mục dữ liệu / data folder")] = Path("/var/lib/luytre"),
    agency: Annotated[str, typer.Option(help="mã đơn vị / agency code")] = "local",
    name: Annotated[str, typer.Option(help="tên đơn vị / agency name")] = "",
    role: Annotated[str, typer.Option(help="agency | national")] = "agency",
) -> None:
    path = make_node(default_tables(data.resolve(), agency, name, role))
    print(path)
