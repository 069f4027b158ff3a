from __future__ import annotations

from tests.contract.rows import Rows
from tests.servers.people_port import PASSWORD

ROWS = Rows(
    {
        ("GET", "/public"): ("", None, 200),
        ("POST", "/session"): ("", {"username": "x", "password": PASSWORD}, 401),
        ("POST", "/session/link"): ("", {"token": "x" * 43}, 401),
        ("GET", "/session"): ("", None, 200),
        ("PATCH", "/session"): ("", {"language": "vi"}, 200),
        ("POST", "/session/password"): ("", {"new": PASSWORD}, 204),
        ("POST", "/session/second"): ("", {"code": "000000"}, 401),
        ("POST", "/session/passkey/options"): ("", None, 401),  # plain HTTP under this name has no passkeys
        ("POST", "/session/passkey"): ("", {"credential": {}}, 401),
        ("GET", "/session/confirm"): ("", None, 200),
        ("POST", "/session/confirm"): ("", {"password": PASSWORD}, 401),
        ("DELETE", "/session"): ("", None, 204),
    }
)
