"""The end of a certificate's validity out of its DER, without a library that would cost the process 12 MB.

In:  any bytes. Out: epoch seconds, or None. Bound: a fixed number of steps. Source: RFC 5280 4.1 (Certificate →
tbsCertificate → [0] version?, serial, signature, issuer, validity → notBefore, notAfter), X.690 8.1.
"""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED = 0x30, 0xA0, 0x17, 0x18


def not_after(der: bytes) -> float | None:
    try:
        tag, body, _ = _element(der)
        tag, body, _ = _element(body)  # tbsCertificate
        if der[:1] != b"\x30" or tag != _SEQUENCE:
            return None
        tag, _, rest = _element(body)
        if tag == _VERSION:
            _, _, rest = _element(rest)  # serial
        _, _, rest = _element(rest)  # signature algorithm
        _, _, rest = _element(rest)  # issuer
        _, validity, _ = _element(rest)
        _, _, rest = _element(validity)  # notBefore
        tag, text, _ = _element(rest)
        pattern = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED: "%Y%m%d%H%M%SZ"}.get(tag)
        if pattern is None:
            return None
        when = datetime.strptime(text.decode("ascii"), pattern).replace(tzinfo=UTC)
        # RFC 5280 4.1.2.5.1: two-digit years from 50 on are of the twentieth century
        if tag == _UTC_TIME and when.year >= 2050:
            when = when.replace(year=when.year - 100)
        return when.timestamp()
    except (ValueError, IndexError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows); IndexError or ValueError when it does not fit."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError
        length, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if start + length > len(data):
        raise ValueError
    return tag, data[start : start + length], data[start + length :]
