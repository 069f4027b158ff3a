"""Keyword searches: words of a rule that may stand in any value of an event.

In:  the tests of keyword atoms; an event's JSON, then (seldom) its words. Out: the tests that some word satisfies.
Bound: one pass over the JSON; only an event in which a part of some keyword stands is taken apart.

The first look must not miss anything. It is for a part of each keyword that JSON writes as it is: ASCII, no quote, no
backslash, no slash, no control character, and not a piece of a number (1e3 and 1000 are the same number). It is made in
lower case; JSON that escapes characters (\\u0041), and characters that lower case or RE2's folding turns into ASCII
letters (U+212A, U+0130, U+017F), count as found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from correlator.engine.fast.matchers import Matcher
from correlator.engine.fast.memo import Budget
from correlator.engine.fast.regexes import sketch
from correlator.engine.values import Regex, Test, Text

_PIECE = re.compile(r"[ -~]+")
_NOT_AS_IS = re.compile(r"[\"\\/]")
_NUMERIC = frozenset("0123456789.e+-infa")
_FOLDED = tuple(letter.encode() for letter in "\u212a\u0130\u017f")
_ESCAPES = tuple(f"\\u{digit}".encode() for digit in "0123456789abcdef")
PIECE_CHARS = 3


class Words:
    def __init__(self, tests: Sequence[Any], budget: Budget) -> None:
        self._matcher = Matcher(list(enumerate(tests)), budget)
        pieces = [_piece(test) for test in tests]
        self._search: Any = None
        if all(pieces):
            import ahocorasick_rs

            self._search = ahocorasick_rs.BytesAhoCorasick(
                [*_ESCAPES, *_FOLDED, *dict.fromkeys(piece.encode() for piece in pieces)],
                matchkind=ahocorasick_rs.MATCHKIND_LEFTMOST_FIRST,
            ).find_matches_as_indexes

    def may_hold(self, line: bytes) -> bool:
        """`line`: the event as JSON."""
        if self._search is None:
            return True
        hits = self._search(line.lower())
        return bool(hits) and any(number >= len(_ESCAPES) or _escapes(line, start) for number, start, _ in hits)

    def found(self, words: Iterable[Any]) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for word in words:
            found |= self._matcher.sets[self._matcher.of(word)]
        return found


def _escapes(line: bytes, at: int) -> bool:
    """Is the backslash here the beginning of an escape, or itself escaped (as in a path)?"""
    first = at
    while first and line[first - 1] == 0x5C:
        first -= 1
    return (at - first) % 2 == 0


def _piece(test: Test) -> str:
    """A part of every text that satisfies the test, as JSON writes it, in lower case; "" if none is known."""
    texts: list[str] = []
    if isinstance(test, Text):
        texts = [part for part in test.parts if isinstance(part, str)]
    elif isinstance(test, Regex):
        texts = [sketch(test.pattern).literal]
    pieces = [piece.lower() for text in texts for run in _PIECE.findall(text) for piece in _NOT_AS_IS.split(run)]
    usable = [piece for piece in pieces if len(piece) >= PIECE_CHARS and not set(piece) <= _NUMERIC]
    return max(usable, key=len, default="")
