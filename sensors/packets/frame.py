"""Frame: what a capture source hands to the decoder.

In:  one captured link-layer frame. Out: an immutable value. `data` may be shorter than `length` (snap length).
Times are integer nanoseconds since 1970 (UTC): floats lose the order of packets that lie < 240 ns apart.
Link types are the numbers of https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from typing import NamedTuple


class Frame(NamedTuple):
    time_ns: int
    link: int
    data: bytes
    length: int  # bytes on the wire, ≥ len(data)


NULL, ETHERNET, PPP, RAW_OLD, RAW_BSD, PPP_SERIAL, PPP_ETHER = 0, 1, 9, 12, 14, 50, 51
RAW, LOOP, LINUX_SLL, IPV4, IPV6, NFLOG, LINUX_SLL2 = 101, 108, 113, 228, 229, 239, 276
