"""NTP: one `network.ntp` event per message; control (mode 6) and private (mode 7) requests by their number.

In:  datagrams. Out: version, mode, stratum and the four times of a clock's message; of modes 6 and 7 the operation or
request code, with `luytre.ntp.response`. A MON_GETLIST (7/42) from outside is how servers are made to flood others.
Bound: nothing is kept between messages; 16 extension fields are counted.
A client's transmit time may be random on purpose (data minimisation). Times before 1968 are of era 1, from 2036 on.
Sources: RFC 5905 §7.3, §7.5; RFC 9327 (mode 6); ntp-4.2.8 include/ntp_request.h (mode 7); CVE-2013-5211.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from sensors.clock import rfc3339
from sensors.fields import Field
from sensors.protocols import Context, Dissector, Example, Finding, Record

EXTENSIONS = 16
_HEADER = struct.Struct(">BBbbIII").unpack_from
_TIMES = struct.Struct(">IIIIIIII").unpack_from
_ERA_S, _UNIX_S = 1 << 32, 2_208_988_800  # seconds of an era; from 1900 to 1970
_SIZE, _CONTROL, _PRIVATE = 48, 6, 7
_MACS = (20, 24, 36, 52, 68)  # key id and MD5, SHA-1, SHA-256, SHA-384, SHA-512
_PRIVATE_KINDS = (0, 2, 3)  # implementation: any, xntpd before and after IPv6


def _when(seconds: int, fraction: int) -> str | None:
    """Zero means that it is not known."""
    if not seconds and not fraction:
        return None
    era = 0 if seconds & 0x80000000 else _ERA_S
    return rfc3339(seconds + era - _UNIX_S + fraction / _ERA_S)


def _reference(stratum: int, raw: int) -> str | None:
    """A clock's name at stratum 1, a kiss code at 0, else the address (of IPv6, a hash) of the server above."""
    data = raw.to_bytes(4, "big")
    if stratum > 1:
        return ".".join(map(str, data))
    return "".join(chr(c) for c in data.rstrip(b"\0") if 32 <= c < 127) or None


def _extensions(data: bytes) -> int:
    """RFC 7822: fields of at least 16 bytes; what is left in the length of a MAC is one."""
    at = _SIZE
    for count in range(EXTENSIONS):
        left = len(data) - at
        length = data[at + 2] << 8 | data[at + 3] if left >= 16 else 0
        if left in _MACS or length < 16 or length > left or length & 3:
            return count
        at += length
    return EXTENSIONS


def parse(data: bytes) -> dict[str, Any] | None:
    if len(data) < 8 or not 1 <= data[0] >> 3 & 7 <= 4:
        return None
    version, mode = data[0] >> 3 & 7, data[0] & 7
    fields: dict[str, Any] = {
        "luytre.ntp.version": version,
        "luytre.ntp.mode": mode,
        "event.type": ["protocol", "info"],
    }
    if mode == _CONTROL:
        return fields | {"luytre.ntp.op_code": data[1] & 31, "luytre.ntp.response": bool(data[1] & 0x80)}
    if mode == _PRIVATE:
        return fields | {"luytre.ntp.request_code": data[3], "luytre.ntp.response": bool(data[0] & 0x80)}
    if len(data) < _SIZE:
        return fields | {"luytre.malformed": True}
    _, stratum, poll, precision, delay, dispersion, reference = _HEADER(data)
    times = _TIMES(data, 16)
    return fields | {
        "luytre.ntp.stratum": stratum,
        "luytre.ntp.poll": float(2**poll) if -32 <= poll <= 32 else None,
        "luytre.ntp.precision": float(2.0**precision) if -64 <= precision <= 32 else None,
        "luytre.ntp.root_delay": delay / 65536,
        "luytre.ntp.root_disp": dispersion / 65536,
        "luytre.ntp.ref_id": _reference(stratum, reference),
        "luytre.ntp.ref_time": _when(*times[0:2]),
        "luytre.ntp.org_time": _when(*times[2:4]),
        "luytre.ntp.rec_time": _when(*times[4:6]),
        "luytre.ntp.xmt_time": _when(*times[6:8]),
        "luytre.ntp.num_exts": _extensions(data),
    }


