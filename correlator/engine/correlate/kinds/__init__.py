"""The correlation types: one file each, exporting `KIND`. Adding a type is adding a file."""

from __future__ import annotations

import importlib
import pkgutil

from correlator.engine.correlate.measure import Kind


def _found() -> dict[str, Kind]:
    kinds = (importlib.import_module(f"{__name__}.{module.name}").KIND for module in pkgutil.iter_modules(__path__))
    return {kind.name: kind for kind in kinds}


KINDS: dict[str, Kind] = _found()
