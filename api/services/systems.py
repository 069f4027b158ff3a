"""Which information system a service belongs to: as the inventory names it, by the word of its probe or by its host.

In:  the agency, the word of the probe's configuration, the host, the address, when. Out: the `System` row, or None.
The word may be the system's id (the inventory looks at that) or its name, in any case and without marks.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.folding import fold
from api.inventory import naming
from api.state.inventory import System

SYSTEMS = 5_000


def find(session: Session, agency: str, word: str, host: str, address: str, at: float) -> System | None:
    if word:
        wanted = fold(word)
        rows = session.scalars(
            select(System)
            .where(System.agency == agency, System.retired_at.is_(None))
            .order_by(System.id)
            .limit(SYSTEMS)
        )
        for row in rows:
            if wanted in (fold(row.name), fold(row.id)):
                return row
    said = [("luytre.probe.system", word), ("destination.domain", host), ("destination.ip", host),
            ("destination.ip", address)]  # fmt: skip
    return naming.system_of(session, agency, [(path, value) for path, value in said if value], at)
