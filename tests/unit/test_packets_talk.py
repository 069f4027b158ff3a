"""Finding what is spoken: by content on any port, through proxies, in pieces, with a broken dissector beside it."""

from __future__ import annotations

import pytest

from sensors.event import Event, get
from sensors.packets.pipeline import Pipeline
from sensors.protocols import Record, http, load
from tests.naive.frames import CLIENT, SERVER, Conversation, frame, udp

HELLO = next(e for e in load()["tls"].examples if e.server_port == 443).pieces
GET = b"GET /%s HTTP/1.1\r\nHost: a.vn\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def run(course: Conversation) -> list[Event]:
    pipeline = Pipeline()
    return [e for one in course.frames for e in pipeline.feed(one)] + pipeline.finish()


def datasets(events: list[Event]) -> list[str]:
    return [e["event"]["dataset"].removeprefix("network.") for e in events]


def flow_of(events: list[Event]) -> Event:
    return next(e for e in events if e["event"]["dataset"] == "network.flow")


def test_http_on_any_port_and_many_requests() -> None:
    course = Conversation(dport=54321).open()
    for name in (b"one", b"two", b"three"):
        course.say(True, GET % name).say(False, OK)
    found = run(course.close())
    assert [get(e, "url.path") for e in found[:-1]] == ["/one", "/two", "/three"]
    assert flow_of(found)["network"]["protocol"] == "http"


def test_tls_on_port_80_is_tls() -> None:
    course = Conversation(dport=80).open()
    for forward, data in HELLO:
        course.say(forward, data)
    found = run(course.close())
    assert datasets(found) == ["tls", "flow"]
    assert found[0]["tls"]["established"] is True


@pytest.mark.parametrize("inner", ["http", "tls"])
def test_through_a_proxy(inner: str) -> None:
    course = Conversation(dport=3128).open()
    course.say(True, b"CONNECT dvc.gov.vn:443 HTTP/1.1\r\nHost: dvc.gov.vn:443\r\n\r\n")
    course.say(False, b"HTTP/1.1 200 Connection established\r\n\r\n")
    if inner == "http":
        course.say(True, GET % b"in").say(False, OK)
    else:
        for forward, data in HELLO:
            course.say(forward, data)
    assert datasets(run(course.close())) == ["http", inner, "flow"]


def test_unknown_talk_gives_a_flow_without_protocol() -> None:
    course = Conversation(dport=9999).open()
    for _ in range(20):
        course.say(True, bytes(range(256)) * 5)
    found = run(course.close())
    assert datasets(found) == ["flow"]
    assert "protocol" not in found[0]["network"]


def test_unanswered_dns_comes_out_at_the_end_without_a_response_code() -> None:
    ask = load()["dns"].examples[0].pieces[0][1]
    pipeline = Pipeline()
    pipeline.feed(frame(udp(CLIENT, 5555, SERVER, 53, ask)))
    query, flow = pipeline.finish()
    assert query["event"]["dataset"] == "network.dns"
    assert "response_code" not in query["dns"]
    assert flow["network"]["protocol"] == "dns"


def test_a_dissector_that_raises_costs_its_flow_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def explode(*_: object) -> list[Record]:
        nonlocal calls
        calls += 1
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(http._Session, "feed", explode)
    pipeline = Pipeline()
    frames = Conversation(1).open().say(True, GET % b"x").close().frames
    frames += Conversation(2).open().say(True, HELLO[0][1]).close().frames
    found = [e for one in frames for e in pipeline.feed(one)] + pipeline.finish()
    assert calls == 1
    assert pipeline.counters["crashed.http"] == 1
    assert sorted(datasets(found)) == ["flow", "flow", "tls"]


def test_secrets_are_not_kept() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a.vn\r\nAuthorization: Basic YW46c2VjcmV0MTIz\r\nCookie: sid=topsecret\r\n\r\n"
    found = run(Conversation().open().say(True, request).say(False, OK).close())
    assert get(found[0], "user.name") == "an"
    assert "secret" not in str(found)
