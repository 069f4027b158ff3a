"""`luytre.toml`: one file for a machine, a table per program; each program checks its own table against a Struct.

In:  a path (or LUYTRE_CONFIG, or /etc/luytre/luytre.toml) and the environment; `LUYTRE_<TABLE>_<KEY>` overrides a key.
Out: a frozen msgspec Struct. An unknown table or key, a wrong type or a value out of range refuses to start: every
problem is collected, each with file:line:column and a guess at what was meant (`ConfigError`, exit 78). Values are not
shown: some are secrets.
Bound: 1 MiB of file. Source: https://toml.io/en/v1.0.0; the error's layout is ux.md B4.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from sensors.errors import ConfigError, Place, Problem, guess

TABLES = ("node", "api", "store", "packet", "log", "probe", "ship", "correlator", "federation", "notices", "backup")
LIMIT_BYTES = 1024 * 1024
DEFAULT_PATH = "/etc/luytre/luytre.toml"

# What of a line is shown: a table's header, a key before its "=", punctuation; not what else is written there.
_KEYS = re.compile(
    r"""(?P<header>^\s*\[+[\w.\- ]+\]+\s*$)|(?P<key>[\w\-.]+(?=\s*=))|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s\[\]{},=]+"""
)

S = TypeVar("S", bound="Table")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table's Struct."""


class NodeTable(Table, frozen=True, kw_only=True):
    """[node]: what all programs on this machine share."""

    data: str = "/var/lib/luytre"
    role: str = "agency"  # or "national"
    agency: str = "local"  # code of the agency that this machine belongs to
    name: str = ""  # the agency's name as people read it
    observer: str = ""  # this machine's name as a sensor; default: host name
    language: str = "vi"
    exercise: bool = False  # True: every screen and document says DIỄN TẬP
    share: str = ""  # where rules/ and the dashboard lie; default: beside the code, then the installed share/luytre

    @property
    def root(self) -> Path:
        return Path(self.data)


class Config:
    """The parsed file; `table("ship", ShipTable)` gives one program's part of it."""

    def __init__(self, path: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.path = Path(path or environ.get("LUYTRE_CONFIG") or DEFAULT_PATH)
        self._environ = environ
        self._text = _read(self.path)
        try:
            self._raw: dict[str, Any] = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+), column (\d+)", str(error))
            place = self._at_line(int(found[1]), int(found[2])) if found else Place(file=str(self.path))
            raise ConfigError(Problem("LT-C0101", f"tệp cấu hình không phải TOML hợp lệ: {error}",
                                      f"not valid TOML: {error}", place)) from None  # fmt: skip
        unknown = [name for name in self._raw if name not in TABLES]
        if unknown:
            raise ConfigError(*(self._unknown(name, "", TABLES) for name in unknown))

    @property
    def raw(self) -> Mapping[str, Any]:
        """The file as parsed, unchecked: for programs that only ask whether another one has work."""
        return self._raw

    def table(self, name: str, kind: type[S]) -> S:
        """The table `name` as a `kind`, the environment applied; raises ConfigError with all problems."""
        raw = self._raw.get(name, {})
        if not isinstance(raw, dict):
            raise ConfigError(Problem("LT-C0102", f"`{name}` phải là một bảng [{name}]",
                                      f"`{name}` must be a table [{name}]", self._locate(name)))  # fmt: skip
        raw = raw | self._from_environment(name, kind)
        problems = self._unknown_keys(raw, kind, name)
        if problems:
            raise ConfigError(*problems)
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            text = str(error)
            path = re.search(r"at `\$\.?([^`]*)`", text)
            key = name + (f".{path[1]}" if path and path[1] else "")
            raise ConfigError(Problem("LT-C0103", f"giá trị không hợp lệ: {text}", f"bad value: {text}",
                                      self._locate(key))) from None  # fmt: skip

    def _from_environment(self, name: str, kind: type[Table]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            text = self._environ.get(f"LUYTRE_{name}_{field.name}".upper())
            if text is not None:
                found[field.name] = _as_value(text, field.type)
        return found

    def _unknown_keys(self, raw: Mapping[str, Any], kind: Any, path: str) -> list[Problem]:
        known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        problems = []
        for key, value in raw.items():
            if key not in known:
                problems.append(self._unknown(key, path, known))
                continue
            inner = _struct_in(known[key])
            if inner:
                for index, part in enumerate(value if isinstance(value, list) else [value]):
                    if isinstance(part, dict):
                        place = f"{path}.{key}" + (f"[{index}]" if isinstance(value, list) else "")
                        problems += self._unknown_keys(part, inner, place)
        return problems

    def _unknown(self, key: str, path: str, known: Mapping[str, Any] | tuple[str, ...]) -> Problem:
        meant = guess(key, known)
        hints = ((f"có phải ý bạn là `{meant}`? / did you mean `{meant}`?",) if meant else ()) + (
            "hợp lệ ở đây / valid here: " + ", ".join(known),
        )
        where = f"[{path}]" if path else str(self.path)
        return Problem("LT-C0104", f"khóa `{key}` không có trong {where}", f"unknown key `{key}` in {where}",
                       self._locate(f"{path}.{key}" if path else key), hints)  # fmt: skip

    def _locate(self, key: str) -> Place:
        """Line and column of a key path: the last line that sets its last part under its table's header."""
        words = re.sub(r"\[\d+\]", "", key).split(".")
        table, last = words[0], words[-1]
        best = Place(file=str(self.path), key=key)
        inside = len(words) == 1
        for number, line in enumerate(self._text.splitlines(), 1):
            header = re.match(r"\s*\[+\s*([\w.\-\"]+)\s*\]+", line)
            if header:
                inside = header[1].split(".")[0].strip('"') == table
                if header[1].split(".")[-1] == last:
                    best = Place(str(self.path), number, line.index(last) + 1, key, _shown(line))
                continue
            found = re.search(rf"(?:^|[\s{{,.])({re.escape(last)})\s*=", line)
            if inside and found:
                return Place(str(self.path), number, found.start(1) + 1, key, _shown(line))
        return best

    def _at_line(self, line: int, column: int) -> Place:
        lines = self._text.splitlines()
        return Place(str(self.path), line, column, "", _shown(lines[line - 1]) if line <= len(lines) else "")


def _read(path: Path) -> str:
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
        return data.decode("utf-8")
    except ValueError as error:
        raise ConfigError(Problem("LT-C0101", f"tệp cấu hình không đọc được: {error}",
                                  f"unreadable configuration: {error}", Place(str(path)))) from None  # fmt: skip


def _shown(line: str) -> str:
    """The line with its keys and without its values: a password in a mistyped key must not reach a journal."""
    return _KEYS.sub(lambda found: found[0] if found["key"] or found["header"] else "•" * len(found[0]), line)


def _as_value(text: str, kind: Any) -> Any:
    """Environment text as the key's type: TOML's spelling where it is one, the text itself for strings."""
    if kind is str:
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _struct_in(kind: Any) -> Any:
    """The Struct inside `X`, `list[X]`, `tuple[X, ...]`, `X | None`, or None."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if get_origin(kind) is None:
        return None
    return next((found for part in get_args(kind) if (found := _struct_in(part))), None)
