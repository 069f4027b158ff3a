"""Domain names on the wire (RFC 1035 §3.1, §4.1.4).

In:  a message and an offset. Out: (text, offset after it), text "" for the root, or None when the name is malformed.
Bound: compression pointers must point backwards, at most 64 of them, 255 bytes of name: no loops.
Bytes outside printable ASCII come as UTF-8 when they are, else as \\xNN, so that a name is always text; dots inside
a label as "\\.".
"""

from __future__ import annotations


def read_name(message: bytes, at: int) -> tuple[str, int] | None:
    labels: list[bytes] = []
    after = -1
    size = jumps = 0
    floor = at
    end = len(message)
    while True:
        if at >= end:
            return None
        length = message[at]
        if length >= 0xC0:
            if at + 1 >= end or jumps >= 64:
                return None
            if after < 0:
                after = at + 2
            target = (length & 0x3F) << 8 | message[at + 1]
            if target >= floor:
                return None
            at = floor = target
            jumps += 1
            continue
        if length > 63:
            return None
        at += 1
        if not length:
            break
        size += length + 1
        if size > 255 or at + length > end:
            return None
        labels.append(message[at : at + length])
        at += length
    return ".".join(map(_text, labels)), at if after < 0 else after


def _text(label: bytes) -> str:
    if label.isalnum() or (label.isascii() and label.replace(b"-", b"").replace(b"_", b"").isalnum()):
        return label.decode("ascii")
    try:
        text = label.decode("utf-8")
    except UnicodeDecodeError:
        text = label.decode("latin-1")
        return "".join(c if " " <= c <= "~" and c != "." else f"\\x{ord(c):02x}" for c in text)
    return "".join(c if c.isprintable() and c != "." else "\\." if c == "." else f"\\x{ord(c):02x}" for c in text)
