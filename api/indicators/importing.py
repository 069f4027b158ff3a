"""A list of indicators, laid over what is known: what is new, known, refused, asked about; then taken in.

In:  the bytes that somebody pasted or a file held, the source's name and defaults, what a person has said yes to.
Out: `Plan`. `lay` reads only. `take_in` writes in blocks of BLOCK rows, each its own transaction: a million rows in one
would keep casework waiting for its half-minute. A crash in between leaves a part, and the same file again completes
it; the source's `revision` is raised last, so that the set file is made once.
A row of the same source with the same value is renewed (confidence, end, note), not doubled. `replace`: what this
source said before and does not say now goes: a feed's newest state is all of it (not of a list that was cut).
Bound: formats' own limits; SHOWN rows told of each sort.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from api.state.base import Database
from api.state.indicators import IndicatorSource, ListedIndicator
from api.state.inventory import Address
from correlator.indicators import formats
from correlator.indicators.kinds import all_kinds, normal_of
from correlator.indicators.seam import DEFAULT_TLP, Given, Own, Reading
from correlator.indicators.table import key_of
from correlator.indicators.warnings import Warnings

BLOCK = 2_000
IN_ONE = 500
SHOWN = 200
DAY_S = 86_400.0
DEFAULT_DAYS = 365  # an indicator of a year ago says little; addresses change hands
LONGEST_DAYS = 3_650
T = TypeVar("T")
State = Literal["new", "known", "elsewhere", "asked", "refused", "wrong", "passed", "ended"]
STATES: tuple[State, ...] = ("new", "known", "elsewhere", "asked", "refused", "wrong", "ended", "passed")


@dataclass(frozen=True, slots=True)
class Wanted:
    agency: str  # "": for all of the node
    name: str
    format: str = ""
    tlp: str = DEFAULT_TLP
    confidence: int | None = None
    days: int = DEFAULT_DAYS
    yes: frozenset[str] = frozenset()  # keys of asked rows that a person takes
    yes_to_all: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    line: int
    state: State
    kind: str
    value: str
    key: str = ""
    list: str = ""
    vi: str = ""
    en: str = ""


@dataclass(slots=True)
class Plan:
    format: str
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    stopped: tuple[str, str] | None = None
    kinds: Counter[str] = field(default_factory=Counter)  # of what would be taken
    taken: list[dict[str, Any]] = field(default_factory=list)
    applied: bool = False
    removed: int = 0
    source_id: int = 0

    def tell(self, line: Line) -> None:
        self.counts[line.state] += 1
        if self.counts[line.state] <= SHOWN:
            self.lines.append(line)


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    here = iter(values)
    while some := list(islice(here, size)):
        yield some


def own_of(session: Session, agency: str, names: Iterable[str] = ()) -> Own:
    """What the inventory says is ours: of this agency, or of all where the list is for all."""
    query = select(Address.kind, Address.value).where(Address.until.is_(None))
    if agency:
        query = query.where(Address.agency == agency)
    found: dict[bool, list[str]] = {True: list(names), False: []}
    for kind, value in session.execute(query):
        found[kind == "name"].append(value)
    return Own(tuple(found[False]), tuple(found[True]))


def lay(session: Session, data: bytes, wanted: Wanted, now: float, own: Own) -> Plan:
    chosen, reading = formats.read(data, wanted.format)
    plan = Plan(chosen.name)
    if reading.stopped is not None:
        plan.stopped = (reading.stopped.vi, reading.stopped.en)
    source = session.scalars(select(IndicatorSource).where(
        IndicatorSource.agency == wanted.agency, IndicatorSource.name == wanted.name)).first()  # fmt: skip
    plan.source_id = source.id if source else 0
    # What a person once said yes to stays taken when the feed says it again.
    query = select(ListedIndicator.key).where(
        ListedIndicator.source_id == plan.source_id, ListedIndicator.allowed != ""
    )
    wanted = replace(wanted, yes=wanted.yes | frozenset(session.scalars(query)))
    seen: set[str] = set()
    for some in batched(_read(reading, wanted, now, Warnings(own), plan, seen), IN_ONE):
        known = _known(session, wanted.agency, [row["key"] for row in some])
        for row in some:
            sources = known.get(row["key"], set())
            state: State = "known" if plan.source_id in sources else "elsewhere" if sources else "new"
            plan.taken.append(row)
            plan.kinds[row["kind"]] += 1
            plan.tell(Line(row.pop("line"), state, row["kind"], row["value"], row["key"], row["allowed"]))
    for passed in reading.passed:
        plan.tell(Line(passed.line, "passed", "", passed.text, vi=passed.vi, en=passed.en))
    plan.counts["passed"] = reading.passed_total
    return plan


def _read(
    reading: Reading, wanted: Wanted, now: float, warnings: Warnings, plan: Plan, seen: set[str]
) -> Iterator[dict[str, Any]]:
    """The rows that would be taken; all others are told to the plan."""
    kinds = all_kinds()
    longest = now + LONGEST_DAYS * DAY_S
    for given in reading.given:
        found = normal_of(given.kind, given.value)
        if found is None:
            plan.tell(_wrong(given))
            continue
        kind, value = found
        key = key_of(kinds[kind], value)
        if key in seen:
            continue
        seen.add(key)
        ends = min(longest, given.expires if given.expires is not None else now + wanted.days * DAY_S)
        if ends <= now:
            plan.tell(Line(given.line, "ended", kind, value, key, vi="Đã hết hạn.", en="It has ended."))
            continue
        caution = warnings.of(kind, value)
        yes = wanted.yes_to_all or key in wanted.yes
        if caution is not None and (caution.verdict == "refuse" or not yes):
            state: State = "refused" if caution.verdict == "refuse" else "asked"
            plan.tell(Line(given.line, state, kind, value, key, caution.list, caution.vi, caution.en))
            continue
        yield {
            "line": given.line, "key": key, "kind": kind, "value": value, "agency": wanted.agency,
            "tlp": given.tlp or wanted.tlp, "note": _clean(given.note), "expires_at": ends, "added_at": now,
            "confidence": wanted.confidence if given.confidence is None else given.confidence,
            "allowed": caution.list if caution else "",
        }  # fmt: skip


def _wrong(given: Given) -> Line:
    if given.kind:
        return Line(given.line, "wrong", given.kind, given.value[:200], vi=f"Không phải “{given.kind}” hợp lệ.",
                    en=f"Not a valid “{given.kind}”.")  # fmt: skip
    return Line(given.line, "wrong", "", given.value[:200], vi="Không nhận ra đây là loại chỉ dấu nào.",
                en="Not recognised as any kind of indicator.")  # fmt: skip


def _clean(note: str) -> str:
    return note.replace("\x00", "").encode("utf-8", "replace").decode()[:500]


def _known(session: Session, agency: str, keys: Sequence[str]) -> dict[str, set[int]]:
    """Which sources say them already: of this agency, and those for all."""
    found: dict[str, set[int]] = {}
    query = select(ListedIndicator.key, ListedIndicator.source_id).where(
        ListedIndicator.agency.in_({agency, ""}), ListedIndicator.key.in_(keys)
    )
    for key, source in session.execute(query):
        found.setdefault(key, set()).add(source)
    return found


# --- writing ----------------------------------------------------------------------------------------------------------


def take_in(db: Database, plan: Plan, wanted: Wanted, now: float, who: str) -> IndicatorSource:
    with db.write() as session:
        source = session.scalars(select(IndicatorSource).where(
            IndicatorSource.agency == wanted.agency, IndicatorSource.name == wanted.name)).first()  # fmt: skip
        if source is None:
            source = IndicatorSource(agency=wanted.agency, name=wanted.name, added_at=now, added_by=who, changed_at=0.0,
                                     format=plan.format, tlp=wanted.tlp, confidence=wanted.confidence)  # fmt: skip
            session.add(source)
            session.flush()
        source_id = plan.source_id = source.id
    for some in batched(plan.taken, BLOCK):
        with db.write() as session:
            _block(session, source_id, some)
    if wanted.replace and plan.stopped is None:  # of a list that was read to its end
        plan.removed = _remove_others(db, source_id, {row["key"] for row in plan.taken})
    with db.write() as session:
        source = session.get_one(IndicatorSource, source_id)
        source.rows = session.scalar(select(func.count()).where(ListedIndicator.source_id == source_id)) or 0
        source.format, source.tlp, source.confidence = plan.format, wanted.tlp, wanted.confidence
        source.removed_at = None
        touch(source, now)
    plan.applied = True
    return source


def touch(source: IndicatorSource, now: float) -> None:
    source.changed_at, source.revision = now, (source.revision or 0) + 1


def _block(session: Session, source_id: int, rows: Sequence[dict[str, Any]]) -> None:
    there: dict[str, int] = {}
    for keys in batched([row["key"] for row in rows], IN_ONE):
        query = select(ListedIndicator.key, ListedIndicator.id).where(
            ListedIndicator.source_id == source_id, ListedIndicator.key.in_(keys)
        )
        there.update((key, number) for key, number in session.execute(query))
    new = [{**row, "source_id": source_id} for row in rows if row["key"] not in there]
    renewed = [
        {
            "id": there[row["key"]],
            **{of: row[of] for of in ("value", "tlp", "note", "expires_at", "confidence", "allowed")},
        }
        for row in rows
        if row["key"] in there
    ]
    if new:
        session.execute(insert(ListedIndicator), new)
    if renewed:
        session.execute(update(ListedIndicator), renewed)


def _remove_others(db: Database, source_id: int, kept: set[str]) -> int:
    with db.read() as session:
        query = select(ListedIndicator.id, ListedIndicator.key).where(ListedIndicator.source_id == source_id)
        gone = [number for number, key in session.execute(query) if key not in kept]
    return delete_rows(db, gone)


def delete_rows(db: Database, numbers: Sequence[int]) -> int:
    for some in batched(numbers, BLOCK):
        with db.write() as session:
            for few in batched(some, IN_ONE):
                session.execute(delete(ListedIndicator).where(ListedIndicator.id.in_(few)))
    return len(numbers)


def remove_source(db: Database, source_id: int, now: float) -> int:
    """All that a source says; its row stays, so that hunts and the record keep its name."""
    with db.read() as session:
        numbers = list(session.scalars(select(ListedIndicator.id).where(ListedIndicator.source_id == source_id)))
    delete_rows(db, numbers)
    with db.write() as session:
        source = session.get_one(IndicatorSource, source_id)
        source.rows, source.removed_at = 0, now
        touch(source, now)
    return len(numbers)


def active(now: float) -> Any:
    """Rows that are in force at `now`."""
    return or_(ListedIndicator.expires_at.is_(None), ListedIndicator.expires_at > now)
