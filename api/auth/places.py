"""From where a person logs in: the network's prefix and the browser's name, so that a log-in from elsewhere is told.

In:  a log-in that has succeeded: its address and browser (`agents.named`). Out: the place when it is new to the person,
     to be told to them and written into the audit; None when they were there within KEPT_S, or never anywhere before.
No location service and nothing finer than a /24 (IPv4) or /48 (IPv6): that is what one office or one line has. A place
that was not used for 90 days is forgotten and would be new again.
Bound: PER_USER places a person; the one longest unused gives way.
Source: OWASP ASVS 5.0 6.3.5 (tell of log-ins from an unknown place), 6.3.7; reliability.md S-rows.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.state.people import KnownPlace, User

KEPT_S = 90 * 86_400.0
PER_USER = 50
PREFIX = {4: 24, 6: 48}


@dataclass(frozen=True, slots=True)
class Place:
    network: str  # "203.0.113.0/24"; "" when the address is none
    browser: str  # "Firefox · Windows"; "" when it names itself by nothing that we know

    def said(self, language: str) -> str:
        no = (
            ("trình duyệt không rõ", "địa chỉ không rõ") if language == "vi" else ("unknown browser", "unknown address")
        )
        return f"{self.browser or no[0]}, {self.network or no[1]}"


def place_of(address: str, browser: str) -> Place:
    return Place(network_of(address), browser[:64])


def network_of(address: str) -> str:
    try:
        plain: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(plain, ipaddress.IPv6Address) and plain.ipv4_mapped:
        plain = plain.ipv4_mapped
    return str(ipaddress.ip_network((plain, PREFIX[plain.version]), strict=False))


def came(session: Session, user: User, place: Place, now: float) -> Place | None:
    """Remembers the place; gives it back when the person should be told. To be called before `seen_at` is written:
    who was never here has no place to differ from."""
    known = session.get(KnownPlace, (user.id, place.network, place.browser))
    new = known is None or known.seen_at <= now - KEPT_S
    if known is None:
        kept = session.scalars(
            select(KnownPlace).where(KnownPlace.user_id == user.id).order_by(KnownPlace.seen_at.desc())
        ).all()
        for extra in kept[PER_USER - 1 :]:
            session.delete(extra)
        session.add(KnownPlace(user_id=user.id, network=place.network, browser=place.browser, seen_at=now))
    else:
        known.seen_at = now
    return place if new and user.seen_at is not None else None


def clean(session: Session, now: float) -> int:
    gone = session.execute(delete(KnownPlace).where(KnownPlace.seen_at <= now - KEPT_S))
    return int(getattr(gone, "rowcount", 0))
