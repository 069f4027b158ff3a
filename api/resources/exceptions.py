"""Exceptions: proposed from an alert, tested against the last 30 days, made, listed, ended."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework import queue
from api.casework.errors import Invalid, WrongState
from api.casework.paging import LIMIT, Key, after, cursor_of
from api.casework.queue import inside
from api.desk import desk
from api.exceptions import keep, publish, selection, shapes
from api.exceptions import preview as trial
from api.exceptions.preview import MUST_BE_READ, Preview
from api.exceptions.propose import propose
from api.exceptions.publish import Heard
from api.exceptions.rulebook import Places, Rulebook, Subject
from api.exceptions.selection import CONDITIONS, Condition
from api.problems import not_found
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import LEVELS, In, Needed, Texts
from api.state.cases import Alert
from api.state.exceptions import Excepted
from correlator.config import pipeline_paths, rule_paths, shared
from correlator.exceptions import AGENCY, read
from correlator.store.base import Scope
from sensors.clock import parse_rfc3339, rfc3339
from sensors.event import Event, get

router = APIRouter(tags=["exceptions"])
ROUTES = Resource("", router)

Reader = Annotated[Access, Depends(Allow("alerts.read"))]
Worker = Annotated[Access, Depends(Allow("exceptions.work"))]
Id = Annotated[str, Path(max_length=24)]
EVENTS = 200  # of the alert, the newest: what is proposed is common to these
STATES: tuple[shapes.State, ...] = ("active", "ended", "expired")


class DraftIn(In):
    alert_id: str = Field(max_length=24)
    conditions: list[Condition] = Field(min_length=1, max_length=CONDITIONS)


class ExceptionIn(DraftIn):
    reason: Needed
    until: str = Field("", max_length=40, description="default: 90 days from now")
    accepted: list[Annotated[str, Field(max_length=32)]] = Field(
        [], max_length=20, description="warnings that were read"
    )
    close_open: bool = False


class EndIn(In):
    reason: Needed


class ExceptionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: Literal["", "active", "ended", "expired"] = ""
    id: str = Field("", max_length=24)
    limit: int = Field(50, ge=1, le=LIMIT)
    cursor: str = Field("", max_length=1024)


@router.get("/alerts/{alert_id}/exception")
def propose_exception(request: Request, alert_id: Id, access: Worker) -> shapes.Proposal:
    """What tells this alert's events apart, and whether an exception of it can be made at all."""
    node: Runtime = request.app.state.node
    alert = _alert(node, access, alert_id)
    with trial.turn():
        subject = _subject(request, node, alert)
        found = propose(subject, _events(node, alert), alert.group) if subject else []
    level = _level(subject, alert) if subject else alert.level
    now = node.clock.now()
    return shapes.Proposal(
        alert_id=alert.id,
        agency=alert.agency,
        rules=[_rule(rule) for rule in trial.rules_of(subject)] if subject else [],
        readers=_readers(subject) if subject else [],
        conditions=[
            shapes.ProposedShape(condition=one.condition, chosen=one.chosen, attacker_chosen=one.attacker_chosen)
            for one in found
        ],
        level=level,
        may_save=keep.may_save(level, alert.agency, access.scope("exceptions.work"), access.scope("exceptions.lead")),
        until=rfc3339(now + keep.DEFAULT_S),
        until_last=rfc3339(now + keep.LONGEST_S),
        impossible=None if subject else _why_not(alert),
    )


@router.post("/exceptions/preview")
def preview_exception(request: Request, body: DraftIn, access: Worker) -> shapes.PreviewShape:
    """Changes nothing. A write by its method, because what is asked for is content of cases."""
    node: Runtime = request.app.state.node
    alert = _alert(node, access, body.alert_id)
    subject, made = _tested(request, node, alert, body.conditions)
    with node.db.read() as session:
        covered = keep.covered(session, alert.agency, made)
    level = _level(subject, alert)
    scopes = access.scope("exceptions.work"), access.scope("exceptions.lead")
    return _preview(made, len(covered), may_save=keep.may_save(level, alert.agency, *scopes))


@router.post("/exceptions", status_code=201)
def make_exception(request: Request, body: ExceptionIn, access: Worker) -> shapes.ExceptionShape:
    """It is tested once more; what the test warns of must have been accepted. In force within seconds."""
    node: Runtime = request.app.state.node
    until = parse_rfc3339(body.until) if body.until else node.clock.now() + keep.DEFAULT_S
    if until is None:
        raise Invalid("until", "Thời hạn cần ở dạng RFC 3339.", "RFC 3339.")
    alert = _alert(node, access, body.alert_id)
    subject, made = _tested(request, node, alert, body.conditions)
    lead = access.scope("exceptions.lead")
    with desk(node, access, "exceptions.work") as here:
        row = keep.make(here, lead, alert, subject, body.conditions, made, until=until, reason=body.reason,
                        accepted=body.accepted)  # fmt: skip
        closes = body.close_open and access.scope("alerts.work").sees(alert.agency)
        closed = keep.close_covered(here, row, keep.covered(here.session, alert.agency, made)) if closes else 0
        shape = _shape(row, access, {}, here.now, closed=closed)
    publish.publish(node)
    return shape


