"""A node's correlator: events a second of processor time from the journal's tail to the hits.

Inputs: the events of `bench_engine` (web requests, log-ins, DNS, flows) as ingest stamps them, through the shipped
rules and detectors; when the third-party data is there, Windows events with 20 % new words through the shipped rules
and through all of SigmaHQ's. Each from a journal on this disk, `tail` of 1,000 after `tail`, warm, the best of three
rounds, in turns: as lines (what the product does), decoded first (what it did until 2026-11-22).
Out: events/s of both, of the lines also with 100,000 indicators in force; resident memory at the end.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, write
from correlator.pipeline import Pipeline
from correlator.store.base import EventReader, Gap, Page
from correlator.store.embedded import EmbeddedReader
from correlator.store.journal import EmbeddedWriter
from sensors.event import Event, decode, put
from tests.bench import bench_engine, bench_indicators
from tests.bench.streams import make
from tests.bench.streams.corpus import corpus

NAME = "correlator"
ROOT = Path(__file__).resolve().parents[2]
PAGE = 1_000
ROUNDS = 3
INDICATORS = 100_000

Feed = Callable[[Pipeline, Page], Sequence[Event]]
WAYS: dict[str, Feed] = {
    "lines": lambda pipeline, page: pipeline.feed(page.items),
    "decoded first": lambda pipeline, page: pipeline.feed(page.events),
}


def run(quick: bool) -> dict[str, Any]:
    count = 10_000 if quick else 60_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed = folder / "indicators"
        write(listed, bench_indicators.rows(INDICATORS), {1: "a", 2: "b"}, bench_indicators.START)
        ours = Engine.load([ROOT / "rules"], [ROOT / "rules" / "pipelines"])
        ordinary = _journal(folder / "ordinary", _stamped(bench_engine._made(count)))
        found = {"our rules, ordinary events": _weigh(ours, ordinary, IndicatorTable(listed))}
        sigma = bench_engine.sigma(folder)
        if sigma is not None:
            stream = folder / "stream"
            make.write(corpus(bench_engine.DATA, folder), stream, count=count, novelty=0.2, flat=False)
            windows = _journal(folder / "windows", map(decode, stream.with_suffix(".jsonl").read_bytes().splitlines()))
            found["our rules, Windows events"] = _weigh(ours, windows, IndicatorTable(listed))
            theirs = Engine.load([sigma], [ROOT / "rules" / "pipelines"])
            found["SigmaHQ's rules, Windows events"] = _weigh(theirs, windows, IndicatorTable(listed))
        return found | {"resident_mb": round(bench_indicators._resident() / 1e6)}


def _stamped(events: Iterable[Event]) -> Iterator[Event]:
    for number, event in enumerate(events):
        put(event, "event.ingested", event["@timestamp"])
        put(event, "organization.id", "xa-a")
        put(event, "observer.id", "s-01")
        put(event, "observer.name", "cb-01")
        put(event, "agent.type", "packet" if number % 2 else "log")
        yield event


def _journal(data: Path, events: Iterator[Event]) -> EmbeddedReader:
    writer = EmbeddedWriter(data)
    while page := list(islice(events, PAGE)):
        writer.append(page)
    writer.close()
    return EmbeddedReader(data)


def _weigh(engine: Engine, reader: EventReader, table: IndicatorTable) -> dict[str, Any]:
    asked = {**{name: (feed, Indicators()) for name, feed in WAYS.items()},
             "lines, indicators": (WAYS["lines"], Indicators(table))}  # fmt: skip
    best: dict[str, float] = {}
    hits: dict[str, int] = {}
    for number in range(ROUNDS + 1):
        for name, (feed, indicators) in asked.items():
            pipeline = Pipeline(engine, found_detectors(), indicators=indicators)
            per_s = _through(pipeline, reader, feed)
            hits[name] = pipeline.hits.total()
            if number:
                best[name] = max(per_s, best.get(name, 0.0))
    return {**{f"{name}, events_per_s": round(value) for name, value in best.items()}, "hits": hits["lines"]}


def _through(pipeline: Pipeline, reader: EventReader, feed: Feed) -> float:
    cursor = None
    begun = time.process_time()
    while True:
        page = reader.tail(cursor, PAGE)
        assert not isinstance(page, Gap)
        if not page.items:
            return pipeline.events / (time.process_time() - begun)
        feed(pipeline, page)
        cursor = page.next
