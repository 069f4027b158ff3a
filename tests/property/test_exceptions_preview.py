"""What the preview says an exception hides is what the running engine hides: hits, alerts, correlations, groups."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.exceptions.preview import preview
from api.exceptions.rulebook import Places, Rulebook, Subject
from api.exceptions.selection import Condition, document, dumped
from correlator.exceptions import Exceptions, of_file
from correlator.pipeline import Pipeline
from correlator.store.base import Found, Query, Scope
from sensors.clock import ManualClock, parse_rfc3339, rfc3339
from sensors.event import Event
from tests.unit.test_exceptions_api import COUNTED, LOW, MANY, PIPELINE, RULES

NOW = 1_795_000_000.0
DAY = 86_400.0


@dataclass
class Stored:
    """A store in memory that finds everything of the scope: the prefilter may only leave out what no rule matches."""

    events: list[Event]

    def search(self, scope: Scope, query: Query) -> Found:
        low, high = parse_rfc3339(query.since or "") or 0.0, parse_rfc3339(query.until or "") or 0.0
        found = [one for one in self.events if low <= at(one) < high and scope.sees(one["organization"]["id"])]
        days = Counter((at(one) + 7 * 3600) // DAY * DAY - 7 * 3600 for one in found)
        aggs = {"days": {"buckets": [{"key": day * 1000, "doc_count": number} for day, number in days.items()]}}
        start = int(query.after or 0)
        page = found[start : start + query.size]
        more = str(start + query.size) if start + query.size < len(found) else None
        return Found(page, len(found), more, aggs)


def at(event: Event) -> float:
    return parse_rfc3339(str(event["@timestamp"])) or 0.0


events = st.lists(
    st.tuples(st.integers(0, 29 * 24 * 6), st.sampled_from(["a", "b"]), st.sampled_from(["u", "v"]),
              st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.sampled_from(["failure", "odd", "other"]),
              st.sampled_from(["so-a", "so-a", "so-b"])),
    max_size=40,
)  # fmt: skip
bursts = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["a", "b"]), st.sampled_from(["10.0.0.1", "10.0.0.2"])),
                  max_size=12)  # fmt: skip
wanted = st.dictionaries(
    st.sampled_from(["host.name", "user.name", "source.ip"]),
    st.sampled_from(["a", "b", "u", "v", "10.0.0.1", "10.0.0.2"]), min_size=1, max_size=2,
)  # fmt: skip


def made(several: list[Any], burst: list[Any]) -> list[Event]:
    rows = [(NOW - 29.5 * DAY + slot * 600, *rest) for slot, *rest in several]
    rows += [(NOW - 5 * DAY + minute * 60, host, "u", source, "odd", "so-a") for minute, host, source in burst]
    ordered = sorted(rows, key=lambda row: row[0])
    return [
        {"@timestamp": rfc3339(when), "organization": {"id": agency}, "host": {"name": host}, "user": {"name": user},
         "source": {"ip": source}, "event": {"id": f"e{number}", "dataset": "system.auth", "outcome": outcome,
                                             "ingested": rfc3339(when)}}
        for number, (when, host, user, source, outcome, agency) in enumerate(ordered)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    folder = tmp_path_factory.mktemp("book")
    (folder / "mine.yml").write_text(RULES, "utf-8")
    (folder / "pipeline").mkdir()
    (folder / "pipeline" / "p.yml").write_text(PIPELINE, "utf-8")
    places = Places([folder / "mine.yml"], [folder / "pipeline" / "p.yml"], folder / "tuning.toml")
    return Rulebook(lambda: places, ManualClock(NOW))


def live(subject: Subject, several: list[Event], text: str) -> list[Event]:
    return [hit for hit in _all(subject, several, text) if hit["organization"]["id"] == "so-a"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events, bursts, wanted, st.sampled_from([LOW, MANY]))
def test_the_preview_is_what_the_engine_does(
    book: Rulebook, several: list[Any], burst: list[Any], fields: dict[str, str], rule: str
) -> None:
    stored = made(several, burst)
    conditions = [Condition(field=name, values=(value,)) for name, value in fields.items()]
    subject = book.about(rule)
    assert subject is not None
    base = LOW if rule == LOW else COUNTED
    assert [one.id for one in subject.rules] == [base]
    said = preview(Stored(stored), subject, "so-a", conditions, stored, Exceptions(), ManualClock(NOW))  # type: ignore[arg-type]
    rules = [{"id": base, "logsource": {"product": "linux", "service": "sshd"}}]
    text = dumped([document("NL-1", "so-a", rules, conditions, NOW + DAY)])
    mine = [one for one in stored if one["organization"]["id"] == "so-a"]
    before, after = live(subject, mine, ""), live(subject, mine, text)
    assert said.complete
    assert said.hits_before == len(before)
    assert said.hits == len(before) - len(after)
    keys = [{(hit["rule"]["id"], hit["luytre"]["hit"]["group_key"]) for hit in some} for some in (before, after)]
    assert said.groups == keys[0] - keys[1]
    assert said.alerts <= said.alerts_before
    if rule == LOW:
        gone = {hit["event"]["id"] for hit in before} - {hit["event"]["id"] for hit in after}
        assert sum(count for _, count in said.by_host) == len(gone)
    # Of another agency nothing is hidden, whatever the file says.
    others = [one for one in stored if one["organization"]["id"] == "so-b"]
    left, whole = ([hit["event"]["id"] for hit in _all(subject, others, one)] for one in (text, ""))
    assert left == whole


def _all(subject: Subject, several: list[Event], text: str) -> list[Event]:
    items, faults = of_file(text.encode(), "so-a", NOW) if text else ([], [])
    assert not faults
    pipeline = Pipeline(subject.chosen.engine, clock=ManualClock(NOW), lateness_s=1.0,
                        exceptions=Exceptions(tuple(items)))  # fmt: skip
    return pipeline.feed(several) + pipeline.tick(NOW)


def test_a_rulebook_finds_what_counts_and_is_counted() -> None:
    """By id, through names, through correlations of correlations; a changed file is seen; a detector is not there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mine.yml").write_text(RULES, "utf-8")
        over = "a1111111-2222-4333-8444-555555555559"
        (folder / "over.yml").write_text(
            f"title: Over\nid: {over}\nlevel: high\ncorrelation: {{type: temporal, rules: [{MANY}, {LOW}], "
            "group-by: [source.ip], timespan: 1h}\n"
        )
        (folder / "p.yaml").write_text(PIPELINE, "utf-8")
        clock = ManualClock(NOW)
        book = Rulebook(lambda: Places([folder / "mine.yml", folder / "over.yml"], [folder / "p.yaml"], folder / "t"),
                        clock)  # fmt: skip

        def shape(rule: str) -> tuple[list[str], list[str], str] | None:
            found = book.about(rule)
            return found and (sorted(r.id for r in found.rules), sorted(c.id for c in found.readers), found.level)

        assert shape(LOW) == ([LOW], [over], "high")
        assert shape(COUNTED) == ([COUNTED], [MANY, over], "high")  # MANY is read by another now, so it is silent
        assert shape(over) == ([LOW, COUNTED], [MANY, over], "high")
        assert shape("b7a3a1f2-31cc-4a0a-9d0e-64b1c1f0a9d2") is None
        (folder / "over.yml").unlink()
        clock.move(60)
        assert shape(LOW) == ([LOW], [], "medium")
        assert shape(COUNTED) == ([COUNTED], [MANY], "critical")
        (folder / "mine.yml").write_text("title: [")
        clock.move(60)
        assert shape(LOW) is None