@router.get("/exceptions")
def list_exceptions(
    request: Request, wanted: Annotated[ExceptionQuery, Query()], access: Reader
) -> shapes.ExceptionList:
    node: Runtime = request.app.state.node
    conditions = [inside(Excepted.agency, access.scope("alerts.read"))]
    if wanted.id:
        conditions.append(Excepted.id == wanted.id)
    keys = [Key(Excepted.created_at, down=True), Key(Excepted.id, down=True)]
    with node.db.read() as session:
        said = publish.heard(node.data)
        counted = select(Excepted.state, func.count()).where(*conditions).group_by(Excepted.state)
        counts = {state: int(number) for state, number in session.execute(counted)}
        if wanted.state:
            conditions.append(Excepted.state == wanted.state)
        found = select(Excepted).where(*conditions)
        if wanted.cursor:
            found = found.where(after(keys, wanted.cursor))
        rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(wanted.limit + 1)).all()
        more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
        now = node.clock.now()
        return shapes.ExceptionList(
            items=[_shape(row, access, said or {}, now) for row in rows],
            next=cursor_of(keys, rows[-1]) if more else None,
            total=counts.get(wanted.state, 0) if wanted.state else sum(counts.values()),
            counts={state: counts.get(state, 0) for state in STATES},
        )


@router.get("/exceptions/{exception_id}")
def get_exception(request: Request, exception_id: Id, access: Reader) -> shapes.ExceptionShape:
    node: Runtime = request.app.state.node
    with node.db.read() as session:
        row = session.get(Excepted, exception_id)
        if row is None or not access.scope("alerts.read").sees(row.agency):
            raise not_found()
        return _shape(row, access, publish.heard(node.data) or {}, node.clock.now())


@router.post("/exceptions/{exception_id}/end")
def end_exception(request: Request, exception_id: Id, body: EndIn, access: Worker) -> shapes.ExceptionShape:
    node: Runtime = request.app.state.node
    with desk(node, access, "exceptions.work") as here:
        row = keep.take(here, exception_id)
        keep.end(here, row, body.reason)
        shape = _shape(row, access, {}, here.now)
    publish.publish(node)
    return shape


def _alert(node: Runtime, access: Access, alert_id: str) -> Alert:
    with node.db.read() as session:
        alert = queue.find(session, access.scope("exceptions.work"), alert_id)
        if alert is None:
            raise not_found()
        session.expunge(alert)
        return alert


def _events(node: Runtime, alert: Alert) -> list[Event]:
    """Of the alert's own agency only."""
    with node.db.read() as session:
        ids = queue.event_ids(session, alert, EVENTS)
    return list(node.reader.fetch(Scope(frozenset({alert.agency})), ids)) if ids else []


def _subject(request: Request, node: Runtime, alert: Alert) -> Subject | None:
    if not AGENCY.fullmatch(alert.agency) or alert.kind in ("detector", "indicator"):
        return None
    try:
        return _rulebook(request, node).about(alert.rule_id)
    except ValueError as error:  # a pipeline file: the correlator says the same of it
        node.log.error("rules cannot be loaded for an exception", reason=str(error))
        raise WrongState("Tệp ánh xạ trường đang lỗi nên chưa thử được ngoại lệ.",
                         "A pipeline file is unusable, so no exception can be tested.") from None  # fmt: skip


def _tested(request: Request, node: Runtime, alert: Alert, given: list[Condition]) -> tuple[Subject, Preview]:
    conditions = selection.checked(given)
    with trial.turn():
        subject = _subject(request, node, alert)
        if subject is None:
            why = _why_not(alert)
            raise WrongState(why.vi, why.en)
        in_force = read(publish.folder(node), node.clock.now())
        return subject, trial.preview(
            node.reader, subject, alert.agency, conditions, _events(node, alert), in_force, node.clock
        )


def _rulebook(request: Request, node: Runtime) -> Rulebook:
    """Made when first asked for: a node whose people make no exceptions reads no rule files here."""
    state = request.app.state
    if not hasattr(state, "rulebook"):
        config = node.config

        def places() -> Places:
            own = node.data / "rules"
            rules = rule_paths(config) if config else [shared("rules", node.node.share)]
            pipelines = pipeline_paths(config) if config else [shared("rules/pipelines", node.node.share)]
            return Places(rules, pipelines, own / "tuning.toml")

        state.rulebook = Rulebook(places, node.clock)
    found: Rulebook = state.rulebook
    return found


