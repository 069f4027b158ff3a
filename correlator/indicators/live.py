"""The live stage: which events meet an indicator; minutes.py says each once a minute.

In:  events in store order; tables that may be changed between two events (`use`): of an agency, which only its own
     events are held against, and of "", which all are. Out: `Sighted`.
Only columns that exist are read: the event's own first words choose what is looked at. What a value came to is
remembered (MEMO values of at most MEMO_CHARS characters a set of kinds; emptied when full), so an ordinary value
costs a look into a dictionary, and one never seen before the bisections of table.py.
Bound: VALUES_LIMIT values of one field, VALUE_CHARS characters of one value: what is left out is counted in `dropped`.
An indicator that has ended is told by the event's own time (when it was seen, not when we read it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from correlator.indicators.kinds import all_kinds
from correlator.indicators.kinds._plain import packed
from correlator.indicators.minutes import Minutes
from correlator.indicators.seam import Kind
from correlator.indicators.sighting import Met, Sighted
from correlator.indicators.table import IndicatorTable, Known
from sensors.event import Event, get

PAIRS_LIMIT = 10_000
MEMO, MEMO_CHARS = 20_000, 256
VALUES_LIMIT, VALUE_CHARS = 200, 4_096
NEVER = 1 << 40

READS = ("organization.id", *(path for kind in all_kinds().values() for path in (*kind.fields, *kind.made)))


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
        """Of several sets' the one that ends last: of one that ended, another may still say the same."""
        found = [one for table in self.tables if (one := table.find(kind, key, value)) is not None]
        return max(found, key=lambda one: one.expires or NEVER, default=None)

    def find_address(self, raw: bytes, time: float) -> Known | None:
        found = [one for table in self.tables if (one := table.find_address(raw, time)) is not None]
        return max(found, key=lambda one: int(one.value.partition("/")[2]), default=None)


class Indicators:
    def __init__(
        self, tables: Mapping[str, IndicatorTable] | IndicatorTable | None = None, *, pairs_limit: int = PAIRS_LIMIT
    ) -> None:
        self.use(tables)
        self._minutes = Minutes(pairs_limit)
        self.dropped = self.met = 0

    def use(self, tables: Mapping[str, IndicatorTable] | IndicatorTable | None) -> None:
        """Other sets from the next event on; pairs go on. One table alone is everybody's."""
        given = {"": tables} if isinstance(tables, IndicatorTable) else dict(tables or {})
        self._tables = {agency: given[agency] for agency in sorted(given)}
        common = [given[""]] if "" in given else []
        memo = max(500, MEMO // max(1, len(given)))
        self._common = _View(common, memo)
        self._views = {agency: _View([table, *common], memo) for agency, table in self._tables.items() if agency}

    @property
    def in_force(self) -> bool:
        """There is something to meet or still to say."""
        return bool(self._tables or self._minutes)

    def feed(self, event: Event, time: float, whole: Callable[[], Event] | None = None) -> list[Sighted]:
        """`event` may hold no more than what is read (READS), when `whole` gives all of it."""
        if not self.in_force:
            return []
        found = self._minutes.due(time)
        for met in self.look(event, time):
            if whole is not None:
                event, whole = whole(), None
            self.met += 1
            found += self._minutes.see(met, event, time)
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

    def finish(self) -> list[Sighted]:
        """What was not said yet: of a file that ends."""
        return self._minutes.finish()

    # --- for the checkpoint and the health ----------------------------------------------------------------------

    def counters(self) -> dict[str, Any]:
        tables = self._tables.values()
        return {"count": sum(table.count for table in tables), "bytes": sum(table.bytes for table in tables),
                "made_at": max((table.made_at for table in tables), default=0.0), "met": self.met,
                "pairs": len(self._minutes), "dropped": self.dropped,
                "by_agency": {agency: table.count for agency, table in self._tables.items()}}  # fmt: skip

    def snapshot(self) -> Any:
        return {**self._minutes.snapshot(), "dropped": self.dropped, "met": self.met}

    def restore(self, snapshot: Any) -> None:
        self.dropped, self.met = snapshot["dropped"], snapshot["met"]
        self._minutes.restore(snapshot)


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
