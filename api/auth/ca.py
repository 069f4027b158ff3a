"""The node's own certificate authority: the only root that its machine port trusts.

In:  a folder of keys (0700, files 0600), the agency's code, CSRs. Out: certificates whose only meaning is one SAN URI,
     `urn:luytre:<agency>:<role>:<name>` (`Name`), parsed structurally, never from the subject's text.
Bound: P-256 keys only; names of 64 characters of a small alphabet; a CSR of at most 8 KiB, whose own subject and
     extensions are ignored: the one-time token, or the certificate in use, says who it is.
Files: ca.key, ca.pem, machine.key, machine.pem (the port's server certificate, signed by the same CA). A key file is
     written before its certificate, each by rename; a certificate without its key cannot appear.
Source: RFC 5280; S17 and mistake 7 of the reliability study (identity from a parsed SAN, not a DN regex).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sensors.clock import Clock, SystemClock
from sensors.errors import ConfigError, Place, Problem
from sensors.ship.keys import write_private

MachineRole = Literal["sensor", "correlator", "node", "shipper"]
ROLES: tuple[str, ...] = get_args(MachineRole)
CSR_LIMIT_BYTES = 8 * 1024

CA_DAYS = 3650
SERVER_DAYS = 90
MACHINE_DAYS = 30  # short: a sensor that nobody misses loses its right by itself
RENEW_AT = 1 / 3  # of the life left
_BACKDATED = timedelta(hours=1)  # a sensor's clock may be behind

_AGENCY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NAME = _AGENCY


@dataclass(frozen=True, slots=True)
class Name:
    """Who a machine is."""

    agency: str
    role: str
    name: str

    def __post_init__(self) -> None:
        if not (_AGENCY.fullmatch(self.agency) and self.role in ROLES and _NAME.fullmatch(self.name)):
            raise ValueError(f"not a machine's name: {self.agency!r} {self.role!r} {self.name!r}")

    @property
    def urn(self) -> str:
        return f"urn:luytre:{self.agency}:{self.role}:{self.name}"

    @property
    def id(self) -> str:
        """The machine's id in SQL and in `observer.id`: one per agency, role and name."""
        return f"{self.agency}:{self.role}:{self.name}"

    @staticmethod
    def parse(urn: str) -> Name | None:
        parts = urn.split(":")
        if len(parts) != 5 or parts[:2] != ["urn", "luytre"]:
            return None
        try:
            return Name(*parts[2:])
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Issued:
    name: Name
    serial: str
    pem: bytes
    issued_at: float
    expires_at: float
    fingerprint: str  # SHA-256 of the DER


