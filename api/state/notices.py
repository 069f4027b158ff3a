"""Tables of notices. `Matter` is what has happened that somebody may have to be told of: a row written in the
transaction of the thing itself (`api.notices.tell`), so that nothing is told that did not happen, nor forgotten.
Who is told, how and when is decided later, from the routes and the roster:

    Matter ──by Route, or to one person──► Notice (gathers matters of one window; acknowledged, escalated)
                                             └──► Sending (the outbox: one recipient, one channel, one stable uid)

A Sending without a channel is what stands on the person's own page (`/oncall`). Times are epoch seconds; minutes of a
day and weekdays (0 = Monday) are Vietnam's. Channels, teams and routes are retired, not deleted: what was sent goes on
pointing at them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Double, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.state.base import Base


class Matter(Base):
    __tablename__ = "notice_matter"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)  # what makes it the same matter when it is told again
    at: Mapped[float] = mapped_column(Double)
    kind: Mapped[str] = mapped_column(
        String(16)
    )  # alert | incident | clock | service | sensor | system | national | test
    agency: Mapped[str] = mapped_column(String(64))
    ref: Mapped[str] = mapped_column(String(128))  # SC-…, CB-…, a machine's id …
    level: Mapped[str] = mapped_column(String(16))  # as of alerts
    grade: Mapped[int | None]  # of the system it concerns
    title: Mapped[dict[str, str]] = mapped_column(JSON)  # {vi, en}
    link: Mapped[str] = mapped_column(String(256))  # where to read on: "#/incidents/SC-2026-000001"
    marked: Mapped[bool] = mapped_column(default=False)  # state-secret: the link only, not even the title
    over: Mapped[bool] = mapped_column(default=False)  # good news (resolved): never wakes anybody
    to_user: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id")
    )  # assigned to this person; None: by route
    routed_at: Mapped[float | None] = mapped_column(Double, index=True)
    __table_args__ = (Index(None, "agency", "at"),)


class Channel(Base):
    """A way out of this machine that an operator has made. `settings` may be shown; `sealed` never is."""

    __tablename__ = "notice_channel"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))  # a file of api/notices/channels/
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed: Mapped[str] = mapped_column(Text, default="")  # the secret under keys/notices.key, or "file:<name>"
    titles: Mapped[bool] = mapped_column(default=False)  # may carry titles, of what is not marked
    tells_over: Mapped[bool] = mapped_column(default=False)
    personal: Mapped[str | None] = mapped_column(String(16))  # reaches people by their own address, from this level on
    enabled: Mapped[bool] = mapped_column(default=True)
    retired: Mapped[bool] = mapped_column(default=False)
    fails: Mapped[int] = mapped_column(default=0)  # in a row
    created_at: Mapped[float] = mapped_column(Double)
    revision: Mapped[int] = mapped_column(default=1)


class Team(Base):
    __tablename__ = "notice_team"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(128))
    lead_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))  # who is told when nobody is on duty
    members: Mapped[list[int]] = mapped_column(JSON)  # in line, for escalation
    retired: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float] = mapped_column(Double)
    revision: Mapped[int] = mapped_column(default=1)


class Shift(Base):
    """One line of the week's pattern. until_min <= from_min: into the next day."""

    __tablename__ = "notice_shift"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("notice_team.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    weekday: Mapped[int]
    from_min: Mapped[int]
    until_min: Mapped[int]
    since: Mapped[str] = mapped_column(String(10), default="")  # first and last day on which it begins; "": open
    until: Mapped[str] = mapped_column(String(10), default="")


class Cover(Base):
    """A dated exception: from `start` to `end` this person (None: nobody) is on duty whatever the pattern says.
    A swap is a cover that its taker has to accept first."""

    __tablename__ = "notice_cover"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("notice_team.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    start: Mapped[float] = mapped_column(Double)
    end: Mapped[float] = mapped_column(Double, index=True)
    state: Mapped[str] = mapped_column(String(16))  # asked | agreed | declined | withdrawn
    asked_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    note: Mapped[str] = mapped_column(String(512), default="")
    made_at: Mapped[float] = mapped_column(Double)


class Handover(Base):
    __tablename__ = "notice_handover"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("notice_team.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[float] = mapped_column(Double)
    text: Mapped[str] = mapped_column(Text)


class Holiday(Base):
    """Out of office hours all day, for the agency and what is below it; the Government names such days yearly."""

    __tablename__ = "notice_holiday"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64))
    day: Mapped[str] = mapped_column(String(10))  # 2027-02-06
    name: Mapped[str] = mapped_column(String(128))
    __table_args__ = (Index(None, "agency", "day", unique=True),)


class Route(Base):
    __tablename__ = "notice_route"
    id: Mapped[int] = mapped_column(primary_key=True)
    agency: Mapped[str] = mapped_column(String(64), index=True)  # and everything below it
    level: Mapped[str] = mapped_column(String(16))  # at least
    grade: Mapped[int | None]  # at least; what has no grade does not match
    kinds: Mapped[list[str]] = mapped_column(JSON)  # empty: all
    hours: Mapped[str] = mapped_column(String(8))  # any | office | off
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("notice_channel.id"))  # to exactly one of the three
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("notice_team.id"))
    line_team_id: Mapped[int | None] = mapped_column(ForeignKey("notice_team.id"))  # who is next when nobody answers
    steps: Mapped[list[int]] = mapped_column(JSON)  # minutes without acknowledgement: [5, 15, 30]
    window_s: Mapped[int]
    enabled: Mapped[bool] = mapped_column(default=True)
    retired: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float] = mapped_column(Double)
    revision: Mapped[int] = mapped_column(default=1)


