"""How a file becomes part of the system: `find(package, name, kind)` imports each module of a package and takes the
object called `name` from it. Adding a protocol, format, probe or detector is adding one file; there is no list to edit.

Out: {module's last name: object}, sorted by name. A module that does not export `name` is an error, unless its name
starts with "_"; so is one whose object is not a `kind`. Sub-packages count as one module (their `__init__`), and those
named in `skip` (shared wire grammar) are passed over.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def find(package: ModuleType, name: str, kind: type[T], skip: Collection[str] = ()) -> dict[str, T]:
    found: dict[str, T] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name.startswith("_") or info.name in skip:
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        thing = getattr(module, name, None)
        if not isinstance(thing, kind):
            raise TypeError(f"{module.__file__}: expected {name} of type {kind.__name__}, found {type(thing).__name__}")
        found[info.name] = thing
    return found
