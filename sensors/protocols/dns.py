"""DNS, mDNS, LLMNR and NetBIOS name service: one `network.dns` event per query with its answer.

In:  datagrams, or TCP streams of length-prefixed messages. Out: question, answers, flags; `dns.response_code` is absent
while a query is unanswered (it comes out when the flow ends or PENDING others wait).
Bound: PENDING open queries a flow, ANSWERS answers an event, TEXT characters a value, 64 KiB a message.
Answers of DNSSEC types are given as type, algorithm and name, not as key material. Sources: RFC 1035, RFC 7766 (TCP),
RFC 6762, RFC 4795, RFC 1002 §4.2 (NetBIOS); https://www.iana.org/assignments/dns-parameters
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any

from sensors.fields import Field
from sensors.protocols import STOP, Context, Dissector, Example, Finding, Record
from sensors.protocols.wire.names import read_name

PENDING, ANSWERS, TEXT = 256, 100, 4096
_HEADER = struct.Struct(">HHHHHH").unpack_from
TYPES = {
    1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL", 11: "WKS", 12:
    "PTR",
    13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC",
    32: "NB", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS",
    44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM",
    52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD",
    64: "SVCB", 65: "HTTPS", 99: "SPF", 108: "EUI48", 109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR",
    253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA", 32768: "TA", 32769: "DLV",
}  # fmt: skip
CLASSES = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
CODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS", 17: "BADKEY", 18: "BADTIME", 19: "BADMODE", 20: "BADNAME",
    21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
}  # fmt: skip
OPCODES = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE", 6: "DSO"}
_FLAGS = ((0x0400, "AA"), (0x0200, "TC"), (0x0100, "RD"), (0x0080, "RA"), (0x0020, "AD"), (0x0010, "CD"))
_NAME_TYPES = frozenset((2, 3, 4, 5, 7, 8, 9, 12, 39))


class _Message:
    __slots__ = ("additional", "answers", "code", "flags", "id", "malformed", "questions", "response")

    def __init__(self, ident: int, flags: int) -> None:
        self.id, self.flags = ident, flags
        self.response = bool(flags & 0x8000)
        self.code = flags & 15
        self.questions: list[tuple[str, int, int]] = []
        self.answers: list[dict[str, Any]] = []
        self.additional = 0
        self.malformed = False


def parse(data: bytes, netbios: bool = False) -> _Message | None:
    """A message; None when not even the header is there. What is malformed is marked and kept up to there."""
    if len(data) < 12:
        return None
    ident, flags, questions, answers, authority, additional = _HEADER(data)
    message = _Message(ident, flags)
    message.additional = authority + additional
    at = 12
    for _ in range(min(questions, 64)):
        found = read_name(data, at)
        if found is None or found[1] + 4 > len(data):
            message.malformed = True
            return message
        name, at = found
        kind, group = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        message.questions.append((_netbios(name) if netbios else name, kind, group & 0x7FFF))
        at += 4
    for number in range(min(answers + authority + additional, 4096)):
        record = _record(data, at, netbios)
        if record is None:
            message.malformed = True
            return message
        fields, kind, at, extended = record
        if kind == 41 and number >= answers:  # EDNS: the upper bits of the response code (RFC 6891 §6.1.3)
            message.code |= extended << 4
        if number < answers and len(message.answers) < ANSWERS:
            message.answers.append(fields)
    return message


def _record(data: bytes, at: int, netbios: bool) -> tuple[dict[str, Any], int, int, int] | None:
    found = read_name(data, at)
    if found is None or found[1] + 10 > len(data):
        return None
    name, at = found
    kind, group, ttl, length = struct.unpack_from(">HHIH", data, at)
    at += 10
    if at + length > len(data):
        return None
    value = _value(kind, data, at, length)
    fields: dict[str, Any] = {"name": _netbios(name) if netbios else name, "type": TYPES.get(kind, str(kind))}
    if kind != 41:
        fields["class"], fields["ttl"] = CLASSES.get(group & 0x7FFF, str(group & 0x7FFF)), ttl
    if value:
        fields["data"] = value[:TEXT]
    return fields, kind, at + length, ttl >> 24


def _value(kind: int, data: bytes, at: int, length: int) -> str:
    """Presentation of a record's data; "" when it has none that helps a person."""
    raw = data[at : at + length]
    if kind == 1 and length == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    if kind == 28 and length == 16:
        return socket.inet_ntop(socket.AF_INET6, raw)
    if kind in _NAME_TYPES:
        return _name(data, at)
    if kind == 6:
        return _name(data, at)  # the primary server; mailbox and timers say little
    if kind == 15:
        return _name(data, at + 2)
    if kind == 33:
        return _name(data, at + 6)
    if kind in (16, 99):
        return "".join(_strings(raw))
    if kind == 13:
        return " ".join(_strings(raw))
    if kind == 257 and length > 2 and 2 + raw[1] <= length:
        return f"{raw[0]} {_ascii(raw[2 : 2 + raw[1]])} {_ascii(raw[2 + raw[1] :])}"
    if kind == 46 and length > 18:
        return f"RRSIG {raw[0] << 8 | raw[1]} {_name(data, at + 18) or '<Root>'}"
    if kind == 48 and length >= 4:
        return f"DNSKEY {raw[3]}"
    if kind == 43 and length >= 4:
        return f"DS {raw[2]} {raw[3]}"
    if kind == 47:
        return f"NSEC {_name(data, at)}"
    if kind in (64, 65) and length > 2:
        return f"{raw[0] << 8 | raw[1]} {_name(data, at + 2) or '.'}"
    if kind == 32 and length >= 6:  # NetBIOS: flags, then an address
        return socket.inet_ntop(socket.AF_INET, raw[2:6])
    return ""


