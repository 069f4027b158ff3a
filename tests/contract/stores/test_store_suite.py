"""What every event store promises (base.py), asked of both."""

from __future__ import annotations

import itertools
import random
import threading
import unicodedata

import pytest

from correlator.store.base import (
    EVERYTHING,
    And,
    Exists,
    Gap,
    Is,
    Mark,
    Not,
    Page,
    Query,
    Range,
    Retention,
    Scope,
    Text,
)
from correlator.store.query import QueryError, parse
from sensors.event import decode


def event(number, *, agency="so-tttt", when=None, dataset="system.auth", **fields):
    made = {
        "@timestamp": when or f"2026-11-22T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "event": {"id": f"id-{number}", "dataset": dataset},
        "organization": {"id": agency},
    }
    for path, value in fields.items():
        here = made
        *heads, last = path.split("__")
        for head in heads:
            here = here.setdefault(head, {})
        here[last] = value
    return made


def ids(events):
    return [one["event"]["id"] for one in events]


def find(store, text, **options):
    return store.reader.search(options.pop("scope", EVERYTHING), Query(parse(text), size=1000, **options))


def found(store, text, **options):
    return sorted(ids(find(store, text, **options).events))


def tail_all(store, cursor=None, stream="events", limit=100):
    events, gaps = [], []
    while True:
        page = store.reader.tail(cursor, limit, stream)
        cursor = page.next
        if isinstance(page, Gap):
            gaps.append(page.lost)
            continue
        events += page.events
        if not page.events:
            return events, cursor, gaps


# --- append and marks ---------------------------------------------------------------------------------------------


def test_append_answers_each_event_in_order(store):
    outcome = store.writer.append([event(1), event(2), {"@timestamp": "2026-11-22T00:00:00Z"}, event(1)])
    assert [one.status for one in outcome] == [201, 201, 400, 200]
    assert outcome[2].reason
    assert store.writer.append([]) == []


def test_same_id_again_is_stored_before_even_after_a_restart(store):
    store.writer.append([event(1), event(2)], marks={"may-1/log": Mark(7, 2)})
    assert [one.status for one in store.writer.append([event(2), event(3)])] == [200, 201]
    store.restart()
    again = store.writer.append([event(3), event(4)], marks={"may-1/log": Mark(7, 4)})
    assert [one.status for one in again] == [200, 201]
    assert ids(tail_all(store)[0]) == ["id-1", "id-2", "id-3", "id-4"]


def test_marks_are_durable_with_their_batch(store):
    store.writer.append([event(1)], marks={"may-1/log": Mark(7, 1), "may-1/packet": Mark(9, 5)})
    store.writer.append([], marks={"may-1/log": Mark(7, 3)})
    store.writer.append([event(9)], "hits", marks={"nút/correlator": Mark(1, 1)})
    store.restart()
    assert store.writer.marks() == {
        "may-1/log": Mark(7, 3), "may-1/packet": Mark(9, 5), "nút/correlator": Mark(1, 1)
    }  # fmt: skip


def test_usage_grows(store):
    store.writer.append([event(number, message="x" * 200) for number in range(50)])
    store.settle()
    assert store.writer.usage_bytes() > 0


# --- tail ---------------------------------------------------------------------------------------------------------


def test_tail_gives_every_event_once_and_keeps_its_place(store):
    store.writer.append([event(number) for number in range(30)])
    first, cursor, gaps = tail_all(store, limit=7)
    assert sorted(ids(first)) == sorted(f"id-{number}" for number in range(30))
    assert gaps == []
    store.writer.append([event(number, when="2020-01-01T00:00:00Z") for number in range(100, 110)])  # late events
    later, cursor, _ = tail_all(store, cursor)
    assert sorted(ids(later)) == sorted(f"id-{number}" for number in range(100, 110))
    assert tail_all(store, cursor)[0] == []


