"""Webhook: an HTTPS POST of {id, level, agency, kind, ref, count, link, at}, signed.

    X-Luytre-Timestamp: 1795000000
    X-Luytre-Signature: v1=hex(HMAC-SHA256(secret, timestamp "." body))
    Idempotency-Key: <uid>, the same in every try

In:  url, and the signing secret. Out: the status. 2xx is taken; 3xx is refused (no redirect is followed: it would lead
past the guard), 408, 425, 429 and 5xx are tried again, by the server's Retry-After; other 4xx are final.
The receiver checks the signature and that the timestamp is fresh (five minutes), which stops replays.
Source: RFC 2104, RFC 9110 10.2.3, draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.notices.channels import ANSWER_LIMIT_BYTES, Egress, Kind, Message, Refused

SECRET_LEAST = 16  # letters: what signs must not be guessed
RETRY_AFTER_LIMIT_S = 3600.0
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise ValueError("https://host/path")
    if any(ord(char) <= 0x20 or ord(char) > 0x7E for char in text):
        raise ValueError("ASCII only; encode what is not")
    _ = parts.port  # raises when it is none
    return text


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: Annotated[str, Field(min_length=9, max_length=2048), AfterValidator(_url)]


def check(settings: Mapping[str, Any], secret: str) -> None:
    if len(secret) < SECRET_LEAST and not secret.startswith("file:"):
        raise ValueError("secret")


class _Https(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, tls: ssl.SSLContext, egress: Egress) -> None:
        super().__init__(host, port, timeout=egress.timeout_s, context=tls)
        self._egress, self._tls = egress, tls

    def connect(self) -> None:
        sock = self._egress.guard.connect(self.host, self.port, self._egress.timeout_s)
        self.sock = self._tls.wrap_socket(sock, server_hostname=self.host)


def send(message: Message, settings: Mapping[str, Any], secret: str, egress: Egress) -> str:
    parts = urlsplit(settings["url"])
    tls = ssl.create_default_context()
    if egress.ca:
        tls.load_verify_locations(cafile=str(egress.ca))
    body = json.dumps(payload(message), ensure_ascii=False, separators=(",", ":")).encode()
    stamp = str(int(egress.now))
    headers = {
        "Content-Type": "application/json", "User-Agent": "luytre", "Idempotency-Key": message.uid,
        "X-Luytre-Timestamp": stamp, "X-Luytre-Signature": sign(secret, stamp, body), "Connection": "close",
    }  # fmt: skip
    connection = _Https(parts.hostname or "", parts.port or 443, tls, egress)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_LIMIT_BYTES)
        if 200 <= answer.status < 300:
            return f"HTTP {answer.status}"
        raise Refused(
            f"Máy nhận trả lời HTTP {answer.status}.", f"The receiver answered HTTP {answer.status}.",
            permanent=answer.status not in _AGAIN, retry_after_s=_retry_after(answer.getheader("Retry-After")),
        )  # fmt: skip
    except http.client.HTTPException as error:
        name = type(error).__name__
        raise Refused(f"Trả lời không phải HTTP ({name}).", f"The answer is not HTTP ({name}).") from None
    finally:
        connection.close()


def payload(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": message.uid, "at": int(message.at), "kind": message.kind, "level": message.level,
        "agency": message.agency_code, "ref": message.ref, "count": message.count, "link": message.link,
    }  # fmt: skip
    for name in ("exercise", "over", "test"):
        if getattr(message, name):
            made[name] = True
    if message.title is not None:
        made["title"] = message.title
    return made


def sign(secret: str, stamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _retry_after(text: str | None) -> float | None:
    return min(float(text), RETRY_AFTER_LIMIT_S) if text and text.isascii() and text.isdecimal() else None


def _shown(settings: Mapping[str, Any]) -> str:
    parts = urlsplit(settings["url"])
    return f"{parts.hostname}:{parts.port or 443}{parts.path}"


CHANNEL = Kind(settings=Settings, shown=_shown, check=check, send=send, secret_goes_to=())