def _name(data: bytes, at: int) -> str:
    found = read_name(data, at)
    return found[0] if found else ""


def _strings(raw: bytes) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(raw) and len(found) < 256:
        found.append(_ascii(raw[at + 1 : at + 1 + raw[at]]))
        at += 1 + raw[at]
    return found


def _ascii(raw: bytes) -> str:
    return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in raw)


def _netbios(name: str) -> str:
    """RFC 1001 §14.1: each half byte as a letter from A, padded with blanks, the last byte says what kind of name."""
    first = name.partition(".")[0]
    if len(first) != 32 or not all("A" <= c <= "P" for c in first):
        return name
    raw = bytes((ord(a) - 65) << 4 | (ord(b) - 65) for a, b in zip(first[::2], first[1::2], strict=True))
    return _ascii(raw[:15]).rstrip()


class _Session:
    def __init__(self, context: Context) -> None:
        self.confirmed = False
        self._tcp = context.transport == "tcp"
        self._netbios = 137 in (context.server_port, context.client_port)
        self._pending: dict[int, tuple[_Message, int]] = {}
        self._buffers = {True: b"", False: b""}

    def feed(self, forward: bool, data: bytes, time_ns: int) -> Sequence[Finding]:
        if not self._tcp:
            return self._message(data, time_ns)
        out: list[Finding] = []
        buffer = self._buffers[forward] + data
        while len(buffer) >= 2:
            length = buffer[0] << 8 | buffer[1]
            if length < 12:
                return [*out, STOP]
            if len(buffer) < 2 + length:
                break
            out += self._message(buffer[2 : 2 + length], time_ns)
            buffer = buffer[2 + length :]
        self._buffers[forward] = buffer
        return out

    def gap(self, forward: bool, length: int, time_ns: int) -> Sequence[Finding]:
        return [*self.end(time_ns), STOP]  # framing is lost

    def end(self, time_ns: int) -> Sequence[Finding]:
        out: list[Finding] = [self._event(query, None, at, at) for query, at in self._pending.values()]
        self._pending.clear()
        return out

    def _message(self, data: bytes, time_ns: int) -> list[Finding]:
        message = parse(data, self._netbios)
        if message is None:
            return []
        if message.questions or not message.malformed:
            self.confirmed = True
        if not message.response:
            out: list[Finding] = []
            before = self._pending.get(message.id)
            if before is not None:
                if before[0].questions == message.questions:
                    return []  # asked again
                out.append(self._event(before[0], None, before[1], before[1]))
                del self._pending[message.id]
            elif len(self._pending) >= PENDING:
                oldest, at = self._pending.pop(next(iter(self._pending)))
                out.append(self._event(oldest, None, at, at))
            self._pending[message.id] = (message, time_ns)
            return out
        query, asked_ns = self._pending.pop(message.id, (None, time_ns))
        return [self._event(query, message, asked_ns, time_ns)]

    def _event(self, query: _Message | None, answer: _Message | None, asked_ns: int, time_ns: int) -> Record:
        message = answer or query
        assert message is not None
        questions = (query.questions if query else None) or message.questions
        fields: dict[str, Any] = {
            "dns.id": message.id,
            "dns.type": "answer" if answer else "query",
            "dns.op_code": OPCODES.get(message.flags >> 11 & 15, str(message.flags >> 11 & 15)),
            "dns.header_flags": [name for bit, name in _FLAGS if (message.flags | (query.flags if query else 0)) & bit],
            "event.type": ["protocol", "info"],
        }
        if questions:
            name, kind, group = questions[0]
            fields["dns.question.name"] = name.lower()
            fields["luytre.dns.original_query"] = name if name != name.lower() else None
            fields["dns.question.type"] = TYPES.get(kind, str(kind))
            fields["dns.question.class"] = CLASSES.get(group, str(group))
        if answer:
            fields["dns.response_code"] = CODES.get(answer.code, str(answer.code))
            fields["event.outcome"] = "success" if answer.code == 0 else "failure"
            if query:
                fields["event.duration"] = max(0, time_ns - asked_ns)
            if answer.answers:
                fields["dns.answers"] = answer.answers
                fields["dns.resolved_ip"] = [
                    a["data"] for a in answer.answers if a["type"] in ("A", "AAAA") and "data" in a
                ] or None
        if message.malformed:
            fields["luytre.malformed"] = True
        return Record("dns", asked_ns, fields)


