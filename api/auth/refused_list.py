"""Breached passwords that the operator has on the machine: `[api] refused_passwords = "/path"`. None is shipped.

In:  the file, a password. Out: whether it is in there. Two shapes, told apart by the first line:
     - SHA-1 in hexadecimal, sorted, one a line, whatever follows a colon ignored: what "Have I Been Pwned" downloads
       ("ordered by hash"). Looked up by halving: some 40 short reads in a file of any size.
     - plain passwords, one a line, in any order, UTF-8: at most PLAIN_BYTES, read through at each new password.
Nothing of it stays in memory; the password or its hash goes nowhere. A file that cannot be read or is neither is
`Unusable`: no password is then accepted unlooked-at, and `luytre config check` says so before.
Source: OWASP ASVS 5.0 6.2.12; NIST SP 800-63B-4 3.1.1.2.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import BinaryIO

PLAIN_BYTES = 32 * 1024 * 1024
LINE_BYTES = 4_096  # longer lines are no password of ours (256 characters) and no hash
PROBES = 64  # places where a file of hashes is looked at for its order
_HASH = re.compile(rb"([0-9A-Fa-f]{40})(?::[^\r\n]*)?\r?\n?")


class Unusable(Exception):
    """The file cannot be used; the text says why, in English, without its content."""


def listed(path: Path, password: str) -> bool:
    """Raises Unusable."""
    text = unicodedata.normalize("NFC", password)
    try:
        with path.open("rb") as file:
            size = _size(file)
            if _HASH.fullmatch(_line_at(file, 0)):
                wanted = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper().encode()
                return _halving(file, size, wanted)
            return _through(file, size, text)
    except OSError as error:
        raise Unusable(type(error).__name__) from None


def check(path: Path) -> None:
    """What can be seen of a file without reading it whole. Raises Unusable."""
    try:
        with path.open("rb") as file:
            size = _size(file)
            if not _HASH.fullmatch(_line_at(file, 0)):
                if size > PLAIN_BYTES:
                    raise Unusable(f"more than {PLAIN_BYTES} bytes of plain passwords: use sorted SHA-1 lines")
                return
            last = b""
            for step in range(PROBES):
                found = _after(file, size, size * step // PROBES)
                if found and found < last:
                    raise Unusable("the SHA-1 lines are not sorted")
                last = found or last
    except OSError as error:
        raise Unusable(type(error).__name__) from None


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    if not size:
        raise Unusable("the file is empty")
    return size


def _line_at(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.readline(LINE_BYTES)


def _after(file: BinaryIO, size: int, start: int) -> bytes:
    """The hash of the first whole line at or after this place; empty at the end."""
    if start and len(_line_at(file, start - 1)) >= LINE_BYTES:
        raise Unusable("a line is too long")
    place = file.tell() if start else 0
    if place >= size:
        return b""
    found = _HASH.fullmatch(_line_at(file, place))
    if not found:
        raise Unusable("a line is no SHA-1")
    return found[1].upper()


def _halving(file: BinaryIO, size: int, wanted: bytes) -> bool:
    """The first line that begins at or after `low` is the one looked for, when it is there at all."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        found = _after(file, size, middle)
        if found and found < wanted:
            low = middle + 1
        elif found == wanted:
            return True
        else:
            high = middle
    return _after(file, size, low) == wanted


def _through(file: BinaryIO, size: int, text: str) -> bool:
    if size > PLAIN_BYTES:
        raise Unusable(f"more than {PLAIN_BYTES} bytes of plain passwords: use sorted SHA-1 lines")
    wanted = text.casefold()
    file.seek(0)
    while line := file.readline(LINE_BYTES):
        if unicodedata.normalize("NFC", line.decode("utf-8", "replace")).rstrip("\r\n").casefold() == wanted:
            return True
    return False
