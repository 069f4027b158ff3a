"""Channels, routes and teams as rows: made, changed, retired; each act inside a scope and on record.

In:  a write transaction's `Desk` with the scope of `notices.manage`, what was asked for. Out: the row. Refusals are
`CaseError` values. What a body names (channel, team, person) is looked up inside the same scope: another agency's is as
if it were not there. A secret is written, never read back; where a change decides who would get it, it is asked anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.alerts import Desk
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.notices.channels import all_kinds
from api.notices.shapes import ChannelIn, RouteIn, TeamIn
from api.notices.vault import Vault
from api.state.notices import Channel, Matter, Notice, Route, Sending, Team, Told
from api.state.people import Grant, User
from correlator.store.base import Scope

LIMIT = 200  # channels, routes and teams of a node, each


def channel(desk: Desk, vault: Vault, body: ChannelIn, row: Channel | None = None) -> Channel:
    kind = all_kinds().get(body.kind)
    if kind is None:
        raise Invalid("kind", "Không có loại kênh này.", "There is no such kind.")
    if row is not None and (body.kind != row.kind or body.agency != row.agency):
        raise Invalid("kind", "Loại kênh và đơn vị không đổi được.", "Kind and agency stay as they are.")
    try:
        settings = kind.settings.model_validate(body.settings).model_dump()
    except ValidationError as error:
        raise _invalid(error) from None
    if body.personal is not None and not kind.reaches:
        raise Invalid("personal", "Loại kênh này không gửi tới từng người được.", "This kind cannot reach people.")
    before = dict(row.settings) if row is not None else {}
    if row is not None and row.sealed and body.secret is None and any(
        settings.get(name) != before.get(name) for name in kind.secret_goes_to
    ):  # fmt: skip
        raise Invalid("secret", "Đã đổi nơi nhận; cần nhập lại thông tin bí mật.",
                      "Where the secret goes has changed: enter it again.")  # fmt: skip
    if row is None:
        _room(desk.session, Channel)
        row = Channel(agency=body.agency, name=body.name, kind=body.kind, settings=settings, created_at=desk.now,
                      revision=0, fails=0)  # fmt: skip
        desk.session.add(row)
        desk.session.flush()
    secret = body.secret
    if secret is None:
        secret = "file:x" if row.sealed.startswith("file:") else "x" * 16 if row.sealed else ""
        secret = secret if row.kind != "apprise" or not row.sealed else "file:x"
    try:
        kind.check(settings, secret)
        if body.secret is not None:
            row.sealed = vault.seal(row.id, body.secret)
    except ValueError as error:
        field = str(error) if str(error) in ("secret", "tls", "user") else "secret"
        raise Invalid(field, "Thông tin bí mật không khớp với cấu hình của kênh.",
                      "The secret does not fit the settings.") from None  # fmt: skip
    if body.kind == "apprise":
        scheme = body.secret.partition("://")[0].lower() if body.secret and "://" in body.secret else ""
        settings["service"] = scheme[:32] or before.get("service", "")
    row.name, row.settings, row.titles, row.tells_over = body.name, settings, body.titles, body.tells_over
    row.personal, row.enabled, row.retired = body.personal, body.enabled, body.retired
    row.fails, row.revision = 0, row.revision + 1
    return row


def route(desk: Desk, body: RouteIn, row: Route | None = None) -> Route:
    if sum(one is not None for one in (body.channel_id, body.user_id, body.team_id)) != 1:
        raise Invalid("channel_id", "Chọn đúng một nơi nhận: kênh, người, hoặc tổ trực.",
                      "Exactly one of channel, person, team.")  # fmt: skip
    if body.channel_id is not None:
        one(desk, Channel, body.channel_id)
    for team_id in (body.team_id, body.line_team_id):
        if team_id is not None:
            one(desk, Team, team_id)
    if body.user_id is not None:
        known(desk.session, desk.scope, [body.user_id])
    if body.steps and body.team_id is None and body.line_team_id is None:
        raise Invalid("line_team_id", "Báo lên tuyến kế tiếp cần một tổ trực.", "Escalation needs a team.")
    if body.steps != sorted(set(body.steps)):
        raise Invalid("steps", "Các mốc phải tăng dần.", "Steps must rise.")
    if row is None:
        _room(desk.session, Route)
        row = Route(agency=body.agency, created_at=desk.now, revision=0)
        desk.session.add(row)
    row.agency, row.level, row.grade, row.kinds, row.hours = body.agency, body.level, body.grade, [
        *dict.fromkeys(body.kinds)], body.hours  # fmt: skip
    row.channel_id, row.user_id, row.team_id = body.channel_id, body.user_id, body.team_id
    row.line_team_id, row.steps, row.window_s = body.line_team_id, body.steps, body.window_s
    row.enabled, row.retired, row.revision = body.enabled, body.retired, row.revision + 1
    desk.session.flush()
    return row


def team(desk: Desk, body: TeamIn, row: Team | None = None) -> Team:
    known(desk.session, desk.scope, [body.lead_id, *body.members])
    if row is not None and row.agency != body.agency:
        raise Invalid("agency", "Đơn vị của tổ trực không đổi được.", "A team's agency stays as it is.")
    if row is None:
        _room(desk.session, Team)
        row = Team(agency=body.agency, created_at=desk.now, revision=0)
        desk.session.add(row)
    row.name, row.lead_id, row.members = body.name, body.lead_id, [*dict.fromkeys(body.members)]
    row.retired, row.revision = body.retired, row.revision + 1
    desk.session.flush()
    return row


def test_of(desk: Desk, row: Channel, to: int | None) -> Sending:
    """One message over this channel, now; its row tells how it went."""
    if row.retired:
        raise WrongState("Kênh đã bỏ.", "The channel is retired.")
    at = desk.now
    matter = Matter(
        key=f"test:{row.id}:{desk.session.scalar(select(func.max(Matter.id))) or 0}:{at}", at=at, kind="test",
        agency=row.agency, ref=f"channel:{row.id}", level="informational",
        title={"vi": "Thông báo thử của Lũy Tre", "en": "A test notice of Lũy Tre"}, link="#/notices",
        routed_at=at,
    )  # fmt: skip
    desk.session.add(matter)
    desk.session.flush()
    notice = Notice(agency=row.agency, at=at, due_at=None, level="informational", count=1, first_id=matter.id,
                    acknowledged_at=at, acknowledged_how="test")  # fmt: skip
    desk.session.add(notice)
    desk.session.flush()
    desk.session.add(Told(notice_id=notice.id, matter_id=matter.id))
    from api.notices.hours import Office
    from api.notices.route import World, add_sending

    world = World(desk.session, desk.bell, at, Office(), {})
    return add_sending(world, notice, row.id, to if all_kinds()[row.kind].reaches and row.personal else None, "test")


def one(desk: Desk, kind: type[Any], row_id: int, revision: int | None = None) -> Any:
    """The row inside the scope, or Unseen."""
    row = desk.session.get(kind, row_id)
    if row is None or not desk.scope.sees(row.agency):
        raise Unseen
    if revision is not None and revision != row.revision:
        raise Stale(row.revision)
    return row


def of_team(desk: Desk, kind: type[Any], team_id: int, row_id: int) -> Any:
    one(desk, Team, team_id)
    row = desk.session.get(kind, row_id)
    if row is None or row.team_id != team_id:
        raise Unseen
    return row


def on_team(row: Team, user_id: int) -> bool:
    return user_id == row.lead_id or user_id in row.members


def known(session: Session, scope: Scope, user_ids: Iterable[int]) -> None:
    wanted = set(user_ids)
    if wanted - {user.id for user in people(session, scope)}:
        raise Unseen


def people(session: Session, scope: Scope) -> list[User]:
    """Who may be put on a roster or told by name: those with a role in these agencies, or everywhere on this node."""
    query = select(User).where(User.disabled.is_(False)).order_by(User.name, User.id).limit(2_000)
    if scope.agencies is not None:
        here = select(Grant.user_id).where(Grant.agency.is_(None) | Grant.agency.in_(scope.agencies))
        query = query.where(User.id.in_(here))
    return list(session.scalars(query))


def _room(session: Session, kind: type[Any]) -> None:
    if (session.scalar(select(func.count()).select_from(kind)) or 0) >= LIMIT:
        raise WrongState(f"Đã có {LIMIT} mục.", f"There are {LIMIT} of them already.")


def _invalid(error: ValidationError) -> Invalid:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "settings"
    return Invalid(f"settings.{field}", "Giá trị không hợp lệ.", "Not a valid value.")