def test_a_page_has_what_the_store_has_and_decodes_it_when_asked(store):
    """Lines of JSON or events, one for each event: whoever reads few fields of many need not have all of them made."""
    given = [event(number, message="Sở Thông tin", labels={"a.b": number}) for number in range(5)]
    store.writer.append(given)
    page = store.reader.tail(None, 10)
    assert [one if isinstance(one, dict) else decode(one) for one in page.items] == page.events
    assert sorted(page.events, key=lambda one: one["event"]["id"]) == given
    assert page.events is page.events


def test_end_is_behind_the_newest(store):
    store.writer.append([event(1)])
    end = store.reader.end()
    store.writer.append([event(2)])
    assert ids(tail_all(store, end)[0]) == ["id-2"]


def test_streams_are_apart(store):
    store.writer.append([event(1)])
    store.writer.append([event(2, dataset="luytre.hit")], "hits")
    store.settle()
    assert ids(tail_all(store)[0]) == ["id-1"]
    assert ids(tail_all(store, stream="hits")[0]) == ["id-2"]
    assert found(store, "*") == ["id-1"]
    assert found(store, "*", stream="hits") == ["id-2"]
    assert store.reader.fetch(EVERYTHING, ["id-2"]) == []


def test_a_cursor_of_what_is_no_longer_kept_is_a_gap(store):
    store.writer.append([event(1), event(2), event(3)])
    page = store.reader.tail(None, 1)
    assert isinstance(page, Page)
    store.pass_days(40)
    store.writer.append([event(4)])
    removed = store.writer.expire(Retention(days=30))
    store.writer.append([event(5)])
    first = store.reader.tail(page.next, 100)
    assert isinstance(first, Gap)
    assert first.lost in (2, None) or first.lost == 3  # Elasticsearch can't know; a rollover takes the fourth along
    rest, _, gaps = tail_all(store, first.next)
    assert gaps == []
    assert ids(rest)[-1] == "id-5"
    assert removed.events >= 3
    assert removed.bytes > 0
    store.settle()
    assert "id-1" not in found(store, "*")
    assert "id-5" in found(store, "*")


def test_a_deleted_day_that_was_read_is_no_gap(store):
    store.writer.append([event(1), event(2)])
    _, cursor, _ = tail_all(store)
    store.pass_days(40)
    store.writer.append([event(3)])
    _, cursor, _ = tail_all(store, cursor)
    store.writer.expire(Retention(days=3650))  # may roll over, deletes nothing
    _, cursor, _ = tail_all(store, cursor)
    store.writer.expire(Retention(days=30))
    store.writer.append([event(4)])
    rest, _, gaps = tail_all(store, cursor)
    assert gaps == []
    assert ids(rest) == ["id-4"]


def test_another_stores_cursor_is_a_gap_of_unknown_size(store):
    store.writer.append([event(1)])
    gap = store.reader.tail("không phải của kho này", 10)
    assert isinstance(gap, Gap)
    assert gap.lost is None
    assert ids(tail_all(store, gap.next)[0]) == ["id-1"]


def test_four_writers_with_random_times_are_tailed_exactly(store):
    per_writer, batch = 1_500, 50
    chance = random.Random(4)
    times = [f"20{chance.randrange(10, 40)}-{chance.randrange(1, 13):02d}-11T05:06:07Z" for _ in range(97)]
    seen: list[str] = []
    stop = threading.Event()
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for start in range(0, per_writer, batch):
                numbers = range(writer * 100_000 + start, writer * 100_000 + start + batch)
                datasets = ["system.auth", "network.dns", "nginx.access"]
                outcome = store.writer.append(
                    [event(n, when=times[n % 97], dataset=datasets[n % 3], agency=f"a{n % 2}") for n in numbers]
                )
                assert {one.status for one in outcome} == {201}
        except BaseException as failure:
            failures.append(failure)

    def read() -> None:
        cursor = None
        quiet = False
        try:
            while True:
                page = store.reader.tail(cursor, 400)
                assert isinstance(page, Page)
                cursor = page.next
                seen.extend(ids(page.events))
                if page.events:
                    quiet = False
                elif stop.is_set():
                    if quiet:
                        return
                    quiet = True
        except BaseException as failure:
            failures.append(failure)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert not failures
    assert len(seen) == len(set(seen)) == 4 * per_writer


