"""`luytre backup confirm`: a person says that what a restore has held may be trusted again.

In:  machine ids, user names, or everything. Out: what was confirmed. Audited one by one.
Only what the restore itself held: a machine that somebody revoked stays revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from api.auth import users
from api.node.keeping.dead import REASON
from api.state.machines import Machine

if TYPE_CHECKING:
    from api.local_port import Node


def confirm(node: Node, body: Mapping[str, Any]) -> dict[str, Any]:
    """{names: [id or user name], all: bool} → {machines, users}"""
    from api.local_port import WHO

    wanted, everything = {str(one) for one in body.get("names", [])}, body.get("all") is True
    done: dict[str, list[str]] = {"machines": [], "users": []}
    with node.db.write() as session:
        for machine in session.scalars(select(Machine).where(Machine.revoked_reason == REASON)):
            if everything or machine.id in wanted or machine.name in wanted:
                machine.revoked_at = machine.revoked_reason = None
                node.audit.record(session, WHO, "restore.confirm", machine.id, agency=machine.agency)
                done["machines"].append(machine.id)
        for name in sorted(wanted):
            user = users.by_name(session, name)
            if user is not None and user.disabled:
                user.disabled, user.revision = False, user.revision + 1
                node.audit.record(session, WHO, "restore.confirm", f"user:{user.id}")
                done["users"].append(user.username)
    node.machines.refresh()
    return done
