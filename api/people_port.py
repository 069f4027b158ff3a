"""The people's port: where it listens, and when it may do so without TLS.

Plain HTTP only on loopback. Anywhere else TLS ≥ 1.2 is required: the configured certificate, or one of the node's own
CA (people then trust that CA once). No TLS-terminating proxy is assumed, so forwarded headers are not believed.
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from uvicorn import Config as UvicornConfig

from api.config import ApiTable
from api.tls_h11 import TlsH11Protocol
from sensors.errors import ConfigError, Place, Problem

KEEP_ALIVE_S = 30
STOP_S = 5


def listen_at(text: str, key: str) -> tuple[str, int]:
    """`host:port` of a configuration key; `[::1]:8443` for IPv6."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isascii() or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise ConfigError(
            Problem("LT-C0103", f"`{key}` phải có dạng địa_chỉ:cổng", f"`{key}` must be host:port", Place(key=key))
        )
    return host or "0.0.0.0", int(port)  # noqa: S104  # ":8443" says: everywhere


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def wants_tls(api: ApiTable) -> bool:
    host, _ = listen_at(api.people, "api.people")
    return bool(api.people_certificate) or not is_loopback(host)


def certificate(api: ApiTable, keys: Path) -> tuple[Path, Path]:
    """The certificate and key to show to browsers."""
    if bool(api.people_certificate) != bool(api.people_key):
        raise ConfigError(
            Problem(
                "LT-C0110",
                "people_certificate và people_key phải đi cùng nhau",
                "people_certificate and people_key come together",
                Place(key="api.people_certificate"),
            )
        )
    if api.people_certificate:
        return Path(api.people_certificate), Path(api.people_key)
    return keys / "machine.pem", keys / "machine.key"


def tls_context(api: ApiTable, keys: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(*certificate(api, keys))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            Problem(
                "LT-C0111",
                f"không đọc được chứng thư của cổng người dùng: {error}",
                f"cannot use the people's certificate: {error}",
                Place(key="api.people_certificate"),
            )
        ) from None
    return context


def uvicorn_config(app: object, api: ApiTable, context: ssl.SSLContext | None) -> UvicornConfig:
    host, port = listen_at(api.people, "api.people")
    return UvicornConfig(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=TlsH11Protocol,  # for its time limit on request heads; no client certificate is asked for here
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=api.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_context_factory=(lambda config, default: context) if context else None,
    )