# --- search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["dang nhap that bai", '"đăng nhập"', "ĐĂNG", '"Dang NHAP that bai"', "nhập"])
def test_words_are_found_without_case_and_diacritics(store, asked):
    store.writer.append([
        event(1, message="Đăng nhập thất bại từ 10.1.2.3"),
        event(2, message=unicodedata.normalize("NFD", "đăng nhập THẤT BẠI")),
        event(3, event__original="dang nhap that bai"),
        event(4, message="đăng xuất"),
    ])  # fmt: skip
    store.settle()
    expected = ["id-1", "id-2", "id-3"] + (["id-4"] if asked == "ĐĂNG" else [])
    assert found(store, asked) == expected


@pytest.mark.parametrize("asked", ["da nang", "Đà Nẵng", "ĐÀ NẴNG", unicodedata.normalize("NFD", "Đà Nẵng")])
def test_names_are_found_without_case_and_diacritics(store, asked):
    names = ["Đà Nẵng", "ĐÀ NẴNG", unicodedata.normalize("NFD", "Đà Nẵng"), "da nang", "Đồng Nai"]
    store.writer.append([event(number, host__name=name, ten={"tinh": name}) for number, name in enumerate(names)])
    store.settle()
    same = ["id-0", "id-1", "id-2", "id-3"]
    assert found(store, f'host.name:"{asked}"') == same
    assert found(store, f'ten.tinh:"{asked}"') == same
    assert found(store, f'"{asked}"'.replace(" ", "\u00a0")) == []
    assert sorted(ids(store.reader.search(EVERYTHING, Query(Is("host.name", asked[:3] + "*", True))).events)) == same


def test_a_pasted_name_or_address_is_found_as_a_word(store):
    store.writer.append(
        [event(1, source__ip="10.1.2.3"), event(2, user__name="root"), event(3, source__ip="2001:db8::1")]
    )
    store.settle()
    assert found(store, "10.1.2.3") == ["id-1"]
    assert found(store, "root") == ["id-2"]
    assert found(store, "2001:db8::1") == ["id-3"]
    assert found(store, "id-2") == ["id-2"]


def test_addresses_networks_and_ranges(store):
    addresses = ["10.0.0.1", "10.0.0.200", "10.0.1.1", "192.168.1.1", "2001:db8::5", "2001:db8:1::5"]
    store.writer.append([event(n, source__ip=address, source__port=n * 1000) for n, address in enumerate(addresses)])
    store.settle()
    assert found(store, "source.ip:10.0.0.0/24") == ["id-0", "id-1"]
    assert found(store, "source.ip:10.0.0.0/16 -source.ip:10.0.0.1") == ["id-1", "id-2"]
    assert found(store, "source.ip:2001:db8::/48") == ["id-4"]
    assert found(store, "source.ip:10.0.*") == ["id-0", "id-1", "id-2"]
    assert found(store, "source.ip:10.0.0.200") == ["id-1"]
    assert found(store, "source.port>=3000") == ["id-3", "id-4", "id-5"]
    assert found(store, "source.port:[1000 TO 3000]") == ["id-1", "id-2", "id-3"]
    assert found(store, "source.port:[1000 TO 3000}") == ["id-1", "id-2"]
    assert found(store, "source.port<1000") == ["id-0"]
    assert found(store, "source.port:2000 OR source.port:4000") == ["id-2", "id-4"]


