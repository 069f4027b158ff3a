"""Live capture from network interfaces (Linux packet sockets through scapy, no libpcap in the data path).

In:  interface names, an optional BPF expression. Out: lists of `Frame`s; what the kernel had to drop, as a count.
Only this module and `packets/craft.py` import scapy, by submodule: `scapy.all` would cost 100 MB more.
Bound: at most `limit` frames a call; the kernel's receive buffer holds the rest (BUFFER_BYTES an interface).
Needs CAP_NET_RAW. A BPF expression is compiled by libpcap, which scapy looks for; without one no library is needed.
"""

from __future__ import annotations

import logging
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

from sensors.errors import ConfigError, Place, Problem
from sensors.packets.frame import ETHERNET, RAW, Frame

BUFFER_BYTES = 32 << 20
SNAP_BYTES = 65_600  # receive offload glues segments together up to 64 KiB
_SOL_PACKET, _PACKET_STATISTICS, _SO_RCVBUFFORCE = 263, 6, 33
_ETHER, _LOOPBACK = 1, 772  # ARPHRD_…; tunnels and PPP deliver bare IP


class LiveCapture:
    def __init__(self, interfaces: Sequence[str], bpf: str = "", *, promiscuous: bool = True) -> None:
        """Opens all or none; a name that cannot be opened is a `ConfigError` that says which and why."""
        logging.getLogger("scapy").setLevel(logging.ERROR)
        from scapy.arch.linux import L2ListenSocket
        from scapy.error import Scapy_Exception

        self.dropped = 0
        self._sockets: dict[int, tuple[Any, int]] = {}
        problems = []
        for name in interfaces:
            try:
                opened = L2ListenSocket(iface=name, filter=bpf or None, promisc=promiscuous)
            except (OSError, Scapy_Exception, ValueError) as error:
                problems.append(
                    Problem(
                        "LT-C0301",
                        f"không bắt được gói tin trên `{name}`: {error}",
                        f"cannot capture on `{name}`: {error}",
                        Place(key="packet.interfaces"),
                        ("ip -brief link", "setcap cap_net_raw+ep", "BPF: apt install libpcap0.8"),
                    )
                )
                continue
            opened.ins.setblocking(False)
            try:
                opened.ins.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
            except OSError:  # without CAP_NET_ADMIN: as much as the system lets us have
                opened.ins.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            hardware = opened.ins.getsockname()[3]
            self._sockets[opened.ins.fileno()] = (opened, hardware)
        if problems:
            self.close()
            raise ConfigError(*problems)
        # Between being opened and being bound a socket sees every interface; what it lost there is nobody's loss.
        self.count_drops()
        self.dropped = 0

    def read(self, timeout_s: float, limit: int = 1000) -> list[Frame]:
        """What came in within `timeout_s`, at once when something is there. An interface that vanished is closed."""
        if not self._sockets:
            time.sleep(timeout_s)
            return []
        ready, _, _ = select.select(list(self._sockets), [], [], timeout_s)
        frames: list[Frame] = []
        for number in ready:
            opened, hardware = self._sockets[number]
            link = ETHERNET if hardware in (_ETHER, _LOOPBACK) else RAW
            for _ in range(max(1, limit // len(ready))):
                try:
                    # `recv_raw` hides the direction, which loopback needs: it shows each frame going out and in.
                    data, address, stamp = opened._recv_raw(opened.ins, SNAP_BYTES)
                except BlockingIOError:
                    break
                except OSError:
                    if len(self._sockets) > 1 or not _alive(opened):
                        break
                    raise
                if data and (hardware != _LOOPBACK or address[2] != socket.PACKET_OUTGOING):
                    time_ns = round(stamp * 1e9) if stamp else time.time_ns()
                    frames.append(Frame(time_ns, link, data, len(data)))
        if len(ready) > 1:
            frames.sort(key=lambda frame: frame.time_ns)
        return frames

    def count_drops(self) -> int:
        """Frames that the kernel dropped since the capture began; reading its counter resets it there."""
        for opened, _ in self._sockets.values():
            try:
                raw = opened.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
                self.dropped += struct.unpack("II", raw)[1]
            except OSError:
                continue
        return self.dropped

    def close(self) -> None:
        for opened, _ in self._sockets.values():
            opened.close()
        self._sockets.clear()


def _alive(opened: Any) -> bool:
    try:
        return bool(opened.ins.fileno() >= 0 and opened.ins.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
    except OSError:
        return False
