"""A backtest of stored events says what the live engine would have said, on both stores, and reads no more than it
must."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from correlator.backtest import Limits, backtest, choose
from correlator.backtest.prefilter import narrow
from correlator.engine import Engine
from correlator.engine.sources import load, read
from correlator.engine.testing import events as written
from correlator.pipeline import Pipeline
from correlator.store.base import All, Query, Scope
from sensors.clock import ManualClock, parse_rfc3339, rfc3339

RULES = Path(__file__).resolve().parents[3] / "rules"
PIPELINES = [RULES / "pipelines"]
MINE, OTHERS = Scope(frozenset({"so-tttt"})), Scope(frozenset({"so-khac"}))
NOON = parse_rfc3339("2026-11-20T05:00:00Z")
FAILURES, GUESSING = "ssh_brute_force.yml", "c5d73062-c77c-4f32-a150-b986ce5f39d6"


def failure(number, *, at, source="203.0.113.7", agency="so-tttt", dataset="system.auth"):
    return {
        "@timestamp": rfc3339(at),
        "event": {"id": f"f-{number}", "dataset": dataset, "category": ["authentication"], "outcome": "failure",
                  "action": "ssh_login", "ingested": rfc3339(at + 40_000)},
        "process": {"name": "sshd"}, "source": {"ip": source}, "host": {"name": "web-1"}, "user": {"name": "root"},
        "organization": {"id": agency},
    }  # fmt: skip


def guesses(start, count, **more):
    return [failure(f"{start}-{number}", at=start + number, **more) for number in range(count)]


def stored(store, events):
    for low in range(0, len(events), 500):
        assert {one.status for one in store.writer.append(events[low : low + 500])} <= {200, 201}
    store.settle()


def run(store, wanted, since, until, scope=MINE, **more):
    chosen = choose(wanted, [RULES], PIPELINES)
    return backtest(store.reader, scope, chosen, since, until, clock=ManualClock(until), **more)


def test_what_every_shipped_rule_matches_passes_its_prefilter(store):
    engine = Engine.load([RULES], PIPELINES)
    sources = load(read(PIPELINES))
    events = []
    for rule in [*engine.rules, *engine.correlations]:
        for number, test in enumerate(rule.about.tests):
            for event in list(written(test["events"]))[:6]:
                event["event"]["id"] = f"{rule.id}-{number}-{event['event']['id']}"
                event["organization"] = {"id": "so-tttt"}
                events.append(event)
    stored(store, events)
    wanted = {rule.id: set() for rule in engine.rules}
    for event in events:
        for match in engine.match(event):
            wanted[match.rule.id].add(event["event"]["id"])
    assert sum(bool(ids) for ids in wanted.values()) > 50
    narrowed = 0
    for rule in engine.rules:
        for quick in (False, True):
            where = narrow([rule], sources, quick=quick)
            assert not quick or where != All(), rule.about.title
            found, after = set(), None
            while True:
                page = store.reader.search(MINE, Query(where, size=1000, after=after))
                found |= {event["event"]["id"] for event in page.events}
                after = page.next
                if after is None:
                    break
            assert wanted[rule.id] <= found, (rule.about.path, quick)
            narrowed += len(found) < len(events) / 4
    assert narrowed > len(engine.rules)  # and most of what is stored is not read


def test_a_correlation_says_what_it_would_have_said_live_in_whatever_order_things_were_stored(store):
    attacks = [NOON + 3600 * hour for hour in (0, 1, 30, 55)]
    events = [one for at in attacks for one in guesses(at, 60)]
    noise = [
        failure(f"n{number}", at=NOON + 977 * number, source=f"198.51.100.{number % 250}") for number in range(200)
    ]
    others = guesses(NOON + 7200, 60, agency="so-khac", source="203.0.113.99")
    live = Pipeline(Engine.load([RULES], PIPELINES), clock=ManualClock(NOON), lateness_s=float("inf"))
    ordered = sorted([*events, *noise], key=lambda event: event["@timestamp"])
    wanted = [hit for hit in [*live.feed(ordered), *live.finish()] if hit["rule"]["id"] == GUESSING]
    assert len(wanted) >= 4
    shuffled = [*events, *noise, *others]
    random.Random(7).shuffle(shuffled)
    stored(store, shuffled)
    report = run(store, [GUESSING], NOON - 86_400, NOON + 3 * 86_400)
    assert report.hits == len(wanted)
    days = Counter(hit["@timestamp"][:10] for hit in wanted)  # noon in Việt Nam: the same day in UTC
    assert {day: count for day, count in report.by_day.items() if count} == dict(days)
    assert len(report.by_day) == 5
    assert report.alerts == 3  # the second attack, an hour later, is the first one's alert
    assert report.entities["source.ip"][0][0] == "203.0.113.7"
    assert {sample.group["source.ip"] for sample in report.samples} == {"203.0.113.7"}
    assert (report.stopped, report.partial, report.poisoned, report.evicted) == ("", "", 0, 0)
    assert report.stored == len(events) + len(noise)
    assert run(store, [GUESSING], NOON - 86_400, NOON + 3 * 86_400, scope=OTHERS).samples[0].group == {
        **report.samples[0].group, "source.ip": "203.0.113.99"}  # fmt: skip
    assert run(store, [GUESSING], NOON - 86_400, NOON + 86_400, scope=Scope(frozenset())).stored == 0


def test_windows_are_full_at_the_first_moment_and_what_fired_before_is_not_counted(store):
    stored(store, guesses(NOON - 30, 60))
    times = {"whole": [], "cut": []}
    for name, since in (("whole", NOON - 3600), ("cut", NOON)):
        told = times[name]
        run(store, [GUESSING], since, NOON + 3600, on_hit=lambda hit, _, told=told: told.append(hit["@timestamp"]))
    assert any(parse_rfc3339(one) < NOON for one in times["whole"])
    assert times["cut"] == [one for one in times["whole"] if parse_rfc3339(one) >= NOON] != []


def test_a_rule_that_only_a_correlation_counts_can_be_asked_about(store):
    stored(store, guesses(NOON, 12))
    engine = Engine.load([RULES], PIPELINES)
    base = next(made.rules[0] for made in engine.correlations if made.id == GUESSING)
    assert next(rule for rule in engine.rules if rule.id == base).silent
    report = run(store, [base], NOON - 60, NOON + 3600)
    assert report.hits == 12
    assert report.samples[0].event["event"]["id"].startswith("f-")


@pytest.mark.parametrize("bound", ["events", "time"])
def test_a_bound_ends_it_and_it_says_from_when_to_when_it_looked(store, bound):
    stored(store, [failure(f"{day}-{n}", at=NOON + day * 86_400 + n) for day in range(4) for n in range(30)])
    chosen = choose([GUESSING], [RULES], PIPELINES)
    clock = ManualClock(NOON)
    limits = Limits(events=70) if bound == "events" else Limits(time_s=1)
    report = backtest(
        store.reader, MINE, chosen, NOON - 86_400, NOON + 5 * 86_400, limits=limits, clock=clock,
        progress=lambda read, total: clock.move(2) if bound == "time" else None,
    )  # fmt: skip
    assert report.stopped == bound
    if bound == "events":  # the newest days are what is asked about
        assert report.read == 60
        assert report.covered_since.startswith("2026-11-21T17:00:00")
        assert report.covered_until == report.until
    else:
        assert report.covered_until < report.until