def test_wildcards_lists_and_existence(store):
    paths = ["C:\\Windows\\System32\\cmd.exe", "C:\\Temp\\a.exe", "/usr/bin/ssh"]
    store.writer.append([
        event(n, process__executable=path, winlog={"event_data": {"Image": path, "Số": n}})
        for n, path in enumerate(paths)
    ] + [event(7, tags=["Một", "hai"], message="mot hai ba")])  # fmt: skip
    store.settle()
    assert found(store, "process.executable:*.EXE") == ["id-0", "id-1"]
    assert found(store, "process.executable:c:\\\\temp\\\\?.exe") == ["id-1"]
    assert found(store, "winlog.event_data.Image:*system32*") == ["id-0"]
    assert found(store, 'winlog.event_data.Image:"c:\\temp\\A.exe"') == ["id-1"]
    assert found(store, "winlog.event_data.Image:*") == ["id-0", "id-1", "id-2"]
    assert found(store, "NOT process.executable:*") == ["id-7"]
    assert found(store, "winlog:*") == ["id-0", "id-1", "id-2"]
    assert found(store, "message:*") == ["id-7"]
    assert found(store, "message:h?i") == ["id-7"]
    assert found(store, "tags:mot AND tags:HAI") == ["id-7"]
    assert found(store, "process.executable:(*ssh OR *cmd.exe)") == ["id-0", "id-2"]


def test_a_pattern_takes_every_sign_for_itself(store):
    signs = "!\"#$%&'()+,-./:;<=>@[]^_`{|}~"
    store.writer.append([event(0, process__command_line=f"echo {signs} x", winlog={"event_data": {"A": f"a{signs}z"}})])
    store.settle()
    for sign in (*signs, ">>", "<<"):
        wanted = ["id-0"] if sign in signs else []
        for field in ("process.command_line", "winlog.event_data.A"):
            where = Is(field, f"*{sign}*", wildcard=True)
            assert ids(store.reader.search(EVERYTHING, Query(where)).events) == wanted, (field, sign)


def test_fields_that_nobody_declared(store):
    store.writer.append([
        event(n, la={"so": n, "thuc": n + 0.5, "dung": n % 2 == 0, "chu": f"V{n}", "luc": f"2026-11-2{n}T00:00:00Z"})
        for n in range(4)
    ])  # fmt: skip
    store.settle()
    assert found(store, "la.so:2") == ["id-2"]
    assert found(store, "la.so>=2") == ["id-2", "id-3"]
    assert found(store, "la.thuc<1.6") == ["id-0", "id-1"]
    assert found(store, "la.dung:true") == ["id-0", "id-2"]
    assert found(store, "la.chu:v3") == ["id-3"]
    assert found(store, "la.luc>=2026-11-22T00:00:00Z") == ["id-2", "id-3"]
    assert found(store, "la.luc:2026-11-21T00:00:00Z") == ["id-1"]
    assert found(store, "khong.co:1") == []


