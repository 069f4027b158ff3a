"""The event store: `open_writer(config)` and `open_reader(config)` choose by `[store] kind`. See README.md."""

from __future__ import annotations

from correlator.store.base import EventReader, EventWriter
from correlator.store.config import StoreTable
from sensors.config import Config, NodeTable


def open_writer(config: Config) -> EventWriter:
    """The one writer of this node's store; only luytre-api calls it."""
    table = config.table("store", StoreTable)
    if table.kind == "elasticsearch":
        from correlator.store.elastic import Server
        from correlator.store.elastic_writer import ElasticWriter

        return ElasticWriter(Server.connect(table), days=table.days, agencies=table.agencies)
    from correlator.store.journal import EmbeddedWriter

    return EmbeddedWriter(config.table("node", NodeTable).root)


def open_reader(config: Config) -> EventReader:
    """A reader, in any process."""
    table = config.table("store", StoreTable)
    if table.kind == "elasticsearch":
        from correlator.store.elastic import Server
        from correlator.store.elastic_reader import ElasticReader

        return ElasticReader(Server.connect(table), table.agencies)
    from correlator.store.embedded import EmbeddedReader

    return EmbeddedReader(config.table("node", NodeTable).root)
