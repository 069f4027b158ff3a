"""Checks and stamps: identity is the certificate's, claims are kept aside, hostile bytes are values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from api.auth.ca import Name
from api.ingest.check import check
from api.ingest.limits import LIMITS
from api.ingest.stamp import Entry, Stamp
from correlator.store.base import Mark
from sensors.event import get

SENSOR = Name("so-y-te", "sensor", "cam-bien")
NOW = 1_795_000_000.0


def stamp(
    event: dict[str, Any], who: Name = SENSOR, foreign: str | None = None, streams: set[str] | None = None
) -> Entry:
    found = check(msgspec.json.encode(event), LIMITS)
    assert isinstance(found, dict)
    source = msgspec.json.encode(event)
    return Stamp(who, NOW, set() if streams is None else streams)(found, foreign, source)


def ours(**more: Any) -> dict[str, Any]:
    return {
        "@timestamp": "2026-11-22T01:02:03Z",
        "event": {"id": "a1", "sequence": 5, "dataset": "x"},
        "agent": {"type": "log"},
        "luytre": {"spool": {"epoch": 9}},
        **more,
    }


def test_ours_is_numbered_and_its_id_is_the_senders_the_numbers_and_the_bytes() -> None:
    entry = stamp(ours())
    assert (entry.key, entry.mark, entry.by_id) == ("so-y-te:cam-bien/log", Mark(9, 5), "")
    assert entry.claimed_id == "a1"
    mine = get(entry.event, "event.id")
    assert mine == get(stamp(ours()).event, "event.id"), "sent again, it is the same event"
    others = [
        stamp(ours(), Name("so-y-te", "sensor", "khac")),
        stamp(ours(), Name("bo-y-te", "sensor", "cam-bien")),
        stamp(ours(message="khác")),
        stamp(ours(luytre={"spool": {"epoch": 10}})),
    ]
    assert len({mine, *(get(one.event, "event.id") for one in others)}) == 5
    assert entry.event["organization"] == {"id": "so-y-te"}
    assert entry.event["observer"] == {"id": SENSOR.id, "name": "cam-bien"}
    assert entry.claim == ""


@pytest.mark.parametrize(
    "claim",
    [
        {"organization": {"id": "bo-cong-an"}},
        {"organization.id": "bo-cong-an"},
        {"organization": {"id": ["bo-cong-an"]}},
        {"observer": {"name": "khac"}},
        {"observer.name": "khac", "observer": "a plain value"},
    ],
)
def test_a_claim_is_overwritten_kept_aside_and_told(claim: dict[str, Any]) -> None:
    entry = stamp(ours(**claim))
    assert entry.claim
    flat = str(entry.event)
    assert get(entry.event, "organization.id") == "so-y-te"
    assert get(entry.event, "observer.name") == "cam-bien"
    assert "organization.id" not in flat
    assert "observer.name" not in flat
    assert set(entry.event["luytre"]["claimed"]) <= {"agency", "observer"}


def test_foreign_ids_are_namespaced_by_their_sender() -> None:
    one, two = stamp({"a": 1}, foreign="7"), stamp({"a": 1}, Name("so-y-te", "sensor", "khac"), foreign="7")
    assert one.by_id
    assert one.by_id != two.by_id
    assert get(one.event, "event.id") == one.by_id
    assert get(one.event, "@timestamp") == get(one.event, "event.ingested")


def test_without_an_id_each_document_gets_its_own() -> None:
    one, two = stamp({"event": {"id": "x"}}), stamp({"event": {"id": "x"}})
    assert get(one.event, "event.id") != get(two.event, "event.id")
    assert get(one.event, "luytre.claimed.event_id") == "x"
    assert (one.by_id, one.key) == ("", "")


@pytest.mark.parametrize(
    "change",
    [
        {"agent": {"type": "../x"}},
        {"event": {"id": "a", "sequence": True}},
        {"event": {"id": "a", "sequence": -1}},
        {"event": {"id": "", "sequence": 1}},
        {"luytre": {"spool": {"epoch": 2**70}}},
        {"luytre": {"spool": "x"}},
        {"agent": "x"},
    ],
)
def test_what_is_not_numbered_rightly_is_foreign(change: dict[str, Any]) -> None:
    assert stamp(ours(**change)).key == ""


def test_a_machine_has_a_bounded_number_of_streams() -> None:
    streams = {f"s{n}" for n in range(16)}
    assert stamp(ours(), streams=streams).key == ""
    assert stamp(ours(), streams={*list(streams)[:3], "log"}).key


def test_only_the_correlator_posts_hits() -> None:
    hit = {"event": {"kind": "alert", "id": "h1"}, "organization": {"id": "xa-a"}}
    assert stamp(hit).stream == "events"
    entry = stamp(hit, Name("so-y-te", "correlator", "n"))
    assert (entry.stream, entry.by_id, get(entry.event, "organization.id")) == ("hits", "h1", "xa-a")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-11-22T08:02:03+07:00", "2026-11-22T01:02:03Z"),
        (1_763_773_323_000, "2025-11-22T01:02:03Z"),
        ("1763773323000", "2025-11-22T01:02:03Z"),
        ("yesterday", None),
        ("2026-13-45T99:00:00Z", None),
        (True, None),
        ({"a": 1}, None),
    ],
)
def test_time_is_utc_or_ours(said: Any, kept: str | None) -> None:
    event = stamp({"@timestamp": said}).event
    assert event["@timestamp"] == (kept or get(event, "event.ingested"))
    assert (get(event, "luytre.claimed.timestamp") is not None) == (kept is None)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b'{"message":"\\ud800x"}', "�x"),
        (b'{"message":"a\\u0000b"}', "a�b"),
        (b'{"message":"a\xffb"}', "a�b"),
        (b'{"message":99999999999999999999}', "99999999999999999999"),
        (b'{"message":1e400}', "inf"),
    ],
)
def test_strings_are_mended(source: bytes, message: str) -> None:
    found = check(source, LIMITS)
    assert isinstance(found, dict)
    assert found["message"] == message


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":NaN}',
        b'{"a":' * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b"{" + b",".join(b'"k%d":1' % n for n in range(1001)) + b"}",
    ],
)
def test_what_cannot_be_an_event_has_a_reason(source: bytes) -> None:
    assert isinstance(check(source, LIMITS), str)
