"""Where a key stands in the text of luytre.toml and of conf.d/*.toml, and what of a line may be shown.

In:  key paths such as `log.files[1].path`. Out: `Place`s. Values are never shown: some are secrets.
Bound: LIMIT_BYTES a file, FILES files beside luytre.toml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sensors.errors import ConfigError, Place, Problem

LIMIT_BYTES = 1024 * 1024
FILES = 64

# What of a line is shown: a table's header, a key before its "=", punctuation; not what else is written there.
_KEYS = re.compile(
    r"""(?P<header>^\s*\[+[\w.\- ]+\]+\s*$)|(?P<key>[\w\-.]+(?=\s*=))|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s\[\]{},=]+"""
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file's text."""

    path: Path
    text: str

    def at(self, line: int, column: int) -> Place:
        lines = self.text.splitlines()
        return Place(str(self.path), line, column, "", shown(lines[line - 1]) if 0 < line <= len(lines) else "")

    def find(self, key: str) -> Place | None:
        """Line and column of a key path: where its last part is set under its table's header; of a list's elements the
        one that is meant, when as many are found as its number says."""
        words = re.sub(r"\[\d+\]", "", key).split(".")
        number = re.search(r"\[(\d+)\]", key)
        table, last = words[0], words[-1]
        best: Place | None = None
        hits: list[Place] = []
        inside = len(words) == 1
        for line, text in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[+\s*([\w.\-\"]+)\s*\]+", text)
            if header:
                inside = header[1].split(".")[0].strip('"') == table
                if header[1].split(".")[-1] == last and best is None:
                    best = Place(str(self.path), line, text.index(last) + 1, key, shown(text), len(last))
                continue
            if inside and not text.lstrip().startswith("#"):
                hits += [
                    Place(str(self.path), line, found.start(1) + 1, key, shown(text), len(last))
                    for found in re.finditer(rf"(?:^|[\s{{,.])({re.escape(last)})\s*=", text)
                ]
        if not hits:
            return best
        wanted = int(number[1]) if number else 0
        return hits[wanted] if wanted < len(hits) else hits[0]


def shown(line: str) -> str:
    """The line with its keys and without its values: a password in a mistyped key must not reach a journal."""
    return _KEYS.sub(lambda found: found[0] if found["key"] or found["header"] else "•" * len(found[0]), line)


def beside(path: Path) -> list[Path]:
    """conf.d/*.toml beside luytre.toml, in the order of names: later ones win."""
    return sorted((path.parent / "conf.d").glob("*.toml"))[:FILES]


def read(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError(Problem("LT-C0100", f"không đọc được tệp cấu hình: {error.strerror}",
                                  f"cannot read the configuration: {error.strerror}", Place(str(path)),
                                  ("luytre init",))) from None  # fmt: skip
    try:
        if len(data) > LIMIT_BYTES:
            raise ValueError(f"over {LIMIT_BYTES} bytes")
        return Source(path, data.decode("utf-8"))
    except ValueError as error:
        raise ConfigError(Problem("LT-C0101", f"tệp cấu hình không đọc được: {error}",
                                  f"unreadable configuration: {error}", Place(str(path)))) from None  # fmt: skip
