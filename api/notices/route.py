"""From matters to notices: which routes take a matter, what is gathered with what, who is next when nobody answers.

In:  matters not routed yet; routes, rosters, people's reach. Out: `Notice` rows that gather, and, when one is due, its
     `Sending` rows. Everything in short write transactions; nothing leaves the machine here.
A storm is one notice per window: the first matter of a quiet route goes out at once, what follows within the window is
gathered and goes out together at its end ("137 thông báo mới, mức cao nhất: …"). So a route sends at most one message
and one digest per window and recipient, whatever happens.
A matter goes to a person only when that person may see such a thing of that agency; else the team's lead stands in.
What is `over` goes only to channels that want it, never to a person, and is never escalated.
Bound: PAGE matters a transaction, ROUTES routes, GATHER matters that a digest names (the rest are counted).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.sessions import live_grants
from api.casework.changes import Bell, changed
from api.notices import roster
from api.notices.hours import Office, day_of, in_quiet, is_office
from api.permissions import Granted, scope_of
from api.shapes import LEVELS
from api.state.cases import Alert, Incident
from api.state.notices import Channel, Holiday, Matter, Notice, Reach, Route, Sending, Team, Told
from api.state.people import Agency, User

PAGE, ROUTES, GATHER = 500, 200, 2_000
DUE = 100  # notices made into sendings a transaction
SELFTEST = "selftest:"  # how the key of a matter begins that somebody asked for, to see each way work
WINDOW_S = 300  # for what goes to one person by assignment
# What a person needs to be told of a kind; what is not named here, any grant in the agency.
NEEDS = {"alert": "alerts.read", "incident": "incidents.read", "clock": "incidents.read", "service": "services.read",
         "sensor": "sensors.read", "system": "system.read", "national": "inbox.read",
         "exception": "alerts.read"}  # fmt: skip


@dataclass(slots=True)
class World:
    """What the decisions of one transaction read again and again."""

    session: Session
    bell: Bell
    now: float
    office: Office
    parents: Mapping[str, str | None]
    _people: dict[int, User | None] = field(default_factory=dict)
    _grants: dict[int, tuple[Granted, ...]] = field(default_factory=dict)
    _holidays: dict[str, set[str]] | None = None

    @classmethod
    def load(cls, session: Session, bell: Bell, now: float, office: Office) -> World:
        rows = session.execute(select(Agency.code, Agency.parent)).all()
        return cls(session, bell, now, office, {row.code: row.parent for row in rows})

    def above(self, agency: str) -> list[str]:
        """The agency and those above it."""
        line: list[str] = []
        here: str | None = agency
        while here is not None and here not in line:
            line.append(here)
            here = self.parents.get(here)
        return line

    def person(self, user_id: int) -> User | None:
        if user_id not in self._people:
            user = self.session.get(User, user_id)
            self._people[user_id] = None if user is None or user.disabled else user
        return self._people[user_id]

    def may_hear(self, user_id: int, kind: str, agency: str) -> bool:
        if self.person(user_id) is None:
            return False
        if kind == "account":  # of oneself, told to nobody else (`to_user`); it needs no right
            return True
        if user_id not in self._grants:
            self._grants[user_id] = live_grants(self.session, user_id, self.now)
        grants = self._grants[user_id]
        needed = NEEDS.get(kind)
        if needed:
            return scope_of(needed, grants, self.parents).sees(agency)
        return any(scope_of(right, grants, self.parents).sees(agency) for right in NEEDS.values())

    def is_office(self, at: float, agency: str) -> bool:
        if self._holidays is None:
            self._holidays = {}
            for row in self.session.scalars(select(Holiday).where(Holiday.day == day_of(at))):
                self._holidays.setdefault(row.agency, set()).add(row.day)
        days = set().union(*(self._holidays.get(code, set()) for code in self.above(agency)))
        return is_office(at, days, self.office)


def gather(world: World) -> int:
    """Put matters into notices; returns how many matters were looked at."""
    session = world.session
    matters = session.scalars(select(Matter).where(Matter.routed_at.is_(None)).order_by(Matter.id).limit(PAGE)).all()
    if not matters:
        return 0
    routes = session.scalars(
        select(Route).where(Route.enabled.is_(True), Route.retired.is_(False)).order_by(Route.id).limit(ROUTES)
    ).all()
    channels = {row.id: row for row in session.scalars(select(Channel))}
    for matter in matters:
        matter.routed_at = world.now
        if matter.to_user is not None:
            if not matter.over:
                _put(world, matter, None, matter.to_user, WINDOW_S)
            continue
        for route in routes:
            if takes(world, route, matter) and _may_go(route, matter, channels):
                _put(world, matter, route, None, route.window_s)
    return len(matters)


def takes(world: World, route: Route, matter: Matter) -> bool:
    if matter.kind == "test" or route.agency not in world.above(matter.agency):
        return False
    if matter.key.startswith(SELFTEST):
        return True
    if LEVELS.index(matter.level) < LEVELS.index(route.level):
        return False
    if route.grade is not None and (matter.grade is None or matter.grade < route.grade):
        return False
    if route.kinds and matter.kind not in route.kinds:
        return False
    return route.hours == "any" or world.is_office(matter.at, matter.agency) == (route.hours == "office")


def _may_go(route: Route, matter: Matter, channels: Mapping[int, Channel]) -> bool:
    channel = channels.get(route.channel_id) if route.channel_id else None
    if matter.over and not (channel and channel.tells_over):
        return False
    # That a channel does not work is told over another one.
    return not (channel and matter.ref == f"channel:{channel.id}")


def _put(world: World, matter: Matter, route: Route | None, user_id: int | None, window_s: int) -> None:
    """Into the notice that still gathers, or a new one: due at once when the route was quiet, else with its window."""
    session = world.session
    same = (
        Notice.route_id == (route.id if route else None),
        Notice.user_id == user_id,
        Notice.agency == matter.agency,
        Notice.over.is_(matter.over),
    )
    open_one = session.scalar(select(Notice).where(*same, Notice.due_at > world.now).order_by(Notice.id).limit(1))
    if open_one is None:
        last = session.scalar(
            select(Notice).where(*same, Notice.at > world.now - window_s).order_by(Notice.id.desc()).limit(1)
        )
        due = world.now if last is None else last.at + window_s
        # More of what has just happened belongs together even when the first of it is going out this very second.
        if last is not None and last.due_at is not None:
            open_one = last
        else:
            open_one = Notice(
                route_id=route.id if route else None, user_id=user_id, agency=matter.agency, at=world.now, due_at=due,
                level=matter.level, count=0, first_id=matter.id, over=matter.over, step=0,
            )  # fmt: skip
            session.add(open_one)
            session.flush()
    if LEVELS.index(matter.level) > LEVELS.index(open_one.level):
        open_one.level, open_one.first_id = matter.level, matter.id
    open_one.count += 1
    if open_one.count <= GATHER:
        session.add(Told(notice_id=open_one.id, matter_id=matter.id))


def send_due(world: World) -> int:
    """Make the sendings of notices whose time has come; returns how many notices."""
    session = world.session
    due = session.scalars(select(Notice).where(Notice.due_at <= world.now).order_by(Notice.due_at).limit(DUE)).all()
    for notice in due:
        notice.due_at = None
        first = session.get_one(Matter, notice.first_id)
        route = session.get(Route, notice.route_id) if notice.route_id else None
        if route is None:
            if notice.user_id is not None:
                to_person(world, notice, first, notice.user_id, "assigned")
            continue
        if route.channel_id is not None:
            channel = session.get(Channel, route.channel_id)
            if channel is not None and channel.enabled and not channel.retired:
                add_sending(world, notice, channel.id, None, "route")
        elif route.user_id is not None:
            to_person(world, notice, first, route.user_id, "route")
        elif route.team_id is not None:
            _to_line(world, notice, first, route.team_id, 0)
        steps = [minute for minute in route.steps if minute > 0]
        if steps and not notice.over and _line_team(route) is not None:
            notice.escalate_at = world.now + steps[0] * 60
    return len(due)


def escalate(world: World) -> int:
    """Nobody has answered in time: the next in line. Returns how many notices went on."""
    session = world.session
    late = session.scalars(
        select(Notice).where(Notice.escalate_at <= world.now).order_by(Notice.escalate_at).limit(DUE)
    ).all()
    gone = 0
    for notice in late:
        notice.escalate_at = None
        if notice.acknowledged_at is not None:
            continue
        if handled(session, notice):
            acknowledge(world.session, world.bell, notice, None, world.now, how="handled")
            continue
        route = session.get(Route, notice.route_id) if notice.route_id else None
        team_id = _line_team(route) if route else None
        if route is None or team_id is None or not route.enabled or route.retired:
            continue
        first = session.get_one(Matter, notice.first_id)
        notice.step += 1
        _to_line(world, notice, first, team_id, notice.step if route.team_id else notice.step - 1,
                 last=notice.step >= len(route.steps))  # fmt: skip
        if notice.step < len(route.steps):
            notice.escalate_at = notice.at + max(route.steps[notice.step] * 60, world.now - notice.at + 60)
        gone += 1
    return gone


def _line_team(route: Route) -> int | None:
    return route.team_id or route.line_team_id


def _to_line(world: World, notice: Notice, first: Matter, team_id: int, place: int, *, last: bool = False) -> None:
    """To the person at this place of the team's line; with the last step to the lead at the latest."""
    team = world.session.get(Team, team_id)
    if team is None:
        return
    told = set(world.session.scalars(select(Sending.user_id).where(Sending.notice_id == notice.id)))
    line = [
        (user, why) for user, why in roster.line_of(world.session, team, world.now)
        if world.may_hear(user, first.kind, notice.agency)
    ]  # fmt: skip
    fresh = [(user, why) for user, why in line if user not in told]
    if place > 0 and last and (lead := [one for one in fresh if one[0] == team.lead_id]):
        fresh = lead
    if not fresh:
        if place == 0 and not told:
            # Nobody of the team may or can hear it: that this is so stands in the outbox, for people to see.
            row = add_sending(world, notice, None, None, "gap")
            row.state, row.error = "given_up", _NOBODY
        return
    user, why = fresh[0]
    if place > 0 and why in ("duty", "gap"):
        why = "next"
    to_person(world, notice, first, user, why)


