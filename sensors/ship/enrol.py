"""Enrolment from the machine's side, the same for sensor → node and node → upstream; and renewal.

    fingerprint (told another way) ─→ GET /enrol/ca, unverified, nothing secret sent ─→ compare ─→ trust this CA
    token + CSR over verified TLS ─→ POST /enrol ─→ certificate

In:  url, one-time token, SHA-256 fingerprint of the node's CA, a folder of keys. Out: <file>.key (0600), the CA, and
     last <file>.pem: its presence means "enrolled". The private key never leaves this machine.
Bound: answers of 64 KiB; every request one try with time-outs.
Run as a program by the ship role: `python -m sensors.ship.enrol renew …` renews when a third of the life is left.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from sensors.errors import Hint, LuytreError, Place, Problem
from sensors.ship.keys import write_private
from sensors.wire import Answer, Busy, NotAllowed, Wire, reason_of, refusal, tls_context

ANSWER_LIMIT_BYTES = 64 * 1024
RENEW_AT = 1 / 3
TIMEOUT_S = 30.0


class Enrolled(NamedTuple):
    agency: str
    role: str
    name: str
    expires_at: float


def enrol(url: str, token: str, fingerprint: str, keys: Path, *, file: str = "sensor",
          ca_file: str = "ca.pem") -> Enrolled:  # fmt: skip
    """Become a machine of the node at `url`. For an upstream: file="node", ca_file="upstream-ca.pem"."""
    ca = fetch_ca(url, fingerprint)
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    (keys / f"{file}.pem").unlink(missing_ok=True)  # from here to the end: not enrolled
    write_private(keys / ca_file, ca)
    key, csr = _new_key_and_csr()
    write_private(keys / f"{file}.key", key)
    wire = Wire(url, tls_context(keys / ca_file), timeout_s=TIMEOUT_S)
    try:
        answer = wire.ask("POST", "/enrol", msgspec.json.encode({"token": token, "csr": csr.decode()}),
                          {"content-type": "application/json"}, ANSWER_LIMIT_BYTES)  # fmt: skip
    except NotAllowed as error:
        if "expired" in str(error) or "not yet valid" in str(error):
            raise _clocks_differ(url) from None
        raise
    finally:
        wire.close()
    if answer.status == 401:
        raise _bad_token(reason_of(answer), url)
    return _accept(answer, keys, file)


def _bad_token(reason: str, url: str) -> LuytreError:
    vi = {"the token was used before": "mã ghi danh đã được dùng; nếu không phải bạn dùng, báo ngay quản trị viên",
          "the token has expired": "mã ghi danh đã hết hạn (chỉ có hạn một giờ)",
          "the token is unknown": "nút không biết mã ghi danh này: gõ thiếu, hoặc của nút khác"}  # fmt: skip
    again = Hint("lấy mã mới ở nút: luytre enrol token TÊN", "get a new one at the node: luytre enrol token NAME")
    return LuytreError(Problem("LT-W0113", vi.get(reason, reason), reason, Place(file=url), (again,)))


def _clocks_differ(url: str) -> LuytreError:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return LuytreError(
        Problem("LT-W0114", f"chứng thư của nút ngoài thời hạn theo giờ máy này ({now})",
                f"the node's certificate is out of its time by this clock ({now})", Place(file=url),
                ("sudo timedatectl set-ntp true", "date -u"))
    )  # fmt: skip


def fetch_ca(url: str, fingerprint: str) -> bytes:
    """The node's CA certificate (PEM), if its fingerprint is the one that we were told."""
    wanted = re.sub(r"[^0-9a-f]", "", fingerprint.lower().removeprefix("sha256"))
    body = _unverified(url)
    pem = body.get("ca") if isinstance(body, dict) else None
    try:
        der = ssl.PEM_cert_to_DER_cert(pem) if isinstance(pem, str) else b""
    except ValueError:
        der = b""
    if not hmac.compare_digest(hashlib.sha256(der).hexdigest(), wanted):
        found = hashlib.sha256(der).hexdigest() if der else "–"
        raise LuytreError(
            Problem(
                "LT-W0112",
                f"vân tay của {url} không phải vân tay đã cho; chưa gửi gì bí mật",
                f"the fingerprint of {url} is not the one given; nothing secret was sent",
                hints=(Hint(f"đã cho:   {wanted[:64]}", f"given:    {wanted[:64]}"),
                       Hint(f"thấy là:  {found}", f"found:    {found}"),
                       Hint("so lại với quản trị viên của nút, lấy mã mới: luytre enrol token TÊN",
                            "compare with the node's administrator, get a new token: luytre enrol token NAME")),
            )
        )  # fmt: skip
    return ssl.DER_cert_to_PEM_cert(der).encode()


