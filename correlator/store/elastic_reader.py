"""The reading side of the store on Elasticsearch.

Tailing is exact: a cursor holds, per backing index (uuid) and shard, the last `_seq_no` read; what lies between it and
the primary's global checkpoint is read after a refresh, so nothing is missed however late or out of order it was
written. A deleted index that had not been read to its end is a `Gap`; one that had is forgotten quietly.
In:  a scope and a query. Out: `Found`, sorted by (`@timestamp`, `event.id`, `_seq_no`). The scope is a filter inside
the query, and checked once more on each event before it leaves. Bound: PAGE_EVENTS a page, SEARCH_TIMEOUT a search.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import msgspec

from correlator.store import aggs as aggregations
from correlator.store import elastic_query
from correlator.store.base import Cursor, Found, Gap, Page, Query, Scope, Stream
from correlator.store.elastic import IndexState, Json, Server
from correlator.store.elastic_schema import WHOLE, patterns
from correlator.store.query import QueryError, check
from sensors.event import Event, decode, get, put

PAGE_EVENTS = 1_000
SIZE_LIMIT = 1_000
IDS_LIMIT = 1_000
SEARCH_TIMEOUT = "10s"


class _Place(msgspec.Struct):
    """How far one index was read: a `_seq_no` per shard; `done` when it can't grow any more and was read to its end."""

    seq: list[int]
    done: bool = False


_Places = dict[str, _Place]  # by index uuid


