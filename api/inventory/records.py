"""What every change of the inventory leaves behind, and what every reader of it shares: history with before and after,
audit, a live change, and the agency's counter that makes open cases be named again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.inventory.addresses import Owner
from api.state.cases import History
from api.state.inventory import System
from api.state.inventory_seen import Naming
from api.state.people import Agency


def record(
    desk: Desk,
    owner: Owner,
    act: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    audit: bool = True,
) -> None:
    """`audit` False: one entry of the whole act (an import) stands for its rows; their history stays apart."""
    kind = "system" if isinstance(owner, System) else "asset"
    owner.revision += 1
    access = desk.access
    desk.session.add(
        History(kind=kind, object_id=owner.id, at=desk.now, actor_id=access.user_id if access else None,
                actor_name=access.name if access else "", act=act, before=before, after=after, note=None)
    )  # fmt: skip
    if audit and access:
        detail = {"changed": sorted({*(before or {}), *(after or {})})}
        desk.audit.record(desk.session, access.actor, f"{kind}.{act}", owner.id, agency=owner.agency, detail=detail)
    if audit:
        changed(desk.session, desk.bell, "inventory", owner.id, agency=owner.agency, revision=owner.revision,
                now=desk.now, created=act == "created")  # fmt: skip


def moved(session: Session, agency: str) -> None:
    """The agency's inventory says something else from now on."""
    row = session.get(Naming, agency)
    if row is None:
        session.add(Naming(agency=agency, revision=1, named=0, doing=0, cursor=""))
    else:
        row.revision += 1
    session.flush()


def take(desk: Desk, of: type[Any], object_id: str, revision: int | None) -> Any:
    found = desk.session.get(of, object_id, with_for_update=True)
    if found is None or not desk.scope.sees(found.agency):
        raise Unseen
    if revision is not None and revision != found.revision:
        raise Stale(found.revision)
    if found.retired_at is not None:
        raise WrongState("Mục này đã ngừng sử dụng.", "This has been retired.")
    return found


def agency_of(desk: Desk, code: str) -> str:
    """An agency that this person may change, and that exists."""
    if not desk.scope.sees(code) or desk.session.get(Agency, code) is None:
        raise Invalid("agency", "Không có đơn vị này.", "unknown agency")
    return code


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}
