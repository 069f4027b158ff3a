"""The embedded store's reading side: tail over the journal, search over the partitions (library.py, translate.py).

In:  a scope and a query. Out: `Found`, in the order (`@timestamp`, number in the journal), which is total: pages
neither overlap nor skip whatever arrives meanwhile. The scope is a condition inside the query, and checked once more on
each event before it leaves. Bound: TIME_LIMIT_S per search, then what was found is partial and says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import tantivy

from correlator.store import aggs as aggregations
from correlator.store import schema
from correlator.store.base import Cursor, Found, Gap, Page, Query, Scope, Stream, decoded
from correlator.store.fold import composed
from correlator.store.library import Library, Shelf
from correlator.store.partition import Partition
from correlator.store.query import QueryError, check, micros
from correlator.store.translate import Known, conjunction, half_open, moments, translate, within
from sensors.durable.log import LogReader, Position
from sensors.event import Event, get

SIZE_LIMIT = 1_000
IDS_LIMIT = 1_000
TIME_LIMIT_S = 10.0

Q = tantivy.Query
_index = schema.prepare(tantivy.Index(schema.build_schema()))
_EMPTY = Known(_index, _index.schema)


class _Key(NamedTuple):
    when: int
    number: int


class _Hit(NamedTuple):
    key: _Key
    shelf: Shelf
    address: tantivy.DocAddress


class EmbeddedReader:
    def __init__(self, data: Path) -> None:
        streams: tuple[Stream, ...] = get_args(Stream)
        self._tails = {stream: LogReader(data / "journal" / stream) for stream in streams}
        self._locks = {stream: threading.Lock() for stream in streams}
        self._libraries = {stream: Library(data / "journal" / stream, data / "index" / stream) for stream in streams}

    def tail(
        self, cursor: Cursor | None, limit: int, stream: Stream = "events", dataset: str | None = None
    ) -> Page | Gap:
        with self._locks[stream]:
            try:
                after = Position.parse(cursor) if cursor is not None else None
            except ValueError:  # another store's cursor: nothing is known about what was missed
                return Gap(None, str(Position(0, 0, -1)))
            batch = self._tails[stream].read(after, limit)
        if batch.lost is not None:
            first = batch.items[0][0] if batch.items else None
            behind = Position(first.segment, first.offset, first.index - 1) if first else batch.next
            return Gap(batch.lost if batch.lost >= 0 else None, str(behind))
        lines = [data for _, data in batch.items]
        if not dataset:
            return Page(lines, str(batch.next))
        # The name stands in the bytes of every event of that dataset: looking for it there costs a third of decoding.
        mark = dataset.encode()
        events = [event for data in lines if mark in data and (event := decoded(data)) is not None]
        return Page([event for event in events if get(event, "event.dataset") == dataset], str(batch.next))

    def end(self, stream: Stream = "events") -> Cursor:
        with self._locks[stream]:
            return str(self._tails[stream].end())

    def search(self, scope: Scope, query: Query) -> Found:
        started = time.monotonic()
        check(query.where)
        if query.aggs:
            aggregations.check(query.aggs)
        if not 0 <= query.size <= SIZE_LIMIT:
            raise QueryError(f"mỗi trang tối đa {SIZE_LIMIT}", f"a page has at most {SIZE_LIMIT}")
        since, until, after = _moment(query.since), _moment(query.until), _after(query.after)
        translate(_EMPTY, query.where)  # what can't be asked is an error before there is anything to find
        library = self._libraries[query.stream]
        parts = library.partitions()
        partial = library.missing(parts)
        total, hits, answers = 0, list[_Hit](), []
        asked = aggregations.per_index(query.aggs) if query.aggs else None
        timed_out = False
        relevant = [part for part in parts if _overlaps(part, since, until)]
        for shelf in library.shelves(relevant):
            if time.monotonic() - started > TIME_LIMIT_S:
                timed_out, partial = True, "hết thời gian tìm; kết quả chưa đủ"
                break
            if isinstance(shelf, Partition):
                partial = partial or "một phần chỉ mục đang được dựng lại"
                continue
            try:
                where = self._where(shelf, scope, query, since, until)
                total += _count(shelf, where)
                if asked is not None:
                    answers.append(shelf.searcher.aggregate(where, asked))
                if query.size:
                    hits += _top(shelf, where, after, query.size + 1, newest_first=query.newest_first)
            except ValueError as error:
                raise QueryError(f"không chạy được câu tìm: {error}", f"cannot run the query: {error}") from None
        hits.sort(key=lambda hit: hit.key, reverse=query.newest_first)
        page = hits[: query.size]
        events = [event for hit in page if (event := _event(hit.shelf, hit.address, scope)) is not None]
        if len(events) < len(page):
            partial = partial or "một phần chỉ mục bị hỏng và sẽ được dựng lại"
        last = page[-1].key if len(hits) > query.size and page else None
        return Found(
            events, total, f"{last.when}:{last.number}" if last else None,
            aggregations.merge(query.aggs, answers) if query.aggs else {}, timed_out, partial,
            round((time.monotonic() - started) * 1_000, 3),
        )  # fmt: skip

    def fetch(self, scope: Scope, ids: Sequence[str], stream: Stream = "events") -> list[Event]:
        wanted = dict.fromkeys(ids)
        if len(wanted) > IDS_LIMIT:
            raise QueryError(f"tối đa {IDS_LIMIT} mã một lần", f"at most {IDS_LIMIT} ids at a time")
        found: dict[str, Event] = {}
        library = self._libraries[stream]
        for shelf in library.shelves(library.partitions()):
            left = [composed(one) for one in wanted if one not in found]
            if not left:
                break
            if isinstance(shelf, Partition):
                continue
            known = shelf.known
            parts = [Q.term_set_query(known.schema, "_id", left), *within(known, scope)]
            for _, address in shelf.searcher.search(conjunction(parts), 2 * len(left), count=False).hits:
                event = _event(shelf, address, scope)
                if event is not None:
                    found.setdefault(str(get(event, "event.id")), event)
        return [found[one] for one in wanted if one in found]

    def close(self) -> None:
        for tail in self._tails.values():
            tail.close()
        for library in self._libraries.values():
            library.close()

    def _where(self, shelf: Shelf, scope: Scope, query: Query, since: int | None, until: int | None) -> tantivy.Query:
        known = shelf.known
        parts = [translate(known, query.where), *within(known, scope)]
        if since is not None or until is not None:
            parts.append(moments(known, "@timestamp", since, until))
        return conjunction(parts)


def _overlaps(part: Partition, since: int | None, until: int | None) -> bool:
    """False only when the mark rules it out; an open partition may hold more than its mark says."""
    mark = part.mark
    if not mark.sealed:
        return True
    return (until is None or mark.oldest < until) and (since is None or mark.newest >= since)


def _count(shelf: Shelf, where: tantivy.Query) -> int:
    return int(shelf.searcher.search(where, 1, count=True).count or 0)


def _top(shelf: Shelf, where: tantivy.Query, after: _Key | None, limit: int, *, newest_first: bool) -> list[_Hit]:
    """The first `limit` after the key, in the order of `_Key`. tantivy sorts by one column, so events of equal time are
    taken in a second, exact step: the group at the page's start, and the one that its end would cut."""
    known, found = shelf.known, list[_Hit]()
    if after is not None:
        found += _ties(shelf, where, after.when, after.number, limit, newest_first=newest_first)
        low, high = (None, after.when) if newest_first else (after.when + 1, None)
        where = conjunction([where, moments(known, "@timestamp", low, high)])
    room = limit - len(found)
    if room <= 0:
        return found
    order = tantivy.Order.Desc if newest_first else tantivy.Order.Asc
    hits = shelf.searcher.search(where, room + 1, count=False, order_by_field="@timestamp", order=order).hits
    cut = hits[-1][0] if len(hits) > room else None
    whole = [(when, address) for when, address in hits if when != cut]
    numbers = shelf.searcher.fast_field_values("_order", [address for _, address in whole])
    placed = [
        _Hit(_Key(when, int(number or 0)), shelf, address)
        for (when, address), number in zip(whole, numbers, strict=True)
    ]
    found += sorted(placed, key=lambda hit: hit.key, reverse=newest_first)
    if cut is not None:
        found += _ties(shelf, where, cut, None, limit - len(found), newest_first=newest_first)
    return found


