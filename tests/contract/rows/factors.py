from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/account"): ("", None, 200),
        ("POST", "/account/totp"): ("", None, 201),
        ("POST", "/account/totp/check"): ("", {"code": "000000"}, 401),
        ("DELETE", "/account/totp"): ("", None, 204),
        ("POST", "/account/recovery"): ("", None, 409),
        ("POST", "/account/passkeys/options"): ("", None, 401),  # plain HTTP under this name has no passkeys
        ("POST", "/account/passkeys"): ("", {"name": "khóa", "credential": {}}, 401),
        ("PATCH", "/account/passkeys/{passkey_id}"): ("", {"name": "khóa"}, 404),
        ("DELETE", "/account/passkeys/{passkey_id}"): ("", None, 404),
    }
)
