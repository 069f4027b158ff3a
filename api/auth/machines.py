"""Which machine is this, and may it still speak? Enrolment, renewal, revocation, API keys, last seen.

In:  a verified peer certificate (DER), an `Authorization: ApiKey` header, a one-time token with a CSR.
Out: a `Name` (agency, role, name), or `Stranger` with the reason. What a machine says of itself is never asked.
Rule: a certificate must be in our table and not revoked: one that only the CA's signature vouches for (a restored
      backup, a stolen ca.key of last year) is refused. A revocation holds at once in this process, and within
      REFRESH_S in the other workers of a PostgreSQL node.
Bound: the table in memory holds what has not expired; the DER cache PEERS; counters one entry per machine and
      stream, STREAMS of them per machine. Counters reach SQL every few seconds (`flush`): a kill -9 may lose the last
      ones, which only statistics use.
Approval: a token is made by a person with the right to, for one named machine, once, for at most an hour: that is the
      human approval of S16. The CSR's own wishes (subject, extensions) are ignored.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.audit import Actor, Audit
from api.auth.ca import Authority, Issued, Name, name_in, serial_of, token_hash
from api.state.base import Database
from api.state.machines import ApiKey, Certificate, EnrolmentToken, Machine, MachineStream
from sensors.clock import Clock, SystemClock, rfc3339
from sensors.ship.keys import write_private

TOKEN_LIFE_S = 3600.0
REFRESH_S = 30.0
PEERS = 4096
STREAMS = 16
HOURS = 24


class Stranger(Exception):
    """Not one of ours, or no longer. `status` 401: who are you; 403: not you."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class Traffic:
    """What a machine's stream sent since the last flush."""

    stored: int = 0
    noop: int = 0
    refused: int = 0
    last_at: float = 0.0
    last_event_at: float | None = None
    heartbeat: tuple[float, int | None, int | None, int | None] | None = None
    real_at: float | None = None
    real: int = 0  # of `stored`: what is not the machine's own heartbeat
    beat_lag_s: float | None = None
    version: str = ""


@dataclass(slots=True)
class _Known:
    certificates: dict[str, str] = field(default_factory=dict)  # serial → machine id; valid ones only
    revoked: set[str] = field(default_factory=set)  # machine ids
    keys: dict[str, Name] = field(default_factory=dict)  # key hash → who