def _ties(
    shelf: Shelf, where: tantivy.Query, when: int, number: int | None, limit: int, *, newest_first: bool
) -> list[_Hit]:
    """Events of exactly this time behind `number`, by number."""
    if limit <= 0:
        return []
    known = shelf.known
    parts = [where, Q.term_query(known.schema, "@timestamp", when)]
    if number is not None:
        low, high = (None, number) if newest_first else (number + 1, None)
        parts.append(half_open(known, "_order", tantivy.FieldType.Unsigned, low, high))
    order = tantivy.Order.Desc if newest_first else tantivy.Order.Asc
    hits = shelf.searcher.search(conjunction(parts), limit, count=False, order_by_field="_order", order=order).hits
    return [_Hit(_Key(when, int(place)), shelf, address) for place, address in hits]


def _event(shelf: Shelf, address: tantivy.DocAddress, scope: Scope) -> Event | None:
    try:
        stored: Any = shelf.searcher.doc(address)["_source"][0]
    except (ValueError, KeyError, IndexError):
        return None
    data = schema.source(bytes(stored))
    event = decoded(data) if data is not None else None
    if event is None:
        return None
    agency = get(event, "organization.id")
    return event if scope.sees(agency if isinstance(agency, str) else None) else None


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    found = micros(text)
    if found is None:
        raise QueryError(f"`{text[:40]}` không phải thời điểm RFC 3339", f"`{text[:40]}` is not an RFC 3339 time")
    return found


def _after(text: str | None) -> _Key | None:
    if text is None:
        return None
    when, _, number = text.partition(":")
    try:
        return _Key(int(when[:20]), int(number[:20]))
    except ValueError:
        raise QueryError("trang tiếp theo không hợp lệ", "not a `next` of this store") from None
