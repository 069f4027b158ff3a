"""Every detector: finds its examples and nothing else, deterministic, save and restore, bounded, score in [0, 1]."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from correlator.detector import Detector, Example, Finding, Memory
from correlator.detectors import found_detectors
from correlator.glance import glance
from sensors.clock import rfc3339
from sensors.event import Event, encode, get, put

START = 1_770_000_000.0
DETECTORS = found_detectors()
CASES = [(name, example) for name, detector in DETECTORS.items() for example in detector.examples]


def story(example: Example) -> list[tuple[float, Event | None]]:
    events: list[tuple[float, Event | None]] = []
    for number, (second, fields) in enumerate(sorted(example.events, key=lambda item: item[0])):
        event: Event = {"@timestamp": rfc3339(START + second)}
        for path, value in fields.items():
            put(event, path, value)
        put(event, "event.id", f"e{number}")
        put(event, "event.ingested", rfc3339(START + second + 1))
        events.append((START + second, event))
    return events + [(START + second, None) for second in example.ticks]


def tell(memory: Memory, steps: list[tuple[float, Event | None]]) -> list[Finding]:
    found: list[Finding] = []
    for when, event in steps:
        found += memory.tick(when) if event is None else memory.feed(event, when)
    return found


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{n}: {e.name}" for n, e in CASES])
def test_examples_are_found_or_not(name: str, example: Example) -> None:
    found = tell(DETECTORS[name].make(), story(example))
    assert bool(found) == example.found
    for finding in found:
        assert 0 <= finding.score <= 1
        assert set(finding.group) <= set(DETECTORS[name].keys)
        assert finding.count >= 1


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{n}: {e.name}" for n, e in CASES])
def test_same_input_same_findings_also_through_a_snapshot_at_every_point(name: str, example: Example) -> None:
    steps = story(example)
    whole = tell(DETECTORS[name].make(), steps)
    for cut in {0, len(steps) // 3, len(steps) // 2, len(steps) - 1}:
        first = DETECTORS[name].make()
        found = tell(first, steps[:cut])
        second = DETECTORS[name].make()
        second.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(first.snapshot())))
        assert found + tell(second, steps[cut:]) == whole


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{n}: {e.name}" for n, e in CASES])
def test_what_it_reads_is_all_that_it_needs(name: str, example: Example) -> None:
    """The pipeline hands it no more: of an event with much else in it the findings are the same, and what is kept."""
    detector = DETECTORS[name]
    assert detector.reads is not None, "without `reads` every event is decoded for it: only with a measured reason"
    read = glance(detector.reads)
    steps = story(example)
    for _, event in steps:
        if event is not None:
            put(event, "message", "x" * 100)
            put(event, "event.original", "y")
            put(event, "process.name", "z")
    whole, few = detector.make(), detector.make()
    expected = tell(whole, steps)
    found = tell(few, [(when, None if event is None else read(encode(event))) for when, event in steps])
    assert [replace(one, event={}) for one in found] == [replace(one, event={}) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert get(one.event, "event.id") == get(other.event, "event.id")
    assert msgspec.msgpack.encode(few.snapshot()) == msgspec.msgpack.encode(whole.snapshot())


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
def test_texts_are_in_both_languages(detector: Detector) -> None:
    for texts in (detector.title, detector.reason, detector.description, detector.steps):
        assert set(texts) == {"vi", "en"}
        assert all(texts.values())
    assert {example.found for example in detector.examples} == {True, False}
    assert detector.tags


@pytest.mark.parametrize(("name", "setting"), [("beaconing", "pairs_limit"), ("silence", "limit")])
def test_memory_is_bounded_and_what_went_is_counted(name: str, setting: str) -> None:
    memory = DETECTORS[name].make(**{setting: 50})
    for number in range(400):
        event: Event = {
            "event": {"dataset": "network.dns", "id": str(number)},
            "source": {"ip": f"10.0.{number // 250}.{number % 250}"},
            "dns": {"question": {"name": f"n{number}.example", "type": "A"}}, "observer": {"name": f"gw-{number}"},
            "agent": {"type": "packet"},
        }  # fmt: skip
        memory.feed(event, START + number)
    assert memory.dropped >= 350
    assert len(msgspec.msgpack.encode(memory.snapshot())) < 50_000


class Whole(dict[str, Any]):
    """An event whose end can be seen."""


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
def test_events_are_not_held_as_they_came(detector: Detector) -> None:
    """One may have 256 KiB: what a detector needs of it later it takes out."""
    memory = detector.make()
    held = []
    for number in range(500):
        fields = {"observer.name": f"gw-{number}", "agent.type": "packet", "event.dataset": "network.dns",
                  "source.ip": "10.0.0.1", "dns.question.name": f"n{number}.example"}  # fmt: skip
        event = Whole()
        for path, value in fields.items():
            put(event, path, value)
        held.append(weakref.ref(event))
        memory.feed(event, START + number)
        del event
    assert sum(one() is not None for one in held) <= 130
    memory.tick(START + 500)
    assert not any(one() is not None for one in held)


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": None},
        {"event": {"dataset": ["a"]}, "source": {"ip": 5}, "dns": {"question": {"name": ["x"]}}},
        {"event": {"dataset": "network.flow"}, "source": {"ip": "x"}, "destination": {"ip": "y", "port": "z"}},
        {"event": {"dataset": "network.flow"}, "source": {"ip": "x"}, "destination": {"ip": "not an ip", "port": 1}},
        {"observer": {"name": 1}, "agent": {"type": {}}},
    ],
)
def test_hostile_events_are_values(detector: Detector, event: dict[str, Any]) -> None:
    memory = detector.make()
    for when in (START, -1e300, 1e300, 0.0):
        memory.feed(event, when)
    memory.tick(START)


@pytest.mark.parametrize("name", DETECTORS)
def test_long_values_are_not_kept(name: str) -> None:
    """What strangers write into a field must not become what is remembered of them, five thousand times over."""
    detector = DETECTORS[name]
    stamped = {"organization.id", "event.id", "event.ingested"}  # by ingest
    for path in set(detector.reads or ()) - stamped:
        memory = detector.make()
        for when, event in story(detector.examples[0]):
            if event is not None and isinstance(get(event, path), str):
                put(event, path, "x" * 100_000)
            _ = memory.tick(when) if event is None else memory.feed(event, when)
        assert len(msgspec.msgpack.encode(memory.snapshot())) < 50_000, path