def _why_not(alert: Alert) -> Texts:
    if alert.kind == "detector":
        return Texts(vi="Cảnh báo của bộ phát hiện bất thường không có luật để đặt ngoại lệ; chỉnh trong cấu hình.",
                     en="A detector's alert has no rule to make an exception of; see its settings.")  # fmt: skip
    if alert.kind == "indicator":
        return Texts(vi="Cảnh báo này do một chỉ dấu; gỡ chỉ dấu khỏi danh sách hoặc đặt thời hạn cho nó.",
                     en="An indicator raised this alert; remove it from its list or let it end.")  # fmt: skip
    return Texts(vi="Luật của cảnh báo này không còn được nạp nên không đặt được ngoại lệ.",
                 en="This alert's rule is no longer loaded, so no exception can be made.")  # fmt: skip


def _level(subject: Subject, alert: Alert) -> str:
    return max((subject.level, alert.level), key=LEVELS.index)


def _rule(rule: dict[str, object]) -> shapes.RuleRef:
    title = rule["title"]
    return shapes.RuleRef(id=str(rule["id"]), title=shapes.told(title if isinstance(title, dict) else {}),
                          level=str(rule["level"]))  # fmt: skip


def _readers(subject: Subject) -> list[shapes.RuleRef]:
    return [
        shapes.RuleRef(id=one.id, title=shapes.told(dict(one.about.titles) or {"en": one.about.title}),
                       level=one.about.level)
        for one in subject.readers if not one.silent
    ]  # fmt: skip


def _preview(made: Preview, covered: int, *, may_save: bool) -> shapes.PreviewShape:
    return shapes.PreviewShape(
        days=trial.DAYS, covered_since=made.report.covered_since, covered_until=made.report.covered_until,
        complete=made.complete, partial=made.report.partial, events_read=made.report.read,
        alerts=made.alerts, alerts_before=made.alerts_before, hits=made.hits, hits_before=made.hits_before,
        by_level=made.by_level,
        by_host=[shapes.Counted(value=value, count=count) for value, count in made.by_host], hosts=made.hosts,
        sample=[_hit(hit) for hit in made.sample],
        readers=[shapes.ReaderShape(id=one.id, title=shapes.told(dict(one.title)), level=one.level,
                                    hits_before=one.before, hits_after=one.after) for one in made.readers],
        alert_events=made.alert_events, alert_hidden=made.alert_hidden, open_alerts=covered,
        warnings=list(made.warnings), must_accept=sorted(MUST_BE_READ & set(made.warnings)), may_save=may_save,
        took_s=made.took_s,
    )  # fmt: skip


def _hit(hit: Event) -> shapes.SampleHit:
    said = get(hit, "luytre.hit") or {}
    return shapes.SampleHit(at=str(hit.get("@timestamp") or ""), rule_id=str(get(hit, "rule.id") or ""),
                            title=shapes.told(said.get("title") or {}), level=str(said.get("level") or ""),
                            reason=shapes.told(said.get("reason") or {}),
                            event_ids=list(said.get("event_ids") or ())[:20])  # fmt: skip


def _shape(
    row: Excepted, access: Access, said: dict[str, Heard], now: float, *, closed: int = 0
) -> shapes.ExceptionShape:
    one = said.get(row.id)
    force: shapes.Force = "over"
    if row.state == "active" and row.until > now:
        force = "waiting" if one is None else "in_force" if one.force else "refused"
    hidden = max(row.hidden, one.hidden if one else 0)
    last = one.last if one and one.last else row.hidden_at
    ended = None
    if row.ended_at is not None:
        ended = shapes.Ended(at=rfc3339(row.ended_at), by=row.ended_by or "", reason=row.ended_reason or "")
    return shapes.ExceptionShape(
        id=row.id, agency=row.agency, alert_id=row.alert_id, rules=[_rule(rule) for rule in row.rules],
        conditions=selection.conditions_of(row), level=row.level, reason=row.reason, owner=row.owner_name,
        created_at=rfc3339(row.created_at), until=rfc3339(row.until), state=row.state,  # type: ignore[arg-type]
        force=force, fault=one.code if one and not one.force else "", hidden=hidden,
        hidden_at=rfc3339(last) if last else None, tested=shapes.Tested.model_validate(row.tested), ended=ended,
        mine=row.owner_id == access.user_id, revision=row.revision, closed_alerts=closed,
        may_end=row.state == "active" and access.scope("exceptions.work").sees(row.agency),
    )  # fmt: skip
