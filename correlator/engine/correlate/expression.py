"""Extended conditions of temporal correlations: `a and (b or c) and not d` → the ways in which it can hold.

In:  the text. Out: `Term`s, any of which must hold (disjunctive normal form), and the rules in order of mention.
Bound: `LIMIT_CHARS`, `WORDS_LIMIT`, `DEPTH_LIMIT` and `TERMS_LIMIT`, so that no text can cost more than a moment.
Source: pySigma 1.5 (not before and before or); a rule's name may also be a UUID.
"""

from __future__ import annotations

import re

from correlator.engine.rule import Term

LIMIT_CHARS = 4096
WORDS_LIMIT = 200
DEPTH_LIMIT = 16
TERMS_LIMIT = 64

_WORD = re.compile(r"\s*([()]|[\w.:-]+)")

Literal = tuple[str, bool]  # rule, is it wanted
Ways = frozenset[frozenset[Literal]]


class Wrong(ValueError):
    pass


def terms(text: str) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    words = _words(text)
    reader = _Reader(words)
    ways = reader.either(True, 0)
    if reader.left:
        raise Wrong(f"{reader.left[0][:40]!r} is not expected here")
    named = tuple(dict.fromkeys(word for word in words if word.lower() not in _KEYWORDS))
    order = {name: place for place, name in enumerate(named)}
    found = []
    for way in sorted(ways, key=lambda way: sorted((order[name], wanted) for name, wanted in way)):
        present = tuple(sorted((name for name, wanted in way if wanted), key=order.__getitem__))
        absent = tuple(sorted((name for name, wanted in way if not wanted), key=order.__getitem__))
        if not present:
            raise Wrong("each way to hold needs a rule that matches: silence alone begins no window")
        found.append(Term(present, absent))
    if not found:
        raise Wrong("the condition contradicts itself")
    return tuple(found), named


_KEYWORDS = ("and", "or", "not", "(", ")")


def _words(text: str) -> list[str]:
    if len(text) > LIMIT_CHARS:
        raise Wrong(f"the condition is over {LIMIT_CHARS} characters")
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        found = _WORD.match(text, at)
        if not found:
            raise Wrong(f"{text[at : at + 20].strip()!r} is not expected here")
        words.append(found[1])
        at = found.end()
    if not 0 < len(words) <= WORDS_LIMIT:
        raise Wrong(f"a condition has 1 to {WORDS_LIMIT} words")
    return words


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self.left = words

    def _next(self, *wanted: str) -> bool:
        if self.left and self.left[0].lower() in wanted:
            self.left = self.left[1:]
            return True
        return False

    def either(self, wanted: bool, depth: int) -> Ways:
        """`wanted` False: the same under a `not`, where and is or."""
        ways = self.both(wanted, depth)
        while self._next("or"):
            ways = _or(ways, self.both(wanted, depth)) if wanted else _and(ways, self.both(wanted, depth))
        return ways

    def both(self, wanted: bool, depth: int) -> Ways:
        ways = self.one(wanted, depth)
        while self._next("and"):
            ways = _and(ways, self.one(wanted, depth)) if wanted else _or(ways, self.one(wanted, depth))
        return ways

    def one(self, wanted: bool, depth: int) -> Ways:
        if depth > DEPTH_LIMIT:
            raise Wrong(f"the condition is nested deeper than {DEPTH_LIMIT}")
        if self._next("not"):
            return self.one(not wanted, depth + 1)
        if self._next("("):
            ways = self.either(wanted, depth + 1)
            if not self._next(")"):
                raise Wrong("a parenthesis is not closed")
            return ways
        if not self.left or self.left[0].lower() in _KEYWORDS:
            raise Wrong("a rule's name is missing")
        name, self.left = self.left[0], self.left[1:]
        return frozenset([frozenset([(name, wanted)])])


def _or(left: Ways, right: Ways) -> Ways:
    return _bounded(left | right)


def _and(left: Ways, right: Ways) -> Ways:
    """What contradicts itself can't hold."""
    both = {one | other for one in left for other in right}
    return _bounded(frozenset(way for way in both if not any((name, not wanted) in way for name, wanted in way)))


def _bounded(ways: Ways) -> Ways:
    """Without those that say no more than a shorter one."""
    if len(ways) > 8 * TERMS_LIMIT:
        raise Wrong(f"the condition has over {TERMS_LIMIT} ways to hold")
    kept = frozenset(way for way in ways if not any(other < way for other in ways))
    if len(kept) > TERMS_LIMIT:
        raise Wrong(f"the condition has over {TERMS_LIMIT} ways to hold")
    return kept
