"""Where a log-in provider may be: judged by the piece that judges every connection (api/outward.py)."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from api.auth.oidc import Provider, Refused
from api.config import OidcTable


def provider(host: str, *, private: bool) -> Provider:
    issuer = f"https://{host}:9/realm"
    return Provider(OidcTable(id="tinh", name="Tỉnh", issuer=issuer, client_id="luytre", private=private))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the resolver says."""
    names: dict[str, list[str]] = {}

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return names


# Python's own `is_global` let the last three through: each carries an address of the machine's own network.
CARRIERS = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "192.0.0.8"]


@pytest.mark.parametrize("address", CARRIERS)
def test_a_public_provider_is_not_found_inside(answers: dict[str, list[str]], address: str) -> None:
    answers["id.example"] = [address]
    with pytest.raises(Refused, match=r"not a public address|link-local"):
        provider("id.example", private=False).metadata()


def test_one_inner_address_spoils_the_name(answers: dict[str, list[str]]) -> None:
    answers["id.example"] = ["8.8.8.8", "10.0.0.1"]
    with pytest.raises(Refused, match="not a public address"):
        provider("id.example", private=False).metadata()


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0"])
def test_a_private_provider_is_not_the_cloud_s_metadata(answers: dict[str, list[str]], address: str) -> None:
    answers["id.example"] = [address]
    with pytest.raises(Refused, match="link-local"):
        provider("id.example", private=True).metadata()


def test_a_private_provider_may_be_inside(answers: dict[str, list[str]]) -> None:
    answers["id.example"] = ["127.0.0.1"]  # nothing listens on port 9 there: the judgement passed, the connection fails
    with pytest.raises(Refused, match=r"id\.example: .*Error"):
        provider("id.example", private=True).metadata()
