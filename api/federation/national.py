"""The national view as people read it: three percentages, who is connected, what lies behind each number.

In:  a Session, a Scope (an agency out of it does not exist), the clock. Out: the shapes below.
What is counted (`subjects`): at the nation the ministries and provinces in force today; at a province's centre the
units below its own; where neither is known (no register, an exercise, a person who sees a part only) the agencies
themselves. A unit is as well as the best of its agencies: one centre watches for a whole province.
`step` is the job's: the starter register, the judgement as time passes, today's percentages, what has had its time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM
from api.casework.ids import HANOI
from api.casework.queue import inside
from api.federation import coverage
from api.federation.coverage import DATA_S, STATES, Judged, State
from api.organisation import register as registers
from api.organisation import units
from api.organisation.order import sort_key
from api.organisation.register import Register, today
from api.runtime import Runtime
from api.shapes import Out
from api.state.federation import Raised
from api.state.national import AgencyUnit, Connection, Reported, TileDay
from api.state.people import Agency
from correlator.store.base import EVERYTHING, Scope
from sensors.clock import parse_rfc3339, rfc3339

TREND_DAYS = 31
TileId = Literal["platform", "exchange", "monitored"]


class UnitShape(Out):
    code: str
    name: str
    kind: str
    former: list[str]


class AgencyRow(Out):
    key: str  # the agency's code, or "unit:<code>" of a unit that has no agency here yet
    agency: str | None
    name: str
    unit: UnitShape | None
    state: State
    reason: str
    since: str | None
    reported_at: str | None
    data_at: str | None
    selftest_at: str | None
    warnings: list[str]
    exercise: bool
    via: list[str]
    numbers: dict[str, int]
    alerts: dict[str, int]
    raised: int
    platform: bool
    exchange: bool


class TilePoint(Out):
    day: str
    part: int
    whole: int


class Tile(Out):
    id: TileId
    part: int
    whole: int
    trend: list[TilePoint]


class Cell(Out):
    unit: str
    name: str
    state: State
    agencies: int
    connected: int


class SystemsRow(Out):
    grade: int | None
    count: int
    sensed: int
    last_data_at: str | None


class RaisedCounts(Out):
    new: int
    acknowledged: int
    level: dict[str, int]


class National(Out):
    as_of: str
    counted: Literal["units", "agencies"]
    tiles: list[Tile]
    states: dict[str, int]
    agencies: list[AgencyRow]
    cells: list[Cell]
    systems: list[SystemsRow]
    raised: RaisedCounts


class Picture:
    """All of it, read once for one answer."""

    def __init__(self, node: Runtime, session: Session, scope: Scope) -> None:
        self.now, self.scope = node.clock.now(), scope
        self.day = today(self.now)
        own = node.node.agency
        self.register: Register = registers.read(session)
        self.here = self.register.at(self.day)
        found = session.scalars(select(Agency).where(inside(Agency.code, scope), Agency.code != own))
        self.agencies = {row.code: row for row in found}
        self.parents = {code: parent for code, parent in session.execute(select(Agency.code, Agency.parent))}  # noqa: C416
        self.of_agency = {row.agency: row.unit for row in session.scalars(select(AgencyUnit))}
        self.basis = coverage.judge_all(session)
        self.judged = {code: coverage.judge(*self.basis.get(code, (None, None)), self.now) for code in self.agencies}
        self.since = {row.agency: row for row in session.scalars(select(Connection))}
        new = select(Raised.agency, func.count()).where(Raised.state == "new", inside(Raised.agency, scope))
        self.raised = {agency: number for agency, number in session.execute(new.group_by(Raised.agency))}  # noqa: C416
        self.subjects = self._subjects(own, exercise=node.node.exercise)

    def unit_of(self, agency: str) -> str | None:
        """Its own unit, else that of the nearest agency above it, else the unit that has its code."""
        here: str | None = agency
        for _ in range(16):
            if here is None:
                return None
            unit = self.of_agency.get(here) or (here if here in self.here else None)
            if unit is not None:
                return next(iter(self.register.successors(unit, self.day)), None)
            here = self.parents.get(here)
        return None

    def _subjects(self, own: str, *, exercise: bool) -> list[str]:
        """Units that are counted; empty where the agencies themselves are."""
        if exercise or self.scope.agencies is not None:
            return []
        if (unit := self.unit_of(own)) is not None:
            return [code for code, row in self.here.items() if row.parent == unit and row.kind != "special_zone"]
        return [code for code, row in self.here.items() if row.kind in units.RANKS]

    def by_unit(self) -> dict[str, list[str]]:
        """Per counted unit the agencies that belong to it or below it."""
        wanted, found = set(self.subjects), defaultdict(list)
        for agency in self.agencies:
            here = self.unit_of(agency)
            for _ in range(8):
                if here is None or here in wanted:
                    break
                here = self.here[here].parent if here in self.here else None
            if here is not None:
                found[here].append(agency)
        return found

    def parts(self, agency: str) -> dict[str, object]:
        reported = self.basis.get(agency, (None, None))[0]
        return dict(reported.body.get("parts", {})) if reported is not None else {}

    def platform(self, agency: str) -> bool:
        systems = self.parts(agency).get("systems")
        return isinstance(systems, list) and any(one["kind"] == "sharing" and one["count"] for one in systems)

    def exchange(self, agency: str) -> bool:
        """A check of the way to the national platform answered within a day, as of the report."""
        reported, services = self.basis.get(agency, (None, None))[0], self.parts(agency).get("services")
        at = parse_rfc3339(str(services.get("national_platform_at") or "")) if isinstance(services, dict) else None
        said_s = self.judged[agency].reported_s
        if reported is None or at is None or said_s is None or not self.platform(agency):
            return False
        return max(0.0, reported.at - at) + said_s <= DATA_S

    def tiles(self) -> dict[TileId, tuple[int, int]]:
        groups = [self.by_unit().get(code, []) for code in self.subjects] or [[code] for code in self.agencies]
        having = [group for group in groups if any(map(self.platform, group))]
        return {
            "platform": (len(having), len(groups)),
            "exchange": (sum(any(map(self.exchange, group)) for group in having), len(having)),
            "monitored": (
                sum(any(self.judged[code].state == "connected" for code in group) for group in groups),
                len(groups),
            ),
        }


def overview(node: Runtime, session: Session, scope: Scope) -> National:
    picture = Picture(node, session, scope)
    rows = [
        row_of(picture, code)
        for code in sorted(picture.agencies, key=lambda c: sort_key(picture.agencies[c].name or c))
    ]
    groups = picture.by_unit()
    rows += [_empty(picture, code) for code in picture.subjects if not groups.get(code)]
    trend = _trend(session, picture) if scope.agencies is None else {}
    levels = select(Raised.level, func.count()).where(Raised.state == "new", inside(Raised.agency, scope))
    counts = select(Raised.state, func.count()).where(inside(Raised.agency, scope)).group_by(Raised.state)
    states = {str(state): number for state, number in session.execute(counts)}
    tiles = picture.tiles().items()
    return National(
        as_of=rfc3339(picture.now), counted="units" if picture.subjects else "agencies",
        tiles=[Tile(id=name, part=part, whole=whole, trend=trend.get(name, [])) for name, (part, whole) in tiles],
        states={state: sum(row.state == state for row in rows) for state in STATES},
        agencies=rows, cells=_cells(picture), systems=_systems(picture),
        raised=RaisedCounts(
            new=states.get("new", 0), acknowledged=states.get("acknowledged", 0),
            level={str(level): number for level, number in session.execute(levels.group_by(Raised.level))},
        ),
    )  # fmt: skip


def row_of(picture: Picture, agency: str) -> AgencyRow:
    row, judged, parts = picture.agencies[agency], picture.judged[agency], picture.parts(agency)
    reported = picture.basis.get(agency, (None, None))[0]
    unit, since = picture.unit_of(agency), picture.since.get(agency)
    alerts = parts.get("alerts")
    return AgencyRow(
        key=agency, agency=agency, name=row.name or agency, unit=_unit(picture, unit), state=judged.state,
        reason=judged.reason, since=_at(since.since if since is not None and since.state == judged.state else None),
        reported_at=_ago(picture, judged.reported_s), data_at=_ago(picture, judged.data_s),
        selftest_at=_ago(picture, judged.selftest_s), warnings=list(judged.warnings),
        exercise=bool(reported is not None and reported.body.get("exercise")),
        via=list(reported.body.get("via", [])) if reported is not None else [], numbers=coverage.numbers(parts),
        alerts=dict(alerts["open"]) if isinstance(alerts, dict) else {}, raised=picture.raised.get(agency, 0),
        platform=picture.platform(agency), exchange=picture.exchange(agency),
    )  # fmt: skip


def _empty(picture: Picture, unit: str) -> AgencyRow:
    return AgencyRow(
        key=f"unit:{unit}", agency=None, name=picture.here[unit].name, unit=_unit(picture, unit), state="never",
        reason="never", since=None, reported_at=None, data_at=None, selftest_at=None, warnings=[], exercise=False,
        via=[], numbers={}, alerts={}, raised=0, platform=False, exchange=False,
    )  # fmt: skip


def _unit(picture: Picture, code: str | None) -> UnitShape | None:
    row = picture.here.get(code or "")
    if row is None:
        return None
    return UnitShape(code=row.code, name=row.name, kind=row.kind, former=picture.register.former(row.code, picture.day))


def _cells(picture: Picture) -> list[Cell]:
    """Of every unit of province rank that somebody reports from; the map draws the others as never."""
    found: dict[str, list[str]] = defaultdict(list)
    for agency in picture.agencies:
        here = picture.unit_of(agency)
        for _ in range(8):
            row = picture.here.get(here or "")
            if row is None:
                break
            if row.kind in ("city", "province", "special_zone"):
                found[row.code].append(agency)
            here = row.parent
    cells = []
    for code, agencies in found.items():
        states = [picture.judged[agency].state for agency in agencies]
        cells.append(Cell(unit=code, name=picture.here[code].name, state=min(states, key=STATES.index),
                          agencies=len(agencies), connected=states.count("connected")))  # fmt: skip
    return sorted(cells, key=lambda cell: cell.unit)


def _systems(picture: Picture) -> list[SystemsRow]:
    totals: dict[int | None, list[int]] = defaultdict(lambda: [0, 0])
    newest: dict[int | None, str] = {}
    for agency in picture.agencies:
        systems = picture.parts(agency).get("systems")
        for one in systems if isinstance(systems, list) else []:
            grade = one.get("grade")
            totals[grade][0] += one["count"]
            totals[grade][1] += one.get("sensed", 0)
            newest[grade] = max(newest.get(grade, ""), one.get("last_data_at") or "")
    order = sorted(totals, key=lambda grade: -(grade or 0))
    return [
        SystemsRow(grade=grade, count=totals[grade][0], sensed=min(totals[grade]), last_data_at=newest[grade] or None)
        for grade in order
    ]


def _trend(session: Session, picture: Picture) -> dict[str, list[TilePoint]]:
    oldest = (date.fromisoformat(picture.day) - timedelta(days=TREND_DAYS)).isoformat()
    found: dict[str, list[TilePoint]] = defaultdict(list)
    for row in session.scalars(
        select(TileDay).where(TileDay.day >= oldest, TileDay.day < picture.day).order_by(TileDay.day)
    ):
        found[row.tile].append(TilePoint(day=row.day, part=row.part, whole=row.whole))
    for name, (part, whole) in picture.tiles().items():
        found[name].append(TilePoint(day=picture.day, part=part, whole=whole))
    return found


def reminder_since(picture: Picture, judged: Judged) -> str:
    """ "09 giờ 05 phút ngày 05 tháng 02 năm 2026", Vietnam's time; empty when nothing was ever heard."""
    seconds = judged.data_s if judged.state in ("silent", "never") else judged.reported_s
    return "" if seconds is None else vietnamese(picture.now - seconds)


