"""Errors with a place: what is wrong, where, what was expected, and one thing to do.

Every error that a person may see is a `LuytreError`: a code (`LT-C0104`, its page in docs is found by it), a place
(file:line:column or a key path), the message, and hints. Loaders collect all of them before they refuse (`Refused`).
The layout follows ux.md B4; wording is bilingual, codes and keys are the same in both languages.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    width: int = 1  # of what is marked, in characters

    def __str__(self) -> str:
        spot = self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        return f"{spot} ({self.key})" if spot and self.key else spot or self.key


class Hint(NamedTuple):
    """The same in both languages. A plain text is the same in both by itself: a command, a value."""

    vi: str
    en: str

    def __str__(self) -> str:
        return f"{self.vi} / {self.en}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `vi` and `en` say the same; `hints` are commands or expected values; `label` stands
    beside the mark under the offending line (a guess at what was meant)."""

    code: str
    vi: str
    en: str
    place: Place = Place()
    hints: tuple[str | Hint, ...] = ()
    label: Hint | None = None

    def show(self, language: str = "vi") -> str:
        """As people read it (ux.md B4): message, place, line, mark, hints, where to read more."""
        vi = language == "vi"
        lines = [f"{'lỗi' if vi else 'error'}[{self.code}]: {self.vi if vi else self.en}"]
        if str(self.place):
            lines.append(f"  ┌─ {self.place}")
        label = _in(self.label, language) if self.label else ""
        if self.place.text:
            lines.append(f"{self.place.line:>3}│ {self.place.text}")
            if self.place.column:
                mark = " " * (self.place.column - 1) + "^" * max(1, self.place.width)
                lines.append(f"   │ {mark} {label}".rstrip())
                label = ""
        lines += [f"  = {hint}" for hint in ([label] if label else [])]
        lines += [f"  = {_in(hint, language)}" for hint in self.hints]
        lines.append(f"  = {'tra cứu' if vi else 'read more'}: luytre explain {self.code}")
        return "\n".join(lines)


def _in(hint: str | Hint, language: str) -> str:
    return (hint.vi if language == "vi" else hint.en) if isinstance(hint, Hint) else hint


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

    def show(self, language: str = "vi") -> str:
        """All problems, and that nothing has happened yet: what runs goes on with what it started with."""
        count = len(self.problems)
        vi = f"{count} lỗi; chưa có gì thay đổi, tiến trình đang chạy giữ cấu hình cũ"
        en = f"{count} problem{'s' * (count > 1)}; nothing has changed, running processes keep what they started with"
        return super().show(language) + f"\n\n{vi if language == 'vi' else en}"


class Unavailable(LuytreError):
    """A peer or a store does not answer; worth another try later."""

    exit_code = EXIT_UNAVAILABLE


class Damaged(LuytreError):
    """Stored bytes are not what was written."""


def guess(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
