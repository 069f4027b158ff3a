"""Many literals looked for in one pass.

In:  literals; a text. Out: the numbers of the literals that stand in it.
Bound: linear in the text; matches are gathered piece by piece (`PIECE_CHARS`), so a long text that is full of them
doesn't become a long list. A few literals are looked for one by one: an automaton costs memory and an import.

Anchors: the text is searched between `START` and `END`, which no literal holds by itself, so "at the start" and "at the
end" are literals like others. A text that itself holds one of them, or a lone surrogate (which the automaton can't
read), may be over-reported: `sure` is False then, and each report must be looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

START, END = "\x02", "\x03"
FEW = 10
PIECE_CHARS = 16_384
_LONE = re.compile("[\ud800-\udfff]")


def plain(literal: str) -> bool:
    """Can the literal be looked for exactly? (Anchors of ours apart.)"""
    return START not in literal and END not in literal and _LONE.search(literal) is None


class Literals:
    __slots__ = ("_automaton", "_longest", "_patterns")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._longest = max(map(len, patterns), default=0)
        self._automaton: Any = None
        if len(self._patterns) > FEW:
            import ahocorasick_rs

            self._automaton = ahocorasick_rs.AhoCorasick(self._patterns, store_patterns=False)

    def find(self, text: str) -> tuple[set[int], bool]:
        """(numbers found, sure)"""
        marked = f"{START}{text}{END}"
        if self._automaton is None:
            found = {number for number, pattern in enumerate(self._patterns) if pattern in marked}
            return found, not found or (START not in text and END not in text)
        sure = True
        try:
            found = self._pieces(marked)
        except UnicodeEncodeError:
            found, sure = self._pieces(_LONE.sub("\ufffd", marked)), False
        return found, sure and (not found or (START not in text and END not in text))

    def _pieces(self, marked: str) -> set[int]:
        search = self._automaton.find_matches_as_indexes
        if len(marked) <= PIECE_CHARS:
            return {match[0] for match in search(marked, overlapping=True)}
        found: set[int] = set()
        step = max(PIECE_CHARS, 4 * self._longest)
        for start in range(0, len(marked), step):
            found.update(match[0] for match in search(marked[start : start + step + self._longest], overlapping=True))
        return found
