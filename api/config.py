"""[api] of luytre.toml, and [node] as the API process reads it. An unknown key refuses to start (exit 78)."""

from __future__ import annotations

from sensors.config import Table


class ApiTable(Table, frozen=True, kw_only=True):
    people: str = "127.0.0.1:8443"  # host:port of the people's port; plain HTTP only on loopback, else TLS
    machines: str = "0.0.0.0:8444"  # host:port of the machine port; always TLS with client certificates
    machine_names: tuple[str, ...] = ()  # further host names or addresses by which sensors reach the machine port
    people_certificate: str = ""  # PEM chain for people's browsers; default: one of the node's own CA
    people_key: str = ""
    public_url: str = ""  # the address people type, when it differs (for links and the same-origin check)
    database: str = ""  # SQLAlchemy URL; default: SQLite under the data directory
    session_idle_s: int = 30 * 60
    session_limit_s: int = 12 * 3600
    login_tries: int = 5  # wrong passwords per account and address in login_window_s before both must wait
    login_window_s: int = 15 * 60
    connections: int = 500  # per port; what comes above waits in the kernel's queue
