"""The sender's signature over an item: a compact JWS (ES256, RFC 7515) by the key of its node certificate.

In:  the item's text, its sequence. The JWS's payload is {digest, sequence, sender}: it binds the item to its place in
the sender's order, so an item can't be replayed at another place or by another node. TLS already proves who sends; the
signature is kept with the item, so that what was said can be shown later.
"""

from __future__ import annotations

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


def digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def sign(body: str, sequence: int, sender: str, key: Path) -> str:
    claims = json.dumps({"digest": digest(body), "sender": sender, "sequence": sequence})
    return jws.serialize_compact({"alg": "ES256"}, claims, ECKey.import_key(key.read_text("ascii")))


def verify(signature: str, body: str, sequence: int, sender: str, certificate: bytes) -> bool:
    """Whether the holder of `certificate` (DER) said exactly this."""
    if len(signature) > LIMIT_BYTES:
        return False
    public = x509.load_der_x509_certificate(certificate).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        payload = jws.deserialize_compact(signature, ECKey.import_key(pem), algorithms=["ES256"]).payload
        said: Any = json.loads(payload)
    except (JoseError, ValueError):
        return False
    return bool(said == {"digest": digest(body), "sender": sender, "sequence": sequence})
