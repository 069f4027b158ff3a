"""Addresses by time: who has one now, who had it then, and whose it becomes.

A binding is (value, since, until, holder). Within an agency a value is held by one asset at a time (and by one system,
as a name of its own): `assign` ends the binding of whoever had it before ("đã đổi máy"), in the transaction that begins
the new one. Reading at a moment t: the binding with since ≤ t < until; before the first one that is known, the first
one counts (an inventory entered today names the alerts of yesterday); in a gap between two, nobody.
Of overlapping networks the longest prefix wins; an exact address before any network. What is held by an asset without a
system says nothing of systems, and the next wider one is asked.
Bound: VALUES an owner; NETWORKS an agency; IN_ONE values a query.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.errors import Invalid
from api.inventory import values
from api.state.inventory import Address, Asset, System

VALUES = 64  # addresses and names of one asset or system
NETWORKS = 5_000
IN_ONE = 500
Owner = Asset | System


@dataclass(frozen=True, slots=True)
class Binding:
    since: float
    until: float | None
    system_id: str | None
    own: bool  # a name of the system itself, not of one of its assets
    asset_id: str | None = None


@dataclass(slots=True)
class Known:
    """The bindings of some values of one agency, and all its networks by (version, prefix length)."""

    exact: dict[str, list[Binding]] = field(default_factory=dict)
    networks: dict[tuple[int, int], dict[int, list[Binding]]] = field(default_factory=dict)

    def at(self, value: str, at: float) -> list[Binding]:
        """Who holds this canonical address or name at `at`: of the exact value, else of the narrowest network that
        names a system. At most one asset's and one system's own."""
        found = _named(self.exact.get(value, ()), at)
        if found or not self.networks:
            return found
        try:
            here = ipaddress.ip_address(value)
        except ValueError:
            return []
        number, width = int(here), here.max_prefixlen
        for version, length in sorted(self.networks, reverse=True):
            if version == here.version:
                shift = width - length
                found = _named(self.networks[version, length].get(number >> shift << shift, ()), at)
                if found:
                    return found
        return []

    def holders(self, value: str, at: float) -> list[Binding]:
        """Whoever holds exactly this at `at`, an asset without a system too; and what names a system around it."""
        exact = holding(self.exact.get(value, ()), at)
        return exact + [wider for wider in self.at(value, at) if wider not in exact]

    def ever(self, value: str) -> list[Binding]:
        """Every binding of this value or of a network around it, whenever it held."""
        found = list(self.exact.get(value, ()))
        try:
            here = ipaddress.ip_address(value)
        except ValueError:
            return found
        for (version, length), several in self.networks.items():
            if version == here.version:
                shift = here.max_prefixlen - length
                found += several.get(int(here) >> shift << shift, ())
        return found


def _named(bindings: Sequence[Binding], at: float) -> list[Binding]:
    return [held for held in holding(bindings, at) if held.system_id]


def holding(bindings: Sequence[Binding], at: float) -> list[Binding]:
    found = []
    for own in (False, True):
        rows = [binding for binding in bindings if binding.own == own]
        here = [row for row in rows if row.since <= at and (row.until is None or at < row.until)]
        if here:
            found.append(max(here, key=lambda row: row.since))
        elif rows and at < min(row.since for row in rows):
            found.append(min(rows, key=lambda row: row.since))
    return found


def known(session: Session, agency: str, wanted: Iterable[str]) -> Known:
    """`wanted`: canonical values. One query per IN_ONE of them and one for the networks."""
    found = Known()
    query = (
        select(
            Address.value, Address.kind, Address.since, Address.until,
            func.coalesce(Address.system_id, Asset.system_id).label("system"), Address.asset_id,
        )
        .outerjoin(Asset, Asset.id == Address.asset_id)
        .where(Address.agency == agency)
    )  # fmt: skip
    several = sorted(set(wanted))
    for start in range(0, len(several), IN_ONE):
        chunk = several[start : start + IN_ONE]
        for row in session.execute(query.where(Address.kind.in_(("ip", "name")), Address.value.in_(chunk))):
            found.exact.setdefault(row.value, []).append(
                Binding(row.since, row.until, row.system, row.asset_id is None, row.asset_id)
            )
    for row in session.execute(query.where(Address.kind == "network").order_by(Address.id).limit(NETWORKS)):
        network = ipaddress.ip_network(row.value)
        at = found.networks.setdefault((network.version, network.prefixlen), {})
        at.setdefault(int(network.network_address), []).append(
            Binding(row.since, row.until, row.system, row.asset_id is None, row.asset_id)
        )
    return found


def parse(wanted: Iterable[str], field_name: str = "addresses") -> list[tuple[str, str]]:
    """Typed words as (kind, value), each once; `Invalid` names the first that is none."""
    found: dict[tuple[str, str], None] = {}
    for text in wanted:
        if not text.strip():
            continue
        try:
            found[values.canonical(text)] = None
        except ValueError:
            shown = text.strip()[:80]
            raise Invalid(field_name, f"“{shown}” không phải địa chỉ, mạng, tên miền hay URL.",
                          f"“{shown}” is no address, network, name or URL.") from None  # fmt: skip
    if len(found) > VALUES:
        raise Invalid(field_name, f"Tối đa {VALUES} địa chỉ.", f"At most {VALUES} addresses.")
    return list(found)


def current(session: Session, owners: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """owner's id → (kind, value) that it holds now, oldest first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(owners), IN_ONE):
        chunk = owners[start : start + IN_ONE]
        rows = session.scalars(
            select(Address)
            .where(Address.until.is_(None), Address.asset_id.in_(chunk) | Address.system_id.in_(chunk))
            .order_by(Address.id)
        )
        for row in rows:
            found.setdefault(row.asset_id or row.system_id or "", []).append((row.kind, row.value))
    return found


