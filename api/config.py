"""[api] of luytre.toml, and [node] as the API process reads it. An unknown key refuses to start (exit 78)."""

from __future__ import annotations

from typing import Literal

from sensors.config import Table


class OidcRole(Table, frozen=True, kw_only=True):
    """A value of the provider's claim, and the role here that it stands for."""

    value: str
    role: str
    agency: str = ""  # empty: everywhere on this node


class OidcTable(Table, frozen=True, kw_only=True):
    """[[api.oidc]]: an OpenID provider whose people may log in (api/auth/oidc.py)."""

    id: str  # in our addresses: [a-z0-9-]
    name: str  # on the button
    issuer: str
    client_id: str
    client_secret_file: str = ""  # empty: a public client; PKCE is used either way
    scopes: tuple[str, ...] = ("openid", "profile")
    claim: str = "groups"  # where the roles are; dots go down into objects: realm_access.roles
    roles: tuple[OidcRole, ...] = ()  # who has none of these is not let in
    username_claim: str = "preferred_username"
    second_factor: bool = False  # True: the provider asks for a second factor itself, so we do not ask again
    private: bool = False  # True: the provider may have a loopback or private address
    ca_file: str = ""  # PEM of who signed the provider's certificate; default: the system's


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
    refused_passwords: str = ""  # breached passwords on this machine: sorted SHA-1 lines, or plain ones
    second_factor: Literal["admins", "all", "none"] = "admins"  # who must show one: admins = whoever has power (POWER)
    oidc: tuple[OidcTable, ...] = ()
    connections: int = 500  # per port; what comes above waits in the kernel's queue
