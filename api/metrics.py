"""`/metrics`: this node in Prometheus' text format, made from what its processes report.

In:  run/*.json of every process and the counters of this one. Out: gauges `luytre_<process>_<counter>{…}`: every number
     in a report under its path, one level of names as a label when there are many of them (`{key="…"}`).
Bound: NUMBERS per scrape; texts are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from api.health import processes
from api.runtime import Runtime

NUMBERS = 5_000
_BAD = re.compile(r"[^a-zA-Z0-9_]+")


def text(node: Runtime) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reports(node))
    return generate_latest(registry)


class _Reports(Collector):
    def __init__(self, node: Runtime) -> None:
        self._node = node

    def collect(self) -> Iterator[GaugeMetricFamily]:
        reports = [body for body in processes(self._node.data) if body["name"] != "luytre-api"]
        own = {"name": "luytre-api"} | {name: count() for name, count in self._node.counters.items()}
        families: dict[str, GaugeMetricFamily] = {}
        left = NUMBERS
        for body in (own, *reports):
            process = body["name"]
            for path, value in _numbers(body):
                left -= 1
                if left < 0:
                    return
                name = _BAD.sub("_", "luytre_" + "_".join(path[:2])).lower()
                family = families.get(name)
                if family is None:
                    family = families[name] = GaugeMetricFamily(name, "", labels=("process", "key"))
                family.add_metric((process, ".".join(path[2:])), value)
        yield from families.values()


def _numbers(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    for key, inner in value.items():
        here = (*path, str(key))
        if isinstance(inner, bool | int | float):
            yield here, float(inner)
        elif isinstance(inner, Mapping) and len(path) < 4:
            yield from _numbers(inner, here)
