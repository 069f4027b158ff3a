"""`luytre.toml`: one file for a machine, a table per program; each program checks its own table against a Struct.

In:  a path (or LUYTRE_CONFIG, or /etc/luytre/luytre.toml), `conf.d/*.toml` beside it in the order of names (a key in a
     later file wins), and the environment; `LUYTRE_<TABLE>_<KEY>` overrides a key.
Out: a frozen msgspec Struct. An unknown table or key, a wrong type or a value out of range refuses to start: every
problem is collected, each with file:line:column and a guess at what was meant (`ConfigError`, exit 78). Values are not
shown: some are secrets.
Bound: 1 MiB a file, 64 files. Source: https://toml.io/en/v1.0.0; the error's layout is ux.md B4.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sensors.config_text import Source, beside, read
from sensors.config_values import faults, struct_in
from sensors.errors import ConfigError, Hint, Place, Problem, guess

TABLES = ("node", "api", "store", "packet", "log", "probe", "ship", "correlator", "federation", "notices", "backup")
DEFAULT_PATH = "/etc/luytre/luytre.toml"

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
    """The parsed files; `table("ship", ShipTable)` gives one program's part of them."""

    def __init__(
        self, path: Path | None = None, environ: Mapping[str, str] = os.environ, *, refuse: bool = True
    ) -> None:
        """`refuse=False`: unknown tables are kept in `unknown`, to be told together with what else is wrong."""
        self.path = Path(path or environ.get("LUYTRE_CONFIG") or DEFAULT_PATH)
        self._environ = environ
        self._raw: dict[str, Any] = {}
        self._sources: list[Source] = []
        for one in (self.path, *beside(self.path)):
            source = read(one)
            self._sources.insert(0, source)  # the last file's place first: its value is in force
            _merge(self._raw, _parsed(source))
        self.unknown = [self._unknown(name, "", TABLES) for name in self._raw if name not in TABLES]
        if self.unknown and refuse:
            raise ConfigError(*self.unknown)

    @property
    def raw(self) -> Mapping[str, Any]:
        """The files as parsed, unchecked: for programs that only ask whether another one has work."""
        return self._raw

    @property
    def files(self) -> list[Path]:
        """What was read, in the order in which later ones win."""
        return [source.path for source in reversed(self._sources)]

    def table(self, name: str, kind: type[S]) -> S:
        """The table `name` as a `kind`, the environment applied; raises ConfigError with all problems."""
        raw = self._raw.get(name, {})
        if not isinstance(raw, dict):
            raise ConfigError(Problem("LT-C0102", f"`{name}` phải là một bảng [{name}]",
                                      f"`{name}` must be a table [{name}]", self._locate(name)))  # fmt: skip
        raw = raw | self.from_environment(name, kind)
        problems = self._unknown_keys(raw, kind, name)
        for fault in faults(raw, kind, name):
            valid = (Hint("hợp lệ ở đây: " + ", ".join(fault.valid), "valid here: " + ", ".join(fault.valid)),)
            problems.append(Problem("LT-C0103", fault.vi, fault.en, self._locate(fault.key),
                                    valid if fault.valid else ()))  # fmt: skip
        if problems:
            raise ConfigError(*problems)
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:  # what only the whole table shows
            raise ConfigError(Problem("LT-C0103", f"giá trị không hợp lệ: {error}", f"bad value: {error}",
                                      self._locate(name))) from None  # fmt: skip

    def place(self, key: str) -> Place | None:
        """Where a key path is set; None when it is in no file."""
        return next((found for source in self._sources if (found := source.find(key))), None)

    def from_environment(self, name: str, kind: type[Table]) -> dict[str, Any]:
        """What the environment sets of a table."""
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            text = self._environ.get(f"LUYTRE_{name}_{field.name}".upper())
            if text is not None:
                found[field.name] = _as_value(text, field.type)
        return found

    def keep(self, data: Path, name: str) -> None:
        """Leave with what process `name` starts, for `luytre config diff`; readable by us alone."""
        folder = data / "run" / "config"
        with contextlib.suppress(OSError):  # a full disk: the process starts all the same
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = folder / f"{name}.new"
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"pid": os.getpid(), "path": str(self.path), "tables": self._raw}, file, default=str)
            temporary.replace(folder / f"{name}.json")

    def _unknown_keys(self, raw: Mapping[str, Any], kind: Any, path: str) -> list[Problem]:
        known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        problems = []
        for key, value in raw.items():
            if key not in known:
                problems.append(self._unknown(key, path, known))
                continue
            inner = struct_in(known[key])
            if inner:
                for index, part in enumerate(value if isinstance(value, list) else [value]):
                    if isinstance(part, dict):
                        place = f"{path}.{key}" + (f"[{index}]" if isinstance(value, list) else "")
                        problems += self._unknown_keys(part, inner, place)
        return problems

    def _unknown(self, key: str, path: str, known: Mapping[str, Any] | tuple[str, ...]) -> Problem:
        meant = guess(key, known)
        valid = ", ".join(known)
        where = f"[{path}]" if path else str(self.path)
        place = self._locate(f"{path}.{key}" if path else key)
        label = Hint(f"có phải ý bạn là `{meant}`?", f"did you mean `{meant}`?") if meant else None
        return Problem("LT-C0104", f"khóa `{key}` không có trong {where}", f"unknown key `{key}` in {where}", place,
                       (Hint(f"hợp lệ ở đây: {valid}", f"valid here: {valid}"),), label)  # fmt: skip

    def _locate(self, key: str) -> Place:
        """Where a key path is; the file alone when the environment has set it."""
        return self.place(key) or Place(file=str(self.path), key=key)


def _parsed(source: Source) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        place = source.at(int(found[1]), int(found[2])) if found else Place(file=str(source.path))
        raise ConfigError(Problem("LT-C0101", f"tệp cấu hình không phải TOML hợp lệ: {error}",
                                  f"not valid TOML: {error}", place)) from None  # fmt: skip


def _merge(whole: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Tables key by key; anything else as a whole."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            _merge(whole[key], value)
        else:
            whole[key] = value


def _as_value(text: str, kind: Any) -> Any:
    """Environment text as the key's type: TOML's spelling where it is one, the text itself for strings."""
    if kind is str:
        return text
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