class ElasticReader:
    """`EventReader`."""

    def __init__(self, server: Server, agencies: Sequence[str] = ()) -> None:
        self._server, self._patterns = server, patterns(agencies)

    def tail(
        self, cursor: Cursor | None, limit: int, stream: Stream = "events", dataset: str | None = None
    ) -> Page | Gap:
        places = _parse(cursor)
        if places is None:  # another store's cursor: nothing is known about what was missed
            return Gap(None, "{}")
        states, uuids = self._server.states(self._patterns[stream])
        gone = [uuid for uuid in places if uuid not in uuids]
        unread = [uuid for uuid in gone if not places.pop(uuid).done]
        if unread:
            return Gap(None, _text(places))
        due = []
        for state in states:
            place = places.setdefault(state.uuid, _Place([]))
            place.seq += [-1] * (len(state.checkpoints) - len(place.seq))
            due += [
                (state.name, place, shard, until)
                for shard, until in enumerate(state.checkpoints)
                if until > place.seq[shard]
            ]
        for name in dict.fromkeys(name for name, *_ in due):
            self._server.refresh(name)
        events: list[Event] = []
        share = max(1, limit // max(1, len(due)))  # a busy index must not keep the others waiting
        for name, place, shard, until in due:
            size = min(share, limit - len(events), PAGE_EVENTS)
            if size <= 0:
                break
            hits = self._shard_page(name, shard, place.seq[shard], until, size, dataset)
            events += [_event(hit) for hit in hits]
            place.seq[shard] = hits[-1]["_seq_no"] if len(hits) == size else until
        self._mark_done(stream, states, places)
        return Page(events, _text(places))

    def end(self, stream: Stream = "events") -> Cursor:
        states, _ = self._server.states(self._patterns[stream])
        places = {state.uuid: _Place(list(state.checkpoints)) for state in states}
        self._mark_done(stream, states, places)
        return _text(places)

    def search(self, scope: Scope, query: Query) -> Found:
        check(query.where)
        if query.aggs:
            aggregations.check(query.aggs)
        if not 0 <= query.size <= SIZE_LIMIT:
            raise QueryError(f"mỗi trang tối đa {SIZE_LIMIT}", f"a page has at most {SIZE_LIMIT}")
        filters = [elastic_query.translate(query.where, self._types(query.stream)), *elastic_query.within(scope)]
        if query.since is not None or query.until is not None:
            filters.append(elastic_query.between("@timestamp", query.since, query.until))
        way = "desc" if query.newest_first else "asc"
        body: Json = {
            "query": {"bool": {"filter": filters}}, "size": query.size, "track_total_hits": True,
            "timeout": SEARCH_TIMEOUT,
            "sort": [{"@timestamp": way}, {"event.id": {"order": way, "unmapped_type": "keyword"}}, {"_seq_no": way}],
        }  # fmt: skip
        if query.aggs:
            body["aggs"] = elastic_query.aggregations(query.aggs)
        if query.after is not None:
            body["search_after"] = _after(query.after)
        found = self._server.search(self._patterns[query.stream], body)
        hits, shards, total = found["hits"]["hits"], found["_shards"], found["hits"]["total"]
        partial = ""
        if shards["failed"]:
            partial = f"{shards['failed']} trên {shards['total']} phần của kho không trả lời"
        elif found["timed_out"]:
            partial = "hết thời gian tìm; kết quả chưa đủ"
        following = msgspec.json.encode(hits[-1]["sort"]).decode() if hits and len(hits) == query.size else None
        return Found(
            _seen(hits, scope), total["value"], following, found.get("aggregations", {}), total["relation"] != "eq",
            partial, float(found["took"]),
        )  # fmt: skip

    def fetch(self, scope: Scope, ids: Sequence[str], stream: Stream = "events") -> list[Event]:
        wanted = list(dict.fromkeys(ids))
        if len(wanted) > IDS_LIMIT:
            raise QueryError(f"tối đa {IDS_LIMIT} mã một lần", f"at most {IDS_LIMIT} ids at a time")
        filters = [{"ids": {"values": wanted}}, *elastic_query.within(scope)]
        body = {"query": {"bool": {"filter": filters}}, "size": 2 * len(wanted) or 1}
        hits = self._server.whole(self._patterns[stream], body)
        found = {hit["_id"]: event for hit in reversed(hits) for event in _seen([hit], scope)}
        return [found[one] for one in wanted if one in found]

    def refresh(self) -> None:
        """Make everything stored searchable now, instead of within the second that Elasticsearch takes."""
        for pattern in self._patterns.values():
            self._server.refresh(pattern)

    def close(self) -> None:
        self._server.close()

    def _types(self, stream: Stream) -> elastic_query.Types:
        """Asked at most once per field and search, and only for fields that the table doesn't name."""
        return functools.cache(lambda field: self._server.types(self._patterns[stream], field))

    def _shard_page(self, name: str, shard: int, after: int, until: int, size: int, dataset: str | None) -> list[Json]:
        where: list[Json] = [{"range": {"_seq_no": {"gt": after, "lte": until}}}]
        if dataset:
            where.append({"term": {"event.dataset": dataset}})
        body: Json = {
            "preference": f"_shards:{shard}", "size": size, "seq_no_primary_term": True, "track_total_hits": False,
            "query": {"bool": {"filter": where}}, "sort": [{"_seq_no": "asc"}],
        }  # fmt: skip
        return self._server.whole(name, body)

    def _mark_done(self, stream: Stream, states: list[IndexState], places: _Places) -> None:
        """Indices behind a rollover that were read to their end: their later deletion loses nothing."""
        if all(places[state.uuid].done for state in states):
            return
        writing = {names[-1] for names in self._server.backing(self._patterns[stream]).values() if names}
        for state in states:
            place = places[state.uuid]
            if state.name not in writing and place.seq[: len(state.checkpoints)] == state.checkpoints:
                place.done = True


def _event(hit: Json) -> Event:
    event: Event = hit["_source"]
    if WHOLE in event:
        with contextlib.suppress(TypeError, msgspec.MsgspecError):
            event = decode(event[WHOLE])
    if not get(event, "event.id"):  # a stranger wrote it straight into Elasticsearch
        put(event, "event.id", hit["_id"])
    return event


def _seen(hits: Sequence[Json], scope: Scope) -> list[Event]:
    found = []
    for hit in hits:
        event = _event(hit)
        agency = get(event, "organization.id")
        if scope.sees(agency if isinstance(agency, str) else None):
            found.append(event)
    return found


def _parse(text: Cursor | None) -> _Places | None:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=_Places)
    except msgspec.MsgspecError:
        return None


def _text(places: _Places) -> Cursor:
    return msgspec.json.encode(places).decode()


def _after(text: str) -> list[Any]:
    try:
        found = msgspec.json.decode(text, type=list[str | int | float | None])
    except msgspec.MsgspecError:
        found = []
    if len(found) != 3:
        raise QueryError("trang tiếp theo không hợp lệ", "not a `next` of this store")
    return list(found)
