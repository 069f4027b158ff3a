"""Makes captures for exercises and tests: conversations in, a .pcap out. Runs as a process of its own, because scapy
is GPL-2.0-only: `python -m sensors.packets.craft OUT.pcap < conversations.ndjson`.

In:  NDJSON, a conversation a line: {"kind": "tcp" | "syn" | "dns" | "udp", "at": epoch s, "src", "sport", "dst",
     "dport"}, and for tcp "talk": [["c" | "s", text], …] (client or server speaks), for dns "name", "answers":
     [address, …].
     "syn" is one SYN, answered by a reset when "refused" is true. Addresses are IPv4.
Out: packets of all conversations in order of time, written to OUT.new and renamed: a reader never sees half a file.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: E402
from scapy.layers.inet import IP, TCP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.utils import PcapWriter  # noqa: E402

Timed = tuple[float, Any]
STEP_S = 0.004  # between two packets of one conversation


def conversation(spec: Mapping[str, Any]) -> Iterator[Timed]:
    """(time, packet) of one conversation."""
    kind, at = spec["kind"], float(spec["at"])
    there = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=spec["src"], dst=spec["dst"])
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src=spec["dst"], dst=spec["src"])
    if kind == "dns":
        there, back = there / UDP(sport=spec["sport"], dport=53), back / UDP(sport=53, dport=spec["sport"])
        number, question = spec.get("id", spec["sport"]), DNSQR(qname=spec["name"], qtype="A")
        yield at, there / DNS(id=number, rd=1, qd=[question])
        answers = [DNSRR(rrname=spec["name"], type="A", ttl=60, rdata=a) for a in spec.get("answers", ())]
        yield at + STEP_S, back / DNS(id=number, qr=1, rd=1, ra=1, rcode=0 if answers else 3, qd=[question], an=answers)
    elif kind == "udp":
        yield at, there / UDP(sport=spec["sport"], dport=spec["dport"]) / bytes(spec.get("text", "x"), "utf-8")
    else:
        yield from _tcp(spec, at, there, back)


def _tcp(spec: Mapping[str, Any], at: float, there: Any, back: Any) -> Iterator[Timed]:
    sport, dport = spec["sport"], spec["dport"]
    seq = {"c": 1_000_000 + sport, "s": 2_000_000 + dport}

    def packet(side: str, flags: str, payload: bytes = b"") -> Any:
        other = "s" if side == "c" else "c"
        ports = {"sport": sport, "dport": dport} if side == "c" else {"sport": dport, "dport": sport}
        ack = seq[other] if "A" in flags else 0
        made = (there if side == "c" else back) / TCP(**ports, flags=flags, seq=seq[side], ack=ack, window=64240)
        seq[side] += len(payload) + ("S" in flags or "F" in flags)
        return made / payload if payload else made

    yield at, packet("c", "S")
    if spec["kind"] == "syn":
        if spec.get("refused"):
            yield at + STEP_S, packet("s", "RA")
        return
    yield (at := at + STEP_S), packet("s", "SA")
    yield (at := at + STEP_S), packet("c", "A")
    for side, text in spec.get("talk", ()):
        data = bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()
        yield (at := at + STEP_S), packet(side, "PA", data)
        yield (at := at + STEP_S), packet("s" if side == "c" else "c", "A")
    yield (at := at + STEP_S), packet("c", "FA")
    yield (at := at + STEP_S), packet("s", "FA")
    yield at + STEP_S, packet("c", "A")


def write(path: Path, specs: Iterable[Mapping[str, Any]]) -> int:
    """Packets written."""
    packets = sorted((timed for spec in specs for timed in conversation(spec)), key=lambda timed: timed[0])
    temporary = path.with_suffix(".new")
    with PcapWriter(str(temporary), linktype=1, sync=True) as out:
        for at, packet in packets:
            packet.time = at
            out.write(packet)
    temporary.replace(path)
    return len(packets)


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), (json.loads(line) for line in sys.stdin if line.strip())))
