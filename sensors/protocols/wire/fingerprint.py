"""JA3, JA3S and JA4: what kind of program speaks TLS.

In:  numbers of a hello as they stood on the wire. Out: hexadecimal text. GREASE values (RFC 8701) are left out.
Sources: https://github.com/salesforce/ja3 (MD5 by definition), https://github.com/FoxIO-LLC/ja4 (technical
details/JA4.md;
JA4 TLS client fingerprinting is BSD-3-Clause).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xFEFF: "d1",
             0xFEFD: "d2", 0xFEFC: "d3"}  # fmt: skip


def is_grease(number: int) -> bool:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def plain(numbers: Sequence[int]) -> list[int]:
    return [number for number in numbers if not is_grease(number)]


def ja3(
    version: int, suites: Sequence[int], extensions: Sequence[int], groups: Sequence[int], formats: Sequence[int]
) -> str:
    lists = (plain(suites), plain(extensions), plain(groups), formats)
    text = f"{version}," + ",".join("-".join(map(str, numbers)) for numbers in lists)
    return _md5(text)


def ja3s(version: int, suite: int, extensions: Sequence[int]) -> str:
    return _md5(f"{version},{suite}," + "-".join(map(str, extensions)))


def ja4(transport: str, version: int, versions: Sequence[int], suites: Sequence[int], extensions: Sequence[int],
        signatures: Sequence[int], alpn: bytes | None, named: bool) -> str:  # fmt: skip
    """`transport`: "t" (TCP), "q" (QUIC), "d" (DTLS); `named`: whether a server name was sent."""
    suites, extensions = plain(suites), plain(extensions)
    offered = plain(versions)
    best = _VERSIONS.get(max(offered) if offered else version, "00")
    head = (
        f"{transport}{best}{'d' if named else 'i'}{min(len(suites), 99):02d}{min(len(extensions), 99):02d}{_alpn(alpn)}"
    )
    part_b = _short(",".join(f"{number:04x}" for number in sorted(suites)))
    rest = ",".join(f"{number:04x}" for number in sorted(extensions) if number not in (0, 16))
    signed = ",".join(f"{number:04x}" for number in plain(signatures))
    part_c = _short(rest + ("_" + signed if signed else "")) if extensions else "0" * 12
    return f"{head}_{part_b}_{part_c}"


def _alpn(value: bytes | None) -> str:
    if not value:
        return "00"
    first, last = value[:1], value[-1:]
    if first.isalnum() and last.isalnum():
        return (first + last).decode("ascii")
    return value.hex()[0] + value.hex()[-1]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12] if text else "0" * 12


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("ascii"), usedforsecurity=False).hexdigest()
