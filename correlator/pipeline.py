"""Events in, hits out: engine, correlations, detectors and indicators over one stream.

In:  `feed(events)` in store order, each decoded or as JSON; `tick(now)` while nothing waits; `finish()` when the input
     ends. Out: hits (events for the `hits` stream, with deterministic ids: the same events give the same hits however
     often they are fed, and in whichever of the two forms).
Bound: those of engine, correlations, detectors and indicators. `snapshot()` is msgpack, never code.

Of a line the engine reads the columns of its rules; detectors and indicators name what they read (glance.py). Only what
matched, was found or met is decoded whole. Damage in what nobody reads (a number out of range) is then not noticed;
bytes that are no UTF-8 or no JSON are.

An event on which an evaluator fails (a mistake of ours) is poison: it is put aside with its reason in `poison`,
counted, and the stream goes on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, repeat
from typing import Any

import msgspec

from correlator.detector import Detector, Memory
from correlator.engine import Engine, Match
from correlator.engine.correlations import Correlator
from correlator.exceptions import Exceptions
from correlator.glance import glance
from correlator.indicators.live import READS, Indicators
from correlator.indicators.verdict import hit_of
from correlator.verdicts import bounded, correlated, matched, noticed
from sensors.clock import Clock, SystemClock, parse_rfc3339
from sensors.event import Event, decode, get

POISON_KEPT = 100
CHUNK = 512  # lines that the engine reads together
_TIMES = ("@timestamp", "event.ingested")
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
        self._ingested: tuple[Any, float] = None, 0.0  # text, time: what was sent together shares it
        reads = [detector.reads for detector, _ in self._detectors.values()]
        self._few: Callable[[bytes], Event] | None = None  # without indicators, with them; None: all is asked for
        self._few_and_indicators: Callable[[bytes], Event] | None = None
        if None not in reads:
            paths = [*_TIMES, *(path for one in reads for path in one or ())]
            self._few, self._few_and_indicators = glance(paths), glance([*paths, *READS])

    def feed(self, events: Iterable[Event | bytes]) -> list[Event]:
        """Each an event, or one as JSON, of which no more is read than somebody asks for."""
        found: list[Event] = []
        rest = iter(events)
        while chunk := list(islice(rest, CHUNK)):
            read = self._few_and_indicators if self.indicators.in_force else self._few
            for given, matches in zip(chunk, self._matches(chunk), strict=True):
                self.events += 1
                try:
                    if isinstance(given, bytes):
                        found += self._of_line(given, read, matches)
                    else:
                        found += self._of_event(given)
                except Exception as error:
                    self._put_aside(given, error)
        return self._counted(found)

    def tick(self, now: float | None = None) -> list[Event]:
        """Time passes without events: windows end, silence is noticed."""
        now = self._clock.now() if now is None else now
        found = [correlated(fired) for fired in self._correlator.tick(now)]
        for detector, memory in self._detectors.values():
            found += [noticed(detector, finding) for finding in memory.tick(now)]
        return self._counted(found)

    def finish(self) -> list[Event]:
        found = [correlated(fired) for fired in self._correlator.finish()]
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

    def _of_event(self, event: Event) -> list[Event]:
        return self._one(event, self.engine.match(event), lambda: event)

    def _matches(self, chunk: Sequence[Event | bytes]) -> Iterable[Sequence[Match] | None]:
        """Of the lines: together they cost half. None where each is to be asked by itself, to find the one to blame."""
        lines = [given for given in chunk if isinstance(given, bytes)]
        try:
            found = iter(self.engine.match_lines(lines))
        except Exception:
            return repeat(None, len(chunk))
        return [next(found) if isinstance(given, bytes) else None for given in chunk]

    def _of_line(self, line: bytes, read: Callable[[bytes], Event] | None,
                 matches: Sequence[Match] | None) -> list[Event]:  # fmt: skip
        few = read(line) if read else decode(line)
        if matches is None:
            (matches,) = self.engine.match_lines((line,))
        told = matches
        return self._one(few, told, lambda: told[0].event if told else decode(line))

    def _one(self, few: Event, matches: Sequence[Match], whole: Callable[[], Event]) -> list[Event]:
        """`few`: at least the fields that detectors and indicators read."""
        time, arrival = self._times(few)
        found: list[Event] = []
        if matches:
            event = whole()
            matches = self.exceptions.passed(event, matches)
            found += [matched(match, event) for match in matches if not match.rule.silent]
            if matches and self.engine.correlations:
                seen = {match.rule.id: match.view for match in matches}
                found += [correlated(fired) for fired in self._correlator.feed(event, seen, time, arrival)
                          if not fired.correlation.silent]  # fmt: skip
        for detector, memory in self._detectors.values():
            for finding in memory.feed(few, time):
                found.append(noticed(detector, replace(finding, event=whole()) if finding.event is few else finding))
        if self.indicators.in_force:
            seen_at = min(time, arrival) if arrival else time  # one machine's future clock must not end all minutes
            found += [hit_of(sighted) for sighted in self.indicators.feed(few, seen_at, whole)]
        return found

    def _times(self, event: Event) -> tuple[float, float]:
        """(event time, arrival or 0.0); an event without a readable time happened when it arrived."""
        stamp, ingested = event.get("@timestamp"), get(event, "event.ingested")
        if ingested != self._ingested[0]:
            self._ingested = ingested, (parse_rfc3339(ingested) if isinstance(ingested, str) else None) or 0.0
        arrival = self._ingested[1]
        time = parse_rfc3339(stamp) if isinstance(stamp, str) else None
        return (time if time is not None else arrival), arrival

    def _put_aside(self, given: Event | bytes, error: Exception) -> None:
        self.poisoned += 1
        try:
            event_id = get(decode(given) if isinstance(given, bytes) else given, "event.id")
        except Exception:  # the line is none: that is the error
            event_id = None
        self.poison.append({"event.id": str(event_id or ""), "error": f"{type(error).__name__}: {error}"[:500]})

    def _counted(self, hits: list[Event]) -> list[Event]:
        self.hits.update(str(hit["rule"]["id"]) for hit in hits)
        return [bounded(hit) for hit in hits]
