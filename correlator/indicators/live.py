"""The live stage: which events meet an indicator. One finding a minute for each (indicator, host), never more.

In:  events in store order; tables that may be changed between two events (`use`): of an agency, which only its own
     events are held against, and of "", which all are. Out: `Sighted`: the first at once,
     what follows within AGAIN_S of event time together, as one with its count.
Only columns that exist are read: the event's own first words choose what is looked at. What a value came to is
remembered (MEMO values of at most MEMO_CHARS characters a set of kinds; emptied when full), so an ordinary value
costs a look into a dictionary, and one never seen before the bisections of table.py.
Bound: PAIRS_LIMIT open pairs; the one seen longest ago goes first, what it still had to say is said then. VALUES_LIMIT
values of one field, VALUE_CHARS characters of one value: what is left out is counted in `dropped`.
Nothing here asks the time of day: the same events give the same findings after any crash. An indicator that has ended
is told by the event's own time (when it was seen, not when we read it).
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from correlator.hit import ENTITIES, Level
from correlator.indicators.kinds import all_kinds
from correlator.indicators.kinds._plain import packed
from correlator.indicators.seam import Kind
from correlator.indicators.table import IndicatorTable, Known
from sensors.event import Event, get, put

AGAIN_S = 60.0
PAIRS_LIMIT = 10_000
EVENT_IDS = 100
MEMO, MEMO_CHARS = 20_000, 256
VALUES_LIMIT, VALUE_CHARS = 200, 4_096
_KEPT = (*ENTITIES, "@timestamp", "event.id", "organization.id", "observer.id", "log.file.path")
_WHO_CAME = frozenset(("winlog.event_data.IpAddress", "winlog.event_data.SourceIp"))
_LEVELS: Sequence[Level] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Met:
    """An event's value, and the indicator that it is (of)."""

    known: Known
    path: str
    matched: str  # the value as the event has it


@dataclass(frozen=True, slots=True)
class Sighted:
    met: Met
    event: Event  # the last one, or what is kept of it
    group: Mapping[str, str]
    level: Level
    who: str
    count: int
    event_ids: Sequence[str]


@dataclass(slots=True)
class _Pair:
    until: float
    last: float
    count: int = 0
    ids: list[str] | None = None
    sighted: Sighted | None = None  # with what is kept of the last event


class _Sort:
    """The kinds that a field may hold, and what its values have come to."""

    __slots__ = ("addresses", "kinds", "memo")

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self.addresses = any(kind.networks or kind.address for kind in kinds)
        self.memo: dict[str, tuple[Known, ...]] = {}


# path, the rest of it, the rest's first word if it has several, made, kinds
_Step = tuple[str, str, str, Callable[[Mapping[str, Any]], str | None] | None, _Sort]


def plan() -> dict[str, list[_Step]]:
    """First word of a path (or a whole dotted name) → what is looked at behind it."""
    holding: dict[str, list[Kind]] = {}
    for kind in all_kinds().values():
        for path in kind.fields:
            holding.setdefault(path, []).append(kind)
    sorts: dict[tuple[str, ...], _Sort] = {}

    def sort(kinds: Sequence[Kind]) -> _Sort:
        return sorts.setdefault(tuple(kind.name for kind in kinds), _Sort(tuple(kinds)))

    steps: dict[str, list[_Step]] = {}
    for path, kinds in holding.items():
        head, _, rest = path.partition(".")
        steps.setdefault(head, []).append(
            (path, rest, rest.partition(".")[0] if "." in rest else "", None, sort(kinds))
        )
        steps.setdefault(path, []).append((path, "", "", None, sort(kinds)))
    for kind in all_kinds().values():
        for head, made in kind.made.items():
            steps.setdefault(head, []).append((head, "", "", made, sort((kind,))))
    return steps


