"""An exception before it is saved: what it would have hidden of the last 30 days, by the engine itself.

In:  the subject (rulebook.py), the agency, conditions, the alert that it is made from. Out: `Preview`.
How: the stored events that the rules may match go through the same engine as live, with the exceptions in force, and
each match is asked whether the new one hides it. Where correlations count the rule, they go through a second time with
the new one in force: what differs is what it hides. An alert is hidden when none of its hits is left; alerts as
casework folds them.
A time or number of events that does not suffice is said (`complete`), and nothing that was not read is counted.
`warnings` are codes; those of MUST_BE_READ must be named by whoever saves it.
Bound: LIMITS a pass, one test at a time in this process (three others wait up to WAIT_S, then are told to come again),
SAMPLE, HOSTS, HITS_LIMIT.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from api.exceptions import selection
from api.exceptions.propose import is_attacker_chosen, is_only_addresses
from api.exceptions.rulebook import Subject
from api.exceptions.selection import Condition
from api.problems import Problem
from api.shapes import LEVELS, Level
from correlator.backtest import Limits, Report, backtest
from correlator.backtest.tally import QUIET_S
from correlator.engine import Match
from correlator.exceptions import Exceptions, of_file
from correlator.store.base import EventReader, Scope
from sensors.clock import Clock, parse_rfc3339
from sensors.event import Event, get

DAYS = 30
LIMITS = Limits(events=40_000, time_s=5.0)
WAIT_S = 15.0
SAMPLE, HOSTS, HITS_LIMIT = 5, 10, 100_000
DRAFT = "NL-draft"
HIGH = LEVELS.index("high")
MUST_BE_READ = frozenset(
    ("hides_high", "other_hosts", "attacker_chosen", "only_addresses", "not_this_alert", "correlations", "not_tested")
)
_ONE_AT_A_TIME, _IN_LINE = threading.Lock(), threading.BoundedSemaphore(4)  # each holds one of the server's threads


@dataclass(frozen=True, slots=True)
class Heard:
    """A hit of one of the two passes."""

    id: str
    rule_id: str
    group_key: str
    event_id: str  # the completing one's
    level: str
    at: float
    hosts: tuple[str, ...]
    hit: Event = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """A correlation that counts what the exception hides."""

    id: str
    title: dict[str, str]
    level: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Preview:
    report: Report
    complete: bool
    alerts_before: int
    alerts: int
    hits_before: int
    hits: int
    by_level: dict[Level, int]  # of hidden alerts
    by_host: list[tuple[str, int]]  # hidden hits
    hosts: int
    sample: list[Event]  # hits that would not have been
    readers: list[Reader]
    alert_events: int
    alert_hidden: int  # of them, events that it hides
    groups: frozenset[tuple[str, str]]  # (rule, group) of which nothing is left
    since: float  # from when on it was tested
    warnings: tuple[str, ...]
    took_s: float


@contextmanager
def turn() -> Iterator[None]:
    """Engines remember what they saw: one thread at a time, and the API has other things to do besides."""
    busy = Problem("LT-A0503", ("Máy chủ đang thử một ngoại lệ khác; thử lại sau giây lát.",
                                "Another exception is being tested; try again in a moment."))  # fmt: skip
    if not _IN_LINE.acquire(blocking=False):
        raise busy
    try:
        if not _ONE_AT_A_TIME.acquire(timeout=WAIT_S):
            raise busy
        try:
            yield
        finally:
            _ONE_AT_A_TIME.release()
    finally:
        _IN_LINE.release()


def preview(
    reader: EventReader,
    subject: Subject,
    agency: str,
    conditions: Sequence[Condition],
    events: Sequence[Event],
    in_force: Exceptions,
    clock: Clock,
    limits: Limits = LIMITS,
) -> Preview:
    """`events`: the alert's. Call it inside `turn()`."""
    begun, now = clock.monotonic(), clock.now()
    scope, since = Scope(frozenset((agency,))), now - DAYS * 86_400
    draft = drafted(subject, agency, conditions, now)

    def heard(exceptions: Exceptions) -> tuple[list[Heard], Report]:
        found: list[Heard] = []

        def on_hit(hit: Event, event: Event) -> None:
            if len(found) < HITS_LIMIT:
                found.append(_heard(hit, event))

        report = backtest(reader, scope, subject.chosen, since, now, limits=limits, clock=clock, on_hit=on_hit,
                          exceptions=exceptions)  # fmt: skip
        return found, report

    noting = _Noting(in_force.items, draft=draft)
    before, report = heard(noting)
    after, second = [one for one in before if (one.rule_id, one.event_id) not in noting.noted], report
    if subject.readers:
        after, second = heard(Exceptions((*in_force.items, *draft.items)))
    reached = min(_at(report.covered_until), _at(second.covered_until))
    before, after = ([one for one in some if one.at < reached] for some in (before, after))
    hidden_hits = _gone(before, after)
    alerts = _alerts(before)
    times = _times(after)
    gone = [alert for alert in alerts if not _left(alert, times)]
    by_host = Counter(host for one in hidden_hits for host in one.hosts)
    mine = _of_alert(subject, events, draft)
    told = {one.id for one in subject.told}
    readers = [
        Reader(one.id, _titles(one.about), one.about.level, *(sum(h.rule_id == one.id for h in some)
                                                              for some in (before, after)))
        for one in subject.readers if one.id in told
    ]  # fmt: skip
    left = {(one.rule_id, one.group_key) for one in after}
    # `quick`: over the limit of events the store was asked narrower questions than its index surely answers.
    cut = report.stopped or second.stopped or report.partial or report.quick
    complete = not cut and len(before) < HITS_LIMIT
    fewer = max(0, len(before) - len(after)) if readers else len(hidden_hits)
    made = Preview(
        report, complete, len(alerts), len(gone), len(before), fewer,
        {level: sum(alert[0].level == level for alert in gone) for level in LEVELS},
        by_host.most_common(HOSTS), len(by_host), _sample(hidden_hits), readers, *mine,
        frozenset((alert[0].rule_id, alert[0].group_key) for alert in gone) - left,
        _at(report.covered_since), (), round(clock.monotonic() - begun, 3),
    )  # fmt: skip
    return replace(made, warnings=tuple(_warnings(made, subject, conditions, events)))