class Machines:
    def __init__(self, database: Database, authority: Authority, clock: Clock | None = None) -> None:
        self.authority = authority
        self._database = database
        self._clock = clock or SystemClock()
        self.audit: Audit | None = None  # set where machines enrol: enrolments and renewals are acts
        self._lock = threading.Lock()
        self._known = _Known()
        self._peers: dict[bytes, tuple[Name, str]] = {}
        self._traffic: dict[tuple[str, str], Traffic] = {}
        self._claims: dict[str, tuple[int, str, float]] = {}
        self._seen: dict[str, float] = {}
        self.refresh()

    # --- who is it -------------------------------------------------------------------------------------------------

    def of_certificate(self, der: bytes) -> Name:
        """The machine of a certificate whose chain TLS has verified."""
        found = self._peers.get(der)
        if found is None:
            try:
                certificate = x509.load_der_x509_certificate(der)
                name = name_in(certificate)
            except ValueError:
                name = None
            if name is None:
                raise Stranger(403, "the certificate names no machine")
            found = name, serial_of(certificate)
            if len(self._peers) >= PEERS:
                self._peers.clear()
            self._peers[der] = found
        name, serial = found
        if name.id in self._known.revoked:
            raise Stranger(403, "this machine was revoked")
        if self._known.certificates.get(serial) != name.id:
            raise Stranger(403, "the certificate is unknown here or was revoked")
        self._seen[name.id] = self._clock.now()
        return name

    def of_header(self, header: str) -> Name:
        """`ApiKey base64(id:key)` as Elasticsearch has it, or the key as it is."""
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "apikey" or len(header) > 1024:
            raise Stranger(401, "a client certificate or an ApiKey is needed")
        key = text.strip()
        with contextlib.suppress(binascii.Error, UnicodeDecodeError, ValueError):
            key = base64.b64decode(key, validate=True).decode("ascii").partition(":")[2] or key
        name = self._known.keys.get(token_hash(key))
        if name is None or name.id in self._known.revoked:
            raise Stranger(401, "the ApiKey is unknown or was revoked")
        self._seen[name.id] = self._clock.now()
        return name

    # --- enrolment -------------------------------------------------------------------------------------------------

    def issue_token(self, name: Name, by: str, life_s: float = TOKEN_LIFE_S) -> tuple[str, float]:
        """A one-time token for exactly this machine, and when it ends. Only its hash is kept."""
        while (token := secrets.token_urlsafe(32)).startswith("-"):
            pass  # the printed line is pasted into a shell, where that would be an option: one of 64 was
        now = self._clock.now()
        ends = now + min(life_s, TOKEN_LIFE_S)
        with self._database.write() as session:
            session.add(EnrolmentToken(token_hash=token_hash(token), agency=name.agency, role=name.role, name=name.name,
                                       created_at=now, created_by=by, expires_at=ends))  # fmt: skip
        return token, ends

    def enrol(self, token: str, csr: bytes) -> Issued:
        """The certificate for a token and a CSR. Who holds a token is told whether it was used or has ended: its 256
        bits cannot be guessed, and "used" is what must be known when somebody else was quicker."""
        hashed = token_hash(token)
        with self._database.read() as session:
            row = session.scalar(select(EnrolmentToken).where(EnrolmentToken.token_hash == hashed))
        now = self._clock.now()
        if row is None:
            raise Stranger(401, "the token is unknown")
        if row.used_at is not None:
            raise Stranger(401, "the token was used before")
        if row.expires_at <= now:
            raise Stranger(401, "the token has expired")
        issued = self.authority.issue(csr, Name(row.agency, row.role, row.name))
        with self._database.write() as session:
            used = session.execute(
                update(EnrolmentToken)
                .where(EnrolmentToken.id == row.id, EnrolmentToken.used_at.is_(None))
                .values(used_at=now, used_serial=issued.serial)
                .returning(EnrolmentToken.id)
            ).first()
            if used is None:  # the same token twice at the same moment
                raise Stranger(401, "the token was used before")
            # Whoever enrols a revoked machine anew has a fresh token from a person; its old certificates stay dead.
            _add(session, issued, revive=True)
            self._record(session, "machine.enrol", issued, {"token_by": row.created_by})
        self._learn(issued, revive=True)
        return issued

    def renew(self, name: Name, csr: bytes) -> Issued:
        """A new certificate for a machine that has proved the one in use; that one lives on to its own end."""
        issued = self.authority.issue(csr, name)
        with self._database.write() as session:
            _add(session, issued)
            self._record(session, "machine.renew", issued, {})
        self._learn(issued)
        return issued

    def local(self, folder: Path, file: str, name: Name) -> bool:
        """<file>.pem and <file>.key in `folder` for a program of this machine; True when a new one was made."""
        have = None
        with contextlib.suppress(OSError, ValueError):
            have = x509.load_pem_x509_certificate((folder / f"{file}.pem").read_bytes())
        if have is not None and self._known.certificates.get(serial_of(have)) != name.id:
            (folder / f"{file}.pem").unlink(missing_ok=True)  # the table (of a restored backup) does not know it
        issued = self.authority.local(folder, file, name)
        if issued is None:
            return False
        with self._database.write() as session:
            _add(session, issued)
        self._learn(issued)
        write_private(folder / f"{file}.pem", issued.pem)
        return True

    def new_api_key(self, name: Name, by: str) -> str:
        """A key for a third-party shipper, shown once."""
        key = secrets.token_urlsafe(32)
        now = self._clock.now()
        with self._database.write() as session:
            _machine(session, name, now)
            session.add(ApiKey(key_hash=token_hash(key), machine_id=name.id, created_at=now, created_by=by))
        with self._lock:
            self._known.keys[token_hash(key)] = name
            self._known.revoked.discard(name.id)
        return key

    def revoke(self, machine_id: str, reason: str) -> bool:
        """The machine's certificates and keys end now; False when it is unknown."""
        now = self._clock.now()
        with self._database.write() as session:
            machine = session.get(Machine, machine_id)
            if machine is None:
                return False
            machine.revoked_at, machine.revoked_reason = machine.revoked_at or now, reason[:500]
            for table in (Certificate, ApiKey):
                session.execute(
                    update(table)
                    .where(table.machine_id == machine_id, table.revoked_at.is_(None))
                    .values(revoked_at=now)
                )
        with self._lock:
            self._known.revoked.add(machine_id)
            self._known.certificates = {s: m for s, m in self._known.certificates.items() if m != machine_id}
            self._known.keys = {k: n for k, n in self._known.keys.items() if n.id != machine_id}
        return True

    def refresh(self) -> None:
        """Read what other workers (or a restored backup) changed."""
        now = self._clock.now()
        known = _Known()
        with self._database.read() as session:
            live = select(Certificate.serial, Certificate.machine_id).where(
                Certificate.revoked_at.is_(None), Certificate.expires_at > now
            )
            known.certificates = {row.serial: row.machine_id for row in session.execute(live)}
            known.revoked = set(session.scalars(select(Machine.id).where(Machine.revoked_at.is_not(None))))
            keys = select(ApiKey.key_hash, Machine).join(Machine).where(ApiKey.revoked_at.is_(None))
            for hashed, machine in session.execute(keys):
                known.keys[hashed] = Name(machine.agency, machine.role, machine.name)
        with self._lock:
            self._known = known

    # --- what they send --------------------------------------------------------------------------------------------

    def saw(self, name: Name, stream: str, traffic: Traffic) -> None:
        """Count what one request brought."""
        with self._lock:
            mine = self._traffic.get((name.id, stream))
            if mine is None:
                mine = self._traffic[name.id, stream] = Traffic()
            mine.stored += traffic.stored
            mine.noop += traffic.noop
            mine.refused += traffic.refused
            mine.last_at = self._clock.now()
            mine.last_event_at = traffic.last_event_at or mine.last_event_at
            mine.heartbeat = traffic.heartbeat or mine.heartbeat
            mine.real += traffic.real
            mine.real_at = mine.last_at if traffic.real else mine.real_at
            if traffic.beat_lag_s is not None:
                mine.beat_lag_s, mine.version = traffic.beat_lag_s, traffic.version

    def claimed(self, name: Name, what: str, times: int = 1) -> None:
        """`name` said it was something else."""
        with self._lock:
            before = self._claims.get(name.id, (0, "", 0.0))[0]
            self._claims[name.id] = before + times, what[:200], self._clock.now()

    def flush(self) -> None:
        """Bring the counters to SQL."""
        with self._lock:
            traffic, self._traffic = self._traffic, {}
            claims, self._claims = self._claims, {}
            seen, self._seen = self._seen, {}
        if not (traffic or claims or seen):
            return
        with self._database.write() as session:
            for machine_id, at in seen.items():
                session.execute(update(Machine).where(Machine.id == machine_id).values(last_seen_at=at))
            for machine_id, (times, what, at) in claims.items():
                session.execute(
                    update(Machine).where(Machine.id == machine_id)
                    .values(flagged=True, claims=Machine.claims + times, claimed=what, claimed_at=at)
                )  # fmt: skip
            for (machine_id, stream), mine in traffic.items():
                _count(session, machine_id, stream, mine)

    def _record(self, session: Session, act: str, issued: Issued, more: dict[str, str]) -> None:
        """On record in the transaction of the act: which machine got which certificate, until when."""
        if self.audit is not None:
            name = issued.name
            detail = {"serial": issued.serial, "fingerprint": issued.fingerprint, "until": rfc3339(issued.expires_at)}
            self.audit.record(session, Actor(f"machine:{name.id}", name.name), act, name.id, agency=name.agency,
                              detail=detail | more)  # fmt: skip

    def _learn(self, issued: Issued, *, revive: bool = False) -> None:
        with self._lock:
            self._known.certificates[issued.serial] = issued.name.id
            if revive:
                self._known.revoked.discard(issued.name.id)


