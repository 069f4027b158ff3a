"""What happens to units, each with its day and its source: made, renamed, moved, changed in kind, merged, split, ended.

In:  a Session, the change. Out: rows of the register as they are after it; nothing that was true of an earlier day is
     lost. A change of a day before the unit's present period began is refused: history is imported, not edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from api.casework.errors import Invalid
from api.organisation import register as registers
from api.organisation.register import Register
from api.organisation.units import EventRow, UnitRow


@dataclass(frozen=True, slots=True)
class Change:
    act: str  # of units.EVENTS
    at: str
    source: str
    codes: tuple[str, ...] = ()  # before
    into: tuple[str, ...] = ()  # after, of units that are there
    code: str = ""  # of a unit that is made
    name: str = ""
    kind: str = ""
    parent: str | None = None


def apply(session: Session, change: Change) -> dict[str, int]:
    """Do it; raises `Invalid` when it does not fit what the register holds."""
    register = registers.read(session)
    rows, after = _ACTS[change.act](register, change)
    return registers.take_in(
        session, rows, [EventRow(change.at, change.act, change.codes, tuple(after), change.source)]
    )


def _created(register: Register, change: Change) -> tuple[list[UnitRow], Sequence[str]]:
    if any(row.holds(change.at) or row.valid_from > change.at for row in register.of.get(change.code, ())):
        raise Invalid("code", f"đã có đơn vị `{change.code}`", f"unit `{change.code}` exists")
    row = UnitRow(change.kind, change.name, change.code, change.parent, change.at, None, change.source)
    return [row], [change.code]


def _changed(register: Register, change: Change) -> tuple[list[UnitRow], Sequence[str]]:
    """Renamed, moved, changed in kind: the same unit, a new period."""
    old = _one(register, change)
    new = replace(
        old, valid_from=change.at, valid_to=old.valid_to, source=change.source,
        name=change.name if change.act == "renamed" else old.name,
        kind=change.kind if change.act == "changed_kind" else old.kind,
        parent=change.parent if change.act == "moved" else old.parent,
    )  # fmt: skip
    return [replace(old, valid_to=change.at), new], [old.code]


def _merged(register: Register, change: Change) -> tuple[list[UnitRow], Sequence[str]]:
    """Several go into one: into one of themselves, another that is there, or a new one (`code`, `name`, `kind`)."""
    old = [_here(register, code, change.at) for code in change.codes]
    if len(old) < 2 and not change.code and not change.into:
        raise Invalid("codes", "hợp nhất cần ít nhất hai đơn vị", "a merger needs two units")
    target = change.into[0] if change.into else change.code
    if not target:
        raise Invalid("into", "cần đơn vị tiếp nhận", "it needs a unit to merge into")
    rows = [replace(row, valid_to=change.at) for row in old]
    base = next((row for row in old if row.code == target), None)
    if base is not None:
        rows.append(replace(base, valid_from=change.at, source=change.source, name=change.name or base.name,
                            kind=change.kind or base.kind))  # fmt: skip
    elif change.code:
        rows.append(UnitRow(change.kind, change.name, change.code, change.parent, change.at, None, change.source))
    else:
        _here(register, target, change.at)
    return rows + _orphans(register, {row.code for row in old} - {target}, target, change), [target]


def _split(register: Register, change: Change) -> tuple[list[UnitRow], Sequence[str]]:
    """One ends; its tasks go to `into`, which must be there (made before)."""
    old = _one(register, change)
    if not change.into:
        raise Invalid("into", "cần các đơn vị tiếp nhận", "it needs the units that it is split into")
    for code in change.into:
        if code != old.code:
            _here(register, code, change.at)
    rows = [] if old.code in change.into else [replace(old, valid_to=change.at)]
    if rows:
        rows += _orphans(register, {old.code}, change.into[0], change)
    return rows, change.into


def _ended(register: Register, change: Change) -> tuple[list[UnitRow], Sequence[str]]:
    old = _one(register, change)
    if any(row.parent == old.code for row in register.at(change.at).values()):
        raise Invalid("codes", f"`{old.code}` còn đơn vị trực thuộc", f"`{old.code}` still has units below it")
    return [replace(old, valid_to=change.at)], []


def _orphans(register: Register, gone: set[str], to: str, change: Change) -> list[UnitRow]:
    """Units below those that end go on below the one that takes over."""
    rows: list[UnitRow] = []
    for row in register.at(change.at).values():
        if row.parent in gone and row.code != to:
            if row.valid_from >= change.at:
                rows.append(replace(row, parent=to))
            else:
                rows += [
                    replace(row, valid_to=change.at),
                    replace(row, valid_from=change.at, parent=to, source=change.source),
                ]
    return rows


def _one(register: Register, change: Change) -> UnitRow:
    if len(change.codes) != 1:
        raise Invalid("codes", "cần đúng một đơn vị", "exactly one unit")
    return _here(register, change.codes[0], change.at)


def _here(register: Register, code: str, day: str) -> UnitRow:
    found = next((row for row in register.of.get(code, ()) if row.holds(day)), None)
    if found is None:
        raise Invalid("codes", f"không có đơn vị `{code}` vào ngày {day}", f"there is no unit `{code}` on {day}")
    if found.valid_to is not None or found.valid_from >= day:
        raise Invalid("at", f"`{code}` đã có thay đổi từ ngày {found.valid_to or found.valid_from}",
                      f"`{code}` has changed on {found.valid_to or found.valid_from} already")  # fmt: skip
    return found


_ACTS = {
    "created": _created, "renamed": _changed, "moved": _changed, "changed_kind": _changed, "merged": _merged,
    "split": _split, "ended": _ended,
}  # fmt: skip
