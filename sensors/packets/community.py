"""Community ID v1: one text for a flow that Zeek, Suricata and Packetbeat compute alike.

In: packed addresses, protocol number, ports (ICMP: type, code). Out: "1:" + base64(SHA-1).
Source: https://github.com/corelight/community-id-spec (seed 0). Tested against the `communityid` package.
"""

from __future__ import annotations

import base64
import hashlib

# ICMP types with a reply: the reply's type takes the place of the destination port, so both directions give one id.
_ICMP4 = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 10: 9, 9: 10, 17: 18, 18: 17}
_ICMP6 = {128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130, 139: 140, 140: 139,
          144: 145, 145: 144}  # fmt: skip


def community_id(protocol: int, source: bytes, destination: bytes, source_port: int, destination_port: int) -> str:
    ported = protocol in (6, 17) or (protocol == 132 and source_port > 0)
    one_way = False
    if protocol in (1, 58):
        ported = True
        counter = (_ICMP4 if protocol == 1 else _ICMP6).get(source_port)
        if counter is None:
            one_way = True
        else:
            destination_port = counter
    if not one_way and (source, source_port) > (destination, destination_port):
        source, destination = destination, source
        source_port, destination_port = destination_port, source_port
    data = b"\0\0" + source + destination + bytes((protocol, 0))
    if ported:
        data += source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")
