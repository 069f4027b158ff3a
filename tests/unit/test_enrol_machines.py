"""Who may be a machine: the CA, tokens, keys and revocation, without a network."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from api.auth.ca import Authority, Name, name_in
from api.auth.machines import Machines, Stranger, Traffic
from api.state.machines import Machine, MachineStream
from sensors.clock import ManualClock
from sensors.errors import ConfigError
from tests.servers.database import open_database

NAME = Name("so-y-te", "sensor", "cam-bien")
HOUR, DAY = 3600.0, 86_400.0


class Office:
    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, ManualClock(1_795_000_000)
        self.db = open_database(path / "state.db")
        self.authority = Authority.open(path / "keys", "so-y-te", self.clock)
        self.machines = Machines(self.db, self.authority, self.clock)

    def enrol(self, name: Name = NAME) -> bytes:
        token, _ = self.machines.issue_token(name, "an")
        return der(self.machines.enrol(token, csr()).pem)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.db.close()


def csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None, name: str = "") -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else [])
    )
    evil = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:luytre:bo-cong-an:correlator:x")])
    builder = builder.add_extension(evil, critical=False)
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def refused(office: Office, certificate: bytes) -> int:
    with pytest.raises(Stranger) as error:
        office.machines.of_certificate(certificate)
    return error.value.status


def test_a_token_gives_exactly_the_name_it_was_made_for(office: Office) -> None:
    assert office.machines.of_certificate(office.enrol()) == NAME


def test_a_token_is_no_option_of_a_command(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """`luytre enrol join URL -R7a… …` ended with "no such option": one token of 64."""
    made = iter(["-R7a", "--help", "R7a-"])
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: next(made))
    assert office.machines.issue_token(NAME, "an")[0] == "R7a-"


def test_a_token_is_for_once_and_for_an_hour(office: Office) -> None:
    token, ends = office.machines.issue_token(NAME, "an", life_s=10 * DAY)
    assert ends == office.clock.now() + HOUR
    office.machines.enrol(token, csr())
    with pytest.raises(Stranger, match="used before"):
        office.machines.enrol(token, csr())
    late, _ = office.machines.issue_token(NAME, "an")
    office.clock.move(HOUR + 1)
    for text in (late, "", "x" * 10_000, "\ud800"):
        with pytest.raises(Stranger, match=r"unknown|has expired"):
            office.machines.enrol(text, csr())


@pytest.mark.parametrize("bad", [b"", b"x", b"-----BEGIN CERTIFICATE REQUEST-----\n", b"x" * 10_000])
def test_a_bad_csr_does_not_use_up_the_token(office: Office, bad: bytes) -> None:
    token, _ = office.machines.issue_token(NAME, "an")
    with pytest.raises(ValueError):
        office.machines.enrol(token, bad)
    with pytest.raises(ValueError, match="P-256"):
        office.machines.enrol(token, csr(rsa.generate_private_key(65537, 2048)))
    assert office.machines.enrol(token, csr()).name == NAME


def test_revoked_is_refused_at_once_and_by_a_restored_backup(office: Office) -> None:
    certificate = office.enrol()
    key = office.machines.new_api_key(NAME, "an")
    assert office.machines.of_header(f"ApiKey {key}") == NAME
    assert office.machines.revoke(NAME.id, "mất máy")
    assert refused(office, certificate) == 403
    with pytest.raises(Stranger):
        office.machines.of_header(f"ApiKey {key}")
    with pytest.raises(Stranger):
        office.machines.renew(NAME, csr())
    assert refused_by(Machines(office.db, office.authority, office.clock), certificate)
    assert not office.machines.revoke("nobody", "x")
    # A person gives a new token: the new certificate is good, the old one stays dead.
    again = office.enrol()
    assert office.machines.of_certificate(again) == NAME
    assert refused(office, certificate) == 403
    office.machines.refresh()
    assert office.machines.of_certificate(again) == NAME
    assert refused(office, certificate) == 403


def refused_by(machines: Machines, certificate: bytes) -> bool:
    try:
        machines.of_certificate(certificate)
    except Stranger:
        return True
    return False


def test_another_worker_learns_within_a_refresh(office: Office) -> None:
    other = Machines(office.db, office.authority, office.clock)
    certificate = office.enrol()
    assert refused_by(other, certificate)
    other.refresh()
    assert other.of_certificate(certificate) == NAME
    office.machines.revoke(NAME.id, "x")
    other.refresh()
    assert refused_by(other, certificate)


def test_expired_certificates_leave_the_table_in_memory(office: Office) -> None:
    certificate = office.enrol()
    office.clock.move(31 * DAY)
    office.machines.refresh()
    assert refused(office, certificate) == 403


@pytest.mark.parametrize(
    "urn",
    ["", "urn:luytre", "urn:luytre:a:b:c", "urn:luytre:a:sensor:", "urn:luytre:a:sensor:b:c", "urn:luytre:a/b:sensor:c",
     "urn:luytre:a:sensor:b\n", "URN:luytre:a:sensor:b", "urn:luytre:á:sensor:b",
     "urn:luytre:" + "a" * 65 + ":sensor:b"],
)  # fmt: skip
def test_names_are_parsed_strictly(urn: str) -> None:
    assert Name.parse(urn) is None


def test_two_names_in_one_certificate_are_none(office: Office) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    uris = [x509.UniformResourceIdentifier(Name("a", "sensor", n).urn) for n in ("b", "c")]
    builder = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([])).public_key(key.public_key())
    )
    builder = builder.serial_number(1).add_extension(x509.SubjectAlternativeName(uris), critical=True)
    certificate = office.authority._certificate
    builder = builder.not_valid_before(certificate.not_valid_before_utc).not_valid_after(
        certificate.not_valid_after_utc
    )
    assert name_in(builder.sign(key, hashes.SHA256())) is None


def test_the_ports_certificate_is_renewed_when_due_or_a_name_is_missing(office: Office) -> None:
    keys = office.path / "keys"
    assert office.authority.server(keys, ["nut.gov.vn", "10.0.0.5"])
    assert not office.authority.server(keys, ["nut.gov.vn"])
    assert office.authority.server(keys, ["khac.gov.vn"])
    office.clock.move(61 * DAY)
    assert office.authority.server(keys, ["khac.gov.vn"])
    (keys / "machine.pem").write_bytes(b"damaged")
    assert office.authority.server(keys, ["khac.gov.vn"])
    assert (keys / "machine.key").stat().st_mode & 0o777 == 0o600


def test_own_programs_certificates_are_made_anew_when_the_table_does_not_know_them(office: Office) -> None:
    keys = office.path / "keys"
    assert office.machines.local(keys, "sensor", NAME)
    assert not office.machines.local(keys, "sensor", NAME)
    assert office.machines.of_certificate(der((keys / "sensor.pem").read_bytes())) == NAME
    empty = open_database(office.path / "restored.db")
    assert Machines(empty, office.authority, office.clock).local(keys, "sensor", NAME)
    empty.close()


def test_a_ca_whose_files_do_not_fit_refuses_to_start(office: Office) -> None:
    other = Authority.open(office.path / "other", "x", office.clock)
    assert other.pem != office.authority.pem
    (office.path / "keys" / "ca.key").write_bytes((office.path / "other" / "ca.key").read_bytes())
    with pytest.raises(ConfigError, match="LT-A0902"):
        Authority.open(office.path / "keys", "so-y-te", office.clock)
    (office.path / "keys" / "ca.key").unlink()
    with pytest.raises(ConfigError, match="LT-A0901"):
        Authority.open(office.path / "keys", "so-y-te", office.clock)


@pytest.mark.parametrize(
    "header", ["", "ApiKey", "Basic eDp5", "ApiKey " + "x" * 2000, "ApiKey eDp5", "ApiKey \xff\xfe"]
)
def test_bad_headers_are_401(office: Office, header: str) -> None:
    with pytest.raises(Stranger) as error:
        office.machines.of_header(header)
    assert error.value.status == 401


def test_counters_reach_sql_and_claims_flag(office: Office) -> None:
    office.machines.of_certificate(office.enrol())
    office.machines.saw(NAME, "log", Traffic(stored=3, noop=1))
    office.machines.saw(NAME, "log", Traffic(stored=2, heartbeat=(office.clock.now(), 5, 4, 1)))
    office.machines.claimed(NAME, "organization.id=x", 2)
    office.machines.claimed(NAME, "organization.id=y")
    office.machines.flush()
    office.machines.flush()
    with office.db.read() as session:
        machine = session.get_one(Machine, NAME.id)
        assert (machine.flagged, machine.claims, machine.claimed) == (True, 3, "organization.id=y")
        assert machine.last_seen_at == office.clock.now()
        row = session.get_one(MachineStream, (NAME.id, "log"))
        assert (row.events_total, row.noop_total, row.received, row.dropped) == (5, 1, 5, 1)
