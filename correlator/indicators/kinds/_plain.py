"""What kinds share: undoing how people defang values, addresses as bytes, hexadecimal text."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator

_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\\\.", re.IGNORECASE)
_MAPPED = bytes(10) + b"\xff\xff"


def refang(text: str) -> str:
    """hxxp://evil[.]vn → http://evil.vn: how reports write addresses so that nobody clicks them."""
    text = text.strip().strip("\"'`“”‘’<>")
    text = _DOT.sub(".", text).replace("[:]", ":").replace("[://]", "://")
    return re.sub(r"^hxxp", "http", text, flags=re.IGNORECASE)


def packed(text: str) -> bytes | None:
    """4 or 16 bytes; IPv4 in IPv6's clothes is IPv4."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        raw = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):  # ValueError: a NUL inside; UnicodeEncodeError is one
        return None
    return raw[12:] if raw.startswith(_MAPPED) else raw


def shown(raw: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def hexadecimal(length: int) -> Callable[[str], str | None]:
    pattern = re.compile(rf"[0-9a-f]{{{length}}}\Z", re.ASCII)

    def normal(text: str) -> str | None:
        found = text.strip().strip("\"'").replace(":", "").lower()
        return found if pattern.match(found) else None

    return normal


def hex_keys(length: int, label: str = "") -> Callable[[str], Iterator[tuple[bytes, str]]]:
    """Of a whole value, or of Sysmon's `SHA1=…,MD5=…` the part that is labelled."""
    normal = hexadecimal(length)

    def keys(text: str) -> Iterator[tuple[bytes, str]]:
        if label and "=" in text:
            for part in text[:1024].split(","):
                name, _, value = part.partition("=")
                if name.strip().lower() == label and (found := normal(value)):
                    yield found.encode(), found
            return
        found = normal(text) if len(text) < 4 * length else None
        if found:
            yield found.encode(), found

    return keys
