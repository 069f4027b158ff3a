"""Events in, hits out: identity, texts, poison, snapshot, what a hit may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.engine.texts import fill, show
from correlator.pipeline import Pipeline
from sensors.clock import ManualClock, rfc3339
from sensors.event import Event, encode

RULES = """title: A log-in
id: 91111111-2222-4333-8444-555555555551
name: login
level: medium
logsource: {product: linux, service: sshd}
detection: {sel: {event.outcome: success}, condition: sel}
luytre:
  title: {vi: "Đăng nhập"}
  reason: {vi: "{user.name} từ {source.ip} qua {nothing.here}", en: "{user.name}"}
  group_by: [user.name]
---
title: Three log-ins
id: 91111111-2222-4333-8444-555555555552
level: high
correlation: {type: event_count, rules: [login], group-by: [source.ip], timespan: 1m,
              condition: {gte: 3}, generate: true}
luytre: {reason: {vi: "{source.ip}: {count} lần", en: "{count}"}}
"""


def login(number: int, user: str = "root", **more: Any) -> Event:
    return {"@timestamp": rfc3339(1_770_000_000 + number), "source": {"ip": "203.0.113.5"}, "user": {"name": user},
            "event": {"id": f"e{number}", "dataset": "system.auth", "outcome": "success",
                      "ingested": rfc3339(1_770_000_001 + number)},
            "process": {"name": "sshd"}, "organization": {"id": "xa-a"}, **more}  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    (tmp_path / "login_rules.yml").write_text(RULES)
    loaded = Engine.load([tmp_path], [Path(__file__).parents[2] / "rules" / "pipelines"])
    assert not loaded.refused
    return loaded


def test_hits_say_what_happened_and_are_the_same_again(engine: Engine) -> None:
    events = [login(number) for number in range(3)]
    first, again = Pipeline(engine).feed(events), Pipeline(engine).feed(events)
    assert first == again
    hit, correlated = first[0], first[-1]
    assert hit["event"]["reason"] == "root từ 203.0.113.5 qua ?"
    assert hit["luytre"]["hit"]["group_key"] == "user.name=root"
    assert hit["luytre"]["hit"]["title"] == {"en": "A log-in", "vi": "Đăng nhập"}
    assert hit["organization"]["id"] == "xa-a"
    assert correlated["luytre"]["hit"]["type"] == "correlation"
    assert correlated["luytre"]["hit"]["event_ids"] == ["e0", "e1", "e2"]
    assert correlated["luytre"]["hit"]["count"] == 3
    assert correlated["event"]["reason"] == "203.0.113.5: 3 lần"
    assert len({h["event"]["id"] for h in first}) == 4


def test_a_snapshot_at_any_point_changes_nothing(engine: Engine) -> None:
    events = [login(number) for number in range(10)]
    whole = Pipeline(engine, found_detectors()).feed(events)
    for cut in range(11):
        first = Pipeline(engine, found_detectors())
        found = first.feed(events[:cut])
        second = Pipeline(engine, found_detectors())
        second.restore(first.snapshot())
        assert found + second.feed(events[cut:]) == whole
        assert second.hits.total() == len(whole)


@pytest.mark.parametrize("data", [b"", b"\x80", b"garbage", b"\x81\xa7version\x01"])
def test_a_broken_snapshot_is_refused(engine: Engine, data: bytes) -> None:
    with pytest.raises(ValueError):
        Pipeline(engine).restore(data)


def test_poison_is_put_aside_and_the_stream_goes_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    match = Engine.match

    def failing(self: Engine, event: Event, line: bytes = b"") -> Any:
        if event["event"]["id"] == "e1":
            raise RuntimeError("a mistake of ours")
        return match(self, event)

    monkeypatch.setattr(Engine, "match", failing)
    pipeline = Pipeline(engine)
    assert len(pipeline.feed([login(0), login(1), login(2)])) == 2
    assert pipeline.poisoned == 1
    assert pipeline.poison[0] == {"event.id": "e1", "error": "RuntimeError: a mistake of ours"}


def test_reload_keeps_the_windows_of_what_is_still_the_same(engine: Engine, tmp_path: Path) -> None:
    pipeline = Pipeline(engine)
    pipeline.feed([login(0), login(1)])
    (tmp_path / "login_rules.yml").write_text(RULES.replace("level: high", "level: critical"))
    pipeline.reload(Engine.load([tmp_path], [Path(__file__).parents[2] / "rules" / "pipelines"]))
    hits = pipeline.feed([login(2)])
    assert [hit["luytre"]["hit"]["level"] for hit in hits] == ["medium", "critical"]


def test_a_hit_is_never_larger_than_ingest_takes(engine: Engine) -> None:
    hits = Pipeline(engine).feed([
        login(0, user="x" * 200_000, url={"original": "y" * 200_000},
              process={"name": "sshd", "command_line": "z" * 200_000},
              host={"name": ["h" * 50_000] * 500}),
    ])  # fmt: skip
    assert hits
    assert len(encode(hits[0])) < 250_000


@pytest.mark.parametrize("event", [{}, {"@timestamp": 5}, {"@timestamp": "never", "event": {"ingested": "x"}},
                                   {"event": "text"}, {"event": {"dataset": ["x"]}}])  # fmt: skip
def test_events_without_sense_are_no_poison(engine: Engine, event: Event) -> None:
    pipeline = Pipeline(engine, found_detectors())
    pipeline.feed([event])
    assert pipeline.poisoned == 0, pipeline.poison


def test_silence_is_noticed_by_the_clock(engine: Engine) -> None:
    clock = ManualClock(1_770_000_000)
    pipeline = Pipeline(engine, found_detectors(), clock)
    beat: Event = {"@timestamp": rfc3339(clock.now()), "event": {"id": "b", "dataset": "luytre.heartbeat"},
                   "observer": {"name": "gw"}, "agent": {"type": "log"}, "organization": {"id": "xa-a"}}  # fmt: skip
    pipeline.feed([beat])
    hits: list[Event] = []
    for _ in range(20):
        clock.move(30)
        hits += pipeline.tick()
    (hit,) = hits
    assert hit["luytre"]["hit"]["group"] == {"observer.name": "gw", "agent.type": "log"}
    assert "gw (log) không gửi gì trong 6 phút" in hit["event"]["reason"] or "5 phút" in hit["event"]["reason"]


def test_a_sentence_takes_only_what_is_safe() -> None:
    assert fill({"vi": "{a} {b} {c}"}, {"a": "x\x1b[31m\n", "b": ["1", "2", "3", "4"], "c": None}.get) == {
        "vi": "x [31m  1, 2, 3 … ?"
    }
    assert show("đ" * 1000) == "đ" * 200
    assert fill({"vi": "{0.__class__} {a!r} {}"}, lambda name: name) == {"vi": "{0.__class__} {a!r} {}"}