class Authority:
    """`Authority.open(folder, agency)` makes the CA on first use and loads it afterwards."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, clock: Clock) -> None:
        self._certificate, self._key, self._clock = certificate, key, clock
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex()

    @staticmethod
    def open(folder: Path, agency: str, clock: Clock | None = None) -> Authority:
        clock = clock or SystemClock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_path, certificate_path = folder / "ca.key", folder / "ca.pem"
        if not certificate_path.exists():
            key = _key(key_path)
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Luy Tre CA {agency}"[:64])])
            builder = _builder(subject, subject, key.public_key(), clock, CA_DAYS)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            builder = builder.add_extension(_usage(ca=True), critical=True)
            builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            made = builder.sign(key, hashes.SHA256())
            write_private(certificate_path, made.public_bytes(serialization.Encoding.PEM))
        try:
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            loaded = serialization.load_pem_private_key(key_path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                Problem(
                    "LT-A0901",
                    "không đọc được khóa của trung tâm chứng thực nội bộ",
                    f"the node's CA cannot be read: {error}",
                    Place(str(folder)),
                )
            ) from None
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.public_key() != certificate.public_key():
            raise ConfigError(Problem("LT-A0902", "ca.key không khớp với ca.pem", "ca.key does not fit ca.pem",
                                      Place(str(folder))))  # fmt: skip
        return Authority(certificate, loaded, clock)

    def issue(self, csr: bytes, name: Name, days: int = MACHINE_DAYS) -> Issued:
        """A client certificate for the key in `csr` (PEM). Raises ValueError when it is not a P-256 CSR."""
        if len(csr) > CSR_LIMIT_BYTES:
            raise ValueError("the CSR is too long")
        request = x509.load_pem_x509_csr(csr)
        public = request.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise ValueError("the CSR's key is not P-256")
        if not request.is_signature_valid:
            raise ValueError("the CSR does not prove its key")
        return self._sign(public, name, days)

    def _sign(self, public: ec.EllipticCurvePublicKey, name: Name, days: int) -> Issued:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name.name)])
        builder = _builder(subject, self._certificate.subject, public, self._clock, days)
        san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name.urn)])
        builder = builder.add_extension(san, critical=False)
        made = self._finish(builder, ExtendedKeyUsageOID.CLIENT_AUTH)
        return Issued(name, serial_of(made), made.public_bytes(serialization.Encoding.PEM),
                      made.not_valid_before_utc.timestamp() + _BACKDATED.total_seconds(),
                      made.not_valid_after_utc.timestamp(), made.fingerprint(hashes.SHA256()).hex())  # fmt: skip

    def server(self, folder: Path, names: Iterable[str]) -> bool:
        """machine.pem/.key for the port under these host names and addresses; True when a new one was written.

        It is made anew when absent, damaged, near its end, or when a name is missing from it."""
        wanted = sorted({*names, "localhost", "127.0.0.1", "::1"})
        path = folder / "machine.pem"
        key = _key(folder / "machine.key")
        try:
            have = x509.load_pem_x509_certificate(path.read_bytes())
            san = have.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            had = {*san.get_values_for_type(x509.DNSName), *map(str, san.get_values_for_type(x509.IPAddress))}
            fits = have.public_key() == key.public_key() and have.issuer == self._certificate.subject
            if fits and had >= set(wanted) and not _near_end(have, self._clock):
                return False
        except (OSError, ValueError, x509.ExtensionNotFound):
            pass
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "luytre machine port")])
        builder = _builder(subject, self._certificate.subject, key.public_key(), self._clock, SERVER_DAYS)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in wanted]), critical=False
        )
        made = self._finish(builder, ExtendedKeyUsageOID.SERVER_AUTH)
        write_private(path, made.public_bytes(serialization.Encoding.PEM) + self.pem)
        return True

    def local(self, folder: Path, file: str, name: Name) -> Issued | None:
        """<file>.key/.pem for a program of this very machine; None when what is there still serves."""
        key = _key(folder / f"{file}.key")
        path = folder / f"{file}.pem"
        try:
            have = x509.load_pem_x509_certificate(path.read_bytes())
            same = have.public_key() == key.public_key() and name_in(have) == name
            if same and have.issuer == self._certificate.subject and not _near_end(have, self._clock):
                return None
        except (OSError, ValueError):
            pass
        return self._sign(key.public_key(), name, MACHINE_DAYS)

    def _finish(self, builder: x509.CertificateBuilder, purpose: x509.ObjectIdentifier) -> x509.Certificate:
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def name_in(certificate: x509.Certificate) -> Name | None:
    """The one machine name in a certificate's SAN; None when there is none, or more than one URI."""
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    uris = san.get_values_for_type(x509.UniformResourceIdentifier)
    return Name.parse(uris[0]) if len(uris) == 1 else None


def serial_of(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def fingerprint_of(pem: bytes) -> str:
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()


def token_hash(token: str) -> str:
    """Tokens are 256 random bits, so one SHA-256 hides them as well as a slow hash would."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        loaded = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP256R1):
            return loaded
    except (FileNotFoundError, ValueError, TypeError):
        pass
    key = ec.generate_private_key(ec.SECP256R1())
    write_private(
        path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return key


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, clock: Clock,
             days: int) -> x509.CertificateBuilder:  # fmt: skip
    now = datetime.fromtimestamp(clock.now(), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _near_end(certificate: x509.Certificate, clock: Clock) -> bool:
    start, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return end - clock.now() < (end - start) * RENEW_AT
