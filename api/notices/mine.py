"""What concerns one person: notices that wait for them, their duty, how they are reached.

In:  a session, the person. Out: shapes; acts that anybody signed in may do on what was sent to *them*: a notice that
     was not is Unseen. What they may no longer see (a role taken away meanwhile) is left out.
Bound: SHOWN notices, REFS named of each.
"""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api import shapes
from api.auth.sessions import Access
from api.casework import alerts
from api.casework.alerts import Desk
from api.casework.changes import Bell
from api.casework.errors import Invalid, Unseen, WrongState
from api.casework.queue import names
from api.notices import keep, roster, route, show
from api.notices.hours import DAY_S, Office
from api.notices.shapes import ContactShape, Duty, DutyShape, HandoverShape, MineShape, ReachIn, ReachShape
from api.notices.tell import tell
from api.shapes import LEVELS
from api.state.cases import Alert, Incident
from api.state.inventory import System
from api.state.notices import Cover, Handover, Matter, Notice, Reach, Route, Sending, Team, Told
from sensors.clock import rfc3339

SHOWN, REFS = 100, 20
AHEAD_S = 14 * DAY_S


def open_to(session: Session, access: Access, now: float) -> list[MineShape]:
    rows = session.execute(
        select(Notice, Sending)
        .join(Sending, Sending.notice_id == Notice.id)
        .where(Sending.user_id == access.user_id, Sending.channel_id.is_(None), Notice.acknowledged_at.is_(None),
               or_(Sending.hidden_until.is_(None), Sending.hidden_until <= now))
        .order_by(Notice.id.desc())
        .limit(SHOWN)
    ).all()  # fmt: skip
    world = _world(session, now, access)
    found: dict[int, MineShape] = {}
    for notice, sending in rows:
        first = session.get_one(Matter, notice.first_id)
        if notice.id not in found and world.may_hear(access.user_id, first.kind, notice.agency):
            found[notice.id] = _shape(session, access, notice, sending, first)
    # The most urgent first; of one level the oldest: it has waited longest.
    return sorted(found.values(), key=lambda item: (-LEVELS.index(item.level), item.at))


def _shape(session: Session, access: Access, notice: Notice, sending: Sending, first: Matter) -> MineShape:
    refs = session.scalars(
        select(Matter.ref).join(Told, Told.matter_id == Matter.id).where(Told.notice_id == notice.id)
        .order_by(Matter.id).limit(REFS)
    ).all()  # fmt: skip
    by = session.get(Route, notice.route_id) if notice.route_id else None
    team_id = (by.team_id or by.line_team_id) if by else None
    subject = _subject(session, first) if notice.count == 1 else None
    return MineShape(
        id=notice.id, at=rfc3339(notice.at), level=notice.level, agency=notice.agency, kind=first.kind, ref=first.ref,  # type: ignore[arg-type]
        refs=[*dict.fromkeys(refs)], count=notice.count, title=shapes.Texts(**first.title), link=first.link,
        why=sending.why, team_id=team_id, step=notice.step, escalate_at=show.when(notice.escalate_at),
        status=(subject.status if isinstance(subject, Alert) else subject.state) if subject else None,
        contact=_contact(session, access, subject, team_id), revision=notice.revision,
    )  # fmt: skip


def _subject(session: Session, first: Matter) -> Alert | Incident | None:
    if first.kind in ("alert", "sensor"):
        return session.get(Alert, first.ref)
    return session.get(Incident, first.ref) if first.kind in ("incident", "clock") else None


def _contact(session: Session, access: Access, subject: Alert | Incident | None, team_id: int | None) -> ContactShape:
    system = session.get(System, subject.system_id) if subject is not None and subject.system_id else None
    if system is not None and not access.scope("inventory.read").sees(system.agency):
        system = None
    team = session.get(Team, team_id) if team_id else None
    lead = session.get(Reach, team.lead_id) if team else None
    return ContactShape(
        system=system.name if system else "", system_contact=system.contact if system else "",
        lead=names(session, {team.lead_id}).get(team.lead_id, "") if team else "",
        lead_phone=lead.phone if lead else "",
    )  # fmt: skip


def acknowledge(desk: Desk, notice_id: int) -> None:
    assert desk.access is not None
    notice = _mine(desk, notice_id)
    first = desk.session.get_one(Matter, notice.first_id)
    subject = _subject(desk.session, first) if notice.count == 1 else None
    if isinstance(subject, Alert) and _workable(desk, subject) and subject.assignee_id is None:
        alerts.claim(desk, alerts.take(desk, subject.id))
    route.acknowledge(desk.session, desk.bell, notice, desk.access.user_id, desk.now)


