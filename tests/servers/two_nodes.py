"""A centre and the nodes below it, for tests: the real machine port, inbox and outbox, without sockets between.

`Centre(node)` puts the machine port over a `make_node`; `centre.enrol(...)` gives a node its key and certificate;
`LineTo` is what `Delivery` talks through: each request runs through the port's ASGI application with the certificate
that TLS would have verified. `cut(moment)` makes it fail before the request, or after the centre has committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.auth.ca import Name
from api.federation import item as items
from api.federation.signing import sign
from api.machine import MachinePort, machine_app
from api.tls_h11 import PEER
from sensors.wire import Answer, Busy
from tests.servers.people_port import MINE, NodeUnderTest

LINK = '[federation]\nupstream = "https://centre.test:8444"\n'


class Centre:
    def __init__(self, node: NodeUnderTest) -> None:
        self.node = node
        self.port: MachinePort = machine_app(node.runtime)

    def close(self) -> None:
        self.port.close()

    def enrol(self, keys: Path, agency: str = MINE, name: str = "nut-1", role: str = "node") -> Sender:
        """As `luytre enrol upstream` does: token, CSR, certificate."""
        keys.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        machines = self.port.machines
        token, _ = machines.issue_token(Name(agency, role, name), "test")
        issued = machines.enrol(token, csr.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (keys / "node.key").write_bytes(pem)
        (keys / "node.pem").write_bytes(issued.pem)
        return Sender(self, keys, issued.name)

    def ask(self, certificate: bytes, method: str, path: str, body: bytes | None) -> Answer:
        return asyncio.run(self._ask(certificate, method, path, body or b""))

    async def _ask(self, certificate: bytes, method: str, path: str, body: bytes) -> Answer:
        where, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": where, "query_string": query.encode(), PEER: certificate,
                 "headers": [(b"content-length", str(len(body)).encode())], "client": ("10.0.0.1", 1)}  # fmt: skip
        told: list[dict[str, Any]] = []
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return given.pop() if given else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await self.port(scope, receive, send)
        headers = {key.decode(): value.decode() for key, value in told[0]["headers"]}
        return Answer(told[0]["status"], headers, b"".join(part.get("body", b"") for part in told[1:]))


class Sender:
    """A node below, as the centre knows it."""

    def __init__(self, centre: Centre, keys: Path, name: Name) -> None:
        self.centre, self.keys, self.name = centre, keys, name

    @property
    def certificate(self) -> bytes:
        pem = x509.load_pem_x509_certificate((self.keys / "node.pem").read_bytes())
        return pem.public_bytes(serialization.Encoding.DER)

    def post(self, item: dict[str, Any] | str, *, sender: str = "", signed_as: int | None = None) -> Answer:
        text = item if isinstance(item, str) else items.canonical(item)
        number = signed_as if signed_as is not None else item["sequence"] if isinstance(item, dict) else 1
        signature = sign(text, number, sender or self.name.id, self.keys / "node.key", self.certificate)
        body = msgspec.json.encode({"item": text, "signature": signature})
        return self.centre.ask(self.certificate, "POST", "/federation/v1/items", body)

    def words(self, after: int = 0) -> dict[str, Any]:
        answer = self.centre.ask(self.certificate, "GET", f"/federation/v1/words?after={after}", None)
        assert answer.status == 200, answer
        said: dict[str, Any] = answer.json()
        return said

    def line(self, cut: Callable[[], str] = lambda: "") -> Callable[[], LineTo]:
        return lambda: LineTo(self, cut)


class LineTo:
    def __init__(self, sender: Sender, cut: Callable[[], str]) -> None:
        self._sender, self._cut = sender, cut

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        limit_bytes: int = 0,
    ) -> Answer:  # fmt: skip
        moment = self._cut()
        if moment == "before":
            raise Busy("cut before")
        answer = self._sender.centre.ask(self._sender.certificate, method, path, body)
        if moment == "after":
            raise Busy("cut after")
        return answer

    def close(self) -> None:
        pass


def an_item(sequence: Any = 1, **other: Any) -> dict[str, Any]:
    at = "2026-11-18T10:26:40Z"
    return {
        "schema": items.SCHEMA, "marking": "none", "id": f"SC-2026-{sequence}.6a000000", "revision": 1,
        "sequence": sequence, "agency": MINE, "kind": "incident", "title": f"Sự cố {sequence}", "level": "high",
        "state": "open", "first_seen": at, "last_seen": at, "raised_at": at, "alerts": [], "alerts_count": 0,
        "indicators": [{"type": "ipv4", "value": "203.0.113.9", "tlp": "amber"}], "techniques": ["T1110.001"], **other,
    }  # fmt: skip
