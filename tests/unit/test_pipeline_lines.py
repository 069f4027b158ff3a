"""Events as lines: the same hits, states and counts as of events decoded first, byte for byte; and not more is read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from correlator import pipeline as module
from correlator.detector import Detector, Finding
from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.exceptions import Exceptions, read
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, Row, write
from correlator.pipeline import Pipeline
from sensors.clock import rfc3339
from sensors.event import Event, decode, encode, put
from tests.unit.test_correlator_run import RULES, failure
from tests.unit.test_exceptions_stream import dumped, made

ROOT = Path(__file__).resolve().parents[2]
START = 1_770_000_000.0
LISTED = [Row("domain", "portal-update.example", 1, 90), Row("ip", "203.0.113.2", 1, 50),
          Row("network", "198.51.100.0/24"), Row("url", "http://evil.example/a"), Row("sha256", "ab" * 32)]  # fmt: skip
NO_EVENTS = [b"", b"{", b"null", b"[1]", b"\xff\xfe", b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":}',
             b'{"event":{"id":"e"}} {}', b"[" * 100_000, b'{"a":' * 100_000]  # fmt: skip


def golden() -> Iterator[Event]:
    for path in sorted((ROOT / "tests" / "golden" / "cases").glob("*/events.ndjson")):
        yield from map(json.loads, path.read_text("utf-8").splitlines())


def stories() -> Iterator[Event]:
    for detector in found_detectors().values():
        for example in detector.examples:
            for second, fields in example.events:
                event: Event = {"@timestamp": rfc3339(START + second), "message": "x"}
                for path, value in fields.items():
                    put(event, path, value)
                yield event


def odd() -> Iterator[Event]:
    """What ECS and Elasticsearch let people write in other ways, and what nobody should."""
    when = rfc3339(START)
    yield {"@timestamp": when, "event.dataset": "network.dns", "dns.question.name": "a.portal-update.example"}
    yield {"@timestamp": when, "dns": {"question.name": "portal-update.example", "answers": [{"data": "198.51.100.9"}]}}
    yield {"@timestamp": when, "url": {"domain": "evil.example", "path": "/a"}, "source": {"ip": "10.0.0.1"}}
    yield {"winlog": {"event_data": {"Hashes": "MD5=00,SHA256=" + "AB" * 32}, "channel": "Security"}}
    yield {"winlog": {"event_data.DestinationIp": "203.0.113.2"}, "host": {"name": ["a", "b"]}}
    yield {"@timestamp": 5, "event": "text", "observer": "text", "agent": ["x"], "source": {"ip": "203.0.113.2"}}
    yield {
        "@timestamp": "never",
        "source": "203.0.113.2",
        "destination": [{"ip": "203.0.113.2"}],
        "x": "đường dây nóng",
    }
    yield {"@timestamp": when, "event.ingested": rfc3339(START + 9), "observer.name": "gw", "agent.type": "log"}
    yield {}


def everything() -> list[Event]:
    events = [*golden(), *(failure(number) for number in range(60)), *stories(), *odd()]
    chance = random.Random(1)
    for number, event in enumerate(events):
        if not isinstance(event.get("event"), str) and "event.ingested" not in event:
            put(event, "event.id", f"e{number}")
            put(event, "event.ingested", rfc3339(START + number // 10))
        if isinstance(event.get("event"), dict):
            put(event, "organization.id", chance.choice(["so-a", "so-b"]))
            if chance.random() < 0.5:
                put(event, "observer.name", "cb-1")
                put(event, "agent.type", "log")
    return events


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "failure_rules.yml").write_text(RULES, "utf-8")
    (tmp_path / "exceptions").mkdir()
    (tmp_path / "exceptions" / "so-a.yml").write_text(dumped([made()]), "utf-8")
    write(tmp_path / "set", LISTED, {1: "CERT"}, START)
    return tmp_path


def pipeline(folder: Path, *, listed: bool = True) -> Pipeline:
    engine = Engine.load([ROOT / "rules", folder / "rules"], [ROOT / "rules" / "pipelines"])
    assert not engine.refused
    indicators = Indicators(IndicatorTable(folder / "set")) if listed else Indicators()
    return Pipeline(engine, found_detectors(), indicators=indicators, exceptions=read(folder / "exceptions", START))


@pytest.mark.parametrize("listed", [True, False])
def test_the_same_hits_states_and_counts_to_the_byte(folder: Path, listed: bool) -> None:
    lines = [encode(event) for event in everything()]
    decoded, read_, mixed = (pipeline(folder, listed=listed) for _ in range(3))
    hits: list[list[bytes]] = [[], [], []]
    for at in range(0, len(lines), 37):
        page = lines[at : at + 37]
        told = (decoded.feed([decode(line) for line in page]), read_.feed(page),
                mixed.feed([line if at % 2 else decode(line) for line in page]))  # fmt: skip
        for found, those in zip(hits, told, strict=True):
            found.extend(map(encode, those))
    for found, one in zip(hits, (decoded, read_, mixed), strict=True):
        found.extend(map(encode, [*one.tick(START + 5_000), *one.tick(START + 5_030), *one.finish()]))
    assert hits[1] == hits[0]
    assert hits[2] == hits[0]
    kinds = {decode(hit)["luytre"]["hit"]["type"] for hit in hits[0]}
    assert kinds == {"sigma", "correlation", "detector"} | ({"indicator"} if listed else set())
    for one in (read_, mixed):
        assert one.snapshot() == decoded.snapshot()
        assert one.counters() == decoded.counters()
        assert one.exceptions.report() == decoded.exceptions.report()
        assert one.engine.last_seen() == decoded.engine.last_seen()
    assert decoded.poisoned == 0
    assert sum(decoded.exceptions.hidden.values()) > 5


def test_nothing_is_decoded_whole_that_nobody_asks_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pipeline(folder)
    whole: list[bytes] = []
    monkeypatch.setattr(module, "decode", lambda line: whole.append(line) or decode(line))
    flow = {"@timestamp": rfc3339(START), "event": {"dataset": "network.flow", "id": "f"},
            "source": {"ip": "10.0.0.1"}, "destination": {"ip": "192.0.2.1", "port": 443}}  # fmt: skip
    one.feed([encode(flow)] * 5)
    assert whole == []
    flow["destination"] = {"ip": "203.0.113.2", "port": 443}
    (hit,) = one.feed([encode(flow)])
    assert whole == [encode(flow)]
    assert hit["destination"] == flow["destination"]


def test_without_a_set_indicators_read_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = pipeline(folder, listed=False)
    monkeypatch.setattr(Indicators, "look", lambda *_: pytest.fail("asked"))
    one.feed([encode(event) for event in everything()])
    assert (one.poisoned, one.indicators.in_force) == (0, False)


def test_a_detector_that_names_no_fields_gets_whole_events(folder: Path) -> None:
    class Curious:
        dropped = 0

        def feed(self, event: Event, time: float) -> list[Finding]:
            return [Finding(event, {}, 1.0)] if event.get("message") == "here" else []

        def tick(self, now: float) -> list[Finding]:
            return []

        def snapshot(self) -> Any:
            return {}

        def restore(self, snapshot: Any) -> None: ...

    curious = Detector("c", "c", "low", {}, {}, (), Curious, ())
    one = Pipeline(Engine.load([], []), {"curious": curious, **found_detectors()})
    (hit,) = one.feed([encode({**failure(1), "message": "here"}), encode(failure(2))])
    assert hit["source"] == failure(1)["source"]


def test_a_finding_holds_the_whole_event() -> None:
    """Beaconing reads nine fields; its hit takes over all that a hit takes over."""
    one = Pipeline(Engine.load([], []), found_detectors())
    lines = [encode({"@timestamp": rfc3339(START + 60 * number), "organization": {"id": "so-a"}, "host": {"name": "m1"},
                     "event": {"id": f"e{number}", "dataset": "network.dns"}, "source": {"ip": "10.0.0.1"},
                     "process": {"name": "x.exe"}, "dns": {"question": {"name": "c2.example", "type": "A"}}})
             for number in range(20)]  # fmt: skip
    (hit,) = one.feed(lines)
    assert (hit["host"], hit["process"], hit["@timestamp"]) == ({"name": "m1"}, {"name": "x.exe"}, rfc3339(START + 660))


def test_a_line_that_is_none_is_poison_and_the_stream_goes_on(folder: Path) -> None:
    one = pipeline(folder, listed=False)
    for number, line in enumerate(NO_EVENTS):
        assert len(one.feed([line, encode(failure(10 * number))])) == 1, line[:50]
        assert (one.events, one.poisoned) == (2 * number + 2, number + 1), line[:50]
        assert one.poison[-1]["event.id"] == ""


def test_poison_names_its_event(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Exceptions, *_: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    one = pipeline(folder)
    monkeypatch.setattr(Exceptions, "passed", failing)
    assert one.feed([encode(failure(1))]) == []
    assert one.poison[0] == {"event.id": "e1", "error": "RuntimeError: a mistake of ours"}