def pass_on(desk: Desk, notice_id: int) -> None:
    """The next of the line who has not been told; who passes it on is done with it."""
    assert desk.access is not None
    notice = _mine(desk, notice_id)
    by = desk.session.get(Route, notice.route_id) if notice.route_id else None
    team_id = (by.team_id or by.line_team_id) if by else None
    team = desk.session.get(Team, team_id) if team_id else _team_with(desk.session, desk.access.user_id)
    if team is None:
        raise WrongState("Không có tổ trực nào để chuyển.", "There is no team to pass it on to.")
    world = _world(desk.session, desk.now, desk.access, desk.bell)
    first = desk.session.get_one(Matter, notice.first_id)
    if first.kind == "account":
        raise WrongState("Việc này chỉ của riêng bạn.", "This concerns only you.")
    told = set(desk.session.scalars(select(Sending.user_id).where(Sending.notice_id == notice.id)))
    line = [
        user for user, _ in roster.line_of(desk.session, team, desk.now)
        if user not in told and world.may_hear(user, first.kind, notice.agency)
    ]  # fmt: skip
    if not line:
        raise WrongState("Không còn ai trong tổ chưa được báo.", "Everybody of the team has been told.")
    route.to_person(world, notice, first, line[0], "passed")
    for row in _sendings(desk, notice):
        row.hidden_until = desk.now + 365 * DAY_S
    if by and by.steps:
        notice.escalate_at = desk.now + by.steps[0] * 60
    _record(desk, "notice.passed", notice)


def put_off(desk: Desk, notice_id: int, seconds: float) -> None:
    """Silent for me until then. An alert of which I may work sleeps in the queue as well, and wakes for everybody."""
    assert desk.access is not None
    notice = _mine(desk, notice_id)
    first = desk.session.get_one(Matter, notice.first_id)
    subject = _subject(desk.session, first) if notice.count == 1 else None
    mine = isinstance(subject, Alert) and subject.assignee_id in (None, desk.access.user_id)
    if isinstance(subject, Alert) and mine and _workable(desk, subject):
        said = "Người trực tạm hoãn" if desk.access.language == "vi" else "Put off by the person on duty"
        alerts.snooze(desk, alerts.take(desk, subject.id), desk.now + seconds, said)
    for row in _sendings(desk, notice):
        row.hidden_until = desk.now + seconds
    if notice.escalate_at is not None:
        notice.escalate_at = max(notice.escalate_at, desk.now + seconds)
    _record(desk, "notice.put_off", notice)


def _workable(desk: Desk, alert: Alert) -> bool:
    return desk.scope.sees(alert.agency) and alert.status in ("new", "claimed")


def _mine(desk: Desk, notice_id: int) -> Notice:
    notice = desk.session.get(Notice, notice_id)
    if notice is None or not _sendings(desk, notice):
        raise Unseen
    if notice.acknowledged_at is not None:
        raise WrongState("Đã có người tiếp nhận.", "Somebody has taken it.")
    return notice


def _sendings(desk: Desk, notice: Notice) -> list[Sending]:
    assert desk.access is not None
    return list(desk.session.scalars(
        select(Sending).where(Sending.notice_id == notice.id, Sending.user_id == desk.access.user_id,
                              Sending.channel_id.is_(None))
    ))  # fmt: skip


def _record(desk: Desk, act: str, notice: Notice) -> None:
    assert desk.access is not None
    desk.audit.record(desk.session, desk.access.actor, act, f"notice:{notice.id}", agency=notice.agency)


# --- duty -----------------------------------------------------------------------------------------------------------


def duty(session: Session, access: Access, now: float) -> Duty:
    teams = [team for team in session.scalars(select(Team).where(Team.retired.is_(False)).order_by(Team.name))
             if keep.on_team(team, access.user_id)]  # fmt: skip
    found = []
    for team in teams:
        spans = roster.load(session, team.id, now).spans(now, now + AHEAD_S)
        on_duty = spans[0].user
        until = None if spans[0].end >= now + AHEAD_S else spans[0].end
        people = names(session, {user for user in (on_duty, team.lead_id, *team.members) if user})
        lead = session.get(Reach, team.lead_id)
        found.append(
            DutyShape(
                team_id=team.id, team=team.name, on_duty=show.person(people, on_duty), me=on_duty == access.user_id,
                until=show.when(until), lead=shapes.Person(id=team.lead_id, name=people.get(team.lead_id, "")),
                lead_phone=lead.phone if lead else "",
                members=[shapes.Person(id=user, name=people.get(user, "")) for user in team.members],
                handover=show.handover(session, team.id),
                next=show.spans(session, [span for span in spans if span.user == access.user_id][:20]),
            )
        )  # fmt: skip
    asked = session.scalars(
        select(Cover).where(Cover.user_id == access.user_id, Cover.state == "asked", Cover.end > now).limit(50)
    ).all()
    return Duty(teams=found, swaps=show.covers(session, asked))


