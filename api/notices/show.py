"""Rows of notices as screens see them. The caller has chosen them inside a scope."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api import shapes
from api.casework.queue import names
from api.notices import roster
from api.notices.channels import all_kinds
from api.notices.shapes import (
    ChannelShape,
    CoverShape,
    HandoverShape,
    LastTry,
    RouteShape,
    SendingShape,
    ShiftShape,
    SpanShape,
    TeamShape,
)
from api.notices.vault import FILE
from api.state.notices import Channel, Cover, Handover, Matter, Notice, Route, Sending, Shift, Team
from sensors.clock import rfc3339

FAR = float(2**33)  # as an end: "no end"


def when(at: float | None) -> str | None:
    return rfc3339(at) if at is not None else None


def person(people: dict[int, str], user_id: int | None) -> shapes.Person | None:
    return shapes.Person(id=user_id, name=people.get(user_id, "")) if user_id is not None else None


def texts(value: dict[str, str] | None) -> shapes.Texts | None:
    return shapes.Texts(vi=value.get("vi", ""), en=value.get("en", "")) if value else None


def sendings(session: Session, rows: Sequence[Sending]) -> list[SendingShape]:
    notices = {n.id: n for n in session.scalars(select(Notice).where(Notice.id.in_({row.notice_id for row in rows})))}
    firsts = {
        m.id: m for m in session.scalars(select(Matter).where(Matter.id.in_({n.first_id for n in notices.values()})))
    }
    channels = {
        c.id: c.name for c in session.scalars(select(Channel).where(Channel.id.in_({r.channel_id for r in rows})))
    }
    wanted = {row.user_id for row in rows if row.user_id} | {
        n.acknowledged_by for n in notices.values() if n.acknowledged_by
    }
    people = names(session, wanted)
    found = []
    for row in rows:
        notice = notices[row.notice_id]
        first = firsts[notice.first_id]
        found.append(
            SendingShape(
                id=row.id, uid=row.uid, notice_id=notice.id, agency=row.agency,
                channel=channels.get(row.channel_id or 0), channel_id=row.channel_id,
                person=person(people, row.user_id), why=row.why, state=row.state,  # type: ignore[arg-type]
                made_at=rfc3339(row.made_at), next_at=when(row.next_at) if row.state == "waiting" else None,
                sent_at=when(row.sent_at), attempts=row.attempts, error=texts(row.error), receipt=row.receipt,
                level=notice.level, count=notice.count, kind=first.kind, ref=first.ref if notice.count == 1 else "",  # type: ignore[arg-type]
                title=shapes.Texts() if first.marked else texts(first.title) or shapes.Texts(),
                acknowledged_at=when(notice.acknowledged_at),
                acknowledged_by=people.get(notice.acknowledged_by) if notice.acknowledged_by else None,
                revision=row.revision,
            )
        )  # fmt: skip
    return found


def channels(session: Session, rows: Sequence[Channel]) -> list[ChannelShape]:
    newest = select(func.max(Sending.id)).where(
        Sending.channel_id.in_([row.id for row in rows]), Sending.attempts > 0
    ).group_by(Sending.channel_id)  # fmt: skip
    last = {row.channel_id: row for row in session.scalars(select(Sending).where(Sending.id.in_(newest)))}
    kinds = all_kinds()
    return [
        ChannelShape(
            id=row.id, agency=row.agency, name=row.name, kind=row.kind, settings=row.settings,
            shown=kinds[row.kind].shown(row.settings) if row.kind in kinds else row.kind, has_secret=bool(row.sealed),
            secret_file=row.sealed if row.sealed.startswith(FILE) else "", titles=row.titles,
            tells_over=row.tells_over, personal=row.personal, enabled=row.enabled, fails=row.fails,  # type: ignore[arg-type]
            last=_last(last.get(row.id)), revision=row.revision,
        )
        for row in rows
    ]  # fmt: skip


def _last(row: Sending | None) -> LastTry | None:
    if row is None:
        return None
    at = row.sent_at or row.next_at
    return LastTry(id=row.id, state=row.state, at=rfc3339(at), receipt=row.receipt, error=texts(row.error))  # type: ignore[arg-type]


def routes(session: Session, rows: Sequence[Route]) -> list[RouteShape]:
    people = names(session, {row.user_id for row in rows if row.user_id})
    named_channels = {row.id: row.name for row in session.scalars(select(Channel))}
    named_teams = {row.id: row.name for row in session.scalars(select(Team))}
    return [
        RouteShape(
            id=row.id, agency=row.agency, level=row.level, grade=row.grade, kinds=row.kinds, hours=row.hours,  # type: ignore[arg-type]
            channel_id=row.channel_id, channel=named_channels.get(row.channel_id or 0),
            person=person(people, row.user_id), team_id=row.team_id, team=named_teams.get(row.team_id or 0),
            line_team_id=row.line_team_id, line_team=named_teams.get(row.line_team_id or 0), steps=row.steps,
            window_s=row.window_s, enabled=row.enabled, revision=row.revision,
        )
        for row in rows
    ]  # fmt: skip


def teams(session: Session, rows: Sequence[Team], now: float) -> list[TeamShape]:
    people = names(session, {user for row in rows for user in (row.lead_id, *row.members)})
    found = []
    for row in rows:
        on_duty = roster.load(session, row.id, now).at(now)
        if on_duty is not None and on_duty not in people:
            people |= names(session, {on_duty})
        found.append(
            TeamShape(
                id=row.id, agency=row.agency, name=row.name,
                lead=shapes.Person(id=row.lead_id, name=people.get(row.lead_id, "")),
                members=[shapes.Person(id=user, name=people.get(user, "")) for user in row.members],
                now=person(people, on_duty), handover=handover(session, row.id), revision=row.revision,
            )
        )  # fmt: skip
    return found


def handover(session: Session, team_id: int) -> HandoverShape | None:
    row = session.scalar(select(Handover).where(Handover.team_id == team_id).order_by(Handover.id.desc()).limit(1))
    if row is None:
        return None
    return HandoverShape(at=rfc3339(row.at), by=names(session, {row.user_id}).get(row.user_id, ""), text=row.text)


def spans(session: Session, found: Sequence[roster.Span]) -> list[SpanShape]:
    people = names(session, {span.user for span in found if span.user})
    return [
        SpanShape(start=rfc3339(span.start), end=rfc3339(span.end), person=person(people, span.user),
                  shift_id=span.shift, cover_id=span.cover)
        for span in found
    ]  # fmt: skip


def shifts(session: Session, rows: Sequence[Shift]) -> list[ShiftShape]:
    people = names(session, {row.user_id for row in rows})
    return [
        ShiftShape(id=row.id, person=shapes.Person(id=row.user_id, name=people.get(row.user_id, "")),
                   weekday=row.weekday, from_min=row.from_min, until_min=row.until_min, since=row.since,
                   until=row.until)
        for row in rows
    ]  # fmt: skip


def covers(session: Session, rows: Sequence[Cover]) -> list[CoverShape]:
    people = names(session, {user for row in rows for user in (row.user_id, row.asked_by) if user})
    named = {row.id: row.name for row in session.scalars(select(Team).where(Team.id.in_({r.team_id for r in rows})))}
    return [
        CoverShape(id=row.id, team_id=row.team_id, team=named.get(row.team_id, ""),
                   person=person(people, row.user_id), start=rfc3339(row.start), end=rfc3339(row.end),
                   state=row.state, asked_by=people.get(row.asked_by, ""), note=row.note)  # type: ignore[arg-type]
        for row in rows
    ]  # fmt: skip