def _unverified(url: str) -> Any:
    """GET /enrol/ca from whoever answers. http.client, because urllib3 rightly complains of every such request."""
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port or 443, timeout=TIMEOUT_S, context=tls_context(None)
    )
    try:
        connection.request("GET", "/enrol/ca")
        answer = connection.getresponse()
        data = answer.read(ANSWER_LIMIT_BYTES)
        if answer.status != 200:
            raise Busy(f"HTTP {answer.status} at {url}")
    except (OSError, http.client.HTTPException) as error:
        raise Busy(f"{type(error).__name__} at {url}") from None
    finally:
        connection.close()
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def renew(url: str, keys: Path, *, file: str = "sensor", ca_file: str = "ca.pem", force: bool = False,
          now: float | None = None) -> Enrolled | None:  # fmt: skip
    """A new certificate for the same key, when it is due. None: not due."""
    from cryptography import x509

    certificate = keys / f"{file}.pem"
    have = x509.load_pem_x509_certificate(certificate.read_bytes())
    start, end = have.not_valid_before_utc.timestamp(), have.not_valid_after_utc.timestamp()
    if not force and end - (time.time() if now is None else now) >= (end - start) * RENEW_AT:
        return None
    wire = Wire(url, tls_context(keys / ca_file, certificate, keys / f"{file}.key"), timeout_s=TIMEOUT_S)
    csr = _csr((keys / f"{file}.key").read_bytes())
    try:
        answer = wire.ask("POST", "/renew", msgspec.json.encode({"csr": csr.decode()}),
                          {"content-type": "application/json"}, ANSWER_LIMIT_BYTES)  # fmt: skip
    finally:
        wire.close()
    return _accept(answer, keys, file)


def _accept(answer: Answer, keys: Path, file: str) -> Enrolled:
    if answer.status != 201:
        raise NotAllowed(answer.status, reason_of(answer)) if answer.status == 400 else refusal(answer)
    body: Any = answer.json()
    try:
        found = msgspec.convert(body, _Certificate)
        ssl.PEM_cert_to_DER_cert(found.certificate.strip())
    except (msgspec.ValidationError, ValueError):
        raise NotAllowed(answer.status, "the answer holds no certificate") from None
    write_private(keys / f"{file}.pem", found.certificate.encode())
    return Enrolled(found.agency, found.role, found.name, found.expires_at)


class _Certificate(msgspec.Struct):
    certificate: str
    agency: str
    role: str
    name: str
    expires_at: float


def _new_key_and_csr() -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, _csr(pem)


def _csr(key_pem: bytes) -> bytes:
    """A request that says nothing but "this is my key": who we are is the node's to say."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LuytreError(Problem("LT-W0111", "khóa không phải P-256", "the key is not P-256", Place()))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="luytre-sensor enrol")
    commands = parser.add_subparsers(dest="command", required=True)
    joining = commands.add_parser("join")
    joining.add_argument("--token-file", type=Path, required=True, help="a file, so that no process list shows it")
    joining.add_argument("--ca-sha256", required=True)
    renewing = commands.add_parser("renew")
    renewing.add_argument("--force", action="store_true")
    for command in (joining, renewing):
        command.add_argument("--url", required=True)
        command.add_argument("--keys", type=Path, required=True)
        command.add_argument("--upstream", action="store_true", help="node.pem towards an upstream node")
    asked = parser.parse_args(argv)
    file, ca_file = ("node", "upstream-ca.pem") if asked.upstream else ("sensor", "ca.pem")
    try:
        if asked.command == "join":
            token = asked.token_file.read_text(encoding="utf-8").strip()
            found: Enrolled | None = enrol(asked.url, token, asked.ca_sha256, asked.keys, file=file, ca_file=ca_file)
        else:
            found = renew(asked.url, asked.keys, force=asked.force, file=file, ca_file=ca_file)
    except LuytreError as error:
        print(error.show(), file=sys.stderr)
        return error.exit_code
    except (OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if found is not None:
        print(f"{found.agency} {found.role} {found.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