def probe(data: bytes, forward: bool) -> bool | None:
    """Strict away from the usual ports: a header that adds up and records that fill the message exactly."""
    for body in (data, data[2:]):
        if len(body) < 12:
            continue
        _, flags, questions, answers, authority, additional = _HEADER(body)
        if flags >> 11 & 15 not in OPCODES or flags & 0x0040 or not 0 < questions + answers <= 64:
            continue
        if authority + additional > 256 or (questions != 1 and not flags & 0x8000):
            continue
        if body is not data and (data[0] << 8 | data[1]) != len(body):
            continue
        message = parse(body)
        if message is not None and not message.malformed and message.questions and len(message.questions[0][0]) > 0:
            return True if message.questions[0][1] in TYPES and message.questions[0][2] in CLASSES else None
    return None


_QUERY = bytes.fromhex("1234010000010000000000000377777707746875656473600276")  # cut on purpose
_ASK = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x03gov\x02vn\x00\x00\x01\x00\x01"
_REPLY = (
    b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03www\x03gov\x02vn\x00\x00\x01\x00\x01"
    b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
)
DISSECTOR = Dissector(
    name="dns",
    transport=("udp", "tcp"),
    ports=(53, 5353, 5355, 137),
    probe=probe,
    make=_Session,
    fields=(
        Field("dns.op_code"),
        Field("dns.header_flags"),
        Field("dns.question.class"),
        Field("dns.answers.name"),
        Field("dns.answers.type"),
        Field("dns.answers.class"),
        Field("dns.answers.ttl", "long"),
        Field("dns.resolved_ip", "ip"),
        Field("luytre.dns.original_query"),
    ),
    examples=(
        Example("udp", ((True, _ASK), (False, _REPLY)),
                {"dns.question.name": "www.gov.vn", "dns.response_code": "NOERROR",
                 "dns.resolved_ip": ["192.0.2.1"]}, 53),
        Example("tcp", ((True, len(_ASK).to_bytes(2, "big") + _ASK), (False, len(_REPLY).to_bytes(2, "big") + _REPLY)),
                {"dns.question.type": "A", "dns.id": 0x1234}, 53),
        Example("udp", ((True, _ASK),), {"dns.type": "query"}, 53),
        Example("udp", ((True, _QUERY),), {"luytre.malformed": True}, 53),
    ),
)  # fmt: skip