class Notice(Base):
    """Matters of one agency told together. Open until acknowledged; `due_at` None once its sendings are made."""

    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(primary_key=True)
    route_id: Mapped[int | None] = mapped_column(ForeignKey("notice_route.id"))  # None: to one person, or a test
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    agency: Mapped[str] = mapped_column(String(64))
    at: Mapped[float] = mapped_column(Double)
    due_at: Mapped[float | None] = mapped_column(Double, index=True)
    level: Mapped[str] = mapped_column(String(16))
    count: Mapped[int]
    first_id: Mapped[int] = mapped_column(ForeignKey("notice_matter.id"))  # the highest; it speaks for the others
    over: Mapped[bool] = mapped_column(default=False)
    step: Mapped[int] = mapped_column(default=0)
    escalate_at: Mapped[float | None] = mapped_column(Double, index=True)
    acknowledged_at: Mapped[float | None] = mapped_column(Double)
    acknowledged_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    acknowledged_how: Mapped[str] = mapped_column(String(16), default="")  # button | handled
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "route_id", "agency", "at"),)


class Told(Base):
    """Which matters a notice tells of."""

    __tablename__ = "notice_told"
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    matter_id: Mapped[int] = mapped_column(ForeignKey("notice_matter.id"), primary_key=True, index=True)


class Sending(Base):
    """The outbox. waiting → sending → sent | given_up; `shown`: no channel, only the person's own page."""

    __tablename__ = "notice_sending"
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)  # the same in every try: Message-ID, Idempotency-Key
    notice_id: Mapped[int] = mapped_column(ForeignKey("notice.id"), index=True)
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("notice_channel.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    agency: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(String(16))  # route | duty | lead | gap | next | assigned | passed | test
    state: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[float] = mapped_column(Double)
    next_at: Mapped[float] = mapped_column(Double)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[float | None] = mapped_column(Double)
    receipt: Mapped[str] = mapped_column(String(256), default="")  # what the other side answered
    error: Mapped[dict[str, str] | None] = mapped_column(JSON)  # {vi, en}
    hidden_until: Mapped[float | None] = mapped_column(Double)  # put off by its person
    revision: Mapped[int] = mapped_column(default=1)
    __table_args__ = (Index(None, "state", "next_at"), Index(None, "agency", "id"))


class Reach(Base):
    """How a person wants to be reached; theirs alone to change."""

    __tablename__ = "notice_reach"
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    mail: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    quiet_from: Mapped[int | None]  # minutes of the day; None: no quiet hours
    quiet_until: Mapped[int | None]
