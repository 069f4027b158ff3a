"""What the suite needs of a store besides its promise: make one, wait until what was appended is found, restart it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import elasticsearch

from correlator.store.base import EventReader, EventWriter
from correlator.store.config import StoreTable
from correlator.store.elastic import Server
from correlator.store.elastic_reader import ElasticReader
from correlator.store.elastic_schema import MARKS_INDEX
from correlator.store.elastic_writer import ElasticWriter
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
            while indexer.step():
                pass
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


class Elastic:
    """One server for the whole run; each test has it to itself, emptied before."""

    def __init__(self, url: str, username: str, password: str, folder: Path) -> None:
        secret = folder / "password"
        secret.write_text(password)
        self.table = StoreTable(kind="elasticsearch", url=url, username=username, password_file=str(secret))
        self.clock = ManualClock(time.time())
        self.client = elasticsearch.Elasticsearch(url, basic_auth=(username, password), request_timeout=60)
        for stream in self.client.indices.resolve_index(name="logs-*", expand_wildcards=["all"])["data_streams"]:
            names = stream["backing_indices"]
            names = [names] if isinstance(names, str) else names
            self.client.indices.rollover(alias=stream["name"])
            self.client.indices.delete(index=",".join(names))
        self.client.indices.delete(index=MARKS_INDEX, ignore_unavailable=True)
        self.writer = self._writer()
        self.reader = ElasticReader(Server.connect(self.table))

    def _writer(self) -> ElasticWriter:
        return ElasticWriter(Server.connect(self.table), days=self.table.days, clock=self.clock)

    def settle(self) -> None:
        self.reader.refresh()

    def restart(self) -> None:
        self.writer.close()
        self.writer = self._writer()

    def pass_days(self, days: int) -> None:
        self.clock.move(days * 86_400)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
        self.client.close()
