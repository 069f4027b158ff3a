"""Latencies of an hour or a day in bounded room: how many fell into each bucket, buckets growing by a twentieth.

In:  milliseconds. Out: quantiles within RELATIVE of the true value (for 1 ms to 2 minutes). Sketches add up, so a day
     is the sum of its hours and of all vantage points, exactly.
Bound: 241 buckets. Source: DDSketch (Masson, Rim, Lee 2019), logarithmic buckets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE = 0.025
_GAMMA = (1 + RELATIVE) / (1 - RELATIVE)
_LOG = math.log(_GAMMA)
_TOP = math.ceil(math.log(120_000) / _LOG)

Sketch = dict[str, int]  # as JSON has it: keys are texts


def add(sketch: Sketch, latency_ms: float) -> None:
    bucket = 0 if latency_ms <= 1 else min(_TOP, math.ceil(math.log(latency_ms) / _LOG))
    key = str(bucket)
    sketch[key] = sketch.get(key, 0) + 1


def merge(into: Sketch, other: Mapping[str, int]) -> None:
    for key, number in other.items():
        into[key] = into.get(key, 0) + number


def quantile(sketch: Mapping[str, int], share: float) -> float | None:
    total = sum(sketch.values())
    if not total:
        return None
    rank, seen = share * (total - 1), 0
    for bucket in sorted(map(int, sketch)):
        seen += sketch[str(bucket)]
        if seen > rank:
            return 1.0 if bucket == 0 else round(2 * _GAMMA**bucket / (_GAMMA + 1), 1)
    return None