_NOBODY = {"vi": "Không có ai trong tổ trực có quyền xem việc này của đơn vị.",
           "en": "Nobody of the team may see this of the agency."}  # fmt: skip


def to_person(world: World, notice: Notice, first: Matter, user_id: int, why: str) -> None:
    """On the person's page, and over every personal channel that carries this level, has their address and is above
    the agency. Quiet hours hold back what is not critical, unless the person is told because of being on duty."""
    session = world.session
    if not world.may_hear(user_id, first.kind, notice.agency):
        row = add_sending(world, notice, None, None, why)
        row.state, row.error = "given_up", _MAY_NOT
        return
    add_sending(world, notice, None, user_id, why).state = "shown"
    reach = session.get(Reach, user_id)
    if reach is None or notice.over:
        return
    held = None
    if notice.level != "critical" and why in ("assigned", "route"):
        held = in_quiet(world.now, reach.quiet_from, reach.quiet_until)
    channels = session.scalars(
        select(Channel).where(Channel.personal.is_not(None), Channel.enabled.is_(True), Channel.retired.is_(False),
                              Channel.agency.in_(world.above(notice.agency))).order_by(Channel.id)
    )  # fmt: skip
    for channel in channels:
        from api.notices.channels import all_kinds  # late: it imports every kind

        kind = all_kinds().get(channel.kind)
        address = getattr(reach, kind.reaches, "") if kind and kind.reaches else ""
        if address and LEVELS.index(notice.level) >= LEVELS.index(channel.personal):
            row = add_sending(world, notice, channel.id, user_id, why)
            row.next_at = held or world.now