def _machine(session: Session, name: Name, now: float) -> Machine:
    machine = session.get(Machine, name.id)
    if machine is None:
        machine = Machine(id=name.id, agency=name.agency, role=name.role, name=name.name, enrolled_at=now,
                          flagged=False, claims=0)  # fmt: skip
        session.add(machine)
        session.flush()
    return machine


def _add(session: Session, issued: Issued, *, revive: bool = False) -> None:
    machine = _machine(session, issued.name, issued.issued_at)
    machine.certificate_expires_at = issued.expires_at
    if revive:
        machine.revoked_at = machine.revoked_reason = None
        machine.enrolled_at = issued.issued_at
    elif machine.revoked_at is not None:
        raise Stranger(403, "this machine was revoked")
    session.add(Certificate(serial=issued.serial, machine_id=machine.id, fingerprint=issued.fingerprint,
                            issued_at=issued.issued_at, expires_at=issued.expires_at))  # fmt: skip


def _count(session: Session, machine_id: str, stream: str, mine: Traffic) -> None:
    if session.get(Machine, machine_id) is None:
        return
    row = session.get(MachineStream, (machine_id, stream))
    if row is None:
        row = MachineStream(machine_id=machine_id, stream=stream, first_data_at=mine.last_at, last_data_at=mine.last_at,
                            events_total=0, noop_total=0, refused_total=0)  # fmt: skip
        session.add(row)
    row.events_total += mine.stored
    row.noop_total += mine.noop
    row.refused_total += mine.refused
    row.last_data_at = max(row.last_data_at, mine.last_at)
    row.last_event_at = mine.last_event_at or row.last_event_at
    if mine.heartbeat:
        row.heartbeat_at, row.received, row.spooled, row.dropped = mine.heartbeat
    if mine.beat_lag_s is not None:
        row.beat_lag_s, row.version = mine.beat_lag_s, mine.version
    if mine.real and mine.real_at is not None:
        row.real_at = mine.real_at
        row.hours = _hours(row.hours or [], int(mine.real_at // 3600), mine.real)


def _hours(kept: list[list[int]], hour: int, count: int) -> list[list[int]]:
    """A new list (SQL must see that it changed): this hour's events added, the newest HOURS kept."""
    found = {at: number for at, number in kept if hour - HOURS < at <= hour}
    found[hour] = found.get(hour, 0) + count
    return [[at, found[at]] for at in sorted(found)]
