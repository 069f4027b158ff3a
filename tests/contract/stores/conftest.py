"""Both stores under one suite; the server is started once, and only when a test asks for it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    """A module of the tests by its file: they are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


server_module = _load("servers_elasticsearch", HERE.parents[1] / "servers" / "elasticsearch.py")


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[object]:
    with server_module.running() as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    harness = _load("stores_harness", HERE / "harness.py")
    if request.param == "embedded":
        made = harness.Embedded(tmp_path / "data")
    else:
        made = harness.Elastic(*request.getfixturevalue("elasticsearch_server"), tmp_path)
    yield made
    made.close()