def drafted(subject: Subject, agency: str, conditions: Sequence[Condition], now: float) -> Exceptions:
    """What the correlator would read: through the same text and the same loader."""
    made = selection.document(DRAFT, agency, rules_of(subject), conditions, now + 86_400)
    found, faults = of_file(selection.dumped([made]).encode(), agency, now)
    if faults:
        raise ValueError(faults[0].reason)
    drawn = Exceptions(tuple(found))
    drawn.fit(subject.chosen.engine)
    return drawn


def rules_of(subject: Subject) -> list[dict[str, Any]]:
    return [
        {"id": rule.id, "title": _titles(rule.about), "level": rule.about.level,
         "logsource": {key: value for key, value in rule.logsource._asdict().items() if value}}
        for rule in subject.rules
    ]  # fmt: skip


def _titles(about: Any) -> dict[str, str]:
    vi, en = about.titles.get("vi") or "", about.titles.get("en") or about.title
    return {"vi": vi or en, "en": en}


@dataclass(slots=True)
class _Noting(Exceptions):
    """Hides what is in force, and notes what the draft would hide besides: (rule, event)."""

    draft: Exceptions = field(default_factory=Exceptions)
    noted: set[tuple[str, str]] = field(default_factory=set)

    def passed(self, event: Event, matches: Sequence[Match]) -> list[Match]:
        told = Exceptions.passed(self, event, matches)
        left = {match.rule.id for match in self.draft.passed(event, told)}
        key = str(get(event, "event.id") or "")
        self.noted.update((match.rule.id, key) for match in told if match.rule.id not in left)
        return told


def _heard(hit: Event, event: Event) -> Heard:
    said = hit["luytre"]["hit"]
    hosts = {str(name) for source in (hit, event) if isinstance(name := get(source, "host.name"), str)}
    return Heard(str(hit["event"]["id"]), str(hit["rule"]["id"]), str(said["group_key"]),
                 str(said["event_ids"][-1]) if said["event_ids"] else "", str(said["level"]),
                 _at(str(hit.get("@timestamp") or "")), tuple(sorted(hosts)), hit)  # fmt: skip


def _at(text: str) -> float:
    return parse_rfc3339(text) or 0.0


def _gone(before: Sequence[Heard], after: Sequence[Heard]) -> list[Heard]:
    left = {one.id for one in after}
    return [one for one in before if one.id not in left]


def _alerts(hits: Sequence[Heard]) -> list[list[Heard]]:
    """A group of one rule until it was quiet, as casework folds them (api/casework/fold.py)."""
    groups: dict[tuple[str, str], list[list[Heard]]] = defaultdict(list)
    for one in sorted(hits, key=lambda one: one.at):
        runs = groups[one.rule_id, one.group_key]
        if not runs or one.at - runs[-1][-1].at > QUIET_S:
            runs.append([])
        runs[-1].append(one)
    return [run for runs in groups.values() for run in runs]


def _times(after: Sequence[Heard]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in sorted(after, key=lambda one: one.at):
        found[one.rule_id, one.group_key].append(one.at)
    return found


def _left(alert: Sequence[Heard], times: dict[tuple[str, str], list[float]]) -> bool:
    """A window that another event completes is another hit of the same alert: told by group and time, not by id."""
    there = times.get((alert[0].rule_id, alert[0].group_key), [])
    place = bisect_left(there, alert[0].at)
    return place < len(there) and there[place] <= alert[-1].at


def _of_alert(subject: Subject, events: Sequence[Event], draft: Exceptions) -> tuple[int, int]:
    """(events that the rules match, those of them that it hides)."""
    matched = hidden = 0
    for event in events:
        matches = [one for one in subject.chosen.engine.match(event) if one.rule.id in {r.id for r in subject.rules}]
        if matches:
            matched += 1
            hidden += not draft.passed(event, matches)
    return matched, hidden


def _sample(hits: Sequence[Heard]) -> list[Event]:
    """Of different groups, so that one loud machine doesn't fill it."""
    seen: dict[tuple[str, str], Event] = {}
    for one in hits:
        seen.setdefault((one.rule_id, one.group_key), one.hit)
        if len(seen) >= SAMPLE:
            break
    return list(seen.values())


def _warnings(
    made: Preview, subject: Subject, conditions: Sequence[Condition], events: Sequence[Event]
) -> Iterator[str]:
    if any(count for level, count in made.by_level.items() if LEVELS.index(level) >= HIGH):
        yield "hides_high"
    own = {str(get(event, "host.name")) for event in events if get(event, "host.name")}
    if any(host not in own for host, _ in made.by_host) or made.hosts > HOSTS:
        yield "other_hosts"
    if any(is_attacker_chosen(one.field, one.values) for one in conditions):
        yield "attacker_chosen"
    if is_only_addresses(conditions):
        yield "only_addresses"
    if made.alert_events and made.alert_hidden < made.alert_events:
        yield "not_this_alert"
    if made.readers:
        yield "correlations"
    if not made.hits_before:
        yield "not_tested"
    if not made.complete:
        yield "incomplete"
