"""A look backwards finds, on both stores, every stored event that the live stage would have met, and no other's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from correlator.indicators import hunt as hunting
from correlator.indicators.hunt import Hunt, Place, merged, questions
from correlator.indicators.kinds import all_kinds
from correlator.indicators.live import Indicators
from correlator.indicators.table import IndicatorTable, Row, build
from correlator.store.base import Scope
from sensors.clock import ManualClock, parse_rfc3339, rfc3339
from sensors.event import new_event

MINE, OTHERS = Scope(frozenset({"so-tttt"})), Scope(frozenset({"so-khac"}))
NOON = parse_rfc3339("2026-11-20T05:00:00Z")


def event(number, fields, *, at=NOON, agency="so-tttt"):
    given = {"event.id": f"e{number}", "event.ingested": rfc3339(at), "organization.id": agency}
    return new_event("network.flow", at, {**given, "host.name": f"may-{number % 3}", **fields})


def stored(store, events):
    for low in range(0, len(events), 500):
        assert {one.status for one in store.writer.append(events[low : low + 500])} <= {200, 201}
    store.settle()


def through(store, rows, scope=MINE, since=NOON - 3600, until=NOON + 3600, slice_s=100.0):
    """All slices, each from a new Hunt, as after a restart."""
    place, traces, events, over = Place(), {}, 0, False
    while not over:
        found = Hunt(store.reader, scope, rows, since, until, clock=ManualClock(NOON)).run(place, slice_s)
        merged(traces, found.traces)
        place, events, over = found.place, events + found.events, found.over
    return traces, events


def test_what_each_kind_is_seen_in_is_found_backwards(store):
    events, rows = [], []
    for kind in all_kinds().values():
        for fields, value in kind.seen:
            # A name with its last dot (nobody's sensor writes it) is met live and not asked for backwards.
            plain = {path: text.rstrip(".") if isinstance(text, str) else text for path, text in fields.items()}
            events.append(event(len(events), plain))
            rows.append(Row(kind.name, value))
    events += [event(1000 + n, {"destination.ip": "198.51.100.77", "dns.question.name": "notevil.example",
                                "url.full": "http://evil.example/other"}) for n in range(20)]  # fmt: skip
    stored(store, events)
    stage = Indicators(IndicatorTable(b"".join(build(rows, {}, 0.0)[0])))
    wanted = {}
    for one in events:
        for met in stage.look(one, NOON):
            wanted.setdefault(met.known.key, set()).add(one["event"]["id"])
    assert len(wanted) > 8
    traces, _ = through(store, rows)
    assert {key: set(trace.event_ids) for key, trace in traces.items()} == wanted


def test_only_this_agency_s_and_this_time_s(store):
    hit = {"destination.ip": "45.6.7.8"}
    stored(store, [event(1, hit), event(2, hit, agency="so-khac"), event(3, hit, at=NOON - 7200)])
    rows = [Row("ip", "45.6.7.8", expires=NOON - 86_400)]  # what has ended since was in force then
    traces, _ = through(store, rows)
    assert [trace.event_ids for trace in traces.values()] == [["e1"]]
    traces, _ = through(store, rows, OTHERS)
    assert [trace.event_ids for trace in traces.values()] == [["e2"]]


def test_slices_and_reading_all_say_the_same(store, monkeypatch):
    monkeypatch.setattr(hunting, "PAGE", 7)
    monkeypatch.setattr(hunting, "TERMS_LIMIT", 3)
    rows = [Row("ip", f"45.6.7.{n}") for n in range(5)] + [Row("domain", "evil.example"), Row("network", "45.9.0.0/16")]
    events = [event(n, {"destination.ip": f"45.6.7.{n % 9}"}) for n in range(60)]
    events += [event(100 + n, {"dns.question.name": f"a{n}.evil.example"}) for n in range(10)]
    events += [event(200 + n, {"source.ip": f"45.9.{n}.1"}) for n in range(10)]
    stored(store, events)
    asked, few = through(store, rows, slice_s=0.0)
    monkeypatch.setattr(hunting, "ASKED_LIMIT", 0)
    read, every = through(store, rows, slice_s=0.0)
    assert every == len(events) > 0
    assert few < 2 * len(events)
    counts = {trace.value: trace.count for trace in asked.values()}
    assert counts == {trace.value: trace.count for trace in read.values()}
    assert counts["evil.example"] == 10
    assert counts["45.9.0.0/16"] == 10
    assert sum(counts[f"45.6.7.{n}"] for n in range(5)) == sum(1 for n in range(60) if n % 9 < 5)
    assert {trace.key: sorted(trace.hosts.items()) for trace in asked.values()} == {
        trace.key: sorted(trace.hosts.items()) for trace in read.values()
    }


def test_questions_are_bounded():
    rows = [Row("domain", f"n{n}.example") for n in range(200)]
    made = questions(rows)
    assert all(len(one.parts) <= hunting.TERMS_LIMIT for one in made)
    assert questions([replace(rows[0])] * 5) == questions(rows[:1])


@pytest.mark.parametrize("rows", [[]])
def test_nothing_to_look_for_is_over_at_once(store, rows):
    found = Hunt(store.reader, MINE, rows, 0.0, NOON).run(Place(), 1.0)
    assert found.over
    assert not found.traces
