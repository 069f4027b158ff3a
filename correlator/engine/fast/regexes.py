"""Regular expressions looked at before they run: a literal that each match must hold, and whether hyperscan may answer.

In:  a pattern that RE2 took. Out: `Sketch(literal, ascii)`; and `Scanner`, one hyperscan database over many patterns.
Bound: one pass over the pattern. What isn't understood for sure gives no literal and no hyperscan pattern: such a
pattern runs in RE2 on each value.

RE2 decides; hyperscan only says which patterns are worth asking, so it may report too much, never too little. Where the
two differ a pattern is rewritten (`\\s` lacks the vertical tab in RE2) or kept away (multi-line anchors, possessive
repeats, POSIX and Unicode classes, anything not ASCII). hyperscan reads the value in ASCII with "?" for every other
character, and so do patterns: both see one character there; a negated class that names "?" is kept away.
The two characters that RE2 folds into ASCII letters (U+017F into s, U+212A into k) are left to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

LITERAL_CHARS = 3  # a shorter one is met too often to save anything
FOLDED = ("\u017f", "\u212a")

_FLAGS = re.compile(r"\(\?([a-zA-Z-]*)([):])")
_NAMED = re.compile(r"\(\?P?<[A-Za-z_]\w*>")
_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_CONTROL = {"t": "\\t", "n": "\\n", "r": "\\r", "f": "\\f", "a": "\\x07", "v": "\\x0b"}
_SPACES = r"\t\n\f\r "


class Sketch(NamedTuple):
    literal: str  # in every match, in lower case; ASCII; "" if none is known
    ascii: str  # for hyperscan over ASCII bytes; "" if it may not be asked


class _Unknown(Exception):
    """The pattern holds what is not understood here."""


class _NotAscii(Exception):
    """The pattern is understood, but hyperscan must not be asked."""


def sketch(pattern: str) -> Sketch:
    try:
        return _Reader(pattern).read()
    except (_Unknown, IndexError):
        return Sketch("", "")


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._p, self._at = pattern, 0
        self._out: list[str] = []
        self._run: list[str] = []
        self._runs: list[str] = []
        self._depth = 0
        self._alternatives = self._closed = False
        self._hyper = not any(letter in pattern for letter in FOLDED)  # (?i)K, the Kelvin sign, is also "k"

    def read(self) -> Sketch:
        while self._at < len(self._p):
            self._token(self._p[self._at])
        self._end_run()
        literal = "" if self._alternatives else max(self._runs, key=len, default="")
        return Sketch(literal if len(literal) >= LITERAL_CHARS else "", "".join(self._out) if self._hyper else "")

    def _token(self, c: str) -> None:
        if c == "\\":
            self._escape(self._p[self._at + 1])
        elif c == "[":
            self._class()
        elif c == "(":
            self._open()
        elif c == ")":
            self._depth -= 1
            self._take(")")
        elif c == "|":
            self._alternatives = self._alternatives or self._depth == 0
            self._take("|")
        elif c in "*+?{":
            self._repeat(c)
        elif c in ".^$":
            self._take(c)
        else:
            self._take(c if c.isascii() else "\\?", c)

    def _take(self, out: str, letter: str = "", size: int = 1) -> None:
        """`letter`: the token is this character, which stands in every match if no group or repeat is around it."""
        self._out.append(out)
        self._at += size
        if letter and letter.isascii() and self._depth == 0:
            self._run.append(letter.lower())
        else:
            self._end_run()

    def _end_run(self) -> None:
        if self._run:
            self._runs.append("".join(self._run))
            self._run = []

    def _escape(self, c: str) -> None:
        if c in "dDwWbBAz":
            self._take("\\" + c, size=2)
        elif c in "sS":
            self._take(f"[{'^' if c == 'S' else ''}{_SPACES}]", size=2)
        elif c in _CONTROL:
            self._take(_CONTROL[c], size=2)
        elif (found := _HEX.match(self._p, self._at)) is not None:
            self._hyper = self._hyper and int(found[1], 16) < 128
            self._take(found[0], size=4)
        elif c.isascii() and not c.isalnum():
            self._take("\\" + c, c, size=2)
        else:
            raise _Unknown

    def _open(self) -> None:
        if (found := _FLAGS.match(self._p, self._at)) is not None:
            if set(found[1]) - set("ims-"):
                raise _Unknown
            self._hyper = self._hyper and "m" not in found[1]
            self._depth += found[2] == ":"
            self._take(found[0], size=len(found[0]))
        elif (found := _NAMED.match(self._p, self._at)) is not None:
            self._depth += 1
            self._take("(", size=len(found[0]))
        elif self._p.startswith("(?", self._at):
            raise _Unknown
        else:
            self._depth += 1
            self._take("(")

    def _repeat(self, c: str) -> None:
        least, text = (1 if c == "+" else 0), c
        if c == "{":
            found = _REPEAT.match(self._p, self._at)
            if found is None:
                raise _Unknown  # RE2 reads it as itself; not worth knowing when
            least, text = int(found[1]), found[0]
        if not least and self._run:
            self._run.pop()
        self._end_run()
        self._out.append(text)
        self._at += len(text)
        if self._p.startswith("?", self._at):  # lazy: the same matches
            self._out.append("?")
            self._at += 1
        if self._at < len(self._p) and self._p[self._at] in "*+?{":
            raise _Unknown  # a repeat of a repeat here, possessive there

    def _class(self) -> None:
        """One bracket expression; ends at the first "]" that is not its first member."""
        p, at = self._p, self._at + 1
        negated = p[at] == "^"
        at += negated
        out = ["[^" if negated else "["]
        first, members = True, list[str]()  # members: characters, "-" for a range, "" for a class
        while first or p[at] != "]":
            first = False
            c = p[at]
            if c == "[":
                if p[at + 1] in ":.=":
                    raise _Unknown
                c, text = "[", "\\["
                at += 1
            elif c == "\\":
                e = p[at + 1]
                if e in "dDwW":
                    c, text = "", "\\" + e
                elif e == "s":
                    c, text = "", _SPACES
                elif e == "S":
                    self._hyper, c, text = False, "", "\\S"
                elif e in _CONTROL:
                    c, text = "\x00", _CONTROL[e]
                elif (found := _HEX.match(p, at)) is not None:
                    c, text = chr(int(found[1], 16)), found[0]
                    self._hyper = self._hyper and c.isascii()
                    at += 2
                elif e.isascii() and not e.isalnum():
                    c, text = e, "\\" + e
                    if e == "-":
                        c = "\x01"  # itself, no range
                else:
                    raise _Unknown
                at += 2
            else:
                text = c if c in "-^" or c.isalnum() or c == " " else "\\" + c
                if not c.isascii():  # hyperscan sees "?" there
                    self._hyper = self._hyper and p[at - 1] != "-" != p[at + 1]
                    c, text = "", "" if negated else "?"
                at += 1
            members.append(c)
            out.append(text)
        if not any(out[1:]) or (negated and _names_question_mark(members)):
            self._hyper = False
        self._out.append("")
        self._take("".join(out) + "]", size=at + 1 - self._at)


def _names_question_mark(members: Sequence[str]) -> bool:
    for at, member in enumerate(members):
        if member == "?":
            return True
        if member == "-" and 0 < at < len(members) - 1 and members[at - 1] <= "?" <= members[at + 1]:
            return True
    return False


class Scanner:
    """Which of these patterns may match? None when hyperscan is not there or takes none of them."""

    __slots__ = ("_busy", "_database", "_numbers")

    def __init__(self, database: Any, numbers: Sequence[int]) -> None:
        self._database, self._numbers = database, tuple(numbers)

    def find(self, text: str) -> set[int]:
        found: set[int] = set()

        def hit(number: int, *_: Any) -> None:
            found.add(number)

        self._database.scan(text.encode("ascii", "replace"), match_event_handler=hit)
        return found


def scanner(patterns: Sequence[tuple[int, str]]) -> tuple[Scanner | None, list[int]]:
    """(scanner, numbers of the patterns that it does not cover)"""
    try:
        import hyperscan
    except ImportError:
        return None, [number for number, _ in patterns]
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    taken, left = list(patterns), list[int]()
    while taken:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            database.compile(expressions=[pattern.encode() for _, pattern in taken], ids=[n for n, _ in taken],
                             elements=len(taken), flags=[flags] * len(taken))  # fmt: skip
        except hyperscan.HyperscanError:
            kept = [one for one in taken if _takes(hyperscan, one[1], flags)]
            left += [number for number, _ in taken if number not in {n for n, _ in kept}]
            if len(kept) == len(taken):  # each alone, but not together
                return None, [number for number, _ in patterns]
            taken = kept
            continue
        return Scanner(database, [number for number, _ in taken]), left
    return None, left


def _takes(hyperscan: Any, pattern: str, flags: int) -> bool:
    try:
        hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
            expressions=[pattern.encode()], ids=[0], elements=1, flags=[flags])  # fmt: skip
    except hyperscan.HyperscanError:
        return False
    return True
