"""Every key of luytre.toml: its meaning in both languages, type, default, and where it is set.

In:  the Table classes (types, defaults) and keys.toml beside this file (meanings). Out: `Key`s by dotted path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from api.config import ApiTable
from api.federation.config import FederationTable
from api.node.checks import Words
from api.node.keeping.settings import BackupTable
from api.notices.config import NoticesTable
from correlator.config import CorrelatorTable
from correlator.store.config import StoreTable
from sensors.config import NodeTable, Table
from sensors.config_values import struct_in
from sensors.roles.log import LogTable
from sensors.roles.packet import PacketTable
from sensors.roles.probe import ProbeTable
from sensors.ship.table import ShipTable

TABLES: dict[str, type[Table]] = {
    "node": NodeTable, "api": ApiTable, "store": StoreTable, "packet": PacketTable, "log": LogTable,
    "probe": ProbeTable, "ship": ShipTable, "correlator": CorrelatorTable, "federation": FederationTable,
    "notices": NoticesTable, "backup": BackupTable,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    path: str  # "log.files.path"
    kind: str
    default: str  # as TOML says it; "" where the key must be given
    required: bool
    about: Words | None  # None for a list of tables: its own keys are explained


def keys() -> dict[str, Key]:
    """All of them, by path."""
    return {key.path: key for name, kind in TABLES.items() for key in _of(kind, name)}


def _of(kind: Any, path: str) -> Iterator[Key]:
    for field in msgspec.structs.fields(kind):
        where = f"{path}.{field.encode_name}"
        default = (
            field.default_factory() if field.default is msgspec.NODEFAULT and not field.required else field.default
        )
        inner = struct_in(field.type)
        yield Key(where, name_of(field.type), "" if field.required else shown(default), field.required, about(where))
        if inner:
            yield from _of(inner, where)


@cache
def _meanings() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "keys.toml").read_text("utf-8"))


def about(path: str) -> Words | None:
    found: Any = _meanings()
    for word in path.split("."):
        found = found.get(word) if isinstance(found, dict) else None
    return Words(*found) if isinstance(found, list) and len(found) == 2 else None


def explained() -> Iterator[str]:
    """Every path that keys.toml explains."""

    def walk(table: Mapping[str, Any], path: str) -> Iterator[str]:
        for key, value in table.items():
            where = f"{path}.{key}" if path else key
            if isinstance(value, dict):
                yield from walk(value, where)
            else:
                yield where

    return walk(_meanings(), "")


def name_of(kind: Any) -> str:
    """A type as people write it: `int ≥ 1`, `embedded | elasticsearch`, `[str]`."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *limits = get_args(kind)
        signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}
        said = [f"{sign} {value}" for limit in limits for name, sign in signs.items()
                if (value := getattr(limit, name, None)) is not None]  # fmt: skip
        return " ".join([name_of(inner), *said])
    if origin is Literal:
        return " | ".join(map(str, get_args(kind)))
    if struct_in(kind):
        return "[{ … }]" if origin in (tuple, list) else "{ … }"
    if origin in (tuple, list):
        return f"[{name_of(get_args(kind)[0])}]"
    if origin is dict:
        return "{ … }"
    parts = [part for part in get_args(kind) if part is not type(None)]
    return " | ".join(map(name_of, parts)) if parts else getattr(kind, "__name__", str(kind))


def shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
