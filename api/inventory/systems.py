"""Acts on information systems: add, change, retire; each inside a scope, on record, and told to who looks.

In:  a Desk (write transaction, scope of `inventory.manage`, who acts) and the fields of a person or of a table's row.
Out: the row. `names` are the system's own domains and addresses (URLs become their host); they and the assets'
     addresses are what names alerts. Retiring ends the names; the assets stay, and stand alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework import ids
from api.casework.alerts import Desk
from api.casework.errors import Invalid
from api.casework.folding import search_text
from api.inventory import addresses
from api.inventory.addresses import Held
from api.inventory.kinds import GRADES, KINDS
from api.inventory.records import agency_of, difference, moved, record, take
from api.state.inventory import Address, System

FIELDS = ("name", "kind", "grade", "owner", "contact", "provider", "note", "secret")
NAMES = "names"


def add(desk: Desk, agency: str, fields: Mapping[str, Any]) -> System:
    agency = agency_of(desk, agency)
    names = checked(fields, new=True)
    if same_name(desk.session, agency, str(fields["name"])):
        raise Invalid("name", "Đơn vị đã có hệ thống tên này.", "The agency has a system of this name.")
    system = make(desk, ids.next_id(desk.session, "HT", desk.now), agency, fields)
    desk.session.flush()
    put(desk, system, {}, names or [])
    record(desk, system, "created", None, state(system, [value for _, value in names or []]))
    moved(desk.session, agency)
    return system


def change(desk: Desk, system_id: str, revision: int | None, fields: Mapping[str, Any]) -> System:
    system: System = take(desk, System, system_id, revision)
    names = checked(fields)
    if "name" in fields and same_name(desk.session, system.agency, str(fields["name"]), but=system.id):
        raise Invalid("name", "Đơn vị đã có hệ thống tên này.", "The agency has a system of this name.")
    held = [value for _, value in addresses.current(desk.session, [system.id]).get(system.id, [])]
    before = state(system, held)
    put(desk, system, fields, names)
    was, now = difference(before, state(system, held if names is None else [value for _, value in names]))
    if now:
        record(desk, system, "changed", was, now)
        moved(desk.session, system.agency)
    return system


def retire(desk: Desk, system_id: str, revision: int | None) -> System:
    system: System = take(desk, System, system_id, revision)
    system.retired_at = desk.now
    for row in desk.session.scalars(
        select(Address).where(Address.system_id == system.id, Address.until.is_(None))
    ):  # fmt: skip
        row.until = max(desk.now, row.since)
    record(desk, system, "retired", {"retired": False}, {"retired": True})
    moved(desk.session, system.agency)
    return system


def make(desk: Desk, system_id: str, agency: str, fields: Mapping[str, Any]) -> System:
    """The row, without its names and its record: for `add` and for an import."""
    system = System(
        id=system_id, agency=agency, name="", kind="other", owner="", contact="", provider="", note="", secret=False,
        created_at=desk.now, search_text="", revision=0,
    )  # fmt: skip
    for name in FIELDS:
        if name in fields:
            setattr(system, name, fields[name])
    desk.session.add(system)
    return system


def put(
    desk: Desk, system: System, fields: Mapping[str, Any], names: Sequence[tuple[str, str]] | None,
    held: Held | None = None,
) -> None:  # fmt: skip
    for name in FIELDS:
        if name in fields:
            setattr(system, name, fields[name])
    lost: set[str] = set()
    if names is not None:
        lost = addresses.assign(desk.session, system, names, desk.now, held)
    own = addresses.current(desk.session, [system.id]).get(system.id, []) if names is None else names
    system.search_text = search_text(
        [system.id, system.name, system.owner, system.provider, *(value for _, value in own), system.agency]
    )
    for other in desk.session.scalars(select(System).where(System.id.in_(lost))) if lost else ():
        record(desk, other, "lost", None, {"to": system.id}, audit=held is None)


def checked(fields: Mapping[str, Any], *, new: bool = False) -> list[tuple[str, str]] | None:
    """What the shapes cannot say; returns the canonical names, None when they are not spoken of."""
    if (new or "name" in fields) and not fields.get("name"):
        raise Invalid("name", "Cần có tên hệ thống.", "A system needs a name.")
    if "kind" in fields and fields["kind"] not in KINDS:
        raise Invalid("kind", "Không có loại hệ thống này.", "No such kind of system.")
    if fields.get("grade") is not None and fields["grade"] not in GRADES:
        raise Invalid("grade", "Cấp độ từ 1 đến 5.", "A grade is 1 to 5.")
    return addresses.parse(fields[NAMES], NAMES) if NAMES in fields else None


def same_name(session: Session, agency: str, name: str, *, but: str = "") -> bool:
    rows = session.execute(
        select(System.id, System.name).where(System.agency == agency, System.retired_at.is_(None), System.id != but)
    )
    return any(row.name.casefold() == name.casefold() for row in rows)


def state(system: System, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(system, name) for name in FIELDS} | {NAMES: list(names)}
