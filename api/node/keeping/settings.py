"""`[backup]` of luytre.toml. Nothing is copied anywhere until `target` is set; never to elsewhere unasked."""

from __future__ import annotations

from typing import Annotated

import msgspec

from sensors.config import Table

_Count = Annotated[int, msgspec.Meta(ge=0, le=3650)]


class BackupTable(Table, frozen=True, kw_only=True):
    target: str = ""  # the folder: another disk, a mounted share. Empty: no backup is made by itself
    key: str = ""  # the key file: a public key (best: this machine then cannot read its backups), or a passphrase
    every_h: Annotated[float, msgspec.Meta(ge=1, le=24 * 30)] = 24.0
    events: bool = True  # with the journal; without it only what people and machines did and decided
    daily: _Count = 7  # so many of the newest are kept, one a day
    weekly: _Count = 5  # and so many more, one a week
    limit_bytes_per_s: Annotated[int, msgspec.Meta(ge=65_536)] | None = None
