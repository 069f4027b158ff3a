"""`[ship]` of luytre.toml: where a machine's events go, and what the link may cost."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sensors.config import Table

_Positive = Annotated[int, msgspec.Meta(ge=1)]


class ShipTable(Table, frozen=True, kw_only=True):
    url: str = "https://localhost:8444"  # the node's machine port
    keys: str = ""  # folder of sensor.pem, sensor.key, ca.pem; default: <data>/keys
    coding: Literal["zstd", "gzip", "identity"] = "zstd"
    batch_items: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    batch_bytes: Annotated[int, msgspec.Meta(ge=4096, le=8_000_000)] = 1_000_000  # before compression
    bytes_per_second: _Positive | None = None  # None: as fast as the link and the node allow
    bytes_per_day: Annotated[int, msgspec.Meta(ge=65_536)] | None = None  # the last tenth is kept for urgent events
    idle_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 0.5  # how long a new event may wait for company
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 90.0
    dead_bytes: _Positive = 32 * 1024 * 1024  # dead letters kept here