def test_time_bounds_and_late_events(store):
    store.writer.append([event(0, when="2026-11-22T00:00:00Z"), event(1, when="2026-11-22T00:00:01.5Z")])
    store.pass_days(2)
    store.writer.append([event(2, when="2026-11-22T00:00:01Z"), event(3, when="1999-01-01T00:00:00Z")])
    store.settle()
    assert found(store, "*", since="2026-11-22T00:00:00Z", until="2026-11-22T00:00:01.5Z") == ["id-0", "id-2"]
    assert found(store, "*", until="2000-01-01T00:00:00Z") == ["id-3"]
    assert found(store, "@timestamp>=2026-11-22T07:00:01+07:00") == ["id-1", "id-2"]
    newest = ids(store.reader.search(EVERYTHING, Query(size=10)).events)
    oldest = ids(store.reader.search(EVERYTHING, Query(size=10, newest_first=False)).events)
    assert newest == ["id-1", "id-2", "id-0", "id-3"]
    assert oldest == newest[::-1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_neither_overlap_nor_skip(store, newest_first):
    chance = random.Random(9)
    store.writer.append([event(n, when=f"2026-11-22T00:00:{chance.randrange(3):02d}Z") for n in range(120)])
    store.pass_days(1)
    store.writer.append([event(n, when=f"2026-11-22T00:00:{chance.randrange(3):02d}Z") for n in range(120, 200)])
    store.settle()
    seen, after = [], None
    for number in range(100):
        page = store.reader.search(EVERYTHING, Query(size=17, after=after, newest_first=newest_first))
        seen += [(one["@timestamp"], one["event"]["id"]) for one in page.events]
        assert page.total >= 200
        after = page.next
        if after is None:
            break
        if number == 2 and newest_first:  # what arrives meanwhile, newer than the page, moves nothing
            store.writer.append([event(900, when="2026-11-23T00:00:00Z")])
            store.settle()
    assert sorted(one for _, one in seen) == sorted(f"id-{n}" for n in range(200))
    times = [when for when, _ in seen]
    assert times == sorted(times, reverse=newest_first)


def test_fetch_in_the_order_asked(store):
    store.writer.append([event(n) for n in range(5)])
    store.settle()
    assert ids(store.reader.fetch(EVERYTHING, ["id-3", "không có", "id-1", "id-3"])) == ["id-3", "id-1"]
    assert store.reader.fetch(EVERYTHING, []) == []


def test_an_event_comes_back_as_it_was(store):
    whole = event(1, message="Đăng nhập\n\t“ok”", host__name="Đà Nẵng", x={"y": [1, {"z": None}], "trống": {}})
    store.writer.append([whole])
    store.settle()
    assert store.reader.fetch(EVERYTHING, ["id-1"]) == [whole]
    assert tail_all(store)[0] == [whole]


# --- scope --------------------------------------------------------------------------------------------------------


def test_a_scope_sees_its_agencies_and_nothing_else(store):
    agencies = ["so-a", "SO-A", "so-á", "so-b", None]
    events = []
    for number, agency in enumerate(agencies):
        made = event(number, agency=agency, message="canary")
        if agency is None:
            del made["organization"]
        events.append(made)
    store.writer.append(events)
    store.settle()
    mine, nobody = Scope(frozenset({"so-a"})), Scope(frozenset())
    count = {"t": {"terms": {"field": "organization.id"}}}
    for text in ("*", "canary", "NOT khong:co", "organization.id:so-b OR message:*"):
        assert found(store, text, scope=mine) == ["id-0"]
        assert found(store, text, scope=nobody) == []
    answer = store.reader.search(mine, Query(aggs=count))
    assert answer.total == 1
    assert [(one["key"], one["doc_count"]) for one in answer.aggs["t"]["buckets"]] == [("so-a", 1)]
    assert store.reader.search(nobody, Query(aggs=count)).total == 0
    every = [f"id-{number}" for number in range(5)]
    assert ids(store.reader.fetch(mine, every)) == ["id-0"]
    assert store.reader.fetch(nobody, every) == []
    assert ids(store.reader.fetch(Scope(frozenset({"so-b", "SO-A"})), every)) == ["id-1", "id-3"]
    assert len(found(store, "*")) == 5


# --- aggregations -------------------------------------------------------------------------------------------------


def test_aggregations_answer_as_elasticsearch_does(store):
    store.writer.append([
        event(n, when=f"2026-11-2{n % 3}T1{n % 10}:30:00Z", host__name="Đà Nẵng" if n % 3 else "Huế",
              source__bytes=n, rule__name=f"Luật {n % 2}", la__chu="x")
        for n in range(30)
    ])  # fmt: skip
    store.settle()
    answer = store.reader.search(EVERYTHING, Query(size=0, aggs={
        "hosts": {"terms": {"field": "host.name"}, "aggs": {"most": {"max": {"field": "source.bytes"}}}},
        "rules": {"terms": {"field": "rule.name", "size": 1, "order": {"_key": "asc"}}},
        "tail": {"terms": {"field": "la.chu"}},
        "days": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day", "time_zone": "+07:00"}},
        "all": {"stats": {"field": "source.bytes"}},
        "n": {"value_count": {"field": "host.name"}},
    }))  # fmt: skip
    assert answer.events == []
    assert answer.total == 30
    hosts = answer.aggs["hosts"]["buckets"]
    assert [(one["key"], one["doc_count"], one["most"]["value"]) for one in hosts] == [
        ("Đà Nẵng", 20, 29.0),
        ("Huế", 10, 27.0),
    ]
    assert answer.aggs["rules"]["buckets"] == [{"key": "Luật 0", "doc_count": 15}]
    assert answer.aggs["rules"]["sum_other_doc_count"] == 15
    assert answer.aggs["tail"]["buckets"] == [{"key": "x", "doc_count": 30}]
    assert answer.aggs["n"]["value"] == 30
    assert answer.aggs["all"] == {"count": 30, "min": 0.0, "max": 29.0, "avg": 14.5, "sum": 435.0}
    days = answer.aggs["days"]["buckets"]
    assert sum(one["doc_count"] for one in days) == 30
    assert days[0]["key"] % 86_400_000 == 17 * 3_600_000  # midnight in Hà Nội
    assert all(later["key"] - earlier["key"] == 86_400_000 for earlier, later in itertools.pairwise(days))


def test_histogram_fills_empty_buckets_and_bounds_their_number(store):
    store.writer.append([event(1, when="2026-11-22T00:00:00Z"), event(2, when="2026-11-22T00:05:00Z")])
    store.settle()
    histogram = {"field": "@timestamp", "fixed_interval": "1m"}
    answer = store.reader.search(EVERYTHING, Query(size=0, aggs={"m": {"date_histogram": histogram}}))
    assert [one["doc_count"] for one in answer.aggs["m"]["buckets"]] == [1, 0, 0, 0, 0, 1]
    assert answer.aggs["m"]["buckets"][1]["key_as_string"] == "2026-11-22T00:01:00.000Z"
    store.writer.append([event(3, when="1990-11-22T00:00:00Z")])
    store.settle()
    with pytest.raises(QueryError):
        store.reader.search(EVERYTHING, Query(size=0, aggs={"m": {"date_histogram": histogram}}))


@pytest.mark.parametrize("aggs", [
    {"x": {"scripted_metric": {"field": "a"}}}, {"x": {"terms": {"field": "a", "size": 10**6}}}, {"x": {"terms": {}}},
    {"x": {"terms": {"field": "message"}}}, {"x": {"date_histogram": {"field": "@timestamp", "fixed_interval": "0s"}}},
    {"x": {"date_histogram": {"field": "host.name", "fixed_interval": "1d"}}}, {"x": 1},
    {"x": {"terms": {"script": "1"}}},
    {f"x{n}": {"terms": {"field": "a"}} for n in range(30)},
])  # fmt: skip
def test_an_aggregation_that_is_not_listed_is_refused(store, aggs):
    with pytest.raises(QueryError):
        store.reader.search(EVERYTHING, Query(aggs=aggs))


# --- what is asked wrongly, and what is hostile --------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "source.port:4*", "@timestamp:hôm-qua", "source.ip:10*4", "host.name>=5", "source.port>=nhiều", "message<3",
])  # fmt: skip
def test_what_a_field_cannot_be_asked_is_an_error(store, text):
    with pytest.raises(QueryError):
        find(store, text)


