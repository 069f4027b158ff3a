"""The register of units in the database: imported, read as of a day, found by any name a unit ever had.

In:  a Session; days as ISO text. Out: `UnitRow`s, successors. Importing the same rows again changes nothing; a row with
     a known (code, valid_from) takes the place of that one; what a file does not name stays.
Bound: `ALL` rows of the register at most; a search answers FOUND.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.errors import Invalid
from api.casework.folding import fold, like, search_text
from api.casework.ids import HANOI
from api.organisation.order import sort_key
from api.organisation.units import EventRow, UnitRow, check
from api.state.national import Unit, UnitEvent, UnitVersion

ALL, FOUND = 20_000, 200


def today(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).astimezone(HANOI).date().isoformat()


@dataclass(slots=True)
class Register:
    """All of it in memory: a few thousand rows, read for one request or one job."""

    rows: list[UnitRow]
    events: list[UnitEvent]
    of: dict[str, list[UnitRow]] = field(default_factory=dict)

    def at(self, day: str) -> dict[str, UnitRow]:
        """The units of that day by code, in Vietnamese order of their names."""
        return {row.code: row for row in sorted((r for r in self.rows if r.holds(day)), key=lambda r: sort_key(r.name))}

    def successors(self, code: str, day: str) -> list[str]:
        """What has become of a unit by that day: itself when it is still there."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        waiting = [code]
        while waiting:
            here = waiting.pop(0)
            if here in seen:
                continue
            seen.add(here)
            if any(row.holds(day) for row in self.of.get(here, ())):
                found[here] = None
                continue
            for event in self.events:
                if here in event.before and event.at <= day:
                    waiting += event.after
        return list(found)

    def former(self, code: str, day: str) -> list[str]:
        """Names under which a unit, or those that went into it, were known before `day`. A unit that was there already
        and got some of the tasks of one that was split did not have its name."""
        now = next((row.name for row in self.of.get(code, ()) if row.holds(day)), "")
        codes: dict[str, None] = {code: None}
        for event in sorted(self.events, key=lambda one: one.at, reverse=True):
            heirs = [one for one in event.after if event.kind != "split" or not self._older(one, event.at)]
            if event.at <= day and any(one in codes for one in heirs):
                codes |= dict.fromkeys(event.before)
        names = {row.name for one in codes for row in self.of.get(one, ()) if row.valid_to and row.valid_to <= day}
        return sorted(names - {now}, key=sort_key)

    def name(self, code: str, day: str) -> str:
        """On that day, or the last before it."""
        rows = [row for row in self.of.get(code, ()) if row.valid_from <= day]
        return rows[-1].name if rows else code

    def _older(self, code: str, day: str) -> bool:
        return any(row.valid_from < day for row in self.of.get(code, ()))

    def below(self, top: str, day: str) -> set[str]:
        children: dict[str | None, list[str]] = defaultdict(list)
        for row in self.at(day).values():
            children[row.parent].append(row.code)
        found: set[str] = set()
        waiting = [top]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting += children[here]
        return found


def read(session: Session) -> Register:
    versions = session.scalars(select(UnitVersion).order_by(UnitVersion.code, UnitVersion.valid_from).limit(ALL))
    rows = [
        UnitRow(one.kind, one.name, one.code, one.parent, one.valid_from, one.valid_to, one.source) for one in versions
    ]
    of: dict[str, list[UnitRow]] = defaultdict(list)
    for row in rows:
        of[row.code].append(row)
    return Register(rows, list(session.scalars(select(UnitEvent).order_by(UnitEvent.at, UnitEvent.id))), dict(of))


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Unit)) or 0


def search(session: Session, words: str, day: str, register: Register) -> list[UnitRow]:
    """Units of that day, by a name of today or of old, with or without diacritics; "Bắc Giang" finds Bắc Ninh.

    A name written with its diacritics that fits exactly comes first."""
    conditions = [Unit.search_text.like(like(word), escape="\\") for word in words.split()[:10]]
    met = session.scalars(select(Unit.code).where(*conditions).limit(FOUND))
    here = register.at(day)
    exact, plain = words.casefold().strip(), fold(words).strip()
    found: dict[str, int] = {}  # code → how well it fits
    for old in met:
        names = [row.name.casefold() for row in register.of.get(old, ())]
        fits = 0 if any(exact in name for name in names) else 1 if any(plain in fold(name) for name in names) else 2
        for code in register.successors(old, day):
            found[code] = min(fits, found.get(code, fits))
    rows = [here[code] for code in found if code in here]
    return sorted(rows, key=lambda row: (found[row.code], sort_key(row.name)))


def take_in(session: Session, units: Sequence[UnitRow], events: Iterable[EventRow] = ()) -> dict[str, int]:
    """Import; raises `Invalid` (nothing changed) when the register would not hold together. Counts what changed."""
    register = read(session)
    merged = {(row.code, row.valid_from): row for row in register.rows}
    fresh = [row for row in units if merged.get((row.code, row.valid_from)) != row]
    merged |= {(row.code, row.valid_from): row for row in units}
    order = [*units, *(row for key, row in merged.items() if key not in {(u.code, u.valid_from) for u in units})]
    if wrong := check(order):
        first = wrong[0]
        raise Invalid(f"line {first.line}", first.vi, first.en)
    for code in dict.fromkeys(row.code for row in fresh):
        unit = session.get(Unit, code)
        if unit is None:
            unit = Unit(code=code, revision=0)
            session.add(unit)
        unit.revision += 1
        unit.search_text = search_text([code, *(row.name for row in merged.values() if row.code == code)])
    session.flush()
    for row in fresh:
        version = session.get(UnitVersion, (row.code, row.valid_from)) or UnitVersion(
            code=row.code, valid_from=row.valid_from
        )
        version.valid_to, version.kind, version.name = row.valid_to, row.kind, row.name
        version.parent, version.source = row.parent, row.source
        session.add(version)
    known = set(session.scalars(select(UnitEvent.key)))
    new = {event.key: event for event in events if event.key not in known}
    for key, event in new.items():
        missing = [
            code for code in (*event.before, *event.after) if not any(row.code == code for row in merged.values())
        ]
        if missing:
            raise Invalid("events", f"không có đơn vị `{missing[0]}`", f"there is no unit `{missing[0]}`")
        session.add(UnitEvent(at=event.at, kind=event.kind, before=list(event.before), after=list(event.after),
                              source=event.source, key=key))  # fmt: skip
    session.flush()
    return {"units": len({row.code for row in fresh}), "rows": len(fresh), "events": len(new)}
