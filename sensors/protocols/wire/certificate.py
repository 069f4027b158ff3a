"""X.509 certificates: DER to fields.

In:  one DER certificate. Out: a `Certificate`, or None when it is not one (what can be read of a half-broken one is
kept).
Own reader instead of a library: twelve fields of a structure that anyone on the network may send us, at a few µs, no
native code on hostile bytes. Nothing is verified here.
Bound: 64 KiB a certificate, nesting by the fixed structure only, NAMES alternative names. Sources: RFC 5280, X.690.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

LIMIT_BYTES, NAMES = 64 * 1024, 500
_ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.17": "postalCode",
    "2.5.4.42": "GN", "1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID", "2.5.4.97": "organizationIdentifier",
}  # fmt: skip
_KEYS = {"1.2.840.113549.1.1.1": "rsaEncryption", "1.2.840.10045.2.1": "id-ecPublicKey", "1.2.840.10040.4.1":
         "dsaEncryption",
         "1.3.101.112": "ED25519", "1.3.101.113": "ED448", "1.2.840.113549.1.1.10": "rsassaPss"}  # fmt: skip
_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption", "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption", "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption", "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1", "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384", "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "ED25519", "1.3.14.3.2.29": "sha1WithRSA", "1.2.840.10040.4.3": "dsaWithSHA1",
}  # fmt: skip
_CURVES = {"1.2.840.10045.3.1.7": 256, "1.3.132.0.34": 384, "1.3.132.0.35": 521, "1.3.132.0.33": 224,
           "1.2.840.10045.3.1.1": 192, "1.3.132.0.10": 256}  # fmt: skip


@dataclass(slots=True)
class Certificate:
    sha256: str
    sha1: str
    version: int = 1
    serial: str = ""
    signature: str = ""
    issuer: list[tuple[str, str]] = field(default_factory=list)
    subject: list[tuple[str, str]] = field(default_factory=list)
    not_before: str = ""
    not_after: str = ""
    key: str = ""
    key_bits: int = 0
    exponent: int = 0
    names: list[str] = field(default_factory=list)
    authority: bool = False


def parse(der: bytes) -> Certificate | None:
    if not der or len(der) > LIMIT_BYTES:
        return None
    outer = _first(der, 0x30)
    body = _first(outer, 0x30) if outer is not None else None
    if body is None:
        return None
    found = Certificate(hashlib.sha256(der).hexdigest(), hashlib.sha1(der, usedforsecurity=False).hexdigest())
    parts = list(_each(body))
    if parts and parts[0][0] == 0xA0:
        found.version = int.from_bytes((_first(parts[0][1], 0x02) or b"\0")[:2], "big") + 1
        parts = parts[1:]
    if len(parts) < 6:
        return None
    serial = parts[0][1].lstrip(b"\0") or b"\0"
    found.serial = serial[:64].hex().upper()
    found.signature = _algorithm(parts[1][1], _SIGNATURES)
    found.issuer, found.subject = _name(parts[2][1]), _name(parts[4][1])
    times = [_time(tag, value) for tag, value in _each(parts[3][1])]
    if len(times) >= 2:
        found.not_before, found.not_after = times[0], times[1]
    _public_key(parts[5][1], found)
    for tag, value in parts[6:]:
        if tag == 0xA3:
            _extensions(_first(value, 0x30) or b"", found)
    return found


def distinguished(name: list[tuple[str, str]]) -> str:
    """RFC 4514: the last attribute first, special characters escaped."""
    return ",".join(f"{key}={_escape(value)}" for key, value in reversed(name))


def attribute(name: list[tuple[str, str]], key: str) -> str | None:
    return next((value for kind, value in name if kind == key), None)


def _escape(value: str) -> str:
    return "".join("\\" + c if c in ',+"\\<>;' else c for c in value)


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and contents of each element; stops at the first that does not fit."""
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or at + size > len(data):
                return
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            return
        yield tag, data[at : at + length]
        at += length


def _first(data: bytes, tag: int) -> bytes | None:
    found = next(_each(data), None)
    return found[1] if found is not None and found[0] == tag else None


def _oid(data: bytes) -> str:
    numbers: list[int] = []
    number = 0
    for byte in data[:64]:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _algorithm(data: bytes, names: dict[str, str]) -> str:
    oid = _oid(_first(data, 0x06) or b"")
    return names.get(oid, oid)


def _name(data: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for _, group in _each(data):
        for _, pair in _each(group):
            parts = list(_each(pair))
            if len(parts) == 2 and len(found) < 64:
                oid = _oid(parts[0][1])
                found.append((_ATTRIBUTES.get(oid, oid), _string(*parts[1])))
    return found


def _string(tag: int, value: bytes) -> str:
    value = value[:1024]
    if tag == 0x1E:
        return value.decode("utf-16-be", "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _time(tag: int, value: bytes) -> str:
    """RFC 3339; UTCTime's years 50–99 are 19xx (RFC 5280 §4.1.2.5.1). "" when it is none."""
    digits = value[:-1] if value[-1:] == b"Z" else value
    if tag == 0x17:
        digits = (b"19" if digits[:2] >= b"50" else b"20") + digits
    if not digits.isdigit() or len(digits) != 14:
        return ""
    try:
        when = datetime.strptime(digits.decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when.year >= 1000 else ""


def _public_key(data: bytes, found: Certificate) -> None:
    parts = list(_each(data))
    if len(parts) != 2:
        return
    found.key = _algorithm(parts[0][1], _KEYS)
    if found.key.startswith("rsa"):
        numbers = list(_each(_first(parts[1][1][1:], 0x30) or b""))
        if len(numbers) == 2:
            found.key_bits = int.from_bytes(numbers[0][1], "big").bit_length()
            found.exponent = int.from_bytes(numbers[1][1][:8], "big")
    elif found.key == "id-ecPublicKey":
        curve = list(_each(parts[0][1]))
        found.key_bits = _CURVES.get(_oid(curve[1][1]), 0) if len(curve) > 1 else 0
    elif found.key == "ED25519":
        found.key_bits = 256


def _extensions(data: bytes, found: Certificate) -> None:
    for _, extension in _each(data):
        parts = list(_each(extension))
        if len(parts) < 2:
            continue
        kind, value = _oid(parts[0][1]), parts[-1][1]
        if kind == "2.5.29.17":
            for tag, name in _each(_first(value, 0x30) or b""):
                if len(found.names) >= NAMES:
                    break
                if tag == 0x82:
                    found.names.append(_string(tag, name))
                elif tag == 0x87 and len(name) in (4, 16):
                    found.names.append(str(ipaddress.ip_address(name)))
        elif kind == "2.5.29.19":
            found.authority = _first(_first(value, 0x30) or b"", 0x01) == b"\xff"
