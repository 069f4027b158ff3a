"""One finding a minute for each (agency, indicator, host), never more; every event counted.

In:  meetings with their event's time, in store order. Out: `Sighted`: the first at once, what follows within AGAIN_S of
     event time together, as one with its count. `due(time)` is asked before what happened then.
Bound: `limit` open pairs; the one seen longest ago goes first, what it still had to say is said then.
Nothing here asks the time of day: the same events give the same findings after any crash.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from correlator.indicators.kinds import all_kinds
from correlator.indicators.sighting import Met, Sighted, kept, level_of, whose
from correlator.indicators.table import Known
from sensors.event import Event, get

AGAIN_S = 60.0
EVENT_IDS = 100
_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Pair:
    until: float
    last: float
    count: int = 0
    ids: list[str] | None = None
    sighted: Sighted | None = None  # with what is kept of the last event


class Minutes:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pairs: OrderedDict[_Key, _Pair] = OrderedDict()
        self._ends: list[tuple[float, _Key]] = []  # a heap: when which pair's minute is over
        self._newest = 0.0

    def __len__(self) -> int:
        return len(self._pairs)

    def see(self, met: Met, event: Event, time: float) -> list[Sighted]:
        host, who = whose(met, event)
        agency = str(get(event, "organization.id") or "")
        key = (agency, met.known.key, who)
        group = {"threat.indicator.name": met.known.value, **({host: who} if host else {})}
        sighted = Sighted(met, event, group, level_of(met), who, 1, (str(get(event, "event.id") or ""),))
        pair = self._pairs.get(key)
        if pair is None:
            self._open(key, time + AGAIN_S, time)
            return [sighted, *self._evicted()]
        self._pairs.move_to_end(key)
        pair.count += 1
        pair.ids = [*(pair.ids or ())[-EVENT_IDS + 1 :], *sighted.event_ids]
        pair.sighted = Sighted(met, kept(event), group, sighted.level, who, pair.count, tuple(pair.ids))
        pair.last = time
        if time < pair.until:
            return []
        self._open(key, time + AGAIN_S, time)
        return [pair.sighted]

    def _evicted(self) -> list[Sighted]:
        found = []
        while len(self._pairs) > self._limit:
            _, pair = self._pairs.popitem(last=False)
            found += [pair.sighted] if pair.sighted is not None else []
        return found

    def _open(self, key: _Key, until: float, last: float) -> None:
        self._pairs[key] = _Pair(until, last)
        if len(self._ends) < 4 * self._limit:
            heapq.heappush(self._ends, (until, key))
        else:  # most are of pairs that are no more: while event time stands still, none is due
            self._ends = [(pair.until, key) for key, pair in self._pairs.items()]
            heapq.heapify(self._ends)

    def due(self, time: float) -> list[Sighted]:
        """Of pairs whose minute is over, what they still had to say; one that has nothing to say is forgotten."""
        if time <= self._newest:
            return []
        self._newest = time
        found: list[Sighted] = []
        while self._ends and self._ends[0][0] <= time:
            until, key = heapq.heappop(self._ends)
            pair = self._pairs.get(key)
            if pair is None or pair.until != until:
                continue
            if pair.sighted is None:
                del self._pairs[key]
            else:
                found.append(pair.sighted)
                self._open(key, pair.last + AGAIN_S, pair.last)
        return found

    def finish(self) -> list[Sighted]:
        """What was not said yet: of a file that ends."""
        found = [pair.sighted for pair in self._pairs.values() if pair.sighted is not None]
        self._pairs.clear()
        self._ends.clear()
        return found

    def snapshot(self) -> Any:
        return {"newest": self._newest,
                "pairs": [[list(key), pair.until, pair.last, pair.count, pair.ids, _plain(pair.sighted)]
                          for key, pair in self._pairs.items()]}  # fmt: skip

    def restore(self, snapshot: Any) -> None:
        self._newest = snapshot["newest"]
        self._pairs.clear()
        self._ends = []
        kinds = all_kinds()
        for key, until, last, count, ids, plain in snapshot["pairs"]:
            sighted = None
            if plain is not None and plain["known"][0] in kinds:
                kind, *rest = plain["known"]
                met = Met(Known(kinds[kind], *rest), plain["path"], plain["matched"])
                sighted = Sighted(met, plain["event"], plain["group"], plain["level"], plain["who"], count, tuple(ids))
            place = (key[0], key[1], key[2])
            self._open(place, until, last)
            self._pairs[place] = _Pair(until, last, count, ids, sighted)


def _plain(sighted: Sighted | None) -> dict[str, Any] | None:
    if sighted is None:
        return None
    known = sighted.met.known
    what = [known.kind.name, known.value, known.key, known.source, known.confidence, known.tlp, known.expires]
    return {"known": what, "path": sighted.met.path, "matched": sighted.met.matched, "event": sighted.event,
            "group": dict(sighted.group), "level": sighted.level, "who": sighted.who}  # fmt: skip
