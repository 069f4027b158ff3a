"""syslog listeners: framing, bounds, and what a sender may claim."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.formats.format import LINE_LIMIT_BYTES
from sensors.sources.inbox import Inbox, Message
from sensors.sources.syslog_tcp import Framing, SyslogTcp
from sensors.sources.syslog_udp import SyslogUdp, split


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(threading.Event())


def wait_for(inbox: Inbox, number: int) -> list[Message]:
    found: list[Message] = []
    ends = time.monotonic() + 10
    while len(found) < number and time.monotonic() < ends:
        found += inbox.take(1000)
        time.sleep(0.01)
    return found


@pytest.fixture
def tcp(inbox: Inbox) -> Iterator[SyslogTcp]:
    one = SyslogTcp("127.0.0.1:0", inbox)
    yield one
    one.close()


FRAMES: list[tuple[bytes, list[tuple[bytes, bool]]]] = [
    (b"<1>a\n<2>b\r\n", [(b"<1>a", False), (b"<2>b\r", False)]),
    (b"4 <1>a5 <2>b\n", [(b"<1>a", False), (b"<2>b\n", False)]),
    (b"4 <1>a<2>b\n4 <3>c", [(b"<1>a", False), (b"<2>b", False), (b"<3>c", False)]),
    (b"9999999 <1>a\n", [(b"9999999 <1>a", False)]),  # a count that lies is text
    (b"12 no priority\n", [(b"12 no priority", False)]),
    (b"0 <1>a\n", [(b"0 <1>a", False)]),
    (b"11 <1>one\n<2>two\n", [(b"<1>one\n<2>t", False), (b"wo", False)]),  # what counting means
    (b"\n\n\r\n", []),
]


@pytest.mark.parametrize(("data", "wanted"), FRAMES)
def test_framing_however_it_is_cut(data: bytes, wanted: list[tuple[bytes, bool]]) -> None:
    assert Framing().feed(data) == wanted
    for at in range(len(data)):
        framing = Framing()
        assert framing.feed(data[:at]) + framing.feed(data[at:]) == wanted
    framing = Framing()
    assert [one for byte in data for one in framing.feed(bytes([byte]))] == wanted


@pytest.mark.parametrize("head", [b"", b"200000 <1>"])
def test_endless_messages_are_cut_and_bounded(head: bytes) -> None:
    framing = Framing()
    out = framing.feed(head)
    for _ in range(20):
        out += framing.feed(b"x" * 10_000)
        assert len(framing.buffer) <= LINE_LIMIT_BYTES + 10_000
    out += framing.feed(b"\n5 <2>ab")
    assert [cut for _, cut in out].count(True) == 1
    assert all(len(data) <= LINE_LIMIT_BYTES for data, _ in out)
    assert out[-1] == (b"<2>ab", False)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=12))
def test_any_bytes_however_cut_give_the_same_messages(parts: list[bytes]) -> None:
    whole, pieces = Framing(), Framing()
    together = whole.feed(b"".join(parts)) + whole.rest()
    apart = [one for part in parts for one in pieces.feed(part)] + pieces.rest()
    assert together == apart


def test_tcp_over_the_wire(tcp: SyslogTcp, inbox: Inbox) -> None:
    with socket.create_connection(tcp.address) as one, socket.create_connection(tcp.address) as two:
        one.sendall(b"<13>Feb  5 17:32:18 web app[1]: xin ch\xc3\xa0o\n15 <13>hai\nd\xc3\xb2ng x")
        two.sendall(b"<13>unfinished")
    got = {(message.data, message.cut) for message in wait_for(inbox, 3)}
    assert ("<13>Feb  5 17:32:18 web app[1]: xin chào".encode(), False) in got
    assert ("<13>hai\ndòng x".encode(), False) in got
    assert (b"<13>unfinished", True) in got


def test_tcp_waits_instead_of_losing(inbox: Inbox) -> None:
    small = Inbox(threading.Event(), limit_messages=30_000)
    one = SyslogTcp("127.0.0.1:0", small)
    got: list[Message] = []
    try:
        with socket.create_connection(one.address) as sender:
            writer = threading.Thread(target=sender.sendall, args=(b"<13>x\n" * 60_000,))
            writer.start()
            ends = time.monotonic() + 20
            while len(got) + small.refused < 60_000 and time.monotonic() < ends:
                got += small.take(500)
                time.sleep(0.001)
            writer.join(5)
    finally:
        one.close()
    assert (len(got), small.refused) == (60_000, 0)


def test_udp(inbox: Inbox) -> None:
    one = SyslogUdp("127.0.0.1:0", inbox)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<13>a\n<13>embedded\x00", one.address)
            sender.sendto(b"x" * 65_507, one.address)
            sender.sendto(b"", one.address)
        got = wait_for(inbox, 2)
        assert one.kernel_drops() == 0
    finally:
        one.close()
    assert sorted(len(message.data) for message in got) == [18, 65_507]
    assert {message.address for message in got} == {"127.0.0.1"}


@pytest.mark.parametrize("where", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"])
def test_bad_addresses_are_refused(where: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        split(where)


def test_addresses() -> None:
    wanted: dict[str, Any] = {"[::1]:514": ("::1", 514), ":514": ("0.0.0.0", 514), "10.0.0.1:5514": ("10.0.0.1", 5514)}
    assert {where: split(where) for where in wanted} == wanted


def test_a_full_inbox_counts() -> None:
    inbox = Inbox(threading.Event(), limit_messages=2, limit_bytes=10)
    message = Message(b"12345", "h", "udp", 0.0, cut=False)
    assert [inbox.put(message) for _ in range(4)] == [True, True, False, False]
    assert (inbox.received, inbox.refused, len(inbox.take(9)), inbox.take(9)) == (2, 2, 2, [])
