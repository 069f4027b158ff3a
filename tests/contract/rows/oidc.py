"""Without [[api.oidc]] there is no provider: tests/scenario/test_oidc_keycloak.py logs in through a real one."""

from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/session/oidc/{provider}"): ("", None, 404),
        ("GET", "/session/oidc/{provider}/back"): ("", None, 404),
    }
)
