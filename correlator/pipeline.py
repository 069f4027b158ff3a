"""Events in, hits out: engine, correlations, detectors and indicators over one stream.

In:  `feed(events)` in store order; `tick(now)` while nothing waits; `finish()` when the input ends. Out: hits (events
     for the `hits` stream, with deterministic ids: the same events give the same hits however often they are fed).
Bound: those of engine, correlations, detectors and indicators. `snapshot()` is msgpack, never code.

An event on which an evaluator fails (a mistake of ours) is poison: it is put aside with its reason in `poison`,
counted, and the stream goes on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from correlator.detector import Detector, Finding, Memory
from correlator.engine import Engine, Match
from correlator.engine.conditions import MISSING
from correlator.engine.correlations import Correlator, Fired
from correlator.engine.rule import About
from correlator.engine.texts import fill, show
from correlator.exceptions import Exceptions
from correlator.hit import Verdict, make_hit
from correlator.indicators.live import Indicators
from correlator.indicators.verdict import hit_of
from sensors.clock import Clock, SystemClock, parse_rfc3339, rfc3339
from sensors.event import Event, get

POISON_KEPT = 100
VALUE_LIMIT_CHARS = 2048
LIST_LIMIT = 100
VERSION = 1


class Pipeline:
    def __init__(
        self,
        engine: Engine,
        detectors: Mapping[str, Detector] | None = None,
        clock: Clock | None = None,
        *,
        lateness_s: float = 300.0,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        indicators: Indicators | None = None,
        exceptions: Exceptions | None = None,
    ) -> None:
        self.engine, self._clock, self._lateness_s = engine, clock or SystemClock(), lateness_s
        self._correlator = Correlator(engine.correlations, lateness_s=lateness_s)
        self.exceptions = exceptions or Exceptions()
        self.exceptions.fit(engine)
        self._detectors: dict[str, tuple[Detector, Memory]] = {
            name: (detector, detector.make(**(settings or {}).get(name, {})))
            for name, detector in (detectors or {}).items()
        }
        self.indicators = indicators or Indicators()
        self.events = self.poisoned = 0
        self.hits: Counter[str] = Counter()  # by rule id
        self.poison: deque[dict[str, str]] = deque(maxlen=POISON_KEPT)
        self._newest = 0.0

    def feed(self, events: Iterable[Event]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            self.events += 1
            try:
                found += self._one(event)
            except Exception as error:
                self._put_aside(event, error)
        return self._counted(found)

    def tick(self, now: float | None = None) -> list[Event]:
        """Time passes without events: windows end, silence is noticed."""
        now = self._clock.now() if now is None else now
        found = [_correlated(fired) for fired in self._correlator.tick(now)]
        for detector, memory in self._detectors.values():
            found += [_noticed(detector, finding) for finding in memory.tick(now)]
        return self._counted(found)

    def finish(self) -> list[Event]:
        found = [_correlated(fired) for fired in self._correlator.finish()]
        return self._counted([*found, *(hit_of(sighted) for sighted in self.indicators.finish())])

    def reload(self, engine: Engine) -> None:
        """Other rules from the next event on; correlations that are still the same keep their windows."""
        kept = self._correlator.snapshot()
        self.engine = engine
        self._correlator = Correlator(engine.correlations, lateness_s=self._lateness_s)
        self._correlator.restore(kept)
        self.exceptions.fit(engine)

    def except_by(self, exceptions: Exceptions) -> None:
        """Other exceptions from the next event on; the rules stay as they are."""
        exceptions.fit(self.engine)
        self.exceptions = exceptions

    def detectors(self) -> list[Detector]:
        return [detector for detector, _ in self._detectors.values()]

    def counters(self) -> dict[str, Any]:
        return {
            "events": self.events, "hits": sum(self.hits.values()), "hits_by_rule": dict(self.hits),
            "poison": self.poisoned, "correlations": self._correlator.counters(),
            "detectors": {name: {"dropped": memory.dropped} for name, (_, memory) in self._detectors.items()},
            "indicators": self.indicators.counters(),
        }  # fmt: skip

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode({
            "version": VERSION, "events": self.events, "poisoned": self.poisoned, "hits": dict(self.hits),
            "correlations": self._correlator.snapshot(), "excepted": self.exceptions.counted(),
            "detectors": {name: memory.snapshot() for name, (_, memory) in self._detectors.items()},
            "indicators": self.indicators.snapshot(),
        })  # fmt: skip

    def restore(self, snapshot: bytes) -> None:
        """Raises ValueError when this isn't a snapshot of ours."""
        try:
            state = msgspec.msgpack.decode(snapshot)
            if state["version"] != VERSION:
                raise ValueError(f"version {state['version']}")
            self.events, self.poisoned, self.hits = state["events"], state["poisoned"], Counter(state["hits"])
            self._correlator.restore(state["correlations"])
            self.exceptions.restore(state.get("excepted", {}))  # not in snapshots of before 2026-11-22
            for name, (_, memory) in self._detectors.items():
                if name in state["detectors"]:
                    memory.restore(state["detectors"][name])
            if "indicators" in state:  # a checkpoint of before has none
                self.indicators.restore(state["indicators"])
        except (msgspec.DecodeError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not a snapshot: {type(error).__name__}: {error}") from None

    def _one(self, event: Event) -> list[Event]:
        time, arrival = _times(event)
        matches = self.engine.match(event)
        if matches:
            matches = self.exceptions.passed(event, matches)
        found = [_matched(match, event) for match in matches if not match.rule.silent]
        if matches and self.engine.correlations:
            seen = {match.rule.id: match.view for match in matches}
            found += [_correlated(fired) for fired in self._correlator.feed(event, seen, time, arrival)
                      if not fired.correlation.silent]  # fmt: skip
        for detector, memory in self._detectors.values():
            found += [_noticed(detector, finding) for finding in memory.feed(event, time)]
        seen_at = min(time, arrival) if arrival else time  # one machine's clock in the future must not end all minutes
        found += [hit_of(sighted) for sighted in self.indicators.feed(event, seen_at)]
        return found

    def _put_aside(self, event: Event, error: Exception) -> None:
        self.poisoned += 1
        event_id = event.get("event", {}).get("id") if isinstance(event.get("event"), dict) else None
        self.poison.append({"event.id": str(event_id or ""), "error": f"{type(error).__name__}: {error}"[:500]})

    def _counted(self, hits: list[Event]) -> list[Event]:
        self.hits.update(str(hit["rule"]["id"]) for hit in hits)
        return [_bounded(hit) for hit in hits]


def _bounded(value: Any) -> Any:
    """A hit repeats its event's entities, which strangers choose: cut, so that ingest never refuses a hit."""
    if isinstance(value, str):
        return value if len(value) <= VALUE_LIMIT_CHARS else value[:VALUE_LIMIT_CHARS] + "…"
    if isinstance(value, dict):
        return {key: _bounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_bounded(inner) for inner in value[:LIST_LIMIT]]
    return value


def _times(event: Event) -> tuple[float, float]:
    """(event time, arrival or 0.0); an event without a readable time happened when it arrived."""
    stamp, ingested = event.get("@timestamp"), get(event, "event.ingested")
    arrival = parse_rfc3339(ingested) if isinstance(ingested, str) else None
    time = parse_rfc3339(stamp) if isinstance(stamp, str) else None
    return (time if time is not None else arrival or 0.0), arrival or 0.0


def _verdict_texts(about: About) -> dict[str, Any]:
    return {"rule_id": about.id, "name": about.title, "level": about.level, "title": dict(about.titles),
            "tags": about.tags}  # fmt: skip


def _matched(match: Match, event: Event) -> Event:
    about, view = match.rule.about, match.view
    names = about.group_by if about.group_by is not None else ("host.name", "source.ip")
    group = {name: text for name in names if (text := show(view.value(name))) != "?"}
    if not group and about.group_by is None:
        group = {name: text for name in ("user.name", "observer.name") if (text := show(view.value(name))) != "?"}
    reason = fill(about.reason, view.value) or {"en": about.title}
    return make_hit(Verdict(**_verdict_texts(about), kind="sigma", group=group, reason=reason), event)


def _correlated(fired: Fired) -> Event:
    about = fired.correlation.about
    facts = {"count": fired.count, "values": fired.values, "value": fired.value, "which": list(fired.which),
             "luytre.hit.count": fired.count, "timespan": fired.correlation.timespan_s, **fired.group}  # fmt: skip
    verdict = Verdict(
        **_verdict_texts(about), kind="correlation", group=dict(fired.group), count=fired.count,
        event_ids=fired.event_ids,
        reason=fill(about.reason, lambda name: _look(name, facts, fired.event, fired.common)) or {"en": about.title},
    )  # fmt: skip
    return make_hit(verdict, fired.event, when=rfc3339(fired.time), shared=[dict(fired.common)])


def _noticed(detector: Detector, finding: Finding) -> Event:
    facts = {**finding.group, **finding.facts}
    verdict = Verdict(
        detector.id, detector.name, detector.level, "detector", dict(finding.group), dict(detector.title),
        fill(detector.reason, lambda name: _look(name, facts, finding.event)), tuple(detector.tags), finding.score,
        finding.count, finding.event_ids,
    )  # fmt: skip
    return make_hit(verdict, finding.event, when=rfc3339(finding.when) if finding.when is not None else None)


def _look(name: str, facts: Mapping[str, Any], event: Event, common: Mapping[str, Any] | None = None) -> Any:
    for table in (facts, common or {}):
        if name in table:
            return table[name]
    found = get(event, name)
    return MISSING if found is None else found