def team_of(session: Session, access: Access, team_id: int) -> Team:
    team = session.get(Team, team_id)
    if team is None or team.retired or not keep.on_team(team, access.user_id):
        raise Unseen
    return team


def hand_over(desk: Desk, team: Team, text: str) -> HandoverShape:
    assert desk.access is not None
    row = Handover(team_id=team.id, user_id=desk.access.user_id, at=desk.now, text=text)
    desk.session.add(row)
    desk.session.flush()
    return HandoverShape(at=rfc3339(row.at), by=desk.access.name or desk.access.username, text=row.text)


def check_mine(desk: Desk, team: Team, start: float, end: float) -> None:
    """Only what is one's own is given away, and only what is still to come."""
    assert desk.access is not None
    spans = roster.load(desk.session, team.id, start).spans(start, end)
    if start < desk.now - 60 or any(span.user != desk.access.user_id for span in spans):
        raise Invalid("start", "Khoảng này không hoàn toàn là ca trực của bạn.", "This is not all your own duty.")


def answer(desk: Desk, cover_id: int, agree: bool) -> Cover:
    assert desk.access is not None
    row = desk.session.get(Cover, cover_id)
    if row is None or row.user_id != desk.access.user_id:
        raise Unseen
    if row.state != "asked" or row.end <= desk.now:
        raise WrongState("Đề nghị đổi ca này không còn hiệu lực.", "This request is no longer open.")
    team = team_of(desk.session, desk.access, row.team_id)
    if agree:
        # Meanwhile the roster may have changed: what is no longer theirs cannot be given.
        spans = roster.load(desk.session, team.id, row.start).spans(max(row.start, desk.now), row.end)
        if any(span.user != row.asked_by for span in spans):
            raise WrongState("Lịch trực đã thay đổi; cần đề nghị lại.", "The roster has changed: ask again.")
    row.state = "agreed" if agree else "declined"
    tell_of_swap(desk, team, row, row.asked_by, row.state)
    return row


def tell_of_swap(desk: Desk, team: Team, cover: Cover, to: int, state: str) -> None:
    vi, en = _SWAP[state]
    tell(
        desk.session, key=f"swap:{cover.id}:{state}", kind="system", agency=team.agency, ref=f"team:{team.id}",
        level="low", title={"vi": vi, "en": en}, link="#/oncall", now=desk.now, to_user=to,
    )  # fmt: skip


_SWAP = {"asked": ("Có đề nghị đổi ca trực", "You are asked to take a shift"),
         "agreed": ("Đề nghị đổi ca trực được chấp nhận", "Your shift is taken over"),
         "declined": ("Đề nghị đổi ca trực bị từ chối", "Your request to swap was declined")}  # fmt: skip


def _team_with(session: Session, user_id: int) -> Team | None:
    teams = session.scalars(select(Team).where(Team.retired.is_(False)).order_by(Team.id))
    return next((team for team in teams if keep.on_team(team, user_id)), None)


def _world(session: Session, now: float, access: Access, bell: Bell | None = None) -> route.World:
    return route.World.load(session, bell or Bell(), now, Office())


# --- how to reach me ------------------------------------------------------------------------------------------------


def reach(session: Session, access: Access) -> ReachShape:
    row = session.get(Reach, access.user_id)
    return ReachShape(
        mail=row.mail if row else "", phone=row.phone if row else "", quiet_from=row.quiet_from if row else None,
        quiet_until=row.quiet_until if row else None, language=access.language,
    )  # fmt: skip


def set_reach(session: Session, access: Access, body: ReachIn) -> None:
    if (body.quiet_from is None) != (body.quiet_until is None):
        raise Invalid("quiet_until", "Cần cả giờ bắt đầu và giờ kết thúc.", "Both a start and an end.")
    row = session.get(Reach, access.user_id)
    if row is None:
        row = Reach(user_id=access.user_id)
        session.add(row)
    row.mail, row.phone = body.mail, body.phone
    row.quiet_from, row.quiet_until = body.quiet_from, body.quiet_until
    session.flush()
