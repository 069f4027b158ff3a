"""Who may manage whom: managers see the accounts of their agencies, and never act above or outside their own rights.

`seen`     an account of the manager's agencies (its home), or one with a grant in them; every account for who manages
           people everywhere on the node. Others are "no such account".
`touched`  disabling, a new link, resetting a factor, ending sessions give power over all that the account may do:
           so the manager must be able to give every one of its grants (`may_give`), or it is "above your own rights".
Source: reliability.md S7 (MISP CVE-2026-44380: resetting the key of an account above one's own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, String, cast, exists, literal, or_, select, true
from sqlalchemy.orm import Session

from api.auth.sessions import Access, living, tree
from api.permissions import BOUNDED_ROLES, Granted, may_give
from api.problems import Problem, not_found
from api.state.audit import AuditEntry
from api.state.people import Grant, User

PERMISSION = "users.manage"


def seen(access: Access) -> ColumnElement[bool]:
    """The SQL condition for accounts that this manager sees."""
    mine = access.scope(PERMISSION).agencies
    if mine is None:
        return true()
    inside = select(Grant.id).where(Grant.user_id == User.id, Grant.agency.in_(mine))
    return or_(User.home.in_(mine), exists(inside))


def one(session: Session, access: Access, user_id: int) -> User:
    found = session.scalar(select(User).where(User.id == user_id, seen(access)))
    if found is None:
        raise not_found()
    return found


def above(access: Access, user: User, theirs: Sequence[Granted], parents: Mapping[str, str | None], now: float) -> bool:
    """Whether the account may do something, somewhere, that this manager could not give."""
    if not theirs:
        return not access.scope(PERMISSION).sees(user.home)
    # No end matters here, theirs or the manager's: a grant that ends tomorrow is power today.
    return not all(may_give(Granted(held.role, held.agency, now), access.grants, parents) for held in theirs)


def touched(session: Session, access: Access, user_id: int, now: float) -> User:
    """The account, for an act that gives power over it."""
    user = one(session, access, user_id)
    parents = tree(session, access.grants, always=True)
    if above(access, user, living(user.grants, now), parents, now):
        raise Problem("LT-A0415")
    return user


def by_user(user_id: int) -> ColumnElement[bool]:
    """The SQL condition for audit entries of a person, in person or by one of their keys."""
    return or_(AuditEntry.actor == f"user:{user_id}", AuditEntry.actor.like(f"user:{user_id}/key:%"))


def of_providers() -> ColumnElement[bool]:
    """The same for everybody who has or had a provider's grant: one subquery, however many they are."""
    who = literal("user:") + cast(Grant.user_id, String)
    theirs = or_(AuditEntry.actor == who, AuditEntry.actor.like(who + "/key:%"))
    return exists(select(Grant.id).where(Grant.role.in_(BOUNDED_ROLES), theirs))
