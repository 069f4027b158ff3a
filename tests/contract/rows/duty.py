"""Teams, their rosters, holidays, one's own notices: one of each per agency, the canary in every text."""

from __future__ import annotations

from collections.abc import Mapping

from api.state.notices import Cover, Handover, Holiday, Shift, Team
from sensors.clock import rfc3339
from tests.contract.rows import Rows
from tests.servers.people_port import MINE, NOW, NodeUnderTest

_TEAM = {"agency": "{agency}", "name": "Tổ trực", "lead_id": "{member_id}", "members": ["{member_id}"]}
_LATER = {"start": rfc3339(NOW + 3600), "end": rfc3339(NOW + 7200)}


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    member = node.add_user(f"truc-{agency}-{'7731' if agency != MINE else 'x'}", ("analyst", agency))
    with node.runtime.db.write() as session:
        team = Team(agency=agency, name=words, lead_id=member, members=[member], created_at=NOW)
        session.add(team)
        session.flush()
        shift = Shift(team_id=team.id, user_id=member, weekday=0, from_min=480, until_min=1020)
        cover = Cover(team_id=team.id, user_id=member, start=NOW, end=NOW + 60, state="agreed", asked_by=member,
                      note=words, made_at=NOW)  # fmt: skip
        holiday = Holiday(agency=agency, day="2027-02-08", name=words)
        session.add_all([shift, cover, holiday, Handover(team_id=team.id, user_id=member, at=NOW, text=words)])
        session.flush()
        return {"team_id": str(team.id), "shift_id": str(shift.id), "cover_id": str(cover.id),
                "holiday_id": str(holiday.id), "member_id": str(member)}  # fmt: skip


ROWS = Rows(
    {
        ("GET", "/duty/teams"): ("", None, 200),
        ("POST", "/duty/teams"): ("", _TEAM, 201),
        ("PUT", "/duty/teams/{team_id}"): ("", _TEAM, 200),
        ("GET", "/duty/teams/{team_id}/week"): ("?start=2026-11-16", None, 200),
        ("POST", "/duty/teams/{team_id}/shifts"): (
            "", {"user_id": "{member_id}", "weekdays": [0], "from_min": 0, "until_min": 0}, 201,
        ),
        ("DELETE", "/duty/teams/{team_id}/shifts/{shift_id}"): ("", None, 204),
        ("POST", "/duty/teams/{team_id}/covers"): ("", {"user_id": "{member_id}", **_LATER}, 201),
        ("POST", "/duty/teams/{team_id}/covers/{cover_id}/withdraw"): ("", {}, 200),
        ("GET", "/duty/holidays"): ("", None, 200),
        ("POST", "/duty/holidays"): ("", {"agency": "{agency}", "day": "2027-02-09", "name": "Tết"}, 201),
        ("DELETE", "/duty/holidays/{holiday_id}"): ("", None, 204),
        # One's own: nobody's else, whatever role.
        ("GET", "/duty/me"): ("", None, 200),
        ("PUT", "/duty/me"): ("", {"mail": "lan@example.vn", "phone": "+84 24 3943 0000"}, 200),
        ("GET", "/duty/mine"): ("", None, 200),
        ("POST", "/duty/mine/{notice_id}/acknowledge"): ("", {}, 404),
        ("POST", "/duty/mine/{notice_id}/pass"): ("", {}, 404),
        ("POST", "/duty/mine/{notice_id}/put-off"): ("", {}, 404),
        ("GET", "/duty/now"): ("", None, 200),
        ("POST", "/duty/now/{team_id}/handover"): ("", {"text": "x"}, 404),
        ("POST", "/duty/now/{team_id}/swap"): ("", {"to": "{member_id}", **_LATER}, 404),
        ("POST", "/duty/swaps/{cover_id}/answer"): ("", {"agree": True}, 404),
    },
    make,
)  # fmt: skip