def test_bad_pages_and_times_are_errors(store):
    for bad in (Query(size=1001), Query(size=-1), Query(after="x"), Query(since="hôm nay"), Query(until="2026")):
        with pytest.raises(QueryError):
            store.reader.search(EVERYTHING, bad)


def test_hostile_events_cost_nobody_else_anything(store):
    deep: dict = {}
    here = deep
    for _ in range(60):
        here["a"] = {}
        here = here["a"]
    here["a"] = "đáy"
    hostile = [
        event(1, source__ip="không phải địa chỉ", source__port="cổng", event__duration=10**30),
        event(2, sâu=deep),
        event(3, tail={f"k{n}": n for n in range(1500)}),
        event(4, message="dài " * 20_000, host__name="h" * 40_000),
        event(5, **{"": {"": "rỗng"}, "a b": {"c\x00d": "lạ"}, "x.": 1, ".y": 2}),
        event(6, host="chuỗi, không phải đối tượng", tags={"là": "đối tượng"}),
        event(7, luytre_fold={"host": {"name": "giả"}}, chu="\ud800 lone"),
    ]
    outcome = store.writer.append([event(0), *hostile, event(99)])
    assert outcome[0].status == outcome[-1].status == 201
    assert all(one.status == 201 or (one.status == 400 and one.reason) for one in outcome)
    store.settle()
    stored = {f"id-{n}" for n, one in zip([0, 1, 2, 3, 4, 5, 6, 7, 99], outcome, strict=True) if one.status == 201}
    assert set(found(store, "*")) == stored
    assert set(ids(tail_all(store)[0])) == stored
    assert "id-1" in stored
    assert found(store, "host.name:giả") == []


