"""Machines that send: their streams as data arrives (not as they say), one-time tokens, revocation.

Bound: SENSORS machines in a list, BEATS heartbeats read of one machine's page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import lamps
from api.auth import users
from api.auth.allow import Allow
from api.auth.ca import Name
from api.auth.machines import Machines
from api.auth.sessions import Access
from api.casework.changes import changed
from api.casework.queue import inside
from api.problems import Problem, not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import In, Listed, Needed, Out
from api.state.machines import Machine, MachineStream
from correlator.store.base import And, Is, Scope
from correlator.store.base import Query as StoreQuery
from sensors.clock import rfc3339
from sensors.errors import LuytreError
from sensors.event import get

router = APIRouter(tags=["sensors"])
ROUTES = Resource("/sensors", router)

Reader = Annotated[Access, Depends(Allow("sensors.read"))]
Manager = Annotated[Access, Depends(Allow("sensors.manage"))]
SENSORS = 5_000
BEATS, SOURCES = 20, 200


class StreamShape(Out):
    role: str
    state: Literal["ok", "quiet", "silent"]
    last_data_at: str | None
    real_at: str | None  # the last that was not a heartbeat
    events_total: int
    lag_s: float | None
    received: int | None
    spooled: int | None
    dropped: int | None
    refused: int
    clock_lag_s: float | None  # below 0: its clock is ahead
    version: str
    hours: list[int]  # events that were no heartbeats, by hour; the last is the current one


class ThreeLamps(Out):
    connection: lamps.Lamp
    data: lamps.Lamp
    clock: lamps.Lamp


class Thresholds(Out):
    start_s: float = lamps.START_S
    quiet_s: float = lamps.QUIET_S
    silent_s: float = lamps.SILENT_S
    data_warn_s: float = lamps.DATA_WARN_S
    data_bad_s: float = lamps.DATA_BAD_S
    ahead_s: float = lamps.AHEAD_S
    behind_s: float = lamps.BEHIND_S


class Sensor(Out):
    id: str
    name: str
    agency: str
    agency_name: str
    state: lamps.State
    lamps: ThreeLamps
    heard_at: str | None
    real_at: str | None
    role: str
    roles: list[StreamShape]
    enrolled_at: str
    certificate_expires_at: str | None
    revoked_at: str | None
    flagged: bool
    claimed: str | None
    last_seen_at: str | None
    revoked_reason: str | None


class Sensors(Listed[Sensor]):
    thresholds: Thresholds = Thresholds()
    as_of: str


class SourceShape(Out):
    role: str
    source: str  # as the sensor names it: file:/var/log/…, an interface, a probe
    told_at: str


class SensorWhole(Out):
    sensor: Sensor
    sources: list[SourceShape]
    problem: str | None  # why sources could not be read
    thresholds: Thresholds = Thresholds()
    as_of: str


class TokenIn(In):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Literal["sensor", "node"]
    agency: Annotated[str, Field(min_length=1, max_length=64)]


class Token(Out):
    token: str
    expires_at: str
    fingerprint: str
    command: str
    qr: list[str]  # the command as a QR code: rows of 0 and 1, without a quiet zone


class RevokeIn(In):
    reason: Needed
    name: Annotated[str, Field(max_length=64)] = ""  # as the person typed it; refused when it is another's


@router.get("")
def list_sensors(request: Request, access: Reader) -> Sensors:
    node: Runtime = request.app.state.node
    scope, now = access.scope("sensors.read"), node.clock.now()
    with node.db.read() as session:
        items = all_of(session, scope, now)
    return Sensors(items=items, total=len(items), as_of=rfc3339(now))


@router.get("/{sensor_id}")
def get_sensor(request: Request, sensor_id: Annotated[str, Path(max_length=200)], access: Reader) -> SensorWhole:
    """One machine, and the sources that its newest heartbeats name."""
    node: Runtime = request.app.state.node
    scope, now = access.scope("sensors.read"), node.clock.now()
    with node.db.read() as session:
        machine = session.get(Machine, sensor_id)
        if machine is None or not scope.sees(machine.agency):
            raise not_found()
        [shown] = _shown(session, [machine], now)
        agency, name = machine.agency, machine.name
    problem = None
    sources: list[SourceShape] = []
    try:
        sources = _sources(node, agency, name)
    except LuytreError as error:
        problem = error.problems[0].en if error.problems else "unavailable"
    return SensorWhole(sensor=shown, sources=sources, problem=problem, as_of=rfc3339(now))


@router.post("/tokens", status_code=201)
def make_token(request: Request, body: TokenIn, access: Manager) -> Token:
    """A one-time token for exactly this machine. The agency is one that the person manages; a new agency below this
    node is made by who manages all of it."""
    node: Runtime = request.app.state.node
    machines = _machines(node)
    if not access.scope("sensors.manage").sees(body.agency):
        raise Problem("LT-A0422", errors=[{"field": "agency", "message": "unknown agency"}])
    try:
        name = Name(body.agency, body.role, body.name)
    except ValueError as error:
        raise Problem("LT-A0422", errors=[{"field": "name", "message": str(error)}]) from None
    with node.db.write() as session:
        users.ensure_agency(session, body.agency, "", node.clock.now())
        node.audit.record(session, access.actor, "sensor.token", name.id, agency=body.agency)
    token, ends = machines.issue_token(name, access.name)
    fingerprint = machines.authority.fingerprint
    way = "join" if body.role == "sensor" else "upstream"
    command = f"luytre enrol {way} {_machine_url(request, node)} {token} {fingerprint}"
    return Token(token=token, expires_at=rfc3339(ends), fingerprint=fingerprint, command=command, qr=_qr(command))


@router.post("/{sensor_id}/revoke")
def revoke(
    request: Request, sensor_id: Annotated[str, Path(max_length=200)], body: RevokeIn, access: Manager
) -> Sensor:
    node: Runtime = request.app.state.node
    machines = _machines(node)
    scope, now = access.scope("sensors.manage"), node.clock.now()
    with node.db.write() as session:
        machine = session.get(Machine, sensor_id)
        if machine is None or not scope.sees(machine.agency):
            raise not_found()
        if body.name and body.name.strip() != machine.name:
            raise Problem("LT-A0422", errors=[{"field": "name", "message": "not this sensor's name"}])
        node.audit.record(
            session, access.actor, "sensor.revoke", machine.id, agency=machine.agency, detail={"reason": body.reason}
        )
        changed(session, node.bell, "sensor", machine.id, agency=machine.agency, revision=0, now=now)
    machines.revoke(sensor_id, body.reason)
    with node.db.read() as session:
        return _shown(session, [session.get_one(Machine, sensor_id)], now)[0]


def all_of(session: Session, scope: Scope, now: float) -> list[Sensor]:
    machines = session.scalars(
        select(Machine).where(inside(Machine.agency, scope)).order_by(Machine.agency, Machine.name).limit(SENSORS)
    ).all()
    return _shown(session, machines, now)


def _shown(session: Session, machines: Sequence[Machine], now: float) -> list[Sensor]:
    """Two more queries however many there are."""
    streams: dict[str, list[MachineStream]] = {}
    wanted = select(MachineStream).order_by(MachineStream.stream)
    if len(machines) <= 100:
        wanted = wanted.where(MachineStream.machine_id.in_([machine.id for machine in machines]))
    for row in session.scalars(wanted):
        streams.setdefault(row.machine_id, []).append(row)
    names = users.named_agencies(session, {machine.agency for machine in machines})
    return [_sensor(one, streams.get(one.id, []), names.get(one.agency) or one.agency, now) for one in machines]


def _sources(node: Runtime, agency: str, name: str) -> list[SourceShape]:
    """What each of its programs said in its newest heartbeat that it listens to."""
    where = And((Is("event.dataset", "luytre.heartbeat"), Is("observer.name", name)))
    found = node.reader.search(Scope(frozenset((agency,))), StoreQuery(where, size=BEATS))
    told: dict[str, list[SourceShape]] = {}
    for event in found.events:  # newest first
        role = str(get(event, "agent.type") or "")[:32]
        named = get(event, "luytre.heartbeat.sources")
        if role in told or not isinstance(named, list):
            continue
        at = str(event.get("@timestamp") or "")
        told[role] = [SourceShape(role=role, source=str(one)[:300], told_at=at) for one in named[:SOURCES]]
    return [one for role in sorted(told) for one in told[role]]


def _qr(text: str) -> list[str]:
    """For who reads it off the screen with a scanner at a machine without a network to this page."""
    import segno  # late: an idle API does not need it

    return ["".join(str(int(module)) for module in row) for row in segno.make(text, error="m", micro=False).matrix]


def _machines(node: Runtime) -> Machines:
    if node.machines is None:
        raise Problem("LT-A0503")
    return node.machines


def _machine_url(request: Request, node: Runtime) -> str:
    host = request.url.hostname or "localhost"
    return f"https://{host}:{node.api.machines.rpartition(':')[2]}"


def _stream(row: MachineStream, now: float) -> StreamShape:
    by_hour = {hour: number for hour, number in row.hours or []}  # noqa: C416  # pairs are lists in JSON
    this = int(now // 3600)
    return StreamShape(
        role=row.stream,
        state=lamps.state_of_stream(row, now),
        last_data_at=rfc3339(row.last_data_at),
        real_at=_at(row.real_at),
        events_total=row.events_total,
        lag_s=round(max(0.0, row.last_data_at - row.last_event_at), 1) if row.last_event_at is not None else None,
        received=row.received,
        spooled=row.spooled,
        dropped=row.dropped,
        refused=row.refused_total,
        clock_lag_s=None if row.beat_lag_s is None else round(row.beat_lag_s, 1),
        version=row.version,
        hours=[by_hour.get(hour, 0) for hour in range(this - 23, this + 1)],
    )


def _sensor(row: Machine, streams: Sequence[MachineStream], agency_name: str, now: float) -> Sensor:
    how = lamps.judge(row, streams, now)
    return Sensor(
        id=row.id,
        name=row.name,
        agency=row.agency,
        agency_name=agency_name,
        state=how.state,
        lamps=ThreeLamps(connection=how.connection, data=how.data, clock=how.clock),
        heard_at=_at(how.heard_at),
        real_at=_at(how.real_at),
        role=row.role,
        roles=[_stream(stream, now) for stream in streams],
        enrolled_at=rfc3339(row.enrolled_at),
        certificate_expires_at=_at(row.certificate_expires_at),
        revoked_at=_at(row.revoked_at),
        revoked_reason=row.revoked_reason,
        flagged=row.flagged,
        claimed=row.claimed if row.flagged else None,
        last_seen_at=_at(row.last_seen_at),
    )


def _at(when: float | None) -> str | None:
    return None if when is None else rfc3339(when)