_MAY_NOT = {"vi": "Người nhận không còn quyền xem việc này của đơn vị.",
            "en": "The recipient may not see this of the agency."}  # fmt: skip


def add_sending(world: World, notice: Notice, channel_id: int | None, user_id: int | None, why: str) -> Sending:
    row = Sending(
        uid=str(uuid.uuid4()), notice_id=notice.id, channel_id=channel_id, user_id=user_id, agency=notice.agency,
        why=why, state="waiting", made_at=world.now, next_at=world.now, attempts=0, revision=1,
    )  # fmt: skip
    world.session.add(row)
    world.session.flush()
    changed(world.session, world.bell, "notice", str(row.id), agency=row.agency, revision=1, now=world.now,
            created=True)  # fmt: skip
    return row


def acknowledge(
    session: Session, bell: Bell, notice: Notice, user_id: int | None, now: float, *, how: str = "button"
) -> None:
    if notice.acknowledged_at is not None:
        return
    notice.acknowledged_at, notice.acknowledged_by, notice.acknowledged_how = now, user_id, how
    notice.escalate_at = None
    notice.revision += 1
    changed(session, bell, "notice", f"notice:{notice.id}", agency=notice.agency, revision=notice.revision, now=now)


def handled(session: Session, notice: Notice) -> bool:
    """Whether somebody is at everything that the notice tells of: each alert claimed, put off or closed, each incident
    on its way. What is neither can only be acknowledged by its button."""
    if notice.count > GATHER:
        return False
    told = select(Matter.ref).join(Told, Told.matter_id == Matter.id).where(Told.notice_id == notice.id)
    refs = set(session.scalars(told.where(Matter.kind.in_(("alert", "incident")))))
    others = session.scalar(select(func.count()).select_from(told.where(
        Matter.kind.not_in(("alert", "incident"))).subquery()))  # fmt: skip
    if others or not refs:
        return False
    alerts = sorted(refs)
    taken = 0
    for start in range(0, len(alerts), 500):
        part: Sequence[str] = alerts[start : start + 500]
        taken += session.scalar(
            select(func.count()).select_from(Alert).where(Alert.id.in_(part), Alert.status != "new")
        ) or 0  # fmt: skip
        taken += session.scalar(
            select(func.count()).select_from(Incident).where(Incident.id.in_(part), Incident.state != "open")
        ) or 0  # fmt: skip
    return taken == len(refs)