def test_nobody_speaks_for_another_agency_through_our_own_fields(store):
    forged = event(1, agency="so-b", luytre_fold={"organization": {"id": "so-a"}})
    forged["luytre_whole"] = '{"event":{"id":"id-666"},"organization":{"id":"so-a"}}'
    store.writer.append([forged])
    store.settle()
    assert found(store, "*", scope=Scope(frozenset({"so-a"}))) == []
    for seen in (tail_all(store)[0], find(store, "*").events, store.reader.fetch(EVERYTHING, ["id-1"])):
        assert [(one["event"]["id"], one["organization"]["id"]) for one in seen] == [("id-1", "so-b")]


def test_hostile_queries_are_answered_or_refused(store):
    store.writer.append([event(n, host__name=f"máy-{n}", message=f"số {n}") for n in range(20)])
    store.settle()
    chance = random.Random(15)
    fields = [
        "host.name",
        "message",
        "source.ip",
        "@timestamp",
        "source.port",
        "la.lạ",
        "a b",
        "",
        "_id",
        "_source",
        "rest",
    ]
    values = [
        "*" * 50,
        "a" * 5000,
        "\x00\x01",
        "[",
        ".*",
        "(?s)",
        "\\",
        "10.0.0.0/0",
        "::/0",
        "-1",
        10**30,
        1e308,
        True,
        "",
    ]
    for _ in range(150):
        field, value = chance.choice(fields), chance.choice(values)
        node = chance.choice([
            Is(field, value), Is(field, str(value), True), Range(field, value, None), Range(field, None, value),
            Exists(field), Text(str(value)), And((Not(Is(field, value)), Text(str(value)))),
        ])  # fmt: skip
        try:
            answer = store.reader.search(EVERYTHING, Query(node, size=5))
            assert answer.total <= 20
        except QueryError:
            pass


def test_a_budget_takes_the_oldest_and_says_so(store):
    store.writer.append([event(n, message="x" * 500) for n in range(200)])
    store.pass_days(31)
    store.settle()
    store.writer.expire(Retention(days=3650))
    store.writer.append([event(1000)])
    store.settle()
    removed = store.writer.expire(Retention(days=3650, limit_bytes=1))
    # On Elasticsearch the moved clock rolls over once more, which lets the last event's index go too.
    assert removed.events == removed.by_budget
    assert removed.events in (200, 201)
    assert removed.bytes > 0


def test_tail_of_one_dataset_moves_over_the_others(store):
    """Probe results are few among many: the reader who wants them alone gets them all, in order, and an end."""
    made = [event(n, dataset="service.availability" if n % 7 == 0 else "network.flow") for n in range(40)]
    made.append(event(99, message="service.availability"))
    store.writer.append(made)
    cursor, found = None, []
    while True:
        page = store.reader.tail(cursor, 5, dataset="service.availability")
        assert isinstance(page, Page)
        found += page.events
        if page.next == cursor:
            break
        cursor = page.next
    assert ids(found) == [one["event"]["id"] for one in made if one["event"]["dataset"] == "service.availability"]
