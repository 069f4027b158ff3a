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
SHORT_CHARS = 3  # an anchor counted
PIECE_CHARS = 16_384
_LONE = re.compile("[\ud800-\udfff]")


def plain(literal: str) -> bool:
    """Can the literal be looked for exactly? (Anchors of ours apart.)"""
    return START not in literal and END not in literal and _LONE.search(literal) is None


class Literals:
    __slots__ = ("_automaton", "_few", "_longest", "_many")

    def __init__(self, patterns: Sequence[str]) -> None:
        numbered = list(enumerate(patterns))
        self._longest = max(map(len, patterns), default=0)
        self._few, many = numbered, list[tuple[int, str]]()
        if len(numbered) > FEW:
            # The shortest stand everywhere in a text: each place of theirs would be reported.
            short = sorted((one for one in numbered if len(one[1]) <= SHORT_CHARS), key=lambda one: len(one[1]))
            self._few = short[:FEW]
            taken = {number for number, _ in self._few}
            many = [one for one in numbered if one[0] not in taken]
        self._many = tuple(number for number, _ in many)
        self._automaton: Any = None
        if many:
            import ahocorasick_rs

            self._automaton = ahocorasick_rs.AhoCorasick([text for _, text in many], store_patterns=False)

    def find(self, text: str) -> tuple[frozenset[int], bool]:
        """(numbers found, sure)"""
        marked = f"{START}{text}{END}"
        found = [number for number, pattern in self._few if pattern in marked]
        sure = True
        if self._automaton is not None:
            try:
                places = self._pieces(marked)
            except UnicodeEncodeError:
                places, sure = self._pieces(_LONE.sub("\ufffd", marked)), False
            many = self._many
            found += [many[place] for place in places]
        return frozenset(found), sure and (not found or (START not in text and END not in text))

    def _pieces(self, marked: str) -> set[int]:
        search = self._automaton.find_matches_as_indexes
        if len(marked) <= PIECE_CHARS:
            return {match[0] for match in search(marked, overlapping=True)}
        found: set[int] = set()
        step = max(PIECE_CHARS, 4 * self._longest)
        for start in range(0, len(marked), step):
            found.update(match[0] for match in search(marked[start : start + step + self._longest], overlapping=True))
        return found
