"""Correlations alone: a million matches over 100,000 groups (quick: 60,000 over 6,000), each type in its own process.

Input: log-on failures of 100,000 addresses in no order, a millisecond apart; 600 s windows; a user and a size in each.
Out: events a second of processor time, resident bytes a group (what the process grew by, over the groups alive),
snapshot and restore in milliseconds and bytes, and whether a correlator restored half-way fires as one that never
stopped; `shuffled` is the same input in another order within the lateness, and must fire for the same groups as often.
Making the events is not in the figure. "whole" is decoding, matching and correlating lines of JSON; where `rsigma` is
on PATH it does the same job on the same core over the same lines (its own statement: about 256 bytes a group).
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from correlator.engine import Engine
from correlator.engine.conditions import MISSING
from correlator.engine.correlations import Correlator
from sensors.clock import parse_rfc3339, rfc3339
from sensors.event import decode, encode
from tests.bench.streams import peer

NAME = "correlations"
ROOT = Path(__file__).resolve().parents[2]
BLOCK = 10_000
START = 1_795_323_000.0
STEP_S = 0.001
LATENESS_S = 300.0
BASE = "5a0f2a52-6f8e-4f2e-9c1e-000000000001"
RULE = f"""
title: Failure
id: {BASE}
name: failure
status: test
logsource: {{product: luytre, service: system.auth}}
detection:
  selection: {{event.outcome: failure}}
  condition: selection
level: low
---
title: Many
id: 5a0f2a52-6f8e-4f2e-9c1e-000000000002
status: test
correlation:
  type: TYPE
  rules: [failure]
  group-by: [source.ip]
  timespan: 10m
  condition: CONDITION
level: high
"""
TYPES = {
    "event_count": "{gte: 9}",
    "value_count": "{field: user.name, gte: 7}",
    "value_sum": "{field: source.bytes, gte: 9000}",
    "value_avg": "{field: source.bytes, gte: 1300}",
    "value_percentile": "{field: source.bytes, gte: 1950, percentile: 90}",
}


def run(quick: bool) -> dict[str, object]:
    events, groups = (60_000, 6_000) if quick else (1_000_000, 100_000)
    found: dict[str, object] = {"events": events, "groups": groups}
    for kind in TYPES:
        words = [sys.executable, "-m", "tests.bench.bench_correlations", kind, str(events), str(groups)]
        done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True)
        if done.returncode:
            found[kind] = {"error": done.stderr.decode("utf-8", "replace").strip()[-200:]}
        else:
            found[kind] = json.loads(done.stdout.splitlines()[-1])
    found["event_count, whole"] = _whole(events, groups)
    return found


def _whole(count: int, groups: int) -> dict[str, object]:
    """Lines in, fired correlations out: our engine and correlator in this process, RSigma in its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines, rule = folder / "lines.jsonl", folder / "rules" / "rule.yml"
        rule.parent.mkdir()
        rule.write_text(_rule("event_count"), "utf-8")
        with lines.open("wb") as file:
            for block in _rows(count, groups):
                file.writelines(encode(event) + b"\n" for event, _, _ in block)
        engine = Engine.load([rule])
        correlator, fired, begun = Correlator(engine.correlations, lateness_s=LATENESS_S), 0, time.process_time()
        with lines.open("rb") as file:
            for line in file:
                event = decode(line)
                matched = {match.rule.id: match.view for match in engine.match(event)}
                when = parse_rfc3339(event["@timestamp"])
                assert when is not None
                fired += len(correlator.feed(event, matched, when, when))
        found: dict[str, object] = {
            "ours": {"events_per_s": round(count / (time.process_time() - begun)), "fired": fired}
        }
        if program := peer.rsigma():
            rule.write_text(
                _rule("event_count").replace("product: luytre, service: system.auth", "product: any"), "utf-8"
            )
            words = peer.Words(program, "--action", "reset", "--max-state-entries", "200000")
            weight = peer.weigh(words, rule, lines, folder, max(os.sched_getaffinity(0)))
            grown = (weight.rss_mb - weight.load.rss_mb) * 1_000_000 // groups
            found["rsigma"] = {**weight.shown(), "bytes a group, at most": grown}
        return found


