"""LT-D0203: packets that come by on each interface within some seconds: none, one direction only, or both.

Own eyes: a packet socket of our own where it may be opened, else the kernel's counters. No packet is kept.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from api.node.checks import Check, Finding, Words, bad, do, note, ok, run, skipped
from api.node.checks._machine import Machine
from sensors.roles.packet import PacketTable

ETH_P_ALL, OUTGOING = 3, 4
FLOWS = 20_000
ENOUGH_FLOWS, BOTH_WAYS = 20, 0.1
SURE_S = 30.0  # an interface that has had packets may be quiet for less than that: a small office, a Sunday


@dataclass
class Seen:
    packets: int = 0
    flows: dict[tuple[bytes, bytes, bytes], int] = field(default_factory=dict)  # TCP, ordered ends → directions (1|2)

    def take(self, frame: bytes) -> None:
        """Ethernet with at most one VLAN tag, IPv4, TCP: enough to tell whether answers are seen."""
        self.packets += 1
        at = 18 if frame[12:14] == b"\x81\x00" else 14
        if frame[at - 2 : at] != b"\x08\x00" or len(frame) < at + 40 or frame[at + 9] != 6:
            return
        end = at + (frame[at] & 15) * 4
        source = frame[at + 12 : at + 16] + frame[end : end + 2]
        target = frame[at + 16 : at + 20] + frame[end + 2 : end + 4]
        key = (min(source, target), max(source, target), b"")
        if key in self.flows or len(self.flows) < FLOWS:
            self.flows[key] = self.flows.get(key, 0) | (1 if source < target else 2)

    @property
    def both(self) -> float:
        return sum(ways == 3 for ways in self.flows.values()) / len(self.flows) if self.flows else 1.0


def look(machine: Machine) -> Iterator[Finding]:
    names = [
        name
        for name in machine.table("packet", PacketTable).interfaces
        if (machine.root / "sys/class/net" / name).exists()
    ]
    if not names or machine.seconds <= 0:
        yield skipped("no-interface", "không có giao diện để đếm", "no interface to count on")
        return
    own = True
    try:
        seen = _watch(names, machine.seconds)
    except OSError:
        own = False
        before = {name: _counted(machine, name) for name in names}
        time.sleep(machine.seconds)
        seen = {name: Seen(_counted(machine, name) - before[name]) for name in names}
    for name, found in seen.items():
        measured = {
            "interface": name,
            "packets": found.packets,
            "seconds": machine.seconds,
            "tcp_flows": len(found.flows),
            "both_ways": round(found.both, 2),
        }
        rate = found.packets / machine.seconds
        if not found.packets and machine.seconds < SURE_S and (earlier := _counted(machine, name)):
            yield note(
                "quiet",
                f"{name}: 0 gói trong {machine.seconds:.0f} giây này; trước đó đã có {earlier}",
                f"{name}: 0 packets in these {machine.seconds:.0f} s; {earlier} before",
                run(machine.luytre(f"doctor --only {CHECK.code} --seconds 60")),
                **measured,
            )
        elif not found.packets:
            yield bad(
                "no-packets",
                f"{name}: 0 gói trong {machine.seconds:.0f} giây",
                f"{name}: 0 packets in {machine.seconds:.0f} s",
                do(
                    "Cổng sao chép (mirror/SPAN) trên switch có thể chưa bật, hoặc dây cắm nhầm cổng",
                    "The mirror (SPAN) port may be off, or the cable is in another port",
                ),
                run(machine.luytre(f"doctor --only {CHECK.code} --seconds 60")),
                **measured,
            )
        elif len(found.flows) >= ENOUGH_FLOWS and found.both < BOTH_WAYS:
            yield bad(
                "one-way",
                f"{name}: chỉ thấy một chiều ({found.both:.0%} kết nối có trả lời)",
                f"{name}: only one direction is seen ({found.both:.0%} of connections have answers)",
                do(
                    "Trên switch: sao chép cả hai chiều (both/rx+tx) của cổng nguồn; định tuyến bất đối xứng cũng "
                    "gây ra",
                    "On the switch: mirror both directions (rx and tx); asymmetric routes do it too",
                ),
                **measured,
            )
        else:
            yield ok(
                f"{name}: {rate:.0f} gói/giây" + ("" if own else " (theo bộ đếm của nhân)"),
                f"{name}: {rate:.0f} packets/s" + ("" if own else " (the kernel's counters)"),
                **measured,
            )


def _watch(names: list[str], seconds: float) -> dict[str, Seen]:
    """Frames of all interfaces for so long; loopback's outgoing copies count once. Raises OSError without the right."""
    seen = {name: Seen() for name in names}
    sockets: dict[int, tuple[socket.socket, str]] = {}
    try:
        for name in names:
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sockets[one.fileno()] = one, name
            one.bind((name, 0))
            one.setblocking(False)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for handle in select.select(list(sockets), [], [], min(left, 0.5))[0]:
                one, name = sockets[handle]
                for _ in range(2000):
                    try:
                        frame, address = one.recvfrom(128)
                    except BlockingIOError:
                        break
                    if not (address[2] == OUTGOING and name == "lo"):
                        seen[name].take(frame)
    finally:
        for one, _ in sockets.values():
            with closing(one):
                pass
    return seen


def _counted(machine: Machine, name: str) -> int:
    found = machine.text(f"sys/class/net/{name}/statistics/rx_packets").strip()
    return int(found) if found.isdecimal() else 0


CHECK = Check(
    "LT-D0203",
    "capture",
    Words("Gói tin", "Packets"),
    Words(
        "Số gói thấy trên từng giao diện trong vài giây: không có gói, chỉ một chiều, hay đủ hai chiều.",
        "Packets seen on each interface within some seconds: none, one direction only, or both.",
    ),
    look,
    cheap=False,
)
