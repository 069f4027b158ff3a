"""A table of systems or assets, laid over the inventory: what is new, changed, unchanged or wrong, and then all of it
in one transaction, or nothing.

In:  the file's bytes, the agency for rows that name none, whether to apply. The plan is laid over a read; the write
     transaction begins with what was laid if the inventory has not moved since, and else lays it again: a preview takes
     no lock, and an import holds it only while it writes.
Out: `Plan`. A row is the thing of its id, else of its name (a system) or host (an asset) in its agency. A column that
     is not there is left as it is; an empty cell empties. What the table does not name stays: nothing is retired by
     absence. Applying the same file again changes nothing. A plan with anything wrong applies nothing.
Bound: table.ROWS rows, SHOWN of them told one by one; ONE audit entry with the file's SHA-256 and the counts, a row of
history for each thing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from api.casework import ids
from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import Invalid
from api.casework.folding import fold
from api.inventory import addresses, assets, systems, table
from api.inventory.kinds import ASSET_KINDS, KINDS, Kind
from api.inventory.records import difference, moved, record
from api.inventory.table import Column, Wrong
from api.state.base import Database
from api.state.cases import History
from api.state.inventory import Address, Asset, System
from api.state.people import Agency

SHOWN = 200
SYSTEM_COLUMNS = (
    Column("id", "Mã", "Id", ("ma so",)),
    Column("agency", "Đơn vị", "Agency"),
    Column("name", "Tên hệ thống", "Name", ("he thong", "system")),
    Column("kind", "Loại", "Kind", ("loai he thong",)),
    Column("grade", "Cấp độ", "Grade", ("cap do an toan",)),
    Column("owner", "Chủ quản", "Owner", ("don vi chu quan",)),
    Column("contact", "Liên hệ 24/7", "Contact 24/7", ("lien he", "contact")),
    Column("provider", "Nhà cung cấp", "Provider"),
    Column("names", "Tên miền, URL", "Names, URLs", ("ten mien", "url", "urls", "domains")),
    Column("secret", "Bí mật nhà nước", "State secret", ("mat", "secret")),
    Column("note", "Ghi chú", "Note"),
)
ASSET_COLUMNS = (
    Column("id", "Mã", "Id", ("ma so",)),
    Column("agency", "Đơn vị", "Agency"),
    Column("host", "Tên máy", "Host", ("may", "hostname", "ten may chu")),
    Column("kind", "Loại", "Kind", ("loai thiet bi",)),
    Column("addresses", "Địa chỉ", "Addresses", ("ip", "dia chi ip")),
    Column("system", "Hệ thống", "System", ("ma he thong", "ten he thong")),
    Column("owner", "Đơn vị quản lý", "Owner", ("quan ly",)),
    Column("note", "Ghi chú", "Note"),
)
_LIMITS = {"name": 256, "host": 253, "owner": 256, "contact": 256, "provider": 256, "note": 10_000}
_YES = {"1", "x", "co", "yes", "true", "mat", "y"}
_NO = {"", "0", "khong", "no", "false", "n"}
_APART = re.compile(r"[\s,;|]+")


@dataclass(frozen=True, slots=True)
class Line:
    row: int
    act: Literal["new", "changed", "unchanged"]
    id: str
    name: str
    changes: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    applied: bool = False


@dataclass(slots=True)
class _Step:
    row: int
    agency: str
    fields: dict[str, Any]
    pairs: list[tuple[str, str]] | None
    there: Any  # System | Asset | None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


@dataclass(slots=True)
class _Laid:
    """What a read has found; its steps hold rows of that read."""

    plan: Plan
    steps: list[_Step] = field(default_factory=list)


def run(
    db: Database, desk_of: Callable[[Session], Desk], of: type[System | Asset], content: bytes, agency: str, *,
    apply: bool, then: Callable[[Session, Plan], None] | None = None,
) -> Plan:  # fmt: skip
    """`desk_of`: who acts, over the session that it is given. `then` runs in the transaction that has applied."""
    moves = db.moves(System, Asset, Address, Agency)
    with db.read() as session:
        laid = _look(desk_of(session), of, content, agency)
    if not apply or laid.plan.wrong:
        return laid.plan
    with db.write() as session:
        desk = desk_of(session)
        if db.moves(System, Asset, Address, Agency) != moves:
            laid = _look(desk, of, content, agency)
            if laid.plan.wrong:
                return laid.plan
        else:
            _take_over(session, of, laid.steps)
        _apply(desk, of, laid.steps)
        _sign(desk, of, laid.plan, content, agency)
        laid.plan.applied = True
        if then is not None:
            then(session, laid.plan)
    return laid.plan


def _look(desk: Desk, of: type[System | Asset], content: bytes, agency: str) -> _Laid:
    plan = Plan()
    laid = _Laid(plan)
    columns = SYSTEM_COLUMNS if of is System else ASSET_COLUMNS
    found = table.read(content, columns)
    plan.wrong = found.wrong
    key = "name" if of is System else "host"
    if found.columns and key not in found.columns:
        title = next(column for column in columns if column.code == key)
        _tell(plan, 1, key, f"Thiếu cột “{title.vi}”.", f"The column “{title.en}” is missing.")
    elif found.columns:
        laid.steps = _lay(desk, of, found, agency, plan)
    return laid


def _sign(desk: Desk, of: type[System | Asset], plan: Plan, content: bytes, agency: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    detail = {"sha256": digest, "new": plan.new, "changed": plan.changed, "unchanged": plan.unchanged}
    what = "system" if of is System else "asset"
    if desk.access:
        desk.audit.record(desk.session, desk.access.actor, f"{what}.import", digest[:16], agency=agency, detail=detail)


def _lay(desk: Desk, of: type[Any], found: table.Table, agency: str, plan: Plan) -> list[_Step]:
    agencies = {code for code in desk.session.scalars(select(Agency.code)) if desk.scope.sees(code)}
    if agency not in agencies:
        raise Invalid("agency", "Không có đơn vị này.", "unknown agency")
    touched = {values.get("agency", "").strip() or agency for _, values in found.rows} & agencies
    rows = desk.session.scalars(select(of).where(of.agency.in_(touched), of.retired_at.is_(None))).all()
    by_id = {row.id: row for row in rows}
    named = {(row.agency, _key(of, row)): row for row in rows}
    held = addresses.current_of(desk.session, of, sorted(touched))
    places = _systems(desk, touched) if of is Asset else {}
    steps: list[_Step] = []
    met: dict[Any, int] = {}
    taken: dict[tuple[str, str], int] = {}
    for number, values in found.rows:
        wrong = len(plan.wrong)
        where = values.get("agency", "").strip() or agency
        if where not in agencies:
            _tell(plan, number, "agency", "Không có đơn vị này.", "Unknown agency.")
            continue
        fields, pairs = _fields(of, values, where, places, number, plan)
        there, title = _who(of, values, fields, where, by_id, named, number, plan)
        if title is None or len(plan.wrong) > wrong:
            continue
        mark = there.id if there else (where, title)
        if mark in met:
            _tell(plan, number, "", f"Trùng với dòng {met[mark]}.", f"The same as row {met[mark]}.")
            continue
        met[mark] = number
        for _, value in pairs or ():
            if taken.setdefault((where, value), number) != number:
                other = taken[where, value]
                column = "names" if of is System else "addresses"
                _tell(plan, number, column, f"“{value}” đã có ở dòng {other}.", f"“{value}” is in row {other} too.")
        step = _Step(number, where, fields, pairs, there)
        _compare(of, step, held)
        steps.append(step)
        act: Literal["new", "changed", "unchanged"] = (
            "new" if there is None else "changed" if step.after else "unchanged"
        )
        setattr(plan, act, getattr(plan, act) + 1)
        if len(plan.lines) < SHOWN and act != "unchanged":
            shown = str(fields.get("name") or fields.get("host") or title)
            plan.lines.append(
                Line(number, act, there.id if there else "", shown, tuple(step.after or ()) if there else ())
            )
    return steps


def _take_over(session: Session, of: type[Any], steps: Sequence[_Step]) -> None:
    """The rows that will change, as this session's own: those of the read are only to be looked at."""
    changing = [step for step in steps if step.there is not None and step.after]
    for start in range(0, len(changing), addresses.IN_ONE):
        some = changing[start : start + addresses.IN_ONE]
        rows = {row.id: row for row in session.scalars(select(of).where(of.id.in_([step.there.id for step in some])))}
        for step in some:
            step.there = rows[step.there.id]


