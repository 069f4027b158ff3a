"""Text as it is searched: case and Vietnamese marks folded, so that "da nang" finds "Đà Nẵng" and "ĐÀ NẴNG".

NFD and dropping combining marks leaves đ (U+0111 has no decomposition): it is mapped by hand.
Source: ux.md A13; https://www.unicode.org/reports/tr15/.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LIMIT = 4_000


def fold(text: str) -> str:
    text = text.casefold()
    if text.isascii():  # addresses, hosts, ids: most of what is folded in a storm
        return text
    marks_apart = unicodedata.normalize("NFD", text)
    return "".join(c for c in marks_apart if not unicodedata.combining(c)).replace("đ", "d")


def search_text(parts: Iterable[object]) -> str:
    """One folded line of `parts`, each once, cut at LIMIT."""
    seen: dict[str, None] = {}
    for part in parts:
        if part:
            seen.setdefault(fold(str(part))[:512])
    return " ".join(seen)[:LIMIT]


def like(query: str) -> str:
    """A LIKE pattern (escape character `\\`) for a folded part of the text."""
    escaped = fold(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
