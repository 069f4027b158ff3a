"""`python -m api.openapi > openapi.json`: the schema of /api/v1, without a node, a database or a key."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from api.app import create_app
from api.audit import Audit
from api.config import ApiTable
from api.runtime import Runtime
from api.state.base import Database
from correlator.store.base import EventReader, EventWriter
from sensors.clock import SystemClock
from sensors.config import NodeTable
from sensors.daemon import logger


class _Nothing:
    """Stands where the event store would be: describing routes asks it nothing."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def schema() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()
        db = Database(Path(folder) / "none.db")
        nothing: Any = _Nothing()
        reader: EventReader = nothing
        writer: EventWriter = nothing
        try:
            node = Runtime(
                config=None, node=NodeTable(data=folder), api=ApiTable(), db=db, reader=reader, writer=writer,
                audit=Audit(Path(folder) / "head", clock.now), log=logger("openapi"), clock=clock,
            )  # fmt: skip
            return create_app(node).openapi()
        finally:
            db.close()


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, ensure_ascii=False, indent=1, sort_keys=True)
    sys.stdout.write("\n")
