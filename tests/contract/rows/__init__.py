"""What a right call of each route looks like: a file per resource, found by the registry, walked by test_routes.py.

`ROWS = Rows({(method, path): (query, body, status)})`; `{name}` in a path or body becomes an id of the agency that is
being tried. A resource whose objects the world of test_routes.py does not hold makes one per agency:
`ROWS = Rows({…}, make)` with `make(node, agency, words) -> {name: id}`, where `words` is a harmless text for the
person's own agency and the canary for the other: put it into every text field that the resource stores.
`named_in_body`: (method, path) whose agency is named in the body: another's is 422 there, not 404.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensors.clock import rfc3339
from sensors.registry import find
from tests.servers.people_port import NOW, NodeUnderTest

Row = tuple[str, Any, int]
UNTIL = rfc3339(NOW + 3600)


@dataclass(frozen=True)
class Rows:
    rows: Mapping[tuple[str, str], Row]
    make: Callable[[NodeUnderTest, str, str], Mapping[str, str]] | None = None
    named_in_body: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def all_rows() -> dict[str, Rows]:
    return find(sys.modules[__name__], "ROWS", Rows)
