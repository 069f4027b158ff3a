"""The PDF's font: the first of the machine's faces as wide as Times New Roman that has every Vietnamese letter.

In:  the folders in which Linux keeps fonts. Out: `Face` (family, its four files) or None, and the characters it has,
     read from the font itself (`cmap`, formats 4 and 12). Liberation Serif before version 2 lacks most Vietnamese
     letters, so a face is judged by what it holds, not by its name.
PDF/A forbids a character without a drawing, and a name that an attacker chose may hold any: what the font lacks is
shown by its number instead.
Source: https://learn.microsoft.com/typography/opentype/spec/cmap.
"""

from __future__ import annotations

import os
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
_STYLES = ("Regular", "Bold", "Italic", "BoldItalic")
# Family, the names of its four files; the decree's own font first.
FACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Times New Roman", ("times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf")),
    ("Times New Roman", tuple(f"Times_New_Roman{style}.ttf" for style in ("", "_Bold", "_Italic", "_Bold_Italic"))),
    ("Tinos", tuple(f"Tinos-{style}.ttf" for style in _STYLES)),
    ("Liberation Serif", tuple(f"LiberationSerif-{style}.ttf" for style in _STYLES)),
)
_PLAIN = "aăâeêioôơuưyđ"
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng, as combining marks
LETTERS = frozenset(
    ord(case)
    for plain in _PLAIN
    for tone in ("", *(_TONES if plain != "đ" else ""))
    for letter in [unicodedata.normalize("NFC", plain + tone)]
    for case in (letter, letter.upper())
)


class Face(NamedTuple):
    family: str
    files: tuple[Path, ...]

    @property
    def folders(self) -> list[str]:
        return sorted({str(path.parent) for path in self.files})


@cache
def face() -> Face | None:
    there = {path.name.lower(): path for path in _fonts()}
    for family, names in FACES:
        files = tuple(there[name.lower()] for name in names if name.lower() in there)
        if len(files) == len(names) and covered(files) >= LETTERS:
            return Face(family, files)
    return None


def _fonts() -> Iterator[Path]:
    """Later ones win where two have a name: a second version beside the first."""
    for folder in FOLDERS:
        for where, inner, names in os.walk(folder):
            inner.sort()
            yield from (Path(where) / name for name in names if name.lower().endswith(".ttf"))


@cache
def covered(files: tuple[Path, ...]) -> frozenset[int]:
    """What every style has."""
    return frozenset.intersection(*(code_points(path.read_bytes()) for path in files))


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