class _View:
    """What the events of one agency are held against."""

    __slots__ = ("any_network", "labels", "memo_limit", "steps", "tables")

    def __init__(self, tables: Sequence[IndicatorTable], memo_limit: int) -> None:
        self.tables, self.memo_limit = tuple(tables), memo_limit
        self.steps = plan()
        self.any_network = any(table.any_network for table in tables)
        self.labels = 0
        for table in tables:
            self.labels |= table.labels

    def find(self, kind: Kind, key: bytes, value: str) -> Known | None:
        for table in self.tables:
            found = table.find(kind, key, value)
            if found is not None:
                return found
        return None

    def find_address(self, raw: bytes, time: float) -> Known | None:
        found = [one for table in self.tables if (one := table.find_address(raw, time)) is not None]
        return max(found, key=lambda one: int(one.value.partition("/")[2]), default=None)


class Indicators:
    def __init__(
        self, tables: Mapping[str, IndicatorTable] | IndicatorTable | None = None, *, pairs_limit: int = PAIRS_LIMIT
    ) -> None:
        self._pairs_limit = pairs_limit
        self.use(tables)
        self._pairs: OrderedDict[tuple[str, str, str], _Pair] = OrderedDict()
        self._ends: list[tuple[float, tuple[str, str, str]]] = []  # a heap: when which pair's minute is over
        self._newest = 0.0
        self.dropped = self.met = 0

    def use(self, tables: Mapping[str, IndicatorTable] | IndicatorTable | None) -> None:
        """Other sets from the next event on; pairs go on. One table alone is everybody's."""
        given = {"": tables} if isinstance(tables, IndicatorTable) else dict(tables or {})
        self._tables = {agency: given[agency] for agency in sorted(given)}
        common = [given[""]] if "" in given else []
        memo = max(500, MEMO // max(1, len(given)))
        self._common = _View(common, memo)
        self._views = {agency: _View([table, *common], memo) for agency, table in self._tables.items() if agency}

    def feed(self, event: Event, time: float) -> list[Sighted]:
        if not self._tables and not self._pairs:
            return []
        found = self._due(time) if time > self._newest else []
        for met in self.look(event, time):
            found += self._see(met, event, time)
        return found

    def look(self, event: Event, time: float) -> list[Met]:
        """Which indicators this event meets, each once."""
        view = self._common
        if self._views:
            view = self._views.get(str(get(event, "organization.id") or ""), view)
        if not view.tables:
            return []
        met: dict[str, Met] = {}
        all_steps = view.steps
        for head, part in event.items():
            steps = all_steps.get(head)
            if steps is None:
                continue
            nested = isinstance(part, Mapping)
            for path, rest, deep, made, sort in steps:
                if made is not None:
                    value: Any = made(part) if nested else None
                elif not rest:
                    value = part
                elif not nested:
                    continue
                else:
                    value = part.get(rest)
                    if value is None and deep and deep in part:
                        value = _reach(part[deep], part, rest)
                if value is None:
                    continue
                for text in (value,) if isinstance(value, str) else self._texts(value):
                    known = sort.memo.get(text)
                    if known is None:
                        known = self._ask(view, text, sort, time)
                    for one in known:
                        if not one.ended(time):
                            met.setdefault(one.key, Met(one, path, text))
        return list(met.values())

    def _texts(self, value: Any) -> Iterator[str]:
        if not isinstance(value, list):
            return
        self.dropped += max(0, len(value) - VALUES_LIMIT)
        for one in value[:VALUES_LIMIT]:
            if isinstance(one, str):
                yield one

    def _ask(self, view: _View, text: str, sort: _Sort, time: float) -> tuple[Known, ...]:
        if len(text) > VALUE_CHARS:
            self.dropped += 1
            return ()
        found: list[Known] = []
        lasting = True
        raw = packed(text) if sort.addresses else None
        for kind in sort.kinds:
            one: Known | None = None
            if kind.networks:
                if raw is not None and view.any_network:
                    one = view.find_address(raw, time)
                    lasting = lasting and (one is None or not one.expires)
            elif kind.address:
                one = view.find(kind, raw, text) if raw is not None else None
                if one is not None:
                    one = replace(one, value=kind.normal(text) or text)
            elif kind.below:
                one = _below(view, kind, text, time) if raw is None else None
            else:
                for key, value in kind.keys(text):
                    one = view.find(kind, key, value)
            if one is not None:
                found.append(one)
        known = tuple(found)
        # A wider network or name may stand behind one that ends: such an answer holds for this moment only.
        if len(text) <= MEMO_CHARS and lasting and not any(one.expires and one.kind.below for one in known):
            if len(sort.memo) >= view.memo_limit:
                sort.memo.clear()
            sort.memo[text] = known
        return known

    # --- one finding a minute for each (indicator, host) --------------------------------------------------------

    def _see(self, met: Met, event: Event, time: float) -> list[Sighted]:
        self.met += 1
        host, who = _host(met, event)
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
        while len(self._pairs) > self._pairs_limit:
            _, pair = self._pairs.popitem(last=False)
            found += [pair.sighted] if pair.sighted is not None else []
        return found

    def _open(self, key: tuple[str, str, str], until: float, last: float) -> None:
        self._pairs[key] = _Pair(until, last)
        heapq.heappush(self._ends, (until, key))

    def _due(self, time: float) -> list[Sighted]:
        """Of pairs whose minute is over, what they still had to say; one that has nothing to say is forgotten."""
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

    # --- for the checkpoint and the health ----------------------------------------------------------------------

    def counters(self) -> dict[str, Any]:
        tables = self._tables.values()
        return {"count": sum(table.count for table in tables), "bytes": sum(table.bytes for table in tables),
                "made_at": max((table.made_at for table in tables), default=0.0), "met": self.met,
                "pairs": len(self._pairs), "dropped": self.dropped}  # fmt: skip

    def snapshot(self) -> Any:
        return {"newest": self._newest, "dropped": self.dropped, "met": self.met,
                "pairs": [[list(key), pair.until, pair.last, pair.count, pair.ids, _plain(pair.sighted)]
                          for key, pair in self._pairs.items()]}  # fmt: skip

    def restore(self, snapshot: Any) -> None:
        self._newest, self.dropped, self.met = snapshot["newest"], snapshot["dropped"], snapshot["met"]
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


def _reach(inner: Any, part: Mapping[str, Any], rest: str) -> Any:
    """Behind an object, or behind each object of a list: ECS writes the answers of the DNS so."""
    if isinstance(inner, list):
        tail = rest.partition(".")[2]
        return [get(one, tail) for one in inner[: VALUES_LIMIT + 1] if isinstance(one, Mapping)]
    return get(part, rest)


def _below(view: _View, kind: Kind, text: str, time: float) -> Known | None:
    """The longest name that has not ended; only names of as many labels as the sets have are asked for."""
    for key, value in kind.keys(text):
        if view.labels >> (key.count(b".") + 1) & 1:
            found = view.find(kind, key, value)
            if found is not None and not found.ended(time):
                return found
    return None


def level_of(met: Met) -> Level:
    """By confidence: 75 and over high, under 40 low. One lower when the indicator came to us: who is on the internet is
    knocked at all day; who calls out to a listed address has a reason."""
    confidence = 50 if met.known.confidence is None else met.known.confidence
    level = 2 if confidence >= 75 else 1 if confidence >= 40 else 0
    return _LEVELS[max(0, level - _inbound(met.path))]


def _inbound(path: str) -> bool:
    return path.startswith(("source.", "client.")) or path in _WHO_CAME


def _host(met: Met, event: Event) -> tuple[str, str]:
    """(field, value) of the machine whose alert this is: never the indicator itself."""
    order = met.known.kind.who
    if _inbound(met.path):
        order = ("host.name", "winlog.computer_name", "destination.ip", "server.ip", "observer.name")
    for path in order:
        value = get(event, path)
        if isinstance(value, str) and value and value != met.matched:
            return path, value[:256]
    return "", ""


def kept(event: Event) -> Event:
    """What a hit takes over of its event."""
    made: Event = {}
    for path in _KEPT:
        value = get(event, path)
        if value is not None:
            put(made, path, value[:2_048] if isinstance(value, str) else value)
    return made
