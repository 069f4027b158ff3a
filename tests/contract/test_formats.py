"""Every format of the registry: its examples, its neighbours, and whatever bytes come."""

from __future__ import annotations

import time
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensors.event import ONE_EVENT_LIMIT_BYTES, Event, decode, encode, get
from sensors.fields import table
from sensors.formats.chain import Chain, found, prefer
from sensors.formats.format import Context, Example, Format

NOW = 1_770_000_000.0  # 2026-02-02
CONTEXT = Context(NOW, timezone(timedelta(hours=7)))
FORMATS = found()
CASES = [
    pytest.param(name, one, example, id=f"{name}-{at}")
    for name, one in FORMATS.items()
    for at, example in enumerate(one.examples)
]


def shown(event: Event, path: str) -> Any:
    return event["@timestamp"] if path == "@timestamp" else get(event, path)


@pytest.mark.parametrize(("name", "one", "example"), CASES)
def test_examples_come_out_of_the_whole_chain(name: str, one: Format, example: Example) -> None:
    chain = Chain(FORMATS, named=one.dataset if example.named else "")
    event = chain.event(example.line.encode(), CONTEXT)
    assert event["event"]["dataset"] == example.fields.get("event.dataset", one.dataset), event
    got = {path: shown(event, path) for path in example.fields}
    assert got == dict(example.fields)
    assert event["event"]["original"] == example.line
    assert decode(encode(event)) == event


@pytest.mark.parametrize(("name", "one", "example"), CASES)
def test_no_other_format_takes_an_example(name: str, one: Format, example: Example) -> None:
    """Without a name or a hint each example is read by its own format, or declares that others write the same."""
    if example.named or one.kind == "envelope":
        return
    event = Chain(FORMATS).event(example.line.encode(), CONTEXT)
    assert event["event"]["dataset"] == example.fields.get("event.dataset", one.dataset)


