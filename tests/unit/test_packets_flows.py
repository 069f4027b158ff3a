"""What a flow event says of conversations whose course is known: state, history, counts, direction."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import communityid
import pytest

from sensors.event import Event, get
from sensors.packets.frame import Frame
from sensors.packets.pipeline import Pipeline
from tests.naive.frames import ACK, CLIENT, FIN, PUSH, RST, SERVER, SYN, Conversation, checksum, frame, icmp, tcp, udp


def events(frames: Iterable[Frame], *, checksums: bool = True, limit_flows: int = 1000) -> list[Event]:
    pipeline = Pipeline(checksums=checksums, limit_flows=limit_flows)
    out: list[Event] = []
    for one in frames:
        out += pipeline.feed(one)
    return out + pipeline.finish()


def flows(frames: Iterable[Frame], **options: bool) -> list[Event]:
    return [e for e in events(frames, **options) if e["event"]["dataset"] == "network.flow"]


def only_flow(frames: Iterable[Frame], **options: bool) -> Event:
    (flow,) = flows(frames, **options)
    return flow


def summary(flow: Event) -> tuple[str, str]:
    return flow["luytre"]["flow"]["state"], flow["luytre"]["flow"].get("history", "")


def talk() -> Conversation:
    return Conversation(dport=7777).open().say(True, b"x" * 100).say(False, b"y" * 300)


def refused() -> Conversation:
    found = Conversation(dport=7777)
    found.send(True, SYN)
    found.send(False, RST | ACK)
    return found


def lonely() -> Conversation:
    found = Conversation(dport=7777)
    found.send(True, SYN)
    return found


def aborted(forward: bool) -> Conversation:
    found = talk()
    found.send(forward, RST | ACK)
    return found


def half_closed(forward: bool) -> Conversation:
    found = talk()
    found.send(forward, FIN | ACK)
    found.send(not forward, ACK)
    return found


def scanned_and_dropped() -> Conversation:
    found = Conversation(dport=7777)
    found.send(True, SYN)
    found.send(True, RST)
    return found


def shut_unanswered() -> Conversation:
    found = Conversation(dport=7777)
    found.send(True, SYN)
    found.send(True, FIN | ACK)
    return found


def backscatter() -> Conversation:
    found = Conversation(dport=7777)
    found.send(False, SYN | ACK)
    return found


def middle() -> Conversation:
    found = Conversation(dport=7777)
    found.say(True, b"abc")
    return found


@pytest.mark.parametrize(
    ("course", "state", "history"),
    [
        (talk().close(), "SF", "ShADadFf"),
        (talk(), "S1", "ShADad"),
        (lonely(), "S0", "S"),
        (refused(), "REJ", "Sr"),
        (aborted(True), "RSTO", "ShADadR"),
        (aborted(False), "RSTR", "ShADadr"),
        (half_closed(True), "S2", "ShADadF"),
        (half_closed(False), "S3", "ShADadf"),
        (scanned_and_dropped(), "RSTOS0", "SR"),
        (shut_unanswered(), "SH", "SF"),
        (backscatter(), "OTH", "H"),
        (middle(), "OTH", "Da"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_state_and_history(course: Conversation, state: str, history: str) -> None:
    assert summary(only_flow(course.frames)) == (state, history)


def test_bytes_packets_payload_and_times() -> None:
    flow = only_flow(talk().close().frames)
    assert (flow["source"]["ip"], flow["source"]["port"]) == (CLIENT, 40000)
    assert flow["source"]["packets"] == 6
    assert flow["source"]["bytes"] == 6 * 40 + 100
    assert flow["destination"]["bytes"] == 4 * 40 + 300
    assert flow["luytre"]["flow"]["source_payload_bytes"] == 100
    assert flow["luytre"]["flow"]["destination_payload_bytes"] == 300
    assert flow["event"]["duration"] == 80_000_000  # until both sides had closed; the last ACK adds nothing (as Zeek)
    assert flow["event"]["start"] < flow["event"]["end"]
    assert flow["network"]["transport"] == "tcp"


def test_community_id_is_the_reference_implementations() -> None:
    reference = communityid.CommunityID()
    wanted = reference.calc(communityid.FlowTuple.make_tcp(CLIENT, SERVER, 40000, 7777))
    assert only_flow(talk().frames)["network"]["community_id"] == wanted
    ping = [frame(icmp(CLIENT, SERVER, 8, 0, b"abcd"))]
    wanted = reference.calc(communityid.FlowTuple.make_icmp(CLIENT, SERVER, 8, 0))
    assert only_flow(ping)["network"]["community_id"] == wanted


def test_a_lost_segment_is_a_gap_and_still_counts() -> None:
    course = talk()
    course.send(False, PUSH | ACK, b"z" * 50, lose=True)
    course.send(True, ACK)
    flow = only_flow(course.close().frames)
    assert summary(flow) == ("SF", "ShADadgFf")
    assert flow["luytre"]["flow"]["missed_bytes"] == 50
    assert flow["luytre"]["flow"]["destination_payload_bytes"] == 350


def test_retransmissions_count_at_powers_of_ten() -> None:
    course = talk()
    for _ in range(10):
        course.frames.append(course.frames[3]._replace(time_ns=course.frames[-1].time_ns))
    assert summary(only_flow(course.frames)) == ("S1", "ShADadTT")


def test_a_bad_checksum_is_noted_and_the_packet_not_counted() -> None:
    course = Conversation(dport=7777).open()
    course.send(True, PUSH | ACK, b"broken", bad=True)
    flow = only_flow(course.frames)
    assert summary(flow) == ("S1", "ShAC")
    assert flow["source"]["packets"] == 2
    assert summary(only_flow(course.frames, checksums=False)) == ("S1", "ShAD")


def test_a_checksum_left_to_the_card_is_no_damage() -> None:
    """Captured on the sending host: the field holds the sum of the pseudo header only."""
    course = Conversation(dport=7777).open()
    course.send(True, PUSH | ACK, b"data")
    whole = course.frames[-1]
    segment = whole.data[34:]
    pseudo = whole.data[26:34] + struct.pack(">HH", 6, len(segment))
    course.frames[-1] = whole._replace(
        data=whole.data[:50] + struct.pack(">H", ~checksum(pseudo) & 0xFFFF) + whole.data[52:]
    )
    assert summary(only_flow(course.frames)) == ("S1", "ShAD")


def test_zero_window_is_noted() -> None:
    course = talk()
    course.send(False, ACK, window=0)
    assert summary(only_flow(course.frames))[1].endswith("w")


def test_direction_turns_when_the_beginning_was_missed() -> None:
    course = Conversation(dport=80)
    course.send(False, PUSH | ACK, b"data")
    flow = only_flow(course.frames)
    assert flow["source"]["ip"] == CLIENT
    assert summary(flow) == ("OTH", "^d")


def test_syn_ack_before_syn_is_put_right() -> None:
    course = Conversation(dport=7777).open()
    first, second, *rest = course.frames
    swapped = [second._replace(time_ns=first.time_ns), first._replace(time_ns=second.time_ns), *rest]
    flow = only_flow(swapped)
    assert flow["source"]["ip"] == CLIENT
    assert flow["luytre"]["flow"]["state"] == "S1"
    assert (flow["source"]["packets"], flow["destination"]["packets"]) == (2, 1)


def test_reordered_data_reaches_the_dissector_in_order() -> None:
    course = Conversation().open()
    course.send(True, PUSH | ACK, b"GET /one HTT")
    course.send(True, PUSH | ACK, b"P/1.1\r\nHost: a.vn\r\n\r\n")
    course.frames[-1], course.frames[-2] = course.frames[-2], course.frames[-1]
    (http,) = [e for e in events(course.frames) if e["event"]["dataset"] == "network.http"]
    assert get(http, "url.original") == "/one"


def test_ports_used_again_are_two_flows() -> None:
    one, two = talk().close(), talk()
    late = [f._replace(time_ns=f.time_ns + 1_000_000_000) for f in two.frames]
    assert [summary(f)[0] for f in flows([*one.frames, *late])] == ["SF", "S1"]


def test_udp_and_icmp_timeouts_split_flows() -> None:
    asks = [frame(udp(CLIENT, 5000, SERVER, 9999, b"hi"), at) for at in (0, 30, 95)]
    assert [f["source"]["packets"] for f in flows(asks)] == [2, 1]
    assert summary(flows(asks)[0]) == ("S0", "D")
    ping = [frame(icmp(CLIENT, SERVER, 8, 0, b"x" * 56)), frame(icmp(SERVER, CLIENT, 0, 0, b"x" * 56), 0.001)]
    flow = only_flow(ping)
    assert (flow["source"]["port"], flow["destination"]["port"]) == (8, 0)
    assert flow["luytre"]["flow"]["source_payload_bytes"] == 56
    assert summary(flow) == ("OTH", "")


def test_an_attempt_is_over_after_five_seconds() -> None:
    pipeline = Pipeline()
    assert pipeline.feed(frame(tcp(CLIENT, 1, SERVER, 2, 5, 0, SYN))) == []
    (flow,) = pipeline.feed(frame(udp(CLIENT, 5, SERVER, 6, b"x"), 5.1))
    assert summary(flow) == ("S0", "S")


def test_the_table_is_bounded_and_evictions_are_counted() -> None:
    pipeline = Pipeline(limit_flows=50)
    seen = 0
    for port in range(1000, 1500):
        seen += len(pipeline.feed(frame(tcp(CLIENT, port, SERVER, 80, 1, 0, SYN))))
        assert pipeline.flows <= 50
    assert pipeline.evicted == 450
    assert seen + len(pipeline.finish()) == 500


def test_holes_in_many_streams_share_one_budget() -> None:
    pipeline = Pipeline()
    pipeline._budget.limit = 100_000
    for port in range(2000, 2200):
        course = Conversation(port).open()
        course.send(True, PUSH | ACK, b"GET / HTTP/1.1\r\n")
        course.send(True, PUSH | ACK, b"x", lose=True)
        course.send(True, PUSH | ACK, bytes(1400))
        for one in course.frames:
            pipeline.feed(one)
        assert pipeline._budget.used <= 100_000
    pipeline.finish()
    assert pipeline._budget.used == 0


def test_shedding_ends_reading_not_counting() -> None:
    pipeline = Pipeline()
    course = Conversation().open().say(True, b"GET /a HTTP/1.1\r\n\r\n")
    for one in course.frames:
        pipeline.feed(one)
    pipeline.shed()
    assert pipeline.counters["dropped.talk_for_memory"] == 1
    http, flow = pipeline.finish()
    assert get(http, "url.path") == "/a"
    assert flow["source"]["packets"] == 3
