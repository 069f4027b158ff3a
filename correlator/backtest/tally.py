"""What a backtest found, counted as it goes: by day, rule, level and entity; alerts as casework would make them.

In:  `add(hit, event)` in the order of event time. Out: `Report`, which is also the `--json` of the command.
An alert is one group of one rule until it was quiet for QUIET_S: hits of an evening's scan are one alert.
Bound: ENTITIES_LIMIT distinct values a field and GROUPS_LIMIT groups, then further ones are counted as "others";
samples are the first hit of each of the first `sample` groups, so that one loud machine doesn't fill the list.
Days are Vietnam's (UTC+7, no summer time).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sensors.clock import parse_rfc3339
from sensors.event import Event, get

QUIET_S = 24 * 3600.0  # api/casework/fold.py has the same
ENTITIES_LIMIT = 20_000
GROUPS_LIMIT = 100_000
SHOWN = 10
DAY_S, ZONE_S = 86_400, 7 * 3600
FIELDS = (
    "host.name", "user.name", "source.ip", "destination.ip", "destination.domain", "process.name",
    "dns.question.name", "url.path", "service.name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    rule_id: str
    when: str
    level: str
    group: Mapping[str, str]
    reason: Mapping[str, str]
    event_ids: tuple[str, ...]
    event: Event  # the completing one; empty for a window that was judged when it was over


@dataclass(frozen=True, slots=True)
class Report:
    """`since`/`until`: what was asked for; `covered_since`, `covered_until`: what was read. `stopped` is "" when all of
    it was: otherwise "events" or "time", the bound that ended it. `partial`: what the store could not search."""

    rules: tuple[str, ...]
    since: str
    until: str
    covered_since: str
    covered_until: str
    stored: int  # events of the scope in that time
    read: int  # of them, what the prefilter let through
    quick: bool  # the prefilter may have passed over values that the index does not hold whole
    hits: int
    alerts: int
    by_day: Mapping[str, int]
    by_rule: Mapping[str, int]
    by_level: Mapping[str, int]  # of alerts
    entities: Mapping[str, list[tuple[str, int]]]
    others: int  # hits with an entity that was no longer counted by itself
    samples: tuple[Sample, ...]
    poisoned: int
    evicted: int  # groups of correlations that did not fit: then `hits` may be too low
    stopped: str
    partial: str
    took_s: float


@dataclass(slots=True)
class Tally:
    sample: int = 10
    hits: int = 0
    alerts: int = 0
    others: int = 0
    by_day: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    by_level: Counter[str] = field(default_factory=Counter)
    entities: dict[str, Counter[str]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    _groups: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def add(self, hit: Event, event: Event) -> None:
        said = hit["luytre"]["hit"]
        rule, level, when = str(hit["rule"]["id"]), str(said["level"]), str(hit.get("@timestamp") or "")
        at = parse_rfc3339(when) or 0.0
        self.hits += 1
        self.by_day[day_of(at)] += 1
        self.by_rule[rule] += 1
        self._entities(hit, said["group"])
        key = (rule, str(said["group_key"]))
        last = self._groups.pop(key, None)
        self._groups[key] = at
        if len(self._groups) > GROUPS_LIMIT:
            self._groups.popitem(last=False)
        if last is not None and at - last < QUIET_S:
            return
        self.alerts += 1
        self.by_level[level] += 1
        if last is None and len(self.samples) < self.sample:
            self.samples.append(
                Sample(rule, when, level, dict(said["group"]), dict(said["reason"]), tuple(said["event_ids"]), event)
            )

    def noisiest(self) -> dict[str, list[tuple[str, int]]]:
        return {name: counter.most_common(SHOWN) for name, counter in self.entities.items()}

    def _entities(self, hit: Event, group: Mapping[str, Any]) -> None:
        found = {name: value for name in FIELDS if (value := get(hit, name)) is not None} | dict(group)
        for name, value in found.items():
            for one in value if isinstance(value, list) else (value,):
                counter = self.entities.setdefault(name, Counter())
                text = str(one)[:200]
                if text in counter or len(counter) < ENTITIES_LIMIT:
                    counter[text] += 1
                else:
                    self.others += 1


def day_of(at: float) -> str:
    """2026-11-22 of Vietnam's clock."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at + ZONE_S)).date().isoformat()


def day_start(at: float) -> float:
    return (at + ZONE_S) // DAY_S * DAY_S - ZONE_S


def filled(by_day: Mapping[str, int], since: float, until: float) -> dict[str, int]:
    """Each day of the time, those without a hit too."""
    return {day: by_day.get(day, 0) for day in days(since, until)}


def days(since: float, until: float) -> Iterable[str]:
    at = day_start(since)
    while at < until:
        yield day_of(at)
        at += DAY_S
