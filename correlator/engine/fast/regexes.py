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

import platform
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from correlator.engine.values import Regex

SCANNED_FROM = 3  # so many regular expressions are worth a hyperscan database
LITERAL_CHARS = 3  # a shorter one is met too often to save anything
FOLDED = ("\u017f", "\u212a")

Keep = Callable[[bytes, Callable[[], bytes]], bytes]  # (question, how to answer it) → the answer, perhaps from before

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


@lru_cache(maxsize=4096)
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

    __slots__ = ("_database", "_numbers")

    def __init__(self, database: Any, numbers: Sequence[Sequence[int]]) -> None:
        """`numbers`: by the patterns' places in the database."""
        self._database, self._numbers = database, tuple(map(tuple, numbers))

    def find(self, text: str) -> set[int]:
        found: set[int] = set()
        numbers = self._numbers

        def hit(at: int, *_: Any) -> None:
            found.update(numbers[at])

        self._database.scan(text.encode("ascii", "replace"), match_event_handler=hit)
        return found


def scanner(patterns: Sequence[tuple[int, str]], keep: Keep | None = None) -> tuple[Scanner | None, list[int]]:
    """(scanner, numbers of the patterns that it does not cover). `keep`: a database that was made before."""
    try:
        import hyperscan
    except ImportError:
        return None, [number for number, _ in patterns]
    texts = sorted({pattern for _, pattern in patterns})
    numbers = [[number for number, pattern in patterns if pattern == text] for text in texts]
    machine = _machine()
    database, left = None, texts
    if keep is not None and machine:
        asked = msgspec.msgpack.encode([version("hyperscan"), machine, _flags(hyperscan), texts])
        written, left = msgspec.msgpack.decode(
            keep(asked, lambda: msgspec.msgpack.encode(_dumped(hyperscan, *_compiled(hyperscan, texts)))),
            type=tuple[bytes, list[str]],
        )
        database = _loaded(hyperscan, written)
    if database is None:
        database, left = _compiled(hyperscan, texts)
    missed = set(left)
    uncovered = [number for number, pattern in patterns if pattern in missed]
    return (None if database is None else Scanner(database, numbers)), uncovered


def _compiled(hyperscan: Any, patterns: Sequence[str]) -> tuple[Any, list[str]]:
    """(a database or None, what it does not cover); a pattern's id is its place."""
    taken, left = list(enumerate(patterns)), list[str]()
    while taken:
        try:
            return _database(hyperscan, taken), left
        except hyperscan.HyperscanError:
            kept = [one for one in taken if _takes(hyperscan, one)]
            if len(kept) == len(taken):  # each alone, but not together
                break
            left += [pattern for at, pattern in taken if (at, pattern) not in kept]
            taken = kept
    return None, list(patterns)


def _takes(hyperscan: Any, one: tuple[int, str]) -> bool:
    try:
        _database(hyperscan, [one])
    except hyperscan.HyperscanError:
        return False
    return True


def _database(hyperscan: Any, patterns: Sequence[tuple[int, str]]) -> Any:
    made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    made.compile(expressions=[pattern.encode() for _, pattern in patterns], ids=[at for at, _ in patterns],
                 elements=len(patterns), flags=[_flags(hyperscan)] * len(patterns))  # fmt: skip
    return made


def _flags(hyperscan: Any) -> int:
    flags: int = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
    return flags


def _dumped(hyperscan: Any, database: Any, left: list[str]) -> tuple[bytes, list[str]]:
    return b"" if database is None else hyperscan.dumpb(database), left


def _loaded(hyperscan: Any, written: bytes) -> Any:
    """hyperscan looks at a database's sum, version and processor, and refuses what is not its own."""
    if not written:
        return None
    try:
        made = hyperscan.loadb(written, mode=hyperscan.HS_MODE_BLOCK)
        made.scratch = hyperscan.Scratch(made)  # compiling gives one, reading doesn't
    except hyperscan.HyperscanError:
        return None
    return made


@cache
def _machine() -> str:
    """The processor's kind and abilities: hyperscan's code for one does not run on another. Empty: not known."""
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            found = sorted({line for line in file if line.startswith(("flags", "Features", "model name"))})
    except OSError:
        return ""
    return platform.machine() + "".join(found) if found else ""


class Scanners:
    """One database for all regular expressions that rules ask of a field, whatever part of them a plan needs:
    reading a hundred patterns takes hyperscan a third of a second."""

    def __init__(self) -> None:
        self._groups: list[Mapping[int, Regex]] = []
        self._made: dict[frozenset[int], tuple[Scanner | None, frozenset[int]]] = {}
        self._keep: Keep | None = None

    def add(self, group: Mapping[int, Regex]) -> None:
        self._groups.append(group)

    def prepare(self, keep: Keep | None = None) -> None:
        """While rules are loaded, not when the first events come."""
        self._keep = keep
        for group in self._groups:
            if sum(1 for test in group.values() if sketch(test.pattern).ascii) >= SCANNED_FROM:
                self.over(group)
        self._keep = None

    def over(self, wanted: Mapping[int, Regex]) -> tuple[Scanner | None, frozenset[int]]:
        """(a scanner, the numbers that it covers): all that can be of `wanted`, perhaps others too."""
        asked = {number: test for number, test in wanted.items() if sketch(test.pattern).ascii}
        if len(asked) < SCANNED_FROM:
            return None, frozenset()
        group = min((one for one in self._groups if wanted.keys() <= one.keys()), key=len, default=wanted)
        key = frozenset(group)
        if key not in self._made:
            patterns = [(number, known) for number, test in group.items() if (known := sketch(test.pattern).ascii)]
            found, left = scanner(patterns, self._keep)
            self._made[key] = found, frozenset(number for number, _ in patterns) - set(left)
        return self._made[key]