class _Gathering:
    """A session that keeps back the rows of which an import makes tens of thousands, and that nobody asks for until it
    is through; `write` inserts them by table, at a fifth of the processor's time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[type[Any], list[Any]] = {Address: [], History: []}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def add(self, row: Any) -> None:
        if type(row) in self._rows:
            self._rows[type(row)].append(row)
        else:
            self._session.add(row)

    def scalars(self, *args: Any, **kwargs: Any) -> Any:
        self._session.flush()  # who lost an address may have been made a moment ago
        return self._session.scalars(*args, **kwargs)

    def write(self) -> None:
        self._session.flush()  # what ends, and what these rows point at
        for of, rows in self._rows.items():
            names = [name for name in of.__table__.columns.keys() if name != "id"]  # noqa: SIM118
            if rows:
                self._session.execute(
                    insert(of.__table__), [{name: getattr(row, name) for name in names} for row in rows]
                )
            rows.clear()


def _apply(desk: Desk, of: type[Any], steps: Sequence[_Step]) -> None:
    kind: Any = systems if of is System else assets
    doing = [step for step in steps if step.there is None or step.after]
    fresh = [step for step in doing if step.there is None]
    numbers = iter(ids.next_ids(desk.session, "HT" if of is System else "TS", desk.now, len(fresh)) if fresh else [])
    for step in fresh:
        step.there = kind.make(desk, next(numbers), step.agency, step.fields)
    held = {agency: addresses.held_now(desk.session, agency, of) for agency in {step.agency for step in doing}}
    gathering = _Gathering(desk.session)
    inside = replace(desk, session=cast("Session", gathering))
    with desk.session.no_autoflush:
        for step in doing:
            act = "changed" if step.before is not None else "created"
            kind.put(inside, step.there, step.fields, step.pairs, held[step.agency])
            record(inside, step.there, act, step.before, step.after, audit=False)
        gathering.write()
        for agency in held:
            moved(desk.session, agency)
            changed(desk.session, desk.bell, "inventory", agency, agency=agency, revision=0, now=desk.now)
    desk.session.flush()


def _compare(of: type[Any], step: _Step, held: Mapping[str, list[tuple[str, str]]]) -> None:
    kind: Any = systems if of is System else assets
    listed = systems.NAMES if of is System else assets.ADDRESSES
    if step.there is None:
        step.pairs = step.pairs or []
        step.after = dict(step.fields) | {listed: [value for _, value in step.pairs]}
        return
    had = held.get(step.there.id, [])
    if of is Asset:
        had = [pair for pair in had if pair != assets.host_of(step.there)]
    before = kind.state(step.there, [value for _, value in had])
    after = before | step.fields
    if step.pairs is not None:
        own = assets.host_word(after["host"]) if of is Asset else None
        step.pairs = [pair for pair in step.pairs if pair != own]
        # The order of addresses says nothing.
        same = sorted(step.pairs) == sorted(had)
        after[listed] = before[listed] if same else [value for _, value in step.pairs]
    elif of is Asset:
        step.pairs = had
    was, now = difference(before, after)
    step.before, step.after = was, now


def _fields(of: type[Any], values: Mapping[str, str], agency: str, places: Mapping[tuple[str, str], str], row: int,
            plan: Plan) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:  # fmt: skip
    fields: dict[str, Any] = {}
    for name in ("name", "host", "owner", "contact", "provider", "note"):
        if name in values:
            fields[name] = values[name].strip()
            if len(fields[name]) > _LIMITS[name]:
                limit = _LIMITS[name]
                _tell(plan, row, name, f"Dài hơn {limit} ký tự.", f"Over {limit} characters.")
    if "kind" in values:
        kinds = KINDS if of is System else ASSET_KINDS
        code = _kind(values["kind"], kinds)
        fields["kind"] = code
        if code is None:
            known = ", ".join(kinds)
            _tell(plan, row, "kind", f"Không có loại này. Các loại: {known}.", f"No such kind. Kinds: {known}.")
    if "grade" in values:
        text = fold(values["grade"]).strip().removeprefix("cap do").removeprefix("grade").strip()
        fields["grade"] = int(text) if text in ("1", "2", "3", "4", "5") else None
        if text and fields["grade"] is None:
            _tell(plan, row, "grade", "Cấp độ từ 1 đến 5, hoặc để trống.", "1 to 5, or empty.")
    if "secret" in values:
        text = fold(values["secret"]).strip()
        fields["secret"] = text in _YES
        if text not in _YES | _NO:
            _tell(plan, row, "secret", "Ghi “có” hoặc “không”.", "Say “yes” or “no”.")
    if "system" in values:
        text = values["system"].strip()
        fields["system_id"] = places.get((agency, fold(text))) if text else None
        if text and not fields["system_id"]:
            _tell(plan, row, "system", f"Đơn vị không có hệ thống “{text[:80]}”.", f"No system “{text[:80]}”.")
    listed = "names" if of is System else "addresses"
    pairs: list[tuple[str, str]] | None = None
    if listed in values:
        try:
            pairs = addresses.parse(_APART.split(values[listed]), listed)
        except Invalid as error:
            _tell(plan, row, listed, error.vi, error.en)
    return fields, pairs


def _who(of: type[Any], values: Mapping[str, str], fields: Mapping[str, Any], agency: str, by_id: Mapping[str, Any],
         named: Mapping[tuple[str, str], Any], row: int, plan: Plan) -> tuple[Any, str | None]:  # fmt: skip
    """(what is there, the key of its row); the key is None when the row can't be placed."""
    key = "name" if of is System else "host"
    word = str(fields.get(key, ""))
    if not word:
        _tell(plan, row, key, "Ô này không được để trống.", "This must not be empty.")
        return None, None
    if of is Asset:
        try:
            assets.host_word(word)
        except Invalid as error:
            _tell(plan, row, key, error.vi, error.en)
            return None, None
    there = named.get((agency, word.casefold()))
    asked = values.get("id", "").strip()
    if asked:
        mine = by_id.get(asked)
        if mine is None or mine.agency != agency:
            _tell(plan, row, "id", "Đơn vị không có mã này.", "The agency has no such id.")
            return None, None
        if there is not None and there is not mine:
            _tell(plan, row, key, f"Tên này đã thuộc {there.id}.", f"{there.id} has this name.")
            return None, None
        there = mine
    return there, word.casefold()


