"""People, for who manages them. The person of each agency holds nothing, so that any manager there may act on them."""

from __future__ import annotations

from collections.abc import Mapping

from api.audit import THE_SYSTEM
from api.auth import keys, passkeys, sessions, users
from api.auth.sessions import HANDLE, hash_of
from api.permissions import Granted
from api.state.people import Passkey
from sensors.clock import rfc3339
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

GRANT = {"role": "provider", "agency": "{agency}", "until": rfc3339(NOW + 86_400)}


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    runtime, now = node.runtime, node.clock.now()
    with runtime.db.write() as session:
        user = users.add(session, runtime.audit, THE_SYSTEM, f"{words[:40]} {agency}", now=now, name=words, home=agency)
        grant = users.grant(session, runtime.audit, THE_SYSTEM, user, Granted("provider", agency, now + 9e6), now=now,
                            national=True)  # fmt: skip
        # Ended: the person holds nothing now, and the grant is still there to be withdrawn.
        grant.until = now - 1
        key, _ = keys.make(session, user.id, words, ["alerts.read"], [agency], now + 9e6, now)
        token = sessions.start(session, user.id, now, runtime.limits, "192.0.2.9", agent=words)
        passkey = Passkey(user_id=user.id, credential_id=f"id-{agency}", public_key="AA", transports=[], name=words,
                          created_at=now)  # fmt: skip
        session.add(passkey)
        session.flush()
        assert len(passkeys.of(session, user.id)) == 1
        return {
            "user_id": str(user.id), "grant_id": str(grant.id), "key_id": str(key.id), "passkey_id": str(passkey.id),
            "session_id": hash_of(token)[:HANDLE],
        }  # fmt: skip


ROWS = Rows(
    {
        ("GET", "/users"): ("", None, 200),
        ("GET", "/users/choices"): ("", None, 200),
        ("GET", "/users/acts"): ("", None, 200),
        ("GET", "/users/{user_id}"): ("", None, 200),
        ("POST", "/users"): ("", {"username": "người mới", "home": "{agency}"}, 201),
        ("POST", "/users/{user_id}/grants"): ("", GRANT, 201),
        ("DELETE", "/users/{user_id}/grants/{grant_id}"): ("", None, 204),
        ("POST", "/users/{user_id}/disable"): ("", None, 200),
        ("POST", "/users/{user_id}/enable"): ("", None, 200),
        ("POST", "/users/{user_id}/link"): ("", None, 200),
        ("POST", "/users/{user_id}/reset-factor"): ("", None, 200),
        ("DELETE", "/users/{user_id}/sessions"): ("", None, 204),
        ("DELETE", "/users/{user_id}/sessions/{session_id}"): ("", None, 404),
        ("DELETE", "/users/{user_id}/keys/{key_id}"): ("", None, 204),
    },
    make,
    named_in_body=frozenset({("POST", "/users")}),
)