def current_of(session: Session, of: type[Owner], agencies: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """The same for every asset (or system) of these agencies."""
    mine = Address.asset_id if of is Asset else Address.system_id
    found: dict[str, list[tuple[str, str]]] = {}
    for row in session.execute(
        select(mine.label("owner"), Address.kind, Address.value)
        .where(Address.agency.in_(agencies), Address.until.is_(None), mine.is_not(None))
        .order_by(Address.id)
    ):
        found.setdefault(row.owner, []).append((row.kind, row.value))
    return found


@dataclass(slots=True)
class Held:
    """Open bindings of an agency's assets (or of its systems' own names), by value and by holder."""

    rows: dict[str, Address] = field(default_factory=dict)
    of: dict[str, set[str]] = field(default_factory=dict)

    def put(self, row: Address) -> None:
        self.rows[row.value] = row
        self.of.setdefault(_holder(row), set()).add(row.value)

    def end(self, row: Address, now: float) -> None:
        row.until = max(now, row.since)
        self.rows.pop(row.value, None)
        self.of.get(_holder(row), set()).discard(row.value)


def held_now(session: Session, agency: str, of: type[Owner], narrowed: tuple[str, Sequence[str]] | None = None) -> Held:
    """All open bindings of this sort, or those of one owner's id and of some values."""
    mine = Address.asset_id if of is Asset else Address.system_id
    query = select(Address).where(Address.agency == agency, Address.until.is_(None), mine.is_not(None))
    if narrowed is not None:
        query = query.where(Address.value.in_(narrowed[1]) | (mine == narrowed[0]))
    found = Held()
    for row in session.scalars(query):
        found.put(row)
    return found


def assign(
    session: Session, owner: Owner, wanted: Sequence[tuple[str, str]], now: float, held: Held | None = None
) -> set[str]:
    """Make `wanted` what this asset or system holds from now on; returns the ids of those who lost a value to it.
    What it holds already goes on; what is no longer wanted ends. `held`: read once for many (an import)."""
    want = {value: kind for kind, value in wanted}
    if held is None:
        held = held_now(session, owner.agency, type(owner), (owner.id, list(want)))
    lost: set[str] = set()
    for value in held.of.get(owner.id, set()) - set(want):
        held.end(held.rows[value], now)
    for value, kind in want.items():
        row = held.rows.get(value)
        if row is not None and _holder(row) == owner.id:
            continue
        if row is not None:
            lost.add(_holder(row))
            held.end(row, now)
        asset = isinstance(owner, Asset)
        row = Address(
            agency=owner.agency, kind=kind, value=value, since=now,
            asset_id=owner.id if asset else None, system_id=None if asset else owner.id,
        )  # fmt: skip
        session.add(row)
        held.put(row)
    return lost


def _holder(row: Address) -> str:
    return row.asset_id or row.system_id or ""
