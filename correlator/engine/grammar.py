"""A rule's `condition` text → condition tree, over the rule's selections.

In:  the text and the compiled selections by name. Out: a tree; `Unusable` says what is wrong with the text.
Bound: `CONDITION_LIMIT_CHARS`, `WORDS_LIMIT`, `DEPTH_LIMIT`; `NODES_LIMIT` leaves, each as often as it is named.
Source: Sigma specification 2.1.0, Condition. Binding: or, and, not, x of, parentheses.

Names that start with `_` are no part of "them" nor of a pattern, unless the pattern itself starts with `_`. A pattern
that finds no name is refused: it is a slip, and neither "always" nor "never" would be what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from correlator.engine.conditions import AllOf, AnyOf, Condition, Not
from correlator.engine.rule import Unusable
from correlator.engine.values import MANY, Glob

CONDITION_LIMIT_CHARS = 16_384
WORDS_LIMIT = 500
DEPTH_LIMIT = 16
NODES_LIMIT = 200_000

_WORD = re.compile(r"[()]|[^\s()]+")
_KEY = "condition"


def parse(text: object, selections: Mapping[str, Condition], sizes: Mapping[str, int]) -> Condition:
    """`sizes`: leaves of each selection."""
    if not isinstance(text, str):
        raise Unusable("a condition must be text", _KEY)
    if "|" in text:
        raise Unusable("the pipe (`| count()`) left the specification with version 2: write a correlation", _KEY)
    words = _WORD.findall(text[: CONDITION_LIMIT_CHARS + 1])
    if len(text) > CONDITION_LIMIT_CHARS or len(words) > WORDS_LIMIT:
        raise Unusable(f"the condition is over {CONDITION_LIMIT_CHARS} characters or {WORDS_LIMIT} words", _KEY)
    reader = _Reader(words, selections, sizes)
    tree = reader.either(0)
    if reader.place < len(words):
        raise Unusable(f"the condition goes on with {words[reader.place][:60]!r} where it should end", _KEY)
    return tree


class _Reader:
    def __init__(self, words: list[str], selections: Mapping[str, Condition], sizes: Mapping[str, int]) -> None:
        self._words, self._selections, self._sizes = words, selections, sizes
        self.place = 0
        self._nodes = 0

    def _next(self, *, name: bool = False) -> str:
        """The word here; operators are words in small letters or capitals unless a selection has that name."""
        if self.place >= len(self._words):
            return ""
        word = self._words[self.place]
        return word if name or word in self._selections else word.lower()

    def either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._next() == "or":
            self.place += 1
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._negated(depth)]
        while self._next() == "and":
            self.place += 1
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negated(self, depth: int) -> Condition:
        negations = 0
        while self._next() == "not" and self.place + 1 < len(self._words):
            self.place += 1
            negations += 1
        tree = self._operand(depth)
        return Not(tree) if negations % 2 else tree

    def _operand(self, depth: int) -> Condition:
        word = self._next()
        following = self._words[self.place + 1 : self.place + 3]
        if word == "(":
            if depth >= DEPTH_LIMIT:
                raise Unusable(f"parentheses nested deeper than {DEPTH_LIMIT}", _KEY)
            self.place += 1
            tree = self.either(depth + 1)
            if self._next() != ")":
                raise Unusable("a parenthesis is not closed", _KEY)
            self.place += 1
            return tree
        if word in ("1", "any", "all") and len(following) == 2 and following[0].lower() == "of":
            self.place += 3
            return self._of(word, following[1])
        if word in ("", ")", "and", "or", "not", "of") and word not in self._selections:
            raise Unusable(f"the condition lacks a name {f'before {word!r}' if word else 'at its end'}", _KEY)
        word = self._next(name=True)
        self.place += 1
        return self._named(word)

    def _of(self, quantifier: str, pattern: str) -> Condition:
        if pattern.lower() == "them" and pattern not in self._selections:
            pattern = "*"
        pieces = pattern.split("*")
        glob = Glob([part for piece in pieces for part in (MANY, piece) if part != ""][1:])
        hidden = pattern.startswith("_")
        names = [name for name in self._selections if glob.matches(name) and (hidden or not name.startswith("_"))]
        if not names:
            raise Unusable(f"{quantifier} of {pattern[:60]} refers to nothing", _KEY)
        parts = tuple(self._named(name) for name in names)
        if len(parts) == 1:
            return parts[0]
        return AllOf(parts) if quantifier == "all" else AnyOf(parts)

    def _named(self, name: str) -> Condition:
        if name not in self._selections:
            raise Unusable(f"the condition names {name[:60]!r}, which the detection does not have", _KEY)
        self._nodes += self._sizes[name]
        if self._nodes > NODES_LIMIT:
            raise Unusable(f"over {NODES_LIMIT} values, each as often as the condition names it: too many", _KEY)
        return self._selections[name]
