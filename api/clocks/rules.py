"""Rules of deadlines as data: what a rule says, where its versions lie, which of them holds on a day.

In:  the starter file (rules.toml, loaded once into an empty table), afterwards versions that people or `luytre clocks
     import` add. Nothing is overwritten. Out: `Rule`, and `in_force(versions, day)`.
Which version holds on a day: the newest that had begun by then; when that one was over, none. So a correction, a change
from a later day and an end are all just one more version.
Bound: RULES versions in all; a rule's texts, stages and recipients are bounded by the model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.shapes import Level, Line
from api.state.clocks import ClockRule

RULES = 2_000
STARTER = Path(__file__).with_name("rules.toml")
SHIPPED = "Lũy Tre"
Trigger = Literal["incident", "serious", "harm", "personal_data", "complex", "calendar"]
MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClockTexts(_Strict):
    vi: Annotated[Line, Field(min_length=1, max_length=500)]
    en: Annotated[Line, Field(max_length=500)] = ""


class ClockStage(_Strict):
    """When something is told of a clock: exactly one of `share` (0 to 1 of the time gone), `left_s`, `late_s`."""

    share: float | None = Field(None, gt=0, lt=1)
    left_s: int | None = Field(None, gt=0, le=366 * 86_400)
    late_s: int | None = Field(None, ge=0, le=366 * 86_400)
    level: Level
    to: Literal["coordinator", "lead", "upstream"] = "lead"

    @model_validator(mode="after")
    def _one(self) -> ClockStage:
        if sum(value is not None for value in (self.share, self.left_s, self.late_s)) != 1:
            raise ValueError("a stage has exactly one of share, left_s, late_s")
        return self

    @property
    def key(self) -> str:
        if self.share is not None:
            return f"share:{self.share:g}"
        return f"left:{self.left_s}" if self.left_s is not None else f"late:{self.late_s}"


class Ticking(_Strict):
    """The time that is given: hours from a moment, or until a day of the year for a period of the year."""

    starts: Literal["detection", "flag", "closing", "calendar"]
    hours: float | None = Field(None, ge=0, le=24 * 366)
    again_h: float | None = Field(None, ge=1, le=24 * 366)  # from one report to the next, until the incident is closed
    day: str | None = Field(None, pattern=MONTH_DAY)
    period_from: str | None = Field(None, pattern=MONTH_DAY)
    period_to: str | None = Field(None, pattern=MONTH_DAY)

    @model_validator(mode="after")
    def _whole(self) -> Ticking:
        dates = (self.day, self.period_from, self.period_to)
        if (self.starts == "calendar") != all(dates) or (self.starts == "calendar") == (self.hours is not None):
            raise ValueError("hours with detection, flag or closing; day, period_from and period_to with calendar")
        if self.again_h is not None and self.starts not in ("detection", "flag"):
            raise ValueError("again_h goes with detection or flag")
        for value in dates:
            if value:
                date(2028, int(value[:2]), int(value[3:]))  # a leap year: 29 February is a day, 31 April is not
        return self


def _grades(grades: tuple[int, ...]) -> tuple[int, ...]:
    if any(not 1 <= grade <= 5 for grade in grades):
        raise ValueError("grades are 1 to 5")
    return grades


class Rule(_Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    text: ClockTexts
    article: Annotated[Line, Field(max_length=300)] = ""
    valid_from: date
    valid_to: date | None = None
    trigger: Trigger
    grades: Annotated[tuple[int, ...], Field(max_length=5), AfterValidator(_grades)] = ()  # empty: any
    kinds: Annotated[tuple[Annotated[str, Field(max_length=32)], ...], Field(max_length=50)] = ()  # of systems
    clock: Ticking
    stages: Annotated[tuple[ClockStage, ...], Field(max_length=12)] = ()
    recipients: Annotated[tuple[ClockTexts, ...], Field(max_length=10)] = ()
    form_id: Annotated[str, Field(max_length=32)] = ""
    source: Annotated[Line, Field(max_length=500)] = ""
    verified_by: Annotated[Line, Field(max_length=200)] = ""  # empty: nobody has compared it with the text yet

    @model_validator(mode="after")
    def _fits(self) -> Rule:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        if (self.trigger == "calendar") != (self.clock.starts == "calendar"):
            raise ValueError("trigger calendar goes with a clock by the calendar")
        if self.trigger == "incident" and self.clock.starts == "flag":
            raise ValueError("trigger incident has no flag to start from")
        if len({stage.key for stage in self.stages}) != len(self.stages):
            raise ValueError("two stages at the same time")
        return self

    def covers(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


Versions = Mapping[tuple[str, int], Rule]


def parse(text: str) -> list[Rule]:
    """Rules of a file like rules.toml; `stages` may name a set of `[stages]`. ValueError says what is wrong."""
    data = tomllib.loads(text)
    sets = data.get("stages", {})
    rules = []
    for row in data.get("rule", ()):
        given = row.get("stages")
        whole = row | {"stages": sets[given]["stages"]} if isinstance(given, str) and given in sets else row
        rules.append(Rule.model_validate(whole))
    if len({rule.id for rule in rules}) != len(rules):
        raise ValueError("two rules with the same id")
    return rules


@cache
def starter() -> tuple[Rule, ...]:
    return tuple(parse(STARTER.read_text("utf-8")))


def ensure(session: Session, now: float) -> None:
    """Load the starter file when no rule is there yet."""
    if session.scalar(select(ClockRule.rule_id).limit(1)) is not None:
        return
    for rule in starter():
        session.add(ClockRule(rule_id=rule.id, version=1, body=_body(rule), made_at=now, made_name=SHIPPED))
    session.flush()


def rows(session: Session) -> Sequence[ClockRule]:
    """Every version; before anything was written, what the starter file says."""
    found = session.scalars(select(ClockRule).order_by(ClockRule.rule_id, ClockRule.version).limit(RULES)).all()
    return found or [
        ClockRule(rule_id=rule.id, version=1, body=_body(rule), note="", made_at=0.0, made_by=None, made_name=SHIPPED)
        for rule in sorted(starter(), key=lambda rule: rule.id)
    ]


def versions(session: Session) -> Versions:
    return {(row.rule_id, row.version): rule_of(row) for row in rows(session)}


def rule_of(row: ClockRule) -> Rule:
    return Rule.model_validate({**row.body, "id": row.rule_id})


def add(session: Session, rule: Rule, *, note: str, now: float, made_by: int | None, made_name: str) -> ClockRule:
    """One more version of this rule, or a new rule."""
    ensure(session, now)
    if (session.scalar(select(func.count()).select_from(ClockRule)) or 0) >= RULES:
        raise ValueError(f"more than {RULES} versions")
    last = session.scalar(select(func.max(ClockRule.version)).where(ClockRule.rule_id == rule.id)) or 0
    row = ClockRule(rule_id=rule.id, version=last + 1, body=_body(rule), note=note, made_at=now, made_by=made_by,
                    made_name=made_name)  # fmt: skip
    session.add(row)
    session.flush()
    return row


def in_force(known: Versions, day: date) -> dict[str, tuple[int, Rule]]:
    """rule id → (version, rule) on this day (in Vietnam)."""
    begun: dict[str, tuple[int, Rule]] = {}
    for (rule_id, version), rule in known.items():
        if rule.valid_from <= day and version > begun.get(rule_id, (0, rule))[0]:
            begun[rule_id] = (version, rule)
    return {rule_id: (version, rule) for rule_id, (version, rule) in begun.items() if rule.covers(day)}


def newest(known: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule_id, version in known:
        found[rule_id] = max(version, found.get(rule_id, 0))
    return found


def _body(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude={"id"})
