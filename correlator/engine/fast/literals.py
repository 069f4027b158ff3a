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
from operator import itemgetter
from typing import Any

START, END = "\x02", "\x03"
FEW = 10
SHORT_CHARS = 3  # an anchor counted
PIECE_CHARS = 16_384
_FIRST = itemgetter(0)
_NONE: frozenset[int] = frozenset()
_LONE = re.compile("[\ud800-\udfff]")


def plain(literal: str) -> bool:
    """Can the literal be looked for exactly? (Anchors of ours apart.)"""
    return START not in literal and END not in literal and _LONE.search(literal) is None


class Literals:
    """`patterns`: longest first (the shortest stand everywhere: each place of theirs would be reported)."""

    __slots__ = ("_automaton", "_few", "_longest")

    def __init__(self, patterns: Sequence[str]) -> None:
        count = len(patterns)
        self._longest = max(map(len, patterns), default=0)
        first_short = next((at for at, text in enumerate(patterns) if len(text) <= SHORT_CHARS), count)
        many = 0 if count <= FEW else max(first_short, count - FEW)
        self._few = [(many + at, text) for at, text in enumerate(patterns[many:])]
        self._automaton: Any = None
        if many:
            import ahocorasick_rs

            self._automaton = ahocorasick_rs.AhoCorasick(patterns[:many], store_patterns=False)

    def find(self, text: str) -> tuple[frozenset[int], bool]:
        """(numbers found, sure)"""
        marked = f"{START}{text}{END}"
        found: set[int] = set()
        sure = True
        if self._automaton is not None:
            try:
                if len(marked) <= PIECE_CHARS:
                    matches = self._automaton.find_matches_as_indexes(marked, overlapping=True)
                    if matches:
                        found.update(map(_FIRST, matches))
                else:
                    found = self._pieces(marked)
            except UnicodeEncodeError:
                found, sure = self._pieces(_LONE.sub("\ufffd", marked)), False
        for number, pattern in self._few:
            if pattern in marked:
                found.add(number)
        if not found:
            return _NONE, sure
        return frozenset(found), sure and START not in text and END not in text

    def _pieces(self, marked: str) -> set[int]:
        search = self._automaton.find_matches_as_indexes
        found: set[int] = set()
        step = max(PIECE_CHARS, 4 * self._longest)
        for start in range(0, len(marked), step):
            found.update(match[0] for match in search(marked[start : start + step + self._longest], overlapping=True))
        return found