class _Session:
    def __init__(self, context: Context) -> None:
        self.confirmed = False

    def feed(self, forward: bool, data: bytes, time_ns: int) -> Sequence[Finding]:
        fields = parse(data)
        if fields is None:
            return ()
        self.confirmed = self.confirmed or "luytre.malformed" not in fields
        return (Record("ntp", time_ns, fields),)

    def gap(self, forward: bool, length: int, time_ns: int) -> Sequence[Finding]:
        return ()

    def end(self, time_ns: int) -> Sequence[Finding]:
        return ()


def probe(data: bytes, forward: bool) -> bool | None:
    """Strict, since a datagram is not kept to be asked about again: values that only a clock's message has."""
    if len(data) < 8 or not 1 <= data[0] >> 3 & 7 <= 4:
        return False
    mode = data[0] & 7
    if mode == _CONTROL:  # no leap bits, a known operation, its data and at most an authenticator
        size = data[10] << 8 | data[11] if len(data) >= 12 else -1
        return (not data[0] >> 6 and 0 < data[1] & 31 <= 12 and 12 + size <= len(data) < 12 + size + 100) or None
    if mode == _PRIVATE:
        return (data[2] in _PRIVATE_KINDS and data[3] <= 46 and len(data) & 3 == 0) or None
    if len(data) < _SIZE or len(data) & 3 or mode == 0:
        return None if mode else False
    _, stratum, poll, precision, delay, dispersion, _ = _HEADER(data)
    times = _TIMES(data, 16)
    sane = stratum <= 16 and 0 <= poll <= 17 and -40 <= precision <= 0 and max(delay, dispersion) >> 16 < 64
    # The reference time is not known or of 1995 to 2072; an answer's times of receiving and sending are a minute apart.
    told = times[0] == 0 or times[0] >= 3_000_000_000 or 0 < times[0] < 1_136_000_000
    near = mode != 4 or abs(times[6] - times[4]) < 60
    return True if sane and told and near and (times[6] or times[7]) else None


_CLIENT = bytes.fromhex("23000000" + "00" * 36 + "5c8a93d1e07b1f22")  # chrony: all but a random transmit time is zero
_SERVER = bytes.fromhex(
    "240206e9000000a800000b2bc0000201eca1b1a0000000005c8a93d1e07b1f22eca1b2c040000000eca1b2c040010000"
)
_KISS = bytes.fromhex("e40006e8") + bytes(8) + b"RATE" + _SERVER[16:]
_MONLIST = bytes.fromhex("1700032a") + bytes(4)
_READVAR = bytes.fromhex("160200010000000000000000")
DISSECTOR = Dissector(
    name="ntp",
    transport=("udp",),
    ports=(123,),
    probe=probe,
    make=_Session,
    fields=(
        Field("luytre.ntp.version", "long"),
        Field("luytre.ntp.mode", "long"),
        Field("luytre.ntp.stratum", "long"),
        Field("luytre.ntp.poll", "double"),
        Field("luytre.ntp.precision", "double"),
        Field("luytre.ntp.root_delay", "double"),
        Field("luytre.ntp.root_disp", "double"),
        Field("luytre.ntp.ref_id"),
        Field("luytre.ntp.ref_time", "date"),
        Field("luytre.ntp.org_time", "date"),
        Field("luytre.ntp.rec_time", "date"),
        Field("luytre.ntp.xmt_time", "date"),
        Field("luytre.ntp.num_exts", "long"),
        Field("luytre.ntp.op_code", "long"),
        Field("luytre.ntp.request_code", "long"),
        Field("luytre.ntp.response", "boolean"),
    ),
    examples=(
        Example("udp", ((True, _CLIENT), (False, _SERVER)),
                {"luytre.ntp.mode": 4, "luytre.ntp.stratum": 2, "luytre.ntp.poll": 64.0,
                 "luytre.ntp.ref_id": "192.0.2.1", "luytre.ntp.rec_time": "2025-10-21T07:20:32.250000Z"}, 123),
        Example("udp", ((True, _CLIENT), (False, _KISS)), {"luytre.ntp.stratum": 0, "luytre.ntp.ref_id": "RATE"}, 123),
        Example("udp", ((True, _CLIENT[:40] + bytes(4)),), {"luytre.malformed": True}, 123),
        Example("udp", ((True, _MONLIST),), {"luytre.ntp.mode": 7, "luytre.ntp.request_code": 42}, 123),
        Example("udp", ((True, _READVAR),), {"luytre.ntp.mode": 6, "luytre.ntp.op_code": 2}, 123),
    ),
)  # fmt: skip
