"""How far a value may be told on: the strictest of what is said of it and what the lists here say of it.

A value that came to us TLP:RED and was then met is our own observation too, but who hears of it upstream must know
under which mark the value was shared with us.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.state.indicators import ListedIndicator
from correlator.indicators.kinds import all_kinds
from correlator.indicators.seam import TLPS
from correlator.indicators.table import key_of

_KINDS = {"ipv4": "ip", "ipv6": "ip", "domain": "domain", "url": "url", "sha256": "sha256"}
IN_ONE = 500


def strictest(session: Session, agency: str, found: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """(type of item.json, value, TLP) in the order given; the value itself is asked for, not names above it."""
    given = list(found)
    kinds = all_kinds()
    keys = {}
    for kind, value, _ in given:
        ours = kinds.get(_KINDS.get(kind, ""))
        normal = ours.normal(value) if ours else None
        if ours and normal:
            keys[kind, value] = key_of(ours, normal)
    listed: dict[str, str] = {}
    wanted = sorted(set(keys.values()))
    for start in range(0, len(wanted), IN_ONE):
        query = select(ListedIndicator.key, ListedIndicator.tlp).where(
            ListedIndicator.agency.in_({agency, ""}), ListedIndicator.key.in_(wanted[start : start + IN_ONE])
        )
        for key, tlp in session.execute(query):
            listed[key] = max(listed.get(key, tlp), tlp, key=TLPS.index)
    return [
        (kind, value, max(tlp, listed.get(keys.get((kind, value), ""), tlp), key=TLPS.index))
        for kind, value, tlp in given
    ]
