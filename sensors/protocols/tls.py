"""TLS and SSL 3 on TCP: one `network.tls` event per connection, one `network.x509` per certificate seen.

In:  both streams, as far as they are in clear. Out: server name, version, suite, group, fingerprints, certificates,
whether the handshake was completed. The event comes when the handshake is done, or at the end of the flow; what
follows is encrypted and not wanted (`STOP`).
Bound: HANDSHAKE_BYTES of one handshake message, CERTIFICATES a chain, a record as RFC 8446 §5.1 allows.
Sources: RFC 8446, RFC 5246, RFC 6101, RFC 6066 (server name), RFC 7301 (ALPN).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sensors.fields import Field
from sensors.protocols import NOTHING, STOP, Context, Dissector, Example, Finding, Record
from sensors.protocols.wire import certificate, fingerprint
from sensors.protocols.wire.tls_names import ALERTS, VERSIONS, group, suite

HANDSHAKE_BYTES, CERTIFICATES, RECORD_BYTES = 256 * 1024, 16, (1 << 14) + 2048
_CHANGE, _ALERT, _HANDSHAKE, _DATA = 20, 21, 22, 23
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # HelloRetryRequest


class Hello:
    """What one hello said."""

    __slots__ = ("alpn", "extensions", "formats", "groups", "name", "random", "session", "share", "signatures",
                 "suites",
                 "ticket", "version", "versions")  # fmt: skip

    def __init__(self) -> None:
        self.version = 0
        self.random = self.session = b""
        self.suites: list[int] = []
        self.extensions: list[int] = []
        self.groups: list[int] = []
        self.formats: list[int] = []
        self.signatures: list[int] = []
        self.versions: list[int] = []
        self.alpn: list[bytes] = []
        self.name: str | None = None
        self.share = 0
        self.ticket = False


def parse_hello(body: bytes, client: bool) -> Hello | None:
    """Body of a ClientHello or ServerHello; None when its fixed part is not all there."""
    if len(body) < 35:
        return None
    hello = Hello()
    hello.version, hello.random = body[0] << 8 | body[1], body[2:34]
    at = 35 + body[34]
    hello.session = body[35:at]
    if client:
        length = _number(body, at)
        hello.suites = _numbers(body[at + 2 : at + 2 + length])
        at += 2 + length
        at += 1 + (body[at] if at < len(body) else 0)
    else:
        if at + 2 > len(body):
            return None
        hello.suites = [_number(body, at)]
        at += 3
    end = min(len(body), at + 2 + _number(body, at))
    at += 2
    while at + 4 <= end and len(hello.extensions) < 256:
        kind, length = _number(body, at), _number(body, at + 2)
        hello.extensions.append(kind)
        _extension(hello, kind, body[at + 4 : min(end, at + 4 + length)], client)
        at += 4 + length
    return hello


def _extension(hello: Hello, kind: int, data: bytes, client: bool) -> None:
    if kind == 0 and client and len(data) > 5 and data[2] == 0:
        hello.name = data[5 : 5 + _number(data, 3)][:255].decode("ascii", "backslashreplace").lower() or None
    elif kind == 10:
        hello.groups = _numbers(data[2:])
    elif kind == 11:
        hello.formats = list(data[1:64])
    elif kind == 13:
        hello.signatures = _numbers(data[2:])
    elif kind == 16:
        at = 2
        while at < len(data) and len(hello.alpn) < 32:
            hello.alpn.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
    elif kind == 35:
        hello.ticket = bool(data)
    elif kind == 43:
        hello.versions = _numbers(data[1:]) if client else _numbers(data[:2])
    elif kind == 51 and not client:
        hello.share = _number(data, 0)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _numbers(data: bytes) -> list[int]:
    return [data[i] << 8 | data[i + 1] for i in range(0, min(len(data) - 1, 1024), 2)]


class _Side:
    __slots__ = ("buffer", "changed", "data", "handshake", "sealed")

    def __init__(self) -> None:
        self.buffer = b""
        self.handshake = b""
        self.changed = False  # sent ChangeCipherSpec
        self.sealed = False  # sent an encrypted record after it
        self.data = False  # sent application data


class _Session:
    def __init__(self, context: Context) -> None:
        self.confirmed = False
        self._sides = {True: _Side(), False: _Side()}
        self._client: Hello | None = None
        self._server: Hello | None = None
        self._client_forward = True
        self._chains: dict[bool, list[certificate.Certificate]] = {True: [], False: []}
        self._group = 0
        self._alert: int | None = None
        self._malformed = False
        self._resumed = False
        self._established = False
        self._at_ns = 0
        self._told = False

    def feed(self, forward: bool, data: bytes, time_ns: int) -> Sequence[Finding]:
        self._at_ns = self._at_ns or time_ns
        side = self._sides[forward]
        side.buffer += data
        while len(side.buffer) >= 5:
            kind, length = side.buffer[0], _number(side.buffer, 3)
            if kind not in (_CHANGE, _ALERT, _HANDSHAKE, _DATA, 24) or side.buffer[1] != 3 or length > RECORD_BYTES:
                self._malformed = True
                return [*self.end(time_ns), STOP]
            if len(side.buffer) < 5 + length:
                return NOTHING
            body, side.buffer = side.buffer[5 : 5 + length], side.buffer[5 + length :]
            self._record(forward, side, kind, body)
            if self._done():
                self._established = True
                return [*self.end(time_ns), STOP]
        return NOTHING

    def gap(self, forward: bool, length: int, time_ns: int) -> Sequence[Finding]:
        return [*self.end(time_ns), STOP]

    def end(self, time_ns: int) -> Sequence[Finding]:
        if self._told or (self._client is None and self._server is None):
            return NOTHING
        self._told = True
        return list(self._events())

    # -- records and messages ------------------------------------------------------------------------------------------

    def _version(self) -> int:
        server = self._server
        if server is None:
            return 0
        return server.versions[0] if server.versions else server.version

    def _record(self, forward: bool, side: _Side, kind: int, body: bytes) -> None:
        if kind == _CHANGE:
            side.changed = True
            if forward != self._client_forward and not self._chains[forward] and self._version() < 0x0304:
                self._resumed = self._same_session()
        elif kind == _ALERT:
            if len(body) == 2 and not side.changed:
                self._alert = body[1]
        elif kind == _DATA:
            side.data = side.sealed = True
        elif kind == _HANDSHAKE:
            if side.changed and self._version() < 0x0304:
                side.sealed = True
                return
            side.handshake += body
            while len(side.handshake) >= 4:
                length = int.from_bytes(side.handshake[1:4], "big")
                if length > HANDSHAKE_BYTES:
                    self._malformed, side.handshake = True, b""
                    return
                if len(side.handshake) < 4 + length:
                    return
                message, side.handshake = side.handshake[: 4 + length], side.handshake[4 + length :]
                self._message(forward, message[0], message[4:])

    def _message(self, forward: bool, kind: int, body: bytes) -> None:
        if kind == 1 and self._client is None:
            self._client = parse_hello(body, client=True)
            self._client_forward = forward
            self.confirmed = self.confirmed or self._client is not None
            self._malformed = self._malformed or self._client is None
        elif kind == 2:
            hello = parse_hello(body, client=False)
            if hello is None:
                self._malformed = True
            elif hello.random != _RETRY:
                if self._client is None:
                    self._client_forward = not forward
                self._server, self.confirmed = hello, True
                self._group = hello.share
                if 41 in hello.extensions:
                    self._resumed = True
        elif kind == 11 and not self._chains[forward]:
            self._chains[forward] = list(self._chain(body))
        elif kind == 12 and len(body) >= 3 and body[0] == 3:  # ServerKeyExchange with a named curve (RFC 8422 §5.4)
            self._group = _number(body, 1)

    def _chain(self, body: bytes) -> Iterator[certificate.Certificate]:
        at = 3
        for _ in range(CERTIFICATES):
            if at + 3 > len(body):
                return
            length = int.from_bytes(body[at : at + 3], "big")
            found = certificate.parse(body[at + 3 : at + 3 + length])
            if found is None:
                self._malformed = True
                return
            yield found
            at += 3 + length

    def _same_session(self) -> bool:
        client, server = self._client, self._server
        if client is None or server is None:
            return False
        return bool(client.session and client.session == server.session) or client.ticket

    def _done(self) -> bool:
        one, other = self._sides[True], self._sides[False]
        if self._server is None:
            return False
        if self._version() >= 0x0304:
            return one.data and other.data
        return one.changed and other.changed and (one.sealed or other.sealed)

    # -- events --------------------------------------------------------------------------------------------------------

    def _events(self) -> Iterator[Finding]:
        client, server = self._client, self._server
        fields: dict[str, Any] = {
            "event.type": ["connection", "protocol"],
            "tls.established": self._established,
            "tls.resumed": self._resumed,
        }
        if client is not None:
            fields["tls.client.server_name"] = client.name
            fields["tls.client.supported_ciphers"] = [suite(n) for n in fingerprint.plain(client.suites)][:100]
            fields["tls.client.ja3"] = fingerprint.ja3(client.version, client.suites, client.extensions, client.groups,
                                                       client.formats)  # fmt: skip
            alpn = client.alpn[0] if client.alpn else None
            fields["tls.client.ja4"] = fingerprint.ja4("t", client.version, client.versions, client.suites,
                                                       client.extensions, client.signatures, alpn,
                                                       0 in client.extensions)  # fmt: skip
        if server is not None:
            version = self._version()
            fields["tls.version"] = VERSIONS.get(version, f"0x{version:04x}")
            fields["tls.version_protocol"] = "ssl" if version <= 0x0300 else "tls"
            fields["tls.cipher"] = suite(server.suites[0])
            fields["tls.curve"] = group(self._group) if self._group else None
            fields["tls.next_protocol"] = (
                server.alpn[0][:64].decode("ascii", "backslashreplace") if server.alpn else None
            )
            fields["tls.server.ja3s"] = fingerprint.ja3s(server.version, server.suites[0], server.extensions)
        if self._alert is not None:
            fields["luytre.ssl.last_alert"] = ALERTS.get(self._alert, str(self._alert))
        if self._malformed:
            fields["luytre.malformed"] = True
        chain = self._chains[not self._client_forward]
        if chain:
            leaf = chain[0]
            fields["tls.server.hash.sha256"] = leaf.sha256.upper()
            fields["tls.server.subject"] = certificate.distinguished(leaf.subject) or None
            fields["tls.server.issuer"] = certificate.distinguished(leaf.issuer) or None
            fields["tls.server.not_before"], fields["tls.server.not_after"] = (
                leaf.not_before or None,
                leaf.not_after or None,
            )
            fields["luytre.ssl.cert_chain_fps"] = [item.sha256 for item in chain]
        yield Record("tls", self._at_ns, fields)
        for forward, items in self._chains.items():
            for number, item in enumerate(items):
                yield Record("x509", self._at_ns, _x509(item, number == 0, forward == self._client_forward))


def _x509(item: certificate.Certificate, leaf: bool, client: bool) -> dict[str, Any]:
    return {
        "event.type": ["info"],
        "x509.version_number": str(item.version),
        "x509.serial_number": item.serial,
        "x509.subject.distinguished_name": certificate.distinguished(item.subject) or None,
        "x509.subject.common_name": certificate.attribute(item.subject, "CN"),
        "x509.issuer.distinguished_name": certificate.distinguished(item.issuer) or None,
        "x509.issuer.common_name": certificate.attribute(item.issuer, "CN"),
        "x509.not_before": item.not_before or None,
        "x509.not_after": item.not_after or None,
        "x509.public_key_algorithm": item.key or None,
        "x509.public_key_size": item.key_bits or None,
        "x509.public_key_exponent": item.exponent or None,
        "x509.signature_algorithm": item.signature or None,
        "x509.alternative_names": item.names or None,
        "file.hash.sha256": item.sha256,
        "file.hash.sha1": item.sha1,
        "luytre.x509.basic_constraints_ca": item.authority,
        "luytre.x509.host_cert": leaf,
        "luytre.x509.client_cert": client,
    }


def probe(data: bytes, forward: bool) -> bool | None:
    """A handshake (or, from the server, an alert) record of version 3.x whose first message is a hello."""
    if data[:1] not in (b"\x16", b"\x15") or (len(data) > 1 and data[1] != 3) or (len(data) > 2 and data[2] > 4):
        return False
    if len(data) < 6:
        return None
    if data[0] == 0x15:
        return None if _number(data, 3) == 2 else False
    return data[5] in (1, 2) and 4 <= _number(data, 3) <= RECORD_BYTES


def _example_hello() -> bytes:
    name = b"\x00\x00\x00\x10\x00\x0e\x00\x00\x0bdvc.gov.vn."
    versions = b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03"
    extensions = name + versions + b"\x00\x0a\x00\x04\x00\x02\x00\x1d"
    body = (
        b"\x03\x03"
        + bytes(32)
        + b"\x00"
        + b"\x00\x04\x13\x01\xc0\x2f"
        + b"\x01\x00"
        + len(extensions).to_bytes(2, "big")
    )
    message = b"\x01" + (len(body) + len(extensions)).to_bytes(3, "big") + body + extensions
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def _example_server() -> bytes:
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33\x00\x04\x00\x1d\x00\x00"
    body = b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\x13\x01\x00" + len(extensions).to_bytes(2, "big") + extensions
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


_SEALED = b"\x17\x03\x03\x00\x02ab"
DISSECTOR = Dissector(
    name="tls",
    transport=("tcp",),
    ports=(443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5223, 8443),
    probe=probe,
    make=_Session,
    fields=(
        Field("tls.established", "boolean"),
        Field("tls.resumed", "boolean"),
        Field("tls.version_protocol"),
        Field("tls.curve"),
        Field("tls.next_protocol"),
        Field("tls.client.supported_ciphers"),
        Field("tls.server.ja3s"),
        Field("tls.server.hash.sha256"),
        Field("tls.server.not_before", "date"),
        Field("tls.server.not_after", "date"),
        Field("luytre.ssl.last_alert"),
        Field("luytre.ssl.cert_chain_fps"),
        Field("x509.version_number"),
        Field("x509.serial_number"),
        Field("x509.subject.distinguished_name"),
        Field("x509.issuer.distinguished_name"),
        Field("x509.not_before", "date"),
        Field("x509.not_after", "date"),
        Field("x509.public_key_algorithm"),
        Field("x509.public_key_size", "long"),
        Field("x509.public_key_exponent", "long"),
        Field("x509.signature_algorithm"),
        Field("x509.alternative_names"),
        Field("file.hash.sha1"),
        Field("luytre.x509.basic_constraints_ca", "boolean"),
        Field("luytre.x509.host_cert", "boolean"),
        Field("luytre.x509.client_cert", "boolean"),
    ),
    examples=(
        Example("tcp", ((True, _example_hello()), (False, _example_server()), (False, _SEALED), (True, _SEALED)),
                {"tls.client.server_name": "dvc.gov.vn.", "tls.version": "1.3", "tls.curve": "x25519",
                 "tls.cipher": "TLS_AES_128_GCM_SHA256", "tls.established": True}, 443),
        Example("tcp", ((True, _example_hello()), (False, b"\x15\x03\x01\x00\x02\x02\x28")),
                {"luytre.ssl.last_alert": "handshake_failure", "tls.established": False}, 9999),
    ),
)  # fmt: skip
