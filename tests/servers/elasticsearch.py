"""The real Elasticsearch of `api/node/exercise/elasticsearch.py`, for tests: where it can't run, a skip that says why,
and under CI=true a failure."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from api.node.exercise import elasticsearch
from api.node.exercise.elasticsearch import Server
from sensors.errors import Unavailable


@contextlib.contextmanager
def running(version: str = elasticsearch.VERSION) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(elasticsearch.running(version))
        except Unavailable as error:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(error.problems[0].en)
        yield server
