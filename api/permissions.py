"""Roles × permissions: the one table of who may do what. Default deny: what is not named here is refused.

A grant is (role, agency). A permission holds in an agency when one grant names a role that has it and an agency at or
above that one. `scope_of` turns grants into the `Scope` that every store call takes: the union over the grants *that
carry this permission*, so two roles together never see more than each says (reliability.md S5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from correlator.store.base import Scope

PERMISSIONS = (
    "alerts.read", "alerts.work", "incidents.read", "incidents.work", "incidents.raise", "events.read",
    "exceptions.work", "exceptions.lead",
    "sensors.read", "sensors.manage", "rules.read", "inbox.read", "inbox.work", "audit.read", "system.read",
    "users.manage", "inventory.read", "inventory.manage", "services.read", "services.manage", "national.read",
    "national.manage", "clocks.manage", "notices.read", "notices.manage", "system.manage", "indicators.manage",
)  # fmt: skip

_ANALYST = frozenset(
    ("alerts.read", "alerts.work", "incidents.read", "incidents.work", "events.read", "sensors.read", "rules.read",
     "inventory.read", "services.read", "exceptions.work")
)  # fmt: skip
# What keeps the node running and its people in order; no content of cases: whoever needs both gets two grants.
_ADMIN = frozenset(
    ("sensors.read", "sensors.manage", "rules.read", "system.read", "system.manage", "users.manage", "audit.read",
     "inventory.read", "inventory.manage", "services.read", "services.manage", "notices.read", "notices.manage")
)  # fmt: skip
_LEAD = _ANALYST | {
    "incidents.raise", "sensors.manage", "users.manage", "system.read", "inventory.manage", "services.manage",
    "notices.read", "notices.manage", "clocks.manage", "indicators.manage",
    "exceptions.lead",  # of level high and above
}  # fmt: skip
ROLES: Mapping[str, frozenset[str]] = {
    "analyst": _ANALYST,
    "lead": _LEAD,
    "admin": _ADMIN,
    "auditor": frozenset(
        ("alerts.read", "incidents.read", "rules.read", "sensors.read", "system.read", "audit.read", "inventory.read",
         "services.read", "notices.read")
    ),
    # A firm that watches several agencies: always until a day, never unmasks, each of its acts visible to the agency.
    "provider": _ANALYST,
    "national_duty": _ANALYST | {"inbox.read", "inbox.work", "system.read", "national.read", "notices.read"},
    "national_lead": _LEAD
    | {"inbox.read", "inbox.work", "audit.read", "national.read", "national.manage"},
}  # fmt: skip
NATIONAL_ROLES = frozenset(("national_duty", "national_lead"))  # only a node with role "national" may grant them

BOUNDED_ROLES = frozenset(("provider",))  # a grant of these always has an end, at most a year away
LONGEST_GRANT_S = 366 * 86_400.0
# Who holds one of these can change what others may do, what is seen, or what the node is: `[api] second_factor`.
POWER = frozenset(("users.manage", "system.manage", "national.manage", "clocks.manage"))
NEVER_BY_KEY = frozenset(("users.manage", "system.manage"))  # a program manages neither people nor the node


@dataclass(frozen=True, slots=True)
class Granted:
    role: str
    agency: str | None  # None: everywhere on this node
    until: float | None = None  # whoever reads grants for access leaves out those that have ended


def permissions_of(grants: Iterable[Granted]) -> frozenset[str]:
    return frozenset().union(*(ROLES.get(grant.role, frozenset()) for grant in grants))


def scope_of(permission: str, grants: Iterable[Granted], parents: Mapping[str, str | None]) -> Scope:
    """The agencies in which `grants` carry `permission`; `parents` is the agency tree (code → parent)."""
    tops = {grant.agency for grant in grants if permission in ROLES.get(grant.role, frozenset())}
    if None in tops:
        return Scope(None)
    return Scope(frozenset(code for code in {*parents, *tops} if code is not None and tops & _line(code, parents)))


def may_give(wanted: Granted, own: Iterable[Granted], parents: Mapping[str, str | None]) -> bool:
    """Whether the holder of `own` may give or take away `wanted`: every right of it, and that of managing people, is
    theirs in that whole place and for at least as long (reliability.md S7)."""
    if wanted.role not in ROLES:
        return False
    lasting = [g for g in own if g.until is None or (wanted.until is not None and g.until >= wanted.until)]
    for permission in ROLES[wanted.role] | {"users.manage"}:
        scope = scope_of(permission, lasting, parents)
        if scope.agencies is not None and wanted.agency not in scope.agencies:
            return False
    return True


def narrowed(own: Iterable[Granted], agencies: Iterable[str], parents: Mapping[str, str | None]) -> tuple[Granted, ...]:
    """The part of `own` that lies in `agencies` and below them: what an API key for these agencies carries."""
    found = set()
    for granted in own:
        for code in agencies:
            if granted.agency is None or granted.agency in _line(code, parents):
                found.add(Granted(granted.role, code, granted.until))
            elif code in _line(granted.agency, parents):
                found.add(granted)
    return tuple(sorted(found, key=repr))


def _line(code: str, parents: Mapping[str, str | None]) -> set[str | None]:
    """The agency and all above it; a circle in the tree ends the walk."""
    seen: set[str | None] = set()
    here: str | None = code
    while here is not None and here not in seen:
        seen.add(here)
        here = parents.get(here)
    return seen
