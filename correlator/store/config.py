"""`[store]`: which event store this node has, and how much it keeps."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sensors.config import Table


class StoreTable(Table, frozen=True, kw_only=True):
    kind: Literal["embedded", "elasticsearch"] = "embedded"
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 365
    limit_bytes: Annotated[int, msgspec.Meta(ge=64 * 1024 * 1024)] | None = None
    # Embedded: what tantivy may hold before it writes a segment. 15 MB is its smallest; more makes fewer, larger ones.
    heap_bytes: Annotated[int, msgspec.Meta(ge=15_000_000, le=1_000_000_000)] = 32_000_000
    # Elasticsearch.
    url: str = ""
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    # On a cluster that several nodes share: this node's agencies, whose data streams alone it reads. Empty: all.
    agencies: tuple[str, ...] = ()
