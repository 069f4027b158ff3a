"""No bytes make the packet path raise, hang or grow: whatever a capture holds, `replay_capture` ends with values."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.event import encode
from sensors.packets import frame as links
from sensors.packets.frame import Frame
from sensors.packets.pipeline import Pipeline
from sensors.packets.replay import replay_capture
from sensors.protocols import load
from tests.naive.frames import CLIENT, SERVER, Conversation, frame, icmp, ip4, ip6, pcap, udp

LINKS = [links.ETHERNET, links.NULL, links.RAW, links.LINUX_SLL, links.LINUX_SLL2, links.PPP, links.PPP_ETHER,
         links.NFLOG, links.LOOP, 147]  # fmt: skip


def material() -> list[Frame]:
    """One of everything: each dissector's examples in conversations, tunnels, fragments, ICMP, IPv6."""
    frames: list[Frame] = []
    for number, dissector in enumerate(load().values()):
        for turn, example in enumerate(dissector.examples):
            if example.transport == "tcp":
                course = Conversation(20000 + number * 100 + turn, example.server_port or 80).open()
                for forward, data in example.pieces:
                    course.say(forward, data)
                frames += course.close().frames
            else:
                for forward, data in example.pieces:
                    ends = (CLIENT, 30000 + turn, SERVER, example.server_port)
                    ends = ends if forward else (*ends[2:], *ends[:2])
                    frames.append(frame(udp(*ends, data)))
    inner = udp(CLIENT, 1, SERVER, 2, b"x")
    frames += [
        frame(ip4(CLIENT, SERVER, 47, b"\0\0\x08\0" + inner)),
        frame(udp(CLIENT, 9, SERVER, 4789, b"\x08" + bytes(7) + frames[0].data)),
        frame(udp(CLIENT, 9, SERVER, 2152, b"\x30\xff\0\0\0\0\0\0" + inner)),
        frame(icmp(CLIENT, SERVER, 3, 1, inner)),
        frame(ip6("2001:db8::1", "2001:db8::2", 0, b"\x2c\0\x01\x04\0\0\0\0\x11\0\0\x01\0\0\0\x07" + bytes(16))),
        frame(ip4(CLIENT, SERVER, 17, bytes(16), 5, 0x2000)),
    ]
    return frames


MATERIAL = material()


@given(seed=st.integers(0, 2**48), rate=st.sampled_from([0.001, 0.01, 0.1]))
@settings(max_examples=150, deadline=None)
def test_mutated_traffic(seed: int, rate: float) -> None:
    dice = random.Random(seed)
    pipeline = Pipeline(checksums=dice.random() < 0.2, limit_flows=20)
    for one in dice.sample(MATERIAL, min(40, len(MATERIAL))):
        data = bytearray(one.data)
        for index in range(len(data)):
            if dice.random() < rate:
                data[index] = dice.randrange(256)
        cut = bytes(data[: dice.randrange(len(data) + 1)] if dice.random() < 0.3 else data)
        link = dice.choice(LINKS) if dice.random() < 0.1 else one.link
        time_ns = dice.choice([0, one.time_ns, one.time_ns + dice.randrange(10**13), 2**62])
        for event in pipeline.feed(Frame(time_ns, link, cut, max(len(cut), one.length))):
            encode(event)
    for event in pipeline.finish():
        encode(event)
    assert not [name for name in pipeline.counters if name.startswith("crashed")]


@given(data=st.binary(max_size=300), link=st.sampled_from(LINKS), length=st.integers(0, 70000))
@settings(max_examples=300, deadline=None)
def test_any_frame(data: bytes, link: int, length: int) -> None:
    pipeline = Pipeline(checksums=False)
    pipeline.feed(Frame(0, link, data, max(length, len(data))))
    pipeline.finish()


@given(seed=st.integers(0, 2**48))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_to_a_file(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    data = bytearray(pcap(dice.sample(MATERIAL, 12)))
    for _ in range(dice.randrange(1, 30)):
        data[dice.randrange(len(data))] = dice.choice((0, 255, dice.randrange(256)))
    file = tmp_path / "x.pcap"
    file.write_bytes(data[: dice.randrange(len(data) + 1)] if dice.random() < 0.3 else data)
    problems: list[str] = []
    for event in replay_capture(file, checksums=False, problems=problems):
        encode(event)
