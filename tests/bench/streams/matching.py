"""A text that a regular expression matches, nearly always: the shortest way through it, classes by their first member.

In:  a pattern in Python's syntax (Sigma's `re` is a part of it). Out: a text; what cannot be read gives "".
"""

from __future__ import annotations

import random
import re
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

REPEAT_LIMIT = 300
_CLASSES = {c.CATEGORY_DIGIT: "7", c.CATEGORY_SPACE: " ", c.CATEGORY_WORD: "w", c.CATEGORY_NOT_DIGIT: "n",
            c.CATEGORY_NOT_SPACE: "s", c.CATEGORY_NOT_WORD: "-"}  # fmt: skip


def matching(pattern: str, draw: random.Random) -> str:
    try:
        return _text(parser.parse(pattern), draw)
    except (re.error, RecursionError, OverflowError):
        return ""


def _text(tree: Any, draw: random.Random) -> str:
    return "".join(_one(kind, what, draw) for kind, what in tree)


def _one(kind: Any, what: Any, draw: random.Random) -> str:
    if kind is c.LITERAL:
        return chr(what)
    if kind is c.NOT_LITERAL:
        return "a" if what != ord("a") else "b"
    if kind is c.ANY:
        return "y"
    if kind is c.IN:
        return _member(what, draw)
    if kind in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        least, most, inner = what
        count = min(least if draw.random() < 0.7 else max(least, min(least + 2, int(most))), REPEAT_LIMIT)
        return "".join(_text(inner, draw) for _ in range(count))
    if kind is c.SUBPATTERN:
        return _text(what[-1], draw)
    if kind is c.BRANCH:
        return _text(draw.choice(what[1]), draw)
    return ""  # anchors, look-around


def _member(members: Any, draw: random.Random) -> str:
    if members and members[0][0] is c.NEGATE:
        return next((char for char in "aZ5_-. \\x" if not any(_is(char, one) for one in members[1:])), "a")
    kind, what = draw.choice(members)
    if kind is c.RANGE:
        return chr(draw.randint(*what))
    return _CLASSES.get(what, "a") if kind is c.CATEGORY else chr(what)


def _is(char: str, member: Any) -> bool:
    kind, what = member
    if kind is c.RANGE:
        return bool(what[0] <= ord(char) <= what[1])
    if kind is c.CATEGORY:
        return (
            re.match({c.CATEGORY_DIGIT: r"\d", c.CATEGORY_SPACE: r"\s", c.CATEGORY_WORD: r"\w"}.get(what, r"."), char)
            is not None
        )
    return bool(what == ord(char))
