"""The embedded store's figures: appends, indexing, searching, on events like those of a web and mail server."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path

from correlator.store.base import EVERYTHING, Query, Scope
from correlator.store.embedded import EmbeddedReader
from correlator.store.indexer import StreamIndexer
from correlator.store.journal import EmbeddedWriter
from correlator.store.query import parse

NAME = "stores"
BATCH = 1_000


def _events(count: int) -> list[dict[str, object]]:
    chance = random.Random(1)
    hosts = [f"may-chu-{number}" for number in range(40)]
    events: list[dict[str, object]] = []
    for number in range(count):
        address = f"203.0.{chance.randrange(256)}.{chance.randrange(256)}"
        path = f"/dich-vu/{chance.randrange(5_000)}"
        status = chance.choice([200, 200, 200, 304, 404, 500])
        events.append({
            "@timestamp": f"2026-11-22T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
            "event": {"id": f"{number:032x}", "dataset": "nginx.access", "kind": "event", "category": ["web"],
                      "outcome": "success" if status < 400 else "failure", "ingested": "2026-11-22T00:00:00Z",
                      "original": f'{address} - - "GET {path} HTTP/1.1" {status} {number} "Đăng nhập hệ thống"'},
            "organization": {"id": f"so-{number % 5}"}, "host": {"name": hosts[number % 40]},
            "source": {"ip": address, "port": chance.randrange(1024, 65536)},
            "http": {"request": {"method": "GET"}, "response": {"status_code": status, "body": {"bytes": number}}},
            "url": {"path": path, "original": path}, "user_agent": {"original": "Mozilla/5.0 (X11; Linux x86_64)"},
            "log": {"file": {"path": "/var/log/nginx/access.log"}, "offset": number}, "rieng": {"so": number % 97},
            "agent": {"type": "log", "name": "cam-bien-1"}, "ecs": {"version": "9.0.0"},
        })  # fmt: skip
    return events


def run(quick: bool = False) -> dict[str, object]:
    count = 20_000 if quick else 200_000
    events = _events(count)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        writer = EmbeddedWriter(data)
        begun = time.perf_counter()
        for start in range(0, count, BATCH):
            writer.append(events[start : start + BATCH])
        append_s = time.perf_counter() - begun
        indexer = StreamIndexer(data / "journal" / "events", data / "index" / "events")
        begun, cpu = time.perf_counter(), time.process_time()
        while indexer.step():
            pass
        indexer.flush()
        index_s, index_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
        reader = EmbeddedReader(data)
        figures: dict[str, object] = {
            "events": count, "append_per_s": round(count / append_s), "index_per_s": round(count / index_s),
            "index_per_cpu_s": round(count / index_cpu_s),
        }  # fmt: skip
        histogram = {"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "30m"}}}
        for name, query, scope in (
            ("words", Query(parse("dang nhap")), EVERYTHING),
            ("phrase_scoped", Query(parse('"dang nhap he thong"')), Scope(frozenset({"so-1"}))),
            ("field", Query(parse("host.name:may-chu-7 http.response.status_code>=400")), EVERYTHING),
            ("network", Query(parse("source.ip:203.0.7.0/24")), EVERYTHING),
            ("wildcard_leading", Query(parse("url.path:*99")), EVERYTHING),
            ("undeclared", Query(parse("rieng.so:5")), EVERYTHING),
            ("histogram", Query(size=0, aggs=histogram), EVERYTHING),
            ("terms", Query(size=0, aggs={"t": {"terms": {"field": "source.ip"}}}), EVERYTHING),
        ):
            times = []
            for _ in range(15):
                begun = time.perf_counter()
                reader.search(scope, query)
                times.append(1_000 * (time.perf_counter() - begun))
            figures[f"search_{name}_ms"] = round(statistics.median(times), 1)
        reader.close()
        indexer.close()
        writer.close()
        sizes = {
            name: sum(path.stat().st_size for path in (data / name).rglob("*") if path.is_file())
            for name in ("journal", "index")
        }
        figures |= {f"{name}_bytes_per_event": round(size / count) for name, size in sizes.items()}
        return figures


if __name__ == "__main__":
    print(run())