def _kind(text: str, kinds: Mapping[str, Kind]) -> str | None:
    word = fold(text.strip())
    if not word:
        return "other"
    ways: tuple[Callable[[str, Kind], bool], ...] = (
        lambda code, kind: word == code,
        lambda code, kind: word in (fold(kind.vi), fold(kind.en)),
    )
    return next((code for way in ways for code, kind in kinds.items() if way(code, kind)), None)


def _systems(desk: Desk, agencies: set[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for row in desk.session.execute(
        select(System.id, System.agency, System.name).where(System.agency.in_(agencies), System.retired_at.is_(None))
    ):
        found.setdefault((row.agency, fold(row.name)), row.id)
        found[row.agency, fold(row.id)] = row.id
    return found


def _key(of: type[Any], row: Any) -> str:
    return str(row.name if of is System else row.host).casefold()


def _tell(plan: Plan, row: int, column: str, vi: str, en: str) -> None:
    if len(plan.wrong) < table.PROBLEMS:
        plan.wrong.append(Wrong(row, column, vi, en))


def systems_out(rows: Sequence[System], held: Mapping[str, list[tuple[str, str]]], language: str) -> bytes:
    return table.write(
        SYSTEM_COLUMNS,
        (
            {
                "id": row.id, "agency": row.agency, "name": row.name, "kind": _word(KINDS, row.kind, language),
                "grade": str(row.grade or ""), "owner": row.owner, "contact": row.contact, "provider": row.provider,
                "names": " ".join(value for _, value in held.get(row.id, ())),
                "secret": ("có" if language == "vi" else "yes") if row.secret else "", "note": row.note,
            }
            for row in rows
        ),
        language,
    )  # fmt: skip


def assets_out(rows: Sequence[Asset], held: Mapping[str, list[tuple[str, str]]], language: str) -> bytes:
    return table.write(
        ASSET_COLUMNS,
        (
            {
                "id": row.id, "agency": row.agency, "host": row.host, "kind": _word(ASSET_KINDS, row.kind, language),
                "addresses": " ".join(pair[1] for pair in held.get(row.id, ()) if pair != assets.host_of(row)),
                "system": row.system_id or "", "owner": row.owner, "note": row.note,
            }
            for row in rows
        ),
        language,
    )  # fmt: skip


def _word(kinds: Mapping[str, Kind], code: str, language: str) -> str:
    kind = kinds.get(code)
    return code if kind is None else kind.vi if language == "vi" else kind.en
