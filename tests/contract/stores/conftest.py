"""Both stores under one suite, the embedded one and Elasticsearch 8 and 9; a server is started once, and only when a
test asks for it."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from collections.abc import Callable, Iterator
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


VERSIONS = ("8.19.0", "9.5.3")


@pytest.fixture(scope="session")
def elasticsearch_servers() -> Iterator[Callable[[str], object]]:
    with contextlib.ExitStack() as stack:

        @functools.cache
        def server(version: str) -> object:
            return stack.enter_context(server_module.running(version))

        yield server


@pytest.fixture(scope="session")
def elasticsearch_server(elasticsearch_servers: Callable[[str], object]) -> object:
    return elasticsearch_servers(VERSIONS[0])


@pytest.fixture(params=["embedded", *(pytest.param(version, marks=pytest.mark.elasticsearch) for version in VERSIONS)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[object]:
    harness = _load("stores_harness", HERE / "harness.py")
    if request.param == "embedded":
        made = harness.Embedded(tmp_path / "data")
    else:
        made = harness.Elastic(*request.getfixturevalue("elasticsearch_servers")(request.param), tmp_path)
    yield made
    made.close()
