"""Machines that send: their streams as data arrives (not as they say), one-time tokens, revocation."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from sqlalchemy import select

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
from sensors.clock import rfc3339

router = APIRouter(tags=["sensors"])
ROUTES = Resource("/sensors", router)

Reader = Annotated[Access, Depends(Allow("sensors.read"))]
Manager = Annotated[Access, Depends(Allow("sensors.manage"))]
QUIET_S = 120.0  # four heartbeats of 30 s
SENSORS = 5_000


class StreamShape(Out):
    role: str
    state: Literal["ok", "quiet", "never"]
    last_data_at: str | None
    events_total: int
    lag_s: float | None
    received: int | None
    spooled: int | None
    dropped: int | None


class Sensor(Out):
    id: str
    name: str
    agency: str
    agency_name: str = ""
    role: str
    roles: list[StreamShape]
    enrolled_at: str
    certificate_expires_at: str | None
    revoked_at: str | None
    flagged: bool
    claimed: str | None
    last_seen_at: str | None


class TokenIn(In):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Literal["sensor", "node"]
    agency: Annotated[str, Field(min_length=1, max_length=64)]


class Token(Out):
    token: str
    expires_at: str
    fingerprint: str
    command: str


class RevokeIn(In):
    reason: Needed


@router.get("")
def list_sensors(request: Request, access: Reader) -> Listed[Sensor]:
    node: Runtime = request.app.state.node
    scope, now = access.scope("sensors.read"), node.clock.now()
    with node.db.read() as session:
        machines = session.scalars(
            select(Machine).where(inside(Machine.agency, scope)).order_by(Machine.agency, Machine.name).limit(SENSORS)
        ).all()
        streams: dict[str, list[StreamShape]] = {}
        wanted = select(MachineStream).join(Machine).where(inside(Machine.agency, scope)).order_by(MachineStream.stream)
        for row in session.scalars(wanted):
            streams.setdefault(row.machine_id, []).append(_stream(row, now))
        names = users.named_agencies(session, {machine.agency for machine in machines})
    items = [_sensor(machine, streams.get(machine.id, [])) for machine in machines]
    for item in items:
        item.agency_name = names.get(item.agency, item.agency)
    return Listed[Sensor](items=items, total=len(items))


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
    return Token(
        token=token,
        expires_at=rfc3339(ends),
        fingerprint=fingerprint,
        command=f"luytre enrol {'join' if body.role == 'sensor' else 'upstream'} {_machine_url(request, node)} "
        f"{token} {fingerprint}",
    )


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
        node.audit.record(
            session, access.actor, "sensor.revoke", machine.id, agency=machine.agency, detail={"reason": body.reason}
        )
        changed(session, node.bell, "sensor", machine.id, agency=machine.agency, revision=0, now=now)
    machines.revoke(sensor_id, body.reason)
    with node.db.read() as session:
        rows = session.scalars(select(MachineStream).where(MachineStream.machine_id == sensor_id))
        return _sensor(session.get_one(Machine, sensor_id), [_stream(row, now) for row in rows])


def _machines(node: Runtime) -> Machines:
    if node.machines is None:
        raise Problem("LT-A0503")
    return node.machines


def _machine_url(request: Request, node: Runtime) -> str:
    host = request.url.hostname or "localhost"
    return f"https://{host}:{node.api.machines.rpartition(':')[2]}"


def _stream(row: MachineStream, now: float) -> StreamShape:
    return StreamShape(
        role=row.stream,
        state="ok" if now - row.last_data_at < QUIET_S else "quiet",
        last_data_at=rfc3339(row.last_data_at),
        events_total=row.events_total,
        lag_s=round(max(0.0, row.last_data_at - row.last_event_at), 1) if row.last_event_at is not None else None,
        received=row.received,
        spooled=row.spooled,
        dropped=row.dropped,
    )


def _sensor(row: Machine, streams: list[StreamShape]) -> Sensor:
    return Sensor(
        id=row.id,
        name=row.name,
        agency=row.agency,
        role=row.role,
        roles=streams,
        enrolled_at=rfc3339(row.enrolled_at),
        certificate_expires_at=_at(row.certificate_expires_at),
        revoked_at=_at(row.revoked_at),
        flagged=row.flagged,
        claimed=row.claimed if row.flagged else None,
        last_seen_at=_at(row.last_seen_at),
    )


def _at(when: float | None) -> str | None:
    return None if when is None else rfc3339(when)
