"""What a new node still lacks, ticked by data only: nobody can say that it is done, it is or it is not.

In:  the Runtime, a read Session, who asks. Out: the steps that this person can do something about; None when they
     are all done. A step tells that something is there, never what: so it asks for the right to bring it about.
Why "begun" is not "done": a channel without a message that went, a backup target without a backup and an upstream that
never answered are what people find out about on the day they need them.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from api.auth.sessions import Access
from api.casework.queue import inside
from api.federation.config import settings
from api.node.keeping import ledger
from api.node.keeping.settings import BackupTable
from api.overview.shapes import StartStep
from api.runtime import Runtime
from api.state.cases import Alert
from api.state.federation import Link
from api.state.inventory import System
from api.state.machines import Machine, MachineStream
from api.state.notices import Channel, Sending
from api.state.people import User
from correlator.store.base import Scope

Looked = Callable[[Runtime, Session, Scope], StartStep | None]


def steps(node: Runtime, session: Session, access: Access) -> list[StartStep] | None:
    found = [
        step
        for needed, look in STEPS
        if access.permissions.issuperset(needed)
        for step in [look(node, session, access.scope(needed[0]))]
        if step is not None
    ]
    return found if any(not step.done for step in found) else None


def _sensor(node: Runtime, session: Session, scope: Scope) -> StartStep:
    here = (inside(Machine.agency, scope), Machine.role == "sensor", Machine.revoked_at.is_(None))
    real = select(MachineStream.machine_id).join(Machine).where(*here, MachineStream.last_event_at.is_not(None))
    if _any(session, real.exists()):
        return StartStep(key="sensor", done=True)
    there = _any(session, select(Machine.id).where(*here).exists())
    return StartStep(key="sensor", done=False, part="silent" if there else "", command="luytre doctor" if there else "")


def _alert(node: Runtime, session: Session, scope: Scope) -> StartStep:
    done = _any(session, select(Alert.id).where(inside(Alert.agency, scope)).exists())
    return StartStep(key="alert", done=done, command="luytre selftest")


def _inventory(node: Runtime, session: Session, scope: Scope) -> StartStep:
    done = _any(session, select(System.id).where(inside(System.agency, scope)).exists())
    return StartStep(key="inventory", done=done, command="luytre inventory import --help")


def _channel(node: Runtime, session: Session, scope: Scope) -> StartStep:
    own = (inside(Channel.agency, scope), Channel.retired.is_(False), Channel.enabled.is_(True))
    sent = select(Sending.id).join(Channel, Channel.id == Sending.channel_id).where(*own, Sending.state == "sent")
    if _any(session, sent.exists()):
        return StartStep(key="channel", done=True)
    made = _any(session, select(Channel.id).where(*own).exists())
    return StartStep(key="channel", done=False, part="unsent" if made else "")


def _person(node: Runtime, session: Session, scope: Scope) -> StartStep:
    """More than one: whoever is alone can't be ill."""
    count = session.scalar(select(func.count()).select_from(User).where(User.disabled.is_(False))) or 0
    return StartStep(key="person", done=count > 1)


def _upstream(node: Runtime, session: Session, scope: Scope) -> StartStep | None:
    if node.node.role == "national":
        return None
    wanted = bool(settings(node.config).upstream)
    reached = session.scalar(select(Link.last_contact_at).limit(1)) is not None
    return StartStep(key="upstream", done=wanted and reached, part="uncontacted" if wanted else "",
                command="luytre doctor" if wanted else "luytre enrol upstream")  # fmt: skip


def _backup(node: Runtime, session: Session, scope: Scope) -> StartStep:
    target = bool(node.config and node.config.table("backup", BackupTable).target)
    made = bool(ledger.load(node.data).get("last_good_at"))
    return StartStep(key="backup", done=target and made, part="unmade" if target else "",
                command="luytre backup create" if target else "luytre config explain backup.target")  # fmt: skip


def _any(session: Session, condition: ColumnElement[bool]) -> bool:
    return bool(session.scalar(select(condition)))


# What each needs; the scope is the first one's. Who may only read the node's health can't act on the last two.
STEPS: tuple[tuple[tuple[str, ...], Looked], ...] = (
    (("sensors.manage",), _sensor),
    (("sensors.manage",), _alert),
    (("inventory.manage",), _inventory),
    (("notices.manage",), _channel),
    (("users.manage",), _person),
    (("system.read", "sensors.manage"), _upstream),
    (("system.read", "sensors.manage"), _backup),
)
