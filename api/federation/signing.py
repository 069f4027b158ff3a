"""The sender's signature over an item: a compact JWS (ES256, RFC 7515) by the key of its node certificate.

In:  the item's text, its sequence. The JWS's payload is {digest, sequence, sender}: it binds the item to its place in
the sender's order, so an item can't be replayed at another place or by another node. The header carries the certificate
(x5c, §4.1.6). TLS already proves who sends; the signature is kept with the item, so that what was said can be shown
later, when the certificate has long been renewed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

LIMIT_BYTES = 4096


class _Registry(jws.JWSRegistry):
    max_header_length = 2048  # the library's 512 has no room for a certificate


_ES256 = _Registry(algorithms=["ES256"])


def digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def sign(body: str, sequence: int, sender: str, key: Path, certificate: bytes) -> str:
    """By the private key in the file `key`, whose certificate (DER) is `certificate`. ValueError for a useless key."""
    claims = json.dumps({"digest": digest(body), "sender": sender, "sequence": sequence})
    header = {"alg": "ES256", "x5c": [base64.b64encode(certificate).decode()]}
    try:
        return jws.serialize_compact(header, claims, ECKey.import_key(key.read_text("ascii")), registry=_ES256)
    except JoseError as error:
        raise ValueError(f"{key.name}: {error}") from None


def verify(signature: str, body: str, sequence: int, sender: str, certificate: bytes) -> bool:
    """Whether the holder of `certificate` (DER) said exactly this."""
    if len(signature) > LIMIT_BYTES:
        return False
    public = x509.load_der_x509_certificate(certificate).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        found = jws.deserialize_compact(signature, ECKey.import_key(pem), registry=_ES256)
        said: Any = json.loads(found.payload)
        named: Any = found.protected.get("x5c")
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):  # a header may be anything
        return False
    return named == [base64.b64encode(certificate).decode()] and bool(
        said == {"digest": digest(body), "sender": sender, "sequence": sequence}
    )
