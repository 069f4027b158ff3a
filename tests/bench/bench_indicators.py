"""A million indicators (quick: 100,000): what the set costs, and what it takes from the events.

Input: 40 % addresses, 30 % names, 10 % URLs, 10 % SHA-256, 10 % networks, made by a seeded generator; 20,000 events,
half flows and half DNS answers, whose outside values are all new (`new`) or drawn from 500 (`usual`); one in a
thousand is met.
Out: bytes an indicator, seconds of processor time to make the file, resident bytes that mapping and using it adds,
microseconds a value never seen, microseconds an event, events a second through the shipped rules without and with it.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from correlator.engine import Engine
from correlator.indicators.kinds import all_kinds
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, Row, write
from correlator.pipeline import Pipeline
from sensors.event import Event, new_event

NAME = "indicators"
START = 1_795_323_000.0
EVENTS = 20_000
RULES = Path(__file__).resolve().parents[2] / "rules"


def rows(count: int, seed: int = 1) -> Iterator[Row]:
    chance = random.Random(seed)
    for number in range(count):
        sort = number % 10
        if sort < 4:
            yield Row("ip", _address(chance), 1, 80)
        elif sort < 7:
            yield Row("domain", f"{chance.getrandbits(40):x}.bad{number % 977}.example", 1, 50)
        elif sort < 8:
            yield Row("url", f"http://h{number}.example/{chance.getrandbits(60):x}", 2)
        elif sort < 9:
            yield Row("sha256", f"{chance.getrandbits(256):064x}", 2)
        else:
            yield Row("network", _address(chance).rpartition(".")[0] + ".0/24", 2)


def _address(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(1, 224)) for _ in range(4))


def events(usual: bool, listed: list[str], seed: int = 2) -> list[Event]:
    chance = random.Random(seed)
    few = [_address(chance) for _ in range(500)]
    made = []
    for number in range(EVENTS):
        outside = few[chance.randrange(500)] if usual else _address(chance)
        if number % 1_000 == 0:
            outside = listed[number // 1_000 % len(listed)]
        fields: dict[str, Any] = {
            "event.id": f"e{number}", "organization.id": "xa-a", "event.kind": "event", "observer.name": "s1",
            "source.ip": f"10.0.{number % 7}.{number % 250}", "source.port": 50_000, "network.transport": "tcp",
        }  # fmt: skip
        if number % 2:
            fields |= {"destination.ip": outside, "destination.port": 443, "source.bytes": 900, "event.duration": 5}
            made.append(new_event("network.flow", START + number / 100, fields))
        else:
            name = f"{few.index(outside) if usual and outside in few else number:x}.cdn.example.com"
            fields |= {"dns.question.name": name, "dns.question.type": "A", "dns.answers.data": [outside]}
            made.append(new_event("network.dns", START + number / 100, fields))
    return made


def run(quick: bool) -> dict[str, Any]:
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set"
        given = list(rows(count))
        listed = [row.value for row in given[: 10 * 20 : 10]]
        begun = time.process_time()
        held = write(path, given, {1: "a", 2: "b"}, START)
        made_s = time.process_time() - begun
        del given
        before = _resident()
        table = IndicatorTable(path)
        out: dict[str, Any] = {
            "indicators": held, "bytes_each": round(path.stat().st_size / held, 1), "made_s": round(made_s, 1),
            "value_us": round(_value_us(table), 2), "resident_mb_more": round((_resident() - before) / 1e6, 1),
        }  # fmt: skip
        for name, usual in (("new", False), ("usual", True)):
            stream = events(usual, listed)
            stage = Indicators(table)
            begun = time.process_time()
            met = sum(len(stage.look(event, START)) for event in stream)
            out[name] = {"event_us": round((time.process_time() - begun) / EVENTS * 1e6, 2), "met": met}
            out[name] |= {"events_per_s": _rates(table, stream)}
    return out


def _value_us(table: IndicatorTable) -> float:
    chance, kind = random.Random(3), all_kinds()["sha256"]
    asked = [f"{chance.getrandbits(256):064x}".encode() for _ in range(50_000)]
    begun = time.process_time()
    for key in asked:
        table.find(kind, key, "")
    return (time.process_time() - begun) / len(asked) * 1e6


def _rates(table: IndicatorTable, stream: list[Event]) -> dict[str, int]:
    """Through the shipped rules; the second of two runs, so that both know their values as a running node does."""
    engine = Engine.load([RULES], [RULES / "pipelines"])
    found = {}
    for name, stage in (("without", Indicators()), ("with", Indicators(table))):
        pipeline = Pipeline(engine, indicators=stage)
        best = 0.0
        for _ in range(2):
            begun = time.process_time()
            pipeline.feed(stream)
            best = max(best, EVENTS / (time.process_time() - begun))
        found[name] = round(best)
    return found


def _resident() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize()
