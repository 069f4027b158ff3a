"""Which information system a service belongs to: by the word of its probe's configuration, else by its host or address.

In:  the agency, the word, the host, the address. Out: the `System` row, or None. A retired system owns nothing.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.folding import fold
from api.state.inventory import Address, Asset, System

SYSTEMS = 5_000


def find(session: Session, agency: str, word: str, host: str, address: str) -> System | None:
    if word:
        named = session.get(System, word)
        if named is not None and named.agency == agency and named.retired_at is None:
            return named
        wanted = fold(word)
        rows = session.scalars(
            select(System)
            .where(System.agency == agency, System.retired_at.is_(None))
            .order_by(System.id)
            .limit(SYSTEMS)
        )
        for row in rows:
            if fold(row.name) == wanted:
                return row
    for kind, value in (("name", host), ("ip", host), ("ip", address)):
        if not value:
            continue
        found = session.execute(
            select(Address.system_id, Asset.system_id)
            .outerjoin(Asset, Asset.id == Address.asset_id)
            .where(Address.agency == agency, Address.kind == kind, Address.value == value, Address.until.is_(None))
            .order_by(Address.id.desc())
        ).first()
        system = session.get(System, found[0] or found[1]) if found and (found[0] or found[1]) else None
        if system is not None and system.retired_at is None:
            return system
    return None
