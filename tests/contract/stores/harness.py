"""What the suite needs of a store besides its promise: make one, wait until what was appended is found, restart it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from correlator.store.base import EventReader, EventWriter
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from correlator.store.journal import EmbeddedWriter
from sensors.clock import ManualClock


class Harness(Protocol):
    writer: EventWriter
    reader: EventReader

    def settle(self) -> None:
        """Return when everything appended is searchable."""

    def restart(self) -> None:
        """The writer's process dies and another begins."""

    def pass_days(self, days: int) -> None:
        """Later appends happen that many days later."""

    def close(self) -> None: ...


class Embedded:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = ManualClock(1_795_000_000.0)
        self.writer = EmbeddedWriter(data, clock=self.clock)
        self.reader = EmbeddedReader(data)
        self.indexers = self._indexers()

    def _indexers(self) -> list[StreamIndexer]:
        return [
            StreamIndexer(self.data / "journal" / stream, self.data / "index" / stream, heap_bytes=15_000_000)
            for stream in ("events", "hits")
        ]

    def settle(self) -> None:
        for indexer in self.indexers:
            while indexer.step():
                pass
            indexer.flush()
            indexer.expire()

    def restart(self) -> None:
        self.writer.close()
        self.writer = EmbeddedWriter(self.data, clock=self.clock)

    def pass_days(self, days: int) -> None:
        self.clock.move(days * 86_400)

    def close(self) -> None:
        for indexer in self.indexers:
            indexer.close()
        self.reader.close()
        self.writer.close()
