"""The live stage: what is met becomes one hit a minute for each (indicator, host), counted, through any crash."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.casework import hits
from correlator.engine import Engine
from correlator.indicators import live
from correlator.indicators.live import Indicators
from correlator.indicators.minutes import AGAIN_S
from correlator.indicators.sighting import Sighted
from correlator.indicators.table import IndicatorTable, Row, write
from correlator.indicators.verdict import hit_of
from correlator.pipeline import Pipeline
from sensors.event import Event, get, new_event

T0 = 1_795_323_000.0
SOURCES = {1: "CERT"}


def table(folder: Path, *rows: Row) -> IndicatorTable:
    write(folder / "set", rows, SOURCES, T0)
    return IndicatorTable(folder / "set")


def event(number: int, second: float = 0.0, **fields: Any) -> Event:
    given = {"event.id": f"e{number}", "organization.id": "xa-a", **{k.replace("_", "."): v for k, v in fields.items()}}
    return new_event("network.flow", T0 + second, given)


def flow(number: int, second: float = 0.0, to: str = "45.6.7.8", by: str = "10.0.0.5") -> Event:
    return event(number, second, **{"source.ip": by, "destination.ip": to})


def fed(stage: Indicators, events: Iterable[Event]) -> list[Sighted]:
    return [one for at in events for one in stage.feed(at, _time(at))]


def _time(at: Event) -> float:
    from sensors.clock import parse_rfc3339

    return parse_rfc3339(at["@timestamp"]) or 0.0


def test_the_hit_says_who_met_what_from_whom(tmp_path: Path) -> None:
    pipeline = Pipeline(Engine.load([], []), indicators=Indicators(
        table(tmp_path, Row("domain", "evil.example", 1, 90, "green"))))  # fmt: skip
    dns = new_event("network.dns", T0, {"event.id": "e1", "organization.id": "xa-a", "source.ip": "10.0.0.5",
                                        "observer.name": "s1", "dns.question.name": "a.EVIL.example"})  # fmt: skip
    (hit,) = pipeline.feed([dns])
    assert get(hit, "luytre.hit.group") == {"threat.indicator.name": "evil.example", "source.ip": "10.0.0.5"}
    assert get(hit, "luytre.hit.level") == "high"
    assert get(hit, "luytre.hit.type") == "indicator"
    assert get(hit, "threat.indicator.type") == "domain-name"
    assert get(hit, "threat.indicator.provider") == "CERT"
    assert get(hit, "threat.indicator.marking.tlp") == "GREEN"
    assert get(hit, "threat.indicator.confidence") == "High"
    assert get(hit, "luytre.hit.event_ids") == ["e1"]
    assert get(hit, "dns.question.name") == "a.EVIL.example"
    reason = get(hit, "luytre.hit.reason")
    assert "10.0.0.5" in reason["vi"]
    assert "a.EVIL.example" in reason["vi"]
    assert "CERT" in reason["en"]
    read = hits.read(hit, agency="x", now=T0)
    assert read is not None
    assert read.kind == "indicator"
    assert len(read.indicator) == 32
    assert read.agency == "xa-a"
    assert pipeline.counters()["indicators"]["met"] == 1


def test_nothing_is_met_without_a_set_or_by_others(tmp_path: Path) -> None:
    assert not Indicators().feed(flow(1), T0)
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.9"), Row("domain", "evil.example")))
    others = [flow(1), event(2, **{"dns.question.name": "notevil.example"}), event(3, **{"dns.question.name": 7}),
              event(4, source="45.6.7.9"), event(5, **{"destination.ip": None}), {}, {"source": ["45.6.7.9"]},
              event(6, **{"dns.question.name": "evil.example.com"}),
              {"@timestamp": 1, "url": {"domain": []}}]  # fmt: skip
    assert not [one for at in others for one in stage.feed(at, T0)]


def test_the_first_at_once_then_one_a_minute_with_the_count(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8", 1)))
    found = fed(stage, [flow(n, n) for n in range(150)])
    assert [one.count for one in found] == [1, 59, 59]
    assert found[1].event_ids[-1] == "e59"
    assert found[0].group == found[1].group
    assert sum(one.count for one in found) + sum(one.count for one in stage.finish()) == 150


def test_hosts_apart(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8")))
    found = fed(stage, [flow(n, by=f"10.0.0.{n % 3}") for n in range(30)])
    assert Counter(one.who for one in found) == {"10.0.0.0": 1, "10.0.0.1": 1, "10.0.0.2": 1}


def test_agencies_apart(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8")))
    other = flow(2)
    other["organization"]["id"] = "xa-b"
    assert [get(one.event, "organization.id") for one in fed(stage, [flow(1), other])] == ["xa-a", "xa-b"]


def test_an_agency_s_own_list_is_held_against_its_own_events_alone(tmp_path: Path) -> None:
    common = table(tmp_path, Row("ip", "45.6.7.8", 1), Row("network", "45.0.0.0/8", 1))
    own = table(tmp_path, Row("ip", "45.6.7.9", 1), Row("network", "45.6.0.0/16", 1), Row("domain", "evil.example", 1))
    stage = Indicators({"": common, "xa-b": own})
    for agency, address, values in (
        ("xa-a", "45.6.7.8", ["45.0.0.0/8", "45.6.7.8"]), ("xa-a", "45.6.7.9", ["45.0.0.0/8"]),
        ("xa-b", "45.6.7.8", ["45.6.0.0/16", "45.6.7.8"]), ("xa-b", "45.6.7.9", ["45.6.0.0/16", "45.6.7.9"]),
    ):  # fmt: skip
        at = flow(1, to=address)
        at["organization"]["id"] = agency
        assert sorted(met.known.value for met in stage.look(at, T0)) == values, (agency, address)
    assert not stage.look(event(1, **{"dns.question.name": "evil.example"}), T0)


def test_who_knocks_is_one_level_lower_and_the_host_is_ours(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8", 1, 90)))
    (out,) = stage.feed(flow(1), T0)
    (into,) = stage.feed(flow(2, to="10.0.0.9", by="45.6.7.8"), T0)
    assert (out.level, out.who) == ("high", "10.0.0.5")
    assert (into.level, into.who) == ("medium", "10.0.0.9")


def test_an_end_counts_by_the_event_s_time_even_when_remembered(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8", 1, expires=T0 + 100),
                             Row("domain", "evil.example", 1),
                             Row("domain", "a.evil.example", 1, expires=T0 + 100)))  # fmt: skip
    assert [met.known.value for met in stage.look(flow(1), T0)] == ["45.6.7.8"]
    assert not stage.look(flow(2), T0 + 100)
    name = event(3, **{"dns.question.name": "x.a.evil.example"})
    assert [met.known.value for met in stage.look(name, T0)] == ["a.evil.example"]
    assert [met.known.value for met in stage.look(name, T0 + 100)] == ["evil.example"]


def test_every_value_of_a_list_and_each_indicator_once(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8"), Row("ip", "45.6.7.9"), Row("network", "45.6.0.0/16")))
    found = stage.look(event(1, **{"dns.answers.data": ["45.6.7.9", "45.6.7.8", "45.6.7.8", 5, None]}), T0)
    assert sorted(met.known.value for met in found) == ["45.6.0.0/16", "45.6.7.8", "45.6.7.9"]


def test_pairs_are_bounded_and_lose_no_count(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8")), pairs_limit=5)
    found = fed(stage, [flow(n, 0.0, by=f"10.0.{n % 20}.1") for n in range(200)])
    assert stage.counters()["pairs"] <= 5
    assert sum(one.count for one in [*found, *stage.finish()]) == 200


def test_values_that_strangers_choose_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MEMO", 100)
    stage = Indicators(table(tmp_path, Row("domain", "evil.example")))
    for number in range(1_000):
        stage.look(event(number, **{"dns.question.name": f"{number}.example"}), T0)
    memos = [sort.memo for steps in stage._common.steps.values() for *_, sort in steps]
    assert max(map(len, memos)) <= 500
    stage.look(event(1, **{"dns.question.name": "a" * 5_000, "url.full": "http://" + "b" * 300}), T0)
    assert stage.dropped == 1
    assert not any(len(text) > live.MEMO_CHARS for memo in memos for text in memo)
    stage.look(event(1, **{"dns.answers.data": ["1.1.1.1"] * 300}), T0)
    assert stage.dropped == 101
    assert [met.path for met in stage.look(event(1, **{"dns.question.name": "a." * 120 + "evil.example"}), T0)]


def test_through_a_checkpoint_anywhere_the_same_hits(tmp_path: Path) -> None:
    known = table(tmp_path, Row("ip", "45.6.7.8", 1), Row("network", "45.0.0.0/8", 1), Row("domain", "evil.example"))
    chance = random.Random(7)
    events = [flow(n, n * 3 + chance.randrange(-20, 20), by=f"10.0.0.{chance.randrange(4)}",
                   to=chance.choice(("45.6.7.8", "45.1.1.1", "8.9.9.9"))) for n in range(200)]  # fmt: skip

    def through(cut: int) -> list[Any]:
        stage = Indicators(known)
        found = [hit_of(one) for one in fed(stage, events[:cut])]
        saved = msgspec.msgpack.decode(msgspec.msgpack.encode(stage.snapshot()))
        again = Indicators(known)
        again.restore(saved)
        return found + [hit_of(one) for one in [*fed(again, events[cut:]), *again.finish()]]

    whole = through(len(events))
    assert len(whole) > 20
    for cut in range(0, 200, 23):
        assert through(cut) == whole


def test_as_a_walk_over_all_indicators(tmp_path: Path) -> None:
    """A slow twin: every value of every field against every indicator."""
    chance = random.Random(3)
    names = [f"n{n}.example" for n in range(20)]
    rows = [Row("domain", name) for name in names[:8]] + [Row("ip", f"45.6.7.{n}") for n in range(5)]
    stage = Indicators(table(tmp_path, *rows))
    for number in range(500):
        name = chance.choice(("", "a.", "b.c.")) + chance.choice(names)
        address = f"45.6.7.{chance.randrange(12)}"
        at = event(number, **{"dns.question.name": name, "destination.ip": address})
        slow = {
            row.value for row in rows if row.value == address or name == row.value or name.endswith("." + row.value)
        }
        assert {met.known.value for met in stage.look(at, T0)} == slow


def test_another_set_from_the_next_event_on(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8")))
    assert stage.feed(flow(1), T0)
    stage.use(table(tmp_path, Row("ip", "45.6.7.9")))
    assert not stage.feed(flow(2, AGAIN_S * 3), T0 + AGAIN_S * 3)
    assert stage.feed(flow(3, AGAIN_S * 3, to="45.6.7.9"), T0 + AGAIN_S * 3)


def test_a_clock_in_the_future_ends_nobody_s_minutes(tmp_path: Path) -> None:
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8")))
    found = fed(stage, [flow(0), flow(1, 1), flow(2, 9e8), *(flow(n, n) for n in range(3, 200))])
    assert sum(one.count for one in [*found, *stage.finish()]) == 200
    late = new_event("network.flow", T0 + 9e8, {"event.id": "x", "event.ingested": "2026-11-22T00:00:00Z",
                                                "destination.ip": "45.6.7.8", "source.ip": "10.0.0.9"})  # fmt: skip
    pipeline = Pipeline(Engine.load([], []), indicators=Indicators(table(tmp_path, Row("ip", "45.6.7.8"))))
    assert len(pipeline.feed([late])) == 1
    assert pipeline.indicators.snapshot()["newest"] < T0 + 1e8


def test_time_that_stands_still_fills_nothing(tmp_path: Path) -> None:
    """A stranger who writes one time into all events opens pairs whose minute never ends."""
    stage = Indicators(table(tmp_path, Row("ip", "45.6.7.8", 1)), pairs_limit=10)
    assert len(fed(stage, (flow(n, by=f"10.0.{n // 250}.{n % 250}") for n in range(500)))) == 500
    assert len(stage._minutes) == 10
    assert len(stage._minutes._ends) <= 40
    again = [flow(900 + n, 1, by=f"10.0.1.{n}") for n in range(240, 250) for _ in "ab"]
    assert fed(stage, again) == []
    assert [one.count for one in fed(stage, [flow(902, AGAIN_S + 1, to="9.9.9.9")])] == [2] * 10


def test_of_two_sets_the_one_that_still_holds_speaks(tmp_path: Path) -> None:
    own, common = tmp_path / "own", tmp_path / "common"
    write(own, [Row("ip", "45.6.7.8", 1, expires=T0 - 1)], SOURCES, T0, agency="xa-a")
    write(common, [Row("ip", "45.6.7.8", 1)], SOURCES, T0)
    stage = Indicators({"xa-a": IndicatorTable(own), "": IndicatorTable(common)})
    assert [met.known.expires for met in stage.look(flow(1), T0)] == [0]