class _View:
    """The event as a rule's view gives it; only what correlations ask."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def value(self, name: str) -> Any:
        return self._values.get(name, MISSING)

    def words(self) -> Iterator[Any]:
        return iter(())


Row = tuple[dict[str, Any], dict[str, _View], float]


def _rows(count: int, groups: int, seed: int = 1) -> Iterator[list[Row]]:
    """Blocks of (event, matched, time)."""
    draw = random.Random(seed)
    for begin in range(0, count, BLOCK):
        yield [_row(at, draw.randrange(groups), draw) for at in range(begin, min(count, begin + BLOCK))]


def _row(at: int, group: int, draw: random.Random) -> Row:
    when = START + at * STEP_S
    address = f"10.{group >> 16 & 255}.{group >> 8 & 255}.{group & 255}"
    user, size = f"u{draw.randrange(40)}", draw.randrange(2_000)
    event = {
        "@timestamp": rfc3339(when), "event": {"id": f"{at:032x}", "outcome": "failure", "dataset": "system.auth"},
        "source": {"ip": address, "bytes": size}, "user": {"name": user}, "organization": {"id": "so-tttt"},
        "host": {"name": "may1"},
    }  # fmt: skip
    return event, {BASE: _View({"source.ip": address, "user.name": user, "source.bytes": size})}, when


def _shuffled(blocks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Within a block only: ten seconds, far inside the lateness."""
    draw = random.Random(7)
    for block in blocks:
        draw.shuffle(block)
        yield block


def measure(kind: str, count: int, groups: int) -> dict[str, object]:
    correlations = _correlations(kind)
    whole, unused = Correlator(correlations, lateness_s=LATENESS_S), Correlator(correlations, lateness_s=LATENESS_S)
    for block in _rows(2 * BLOCK, BLOCK):  # what one block of events takes is the allocator's already
        _feed(unused, block, Counter())
    del unused, block
    gc.collect()
    before, cpu_s, fired = _rss(), 0.0, Counter[str]()
    found: dict[str, object] = {}
    half: Any = None
    for number, block in enumerate(_rows(count, groups)):
        cpu_s += _feed(whole, block, fired)
        del block
        if number == count // BLOCK // 2:
            begun = time.process_time()
            half = msgspec.msgpack.encode(whole.snapshot())
            found["snapshot"] = {"ms": round(1000 * (time.process_time() - begun)), "mb": round(len(half) / 1e6, 1)}
            fired_half = fired.copy()
    gc.collect()
    counters = next(iter(whole.counters().values()))
    alive, grown = int(counters["groups"]), _rss() - before - len(half)
    begun = time.process_time()
    fired.update(one.group["source.ip"] for one in whole.finish())
    cpu_s += time.process_time() - begun
    found |= {
        "events_per_s": round(count / cpu_s), "groups alive": alive, "evicted": counters["evicted"],
        "bytes a group": round(grown / alive) if alive else 0, "fired": fired.total(),
        "entries": counters.get("entries", 0),
    }  # fmt: skip
    del whole
    again = Correlator(correlations, lateness_s=LATENESS_S)
    begun = time.process_time()
    again.restore(msgspec.msgpack.decode(half))
    found["restore_ms"] = round(1000 * (time.process_time() - begun))
    for number, block in enumerate(_rows(count, groups)):
        if number > count // BLOCK // 2:
            _feed(again, block, fired_half)
    fired_half.update(one.group["source.ip"] for one in again.finish())
    found["a restart changes nothing"] = fired_half == fired
    other, mixed = Counter[str](), Correlator(correlations, lateness_s=LATENESS_S)
    for block in _shuffled(_rows(count, groups)):
        _feed(mixed, block, other)
    other.update(one.group["source.ip"] for one in mixed.finish())
    found["shuffled"] = {"fired": other.total(), "groups that differ": sum(1 for key in fired | other
                                                                           if fired[key] != other[key])}  # fmt: skip
    return found


def _feed(correlator: Correlator, block: list[Row], fired: Counter[str]) -> float:
    begun = time.process_time()
    for event, matched, when in block:
        for one in correlator.feed(event, matched, when, when):
            fired[one.group["source.ip"]] += 1
    return time.process_time() - begun


def _correlations(kind: str) -> Any:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rule.yml"
        path.write_text(_rule(kind), "utf-8")
        engine = Engine.load([path])
    if engine.refused:
        raise SystemExit(f"refused: {engine.refused[0].reason}")
    return engine.correlations


def _rule(kind: str) -> str:
    return RULE.replace("TYPE", kind).replace("CONDITION", TYPES[kind])


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
