"""Bytes of a line into text that is safe to show, and addresses out of text.

Control characters become `#ooo` (octal), as rsyslog's `$EscapeControlCharactersOnReceive` writes them: an ESC or CR in
a message must not steer an analyst's terminal or forge a second line. `event.original` keeps the line as it was.
Bytes that are not UTF-8 become `\\xNN`, so that the evidence stays readable and different bytes stay different.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def decode(line: bytes) -> tuple[str, bool]:
    """(text, whether it was proper UTF-8)."""
    try:
        return line.decode("utf-8"), True
    except UnicodeDecodeError:
        return line.decode("utf-8", "backslashreplace"), False


def visible(text: str) -> str:
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda found: f"#{ord(found[0]):03o}", text)


@lru_cache(maxsize=4096)
def address(text: str) -> str | None:
    """The canonical IP address in `text` ("[::1]", "::ffff:10.0.0.1" and a zone are understood), or None."""
    text = text.strip("[]").partition("%")[0]
    if not 2 <= len(text) <= 45:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def peer(fields: dict[str, Any], text: str | None, port: str | int | None = None, side: str = "source") -> None:
    """Put `<side>.address`, and `.ip` or `.domain`, and `.port`, where there is something to put."""
    if text:
        ip = address(text)
        fields[f"{side}.address"] = text[:255]
        fields[f"{side}.ip" if ip else f"{side}.domain"] = ip or text[:255]
    number = whole(port)
    if number is not None and 0 < number < 65536:
        fields[f"{side}.port"] = number


def whole(value: Any) -> int | None:
    """A whole number that fits 63 bits, out of a number or its decimal text; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            return None
        value = int(value)
    return value if isinstance(value, int) and abs(value) < 1 << 63 else None