@pytest.mark.parametrize(("name", "one", "example"), CASES)
def test_truncated_at_every_byte(name: str, one: Format, example: Example) -> None:
    line = example.line.encode()
    chain, named = Chain(FORMATS), Chain(FORMATS, named=one.dataset)
    for at in range(len(line)):
        for way in (chain, named):
            event = way.event(line[:at], CONTEXT)
            assert event["event"]["dataset"]
            decode(encode(event))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_an_event(data: bytes) -> None:
    decode(encode(Chain(FORMATS).event(data, CONTEXT)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_examples_are_events(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from([case.values for case in CASES]))
    line = bytearray(one[2].line.encode())  # type: ignore[attr-defined]
    for _ in range(data.draw(st.integers(1, 6))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    for chain in (Chain(FORMATS), Chain(FORMATS, named=one[1].dataset)):  # type: ignore[attr-defined]
        decode(encode(chain.event(bytes(line), CONTEXT)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS = """
    @timestamp timestamp event_type alert dns http tls flow fileinfo ssh src_ip dest_ip src_port proto vlan flow_id
    Event winlog ecs event host log message metadata queries answers System EventData Provider EventID Keywords
    TimeCreated Channel Data #text #attributes Name Level UserData"""
NAMES = st.sampled_from(WORDS.split())


@settings(max_examples=300, deadline=None)
@example({"Event": {"System": {"Provider": {"Name": []}}}})  # found on 2026-11-22: a list where Windows has a name
@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON)), max_size=8))
def test_any_object_under_known_names_is_an_event(document: dict[str, Any]) -> None:
    document.setdefault("timestamp", "2026-03-01T10:00:00.123456+0700")
    chain = Chain(FORMATS)
    decode(encode(chain.payload(document, CONTEXT)))
    decode(encode(chain.payload({"Event": document, "System": document}, CONTEXT)))
    decode(encode(chain.payload({"Event": {"System": document, "EventData": document}}, CONTEXT)))


HOSTILE = {
    "blanks": b" " * 65536,
    "brackets": b"[" * 65536,
    "quotes": b'"' * 65536,
    "backslashes": b"\\" * 65536,
    "clf head": b"a " * 30000 + b'[25/Oct/2016:14:49:33 +0200] "GET',
    "clf quoted": b'1.1.1.1 - - [25/Oct/2016:14:49:33 +0200] "GET / HTTP/1.1" 200 1' + b' "\\"' * 16000,
    "sd": b"<1>1 - - - - - " + b'[a b="' * 10000,
    "sd escapes": b"<1>1 - - - - - [" + b"\\" * 60000,
    "sshd from": b"<38>Feb 20 08:35:22 h sshd[1]: Failed password for " + b" from 1.1.1.1 port 1" * 3000,
    "sshd rhost": b"<38>Feb 20 08:35:22 h sshd[1]: authentication failure;" + b" rhost=1 user=" * 4000,
    "json deep": b'{"a":' * 13000,
    "json closed": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "json lists": b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}",
    "json digits": b'{"a":' + b"9" * 60000 + b"}",
    "json exponent": b'{"a":1e400,"b":-1e999}',
    "json surrogates": b'{"a":"\\ud800","message":"\\udfff"}',
    "json nul": b'{"a\\u0000":"\\u0000","message":"a\\u001b[2Jb"}',
    "json keys": b"{" + b",".join(b'"%x":1' % at for at in range(6000)) + b"}",
    "json dots": b'{"' + b"." * 60000 + b'":1}',
    "nul": b"\x00" * 65536,
    "escapes": b"\x1b[2J" * 16000,
    "not utf-8": b"\xff\xfe" * 32000,
    "empty": b"",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("named", ["", *sorted({one.dataset for one in FORMATS.values()})])
def test_hostile_lines_stay_cheap_and_bounded(line: bytes, named: str) -> None:
    started = time.process_time()
    event = Chain(FORMATS, named=named).event(line, CONTEXT)
    assert time.process_time() - started < 1.0  # B-rows of the reliability plan: no hang over a second
    assert len(encode(event)) <= ONE_EVENT_LIMIT_BYTES


def test_declared_fields_agree_with_the_table() -> None:
    table(*(one.fields for one in FORMATS.values()))


def test_control_characters_never_reach_the_message() -> None:
    event = Chain(FORMATS).event(b"Feb  5 17:32:18 db1 app[7]: a\x1b[2J\x00\rb", CONTEXT)
    assert event["message"] == "a#033[2J#000#015b"
    assert event["event"]["original"].endswith("a\x1b[2J\x00\rb")


def test_a_line_may_not_speak_for_the_machinery() -> None:
    line = (
        b'{"@timestamp":"2026-01-01T00:00:00Z","event":{"id":"x","kind":"alert","dataset":"luytre.heartbeat"},'
        b'"organization":{"id":"bo-a"},"observer.name":"z","luytre.hit.level":"critical","agent":{"type":"probe"}}'
    )
    event = Chain(FORMATS).event(line, CONTEXT)
    assert get(event, "event.dataset") == "json.line"
    assert get(event, "event.kind") == "event"
    for path in ("event.id", "organization.id", "observer.name", "luytre.hit.level", "agent.type"):
        assert get(event, path) is None


def test_a_year_that_is_missing_is_the_nearest() -> None:
    new_year = 1_767_225_600.0  # 2026-01-01T00:00:00Z
    line = b"Dec 31 23:59:59 db1 app[7]: x"
    assert Chain(FORMATS).event(line, Context(new_year))["@timestamp"] == "2025-12-31T23:59:59Z"
    line = b"Jan  1 00:00:05 db1 app[7]: x"
    assert Chain(FORMATS).event(line, Context(new_year - 60))["@timestamp"] == "2026-01-01T00:00:05Z"


def test_a_file_is_one_servers() -> None:
    lines = [b'::1 - - [26/Dec/2016:16:16:28 +0200] "GET / HTTP/1.1" 200 45']
    assert prefer(lines, FORMATS, "/tmp/x.log", CONTEXT) == "apache_access"
    assert prefer([], FORMATS, "/var/log/nginx/access.log", CONTEXT) == "nginx_access"
    combined = b'192.0.2.44 - - [26/Dec/2026:16:16:48 +0700] "GET / HTTP/1.1" 200 45 "-" "curl/8.5.0"'
    event = Chain(FORMATS, prefer="apache_access").event(combined, CONTEXT)
    assert get(event, "event.dataset") == "apache.access"
