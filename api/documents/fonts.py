"""Which characters the PDF's font has, read from the font itself (`cmap`, formats 4 and 12).

In:  a .ttf file of ours. Out: the set of its code points. PDF/A forbids a character without a drawing, and a name that
an attacker chose may hold any: what the font lacks is shown by its number instead.
Source: https://learn.microsoft.com/typography/opentype/spec/cmap.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("fonts")
FAMILY = "Tinos"
STYLES = ("Regular", "Bold", "Italic", "BoldItalic")


def files() -> list[Path]:
    """The four files, or none when one is missing."""
    found = [FOLDER / f"{FAMILY}-{style}.ttf" for style in STYLES]
    return found if all(path.is_file() for path in found) else []


@cache
def covered() -> frozenset[int]:
    """What every style has."""
    sets = [code_points(path.read_bytes()) for path in files()]
    return frozenset.intersection(*sets) if sets else frozenset()


def code_points(font: bytes) -> frozenset[int]:
    count = struct.unpack_from(">H", font, 4)[0]
    tables = (struct.unpack_from(">4sLLL", font, 12 + 16 * n) for n in range(count))
    start = next(offset for tag, _, offset, _ in tables if tag == b"cmap")
    found: set[int] = set()
    for n in range(struct.unpack_from(">H", font, start + 2)[0]):
        at = start + struct.unpack_from(">HHL", font, start + 4 + 8 * n)[2]
        kind = struct.unpack_from(">H", font, at)[0]
        if kind == 4:
            found |= _segments(font, at)
        elif kind == 12:
            groups = struct.unpack_from(">L", font, at + 12)[0]
            for group in range(groups):
                first, last, _ = struct.unpack_from(">LLL", font, at + 16 + 12 * group)
                found |= set(range(first, last + 1))
    return frozenset(found)


def _segments(font: bytes, at: int) -> set[int]:
    count = struct.unpack_from(">H", font, at + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + 2 * count)
    found: set[int] = set()
    for first, last in zip(starts, ends, strict=True):
        if first != 0xFFFF:
            found |= set(range(first, last + 1))
    return found


def legible(value: Any, have: frozenset[int]) -> Any:
    """`value` (JSON) with every character that the font lacks shown as [U+1F600]."""
    if isinstance(value, str):
        if all(ord(char) in have or char == "\n" for char in value):
            return value
        return "".join(char if ord(char) in have or char == "\n" else f"[U+{ord(char):04X}]" for char in value)
    if isinstance(value, list):
        return [legible(item, have) for item in value]
    if isinstance(value, dict):
        return {key: legible(item, have) for key, item in value.items()}
    return value
