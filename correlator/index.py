"""`luytre-correlator index`: the only process that writes the embedded index.

In:  `<data>/journal/{events,hits}`. Out: `<data>/index/{events,hits}`, health in `<data>/run/index.json`.
An event is found within a second after its 201; nothing is committed while nothing arrives; after 20 s of rest the
writers' heaps are given back. On Elasticsearch there is nothing to index and the process says so and ends.
"""

from __future__ import annotations

from correlator.store.config import StoreTable
from correlator.store.indexer import StreamIndexer
from sensors.clock import SystemClock
from sensors.config import Config, NodeTable
from sensors.daemon import Daemon
from sensors.errors import EXIT_OK

STREAMS = ("events", "hits")
POLL_S = 0.2
REPORT_S = 5.0
SCRUB_S = 60.0
START_SCRUB_BYTES = 2 << 30  # checked at start; older partitions are in the idle round
HITS_HEAP_BYTES = 15_000_000  # tantivy's smallest


def run(config: Config, daemon: Daemon) -> int:
    node, table = config.table("node", NodeTable), config.table("store", StoreTable)
    if table.kind != "embedded":
        daemon.log.info("nothing_to_index", store=table.kind)
        return EXIT_OK
    heaps = {"events": table.heap_bytes, "hits": HITS_HEAP_BYTES}
    indexers = {
        stream: StreamIndexer(
            node.root / "journal" / stream, node.root / "index" / stream,
            heap_bytes=heaps[stream], log=daemon.log.bind(stream=stream).warning,
        )
        for stream in STREAMS
    }  # fmt: skip
    for indexer in indexers.values():
        indexer.scrub(START_SCRUB_BYTES)
    daemon.ready()
    reported = scrubbed = 0.0
    rounds = 0
    clock = SystemClock()
    while not daemon.stop.is_set():
        done = sum(indexer.step() for indexer in indexers.values())
        now = clock.monotonic()
        if now - reported >= REPORT_S:
            reported = now
            for indexer in indexers.values():
                indexer.expire()
            daemon.report({stream: indexer.counters() for stream, indexer in indexers.items()})
        if not done and now - scrubbed >= SCRUB_S:
            scrubbed, rounds = now, rounds + 1
            for indexer in indexers.values():
                indexer.scrub_one(rounds)
        if not done:
            daemon.stop.wait(POLL_S)
    for indexer in indexers.values():
        indexer.flush()
        indexer.close()
    daemon.report({stream: indexer.counters() for stream, indexer in indexers.items()})
    return EXIT_OK
