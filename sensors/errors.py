"""Errors with a place: what is wrong, where, what was expected, and one thing to do.

Every error that a person may see is a `LuytreError`: a code (`LT-C0104`, its page in docs is found by it), a place
(file:line:column or a key path), the message, and hints. Loaders collect all of them before they refuse (`Refused`).
The layout follows ux.md B4; wording is bilingual, codes and keys are the same in both languages.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_DEGRADED = 0, 1, 2, 3
EXIT_UNAVAILABLE, EXIT_TEMPORARY, EXIT_PERMISSION, EXIT_CONFIG, EXIT_INTERRUPTED = 69, 75, 77, 78, 130


@dataclass(frozen=True, slots=True)
class Place:
    """Where: a file, with line and column from 1 (0 = unknown), or a key path, and the offending line of text."""

    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    text: str = ""

    def __str__(self) -> str:
        spot = self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        return f"{spot} ({self.key})" if spot and self.key else spot or self.key


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `vi` and `en` say the same; `hints` are commands or expected values."""

    code: str
    vi: str
    en: str
    place: Place = Place()
    hints: tuple[str, ...] = ()

    def show(self, language: str = "vi") -> str:
        word, message = ("lỗi", self.vi) if language == "vi" else ("error", self.en)
        lines = [f"{word}[{self.code}]: {message}"]
        if str(self.place):
            lines.append(f"  ┌─ {self.place}")
        if self.place.text:
            number = str(self.place.line)
            lines.append(f"{number:>3}│ {self.place.text}")
            if self.place.column:
                lines.append("   │ " + " " * (self.place.column - 1) + "^")
        lines += [f"  = {hint}" for hint in self.hints]
        return "\n".join(lines)


class LuytreError(Exception):
    """Base of our errors."""

    exit_code = EXIT_FAILED

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.code} {p.place}: {p.en}" for p in problems))
        self.problems: Sequence[Problem] = problems

    def show(self, language: str = "vi") -> str:
        return "\n\n".join(problem.show(language) for problem in self.problems)


class ConfigError(LuytreError):
    """The configuration cannot be used; exit 78 tells systemd not to try again."""

    exit_code = EXIT_CONFIG


class Unavailable(LuytreError):
    """A peer or a store does not answer; worth another try later."""

    exit_code = EXIT_UNAVAILABLE


class Damaged(LuytreError):
    """Stored bytes are not what was written."""


def guess(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
