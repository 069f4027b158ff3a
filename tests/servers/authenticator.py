"""A passkey device in software: what `navigator.credentials` answers, made by hand from WebAuthn's own text.

In:  the options that our API gave, and the page's origin. Out: the answers as JSON. Every liberty that a hostile device
or page could take is an argument: another origin, no user verification, a counter that went back, a foreign key.
Source: https://www.w3.org/TR/webauthn-3/ (6.1 authenticator data, 6.5.4 attestation "none", 7.2 what is signed);
RFC 8949 (CBOR, of which this writes the few forms that are needed); RFC 9053 (COSE keys).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, AT = 0x01, 0x04, 0x40  # user present, user verified, attested credential data


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor(value: Any) -> bytes:
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    assert isinstance(value, dict)
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(inner) for key, inner in value.items())


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + number.to_bytes(2, "big")


class Authenticator:
    """One device with one credential."""

    def __init__(self, origin: str) -> None:
        self.origin, self.count = origin, 0
        self.id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: dict[str, Any], **liberties: Any) -> dict[str, Any]:
        """As `navigator.credentials.create`."""
        numbers = self._key.public_key().public_numbers()
        cose = cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._data(options["rp"]["id"], AT, liberties) + attested
        client = self._client("webauthn.create", options, liberties)
        return self._answer({
            "clientDataJSON": b64(client), "transports": ["internal"],
            "attestationObject": b64(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        })  # fmt: skip

    def show(self, options: dict[str, Any], **liberties: Any) -> dict[str, Any]:
        """As `navigator.credentials.get`."""
        data = self._data(options["rpId"], 0, liberties)
        client = self._client("webauthn.get", options, liberties)
        key = liberties.get("key", self._key)
        signature = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        )

    def _data(self, rp: str, flags: int, liberties: dict[str, Any]) -> bytes:
        self.count += 1
        flags |= UP | (UV if liberties.get("verified", True) else 0)
        count = liberties.get("count", self.count)
        rp = liberties.get("rp", rp)
        return hashlib.sha256(rp.encode()).digest() + bytes([flags]) + int(count).to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], liberties: dict[str, Any]) -> bytes:
        said = {"type": liberties.get("kind", kind), "challenge": liberties.get("challenge", options["challenge"]),
                "origin": liberties.get("origin", self.origin), "crossOrigin": False}  # fmt: skip
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response,
                "clientExtensionResults": {}, "authenticatorAttachment": "platform"}  # fmt: skip