def vietnamese(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC).astimezone(HANOI)
    month = f"{when.month:02d}" if when.month < 3 else str(when.month)
    return f"{when.hour:02d} giờ {when.minute:02d} phút ngày {when.day:02d} tháng {month} năm {when.year}"


def _ago(picture: Picture, seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(picture.now - seconds)


def _at(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


# --- the job's ----------------------------------------------------------------------------------------------------


def step(node: Runtime) -> str:
    """At a centre, or wherever somebody reports to."""
    now = node.clock.now()
    with node.db.read() as session:
        concerned = node.node.role == "national" or session.scalar(select(Reported.agency).limit(1)) is not None
        if not concerned:
            return ""
        missing = node.node.role == "national" and not node.node.exercise and registers.count(session) == 0
        picture = Picture(node, session, EVERYTHING)
        tiles = picture.tiles()
    said = []
    with node.db.write() as session:
        if missing:
            done = registers.take_in(session, *units.starter())
            node.audit.record(session, THE_SYSTEM, "organisation.imported", "starter", detail=done)
            said.append(f"{done['units']} units")
        moved = sum(
            coverage.note(session, code, judged, now, node.bell, picture.agencies[code].name)
            for code, judged in picture.judged.items()
        )
        if moved:
            said.append(f"{moved} connections changed")
        for name, (part, whole) in tiles.items():
            row = session.get(TileDay, (picture.day, name))
            if row is None:
                row = TileDay(day=picture.day, tile=name, part=part, whole=whole)
                session.add(row)
            row.part, row.whole = part, whole
        oldest = (date.fromisoformat(picture.day) - timedelta(days=coverage.DAYS_KEPT)).isoformat()
        coverage.clean(session, oldest)
        session.execute(delete(TileDay).where(TileDay.day < oldest))
    return ", ".join(said)
