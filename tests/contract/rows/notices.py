"""Channels, routes, deliveries: one of each per agency, the canary in every text."""

from __future__ import annotations

from collections.abc import Mapping

from api.state.notices import Channel, Matter, Notice, Route, Sending, Told
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

_MAIL = {"host": "mail.example.vn", "port": 587, "sender": "soc@example.vn", "to": ["truc@example.vn"]}
_CHANNEL = {"agency": "{agency}", "name": "Thư", "kind": "mail", "settings": _MAIL}
_ROUTE = {"agency": "{agency}", "level": "high", "channel_id": "{channel_id}"}


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    with node.runtime.db.write() as session:
        channel = Channel(agency=agency, name=words, kind="mail", settings=_MAIL | {"user": words}, sealed="",
                          created_at=NOW, enabled=False)  # fmt: skip
        matter = Matter(key=f"test:{agency}", at=NOW, kind="alert", agency=agency, ref=words, level="high",
                        title={"vi": words, "en": words}, link=f"#/{words}", routed_at=NOW)  # fmt: skip
        session.add_all([channel, matter])
        session.flush()
        route = Route(agency=agency, level="high", kinds=[], hours="any", channel_id=channel.id, steps=[],
                      window_s=300, enabled=False, created_at=NOW)  # fmt: skip
        session.add(route)
        session.flush()
        notice = Notice(route_id=route.id, agency=agency, at=NOW, level="high", count=1, first_id=matter.id)
        session.add(notice)
        session.flush()
        sending = Sending(uid=f"uid-{agency}", notice_id=notice.id, channel_id=channel.id, agency=agency, why="route",
                          state="given_up", made_at=NOW, next_at=NOW, attempts=1, receipt=words,
                          error={"vi": words, "en": words})  # fmt: skip
        session.add_all([sending, Told(notice_id=notice.id, matter_id=matter.id)])
        session.flush()
        return {"channel_id": str(channel.id), "route_id": str(route.id), "sending_id": str(sending.id),
                "notice_id": str(notice.id)}  # fmt: skip


ROWS = Rows(
    {
        ("GET", "/notices/deliveries"): ("", None, 200),
        ("GET", "/notices/deliveries/{sending_id}"): ("", None, 200),
        ("POST", "/notices/deliveries/{sending_id}/again"): ("", {}, 200),
        ("GET", "/notices/channels"): ("", None, 200),
        ("POST", "/notices/channels"): ("", _CHANNEL, 201),
        ("PUT", "/notices/channels/{channel_id}"): ("", _CHANNEL, 200),
        ("POST", "/notices/channels/{channel_id}/test"): ("", {}, 202),
        ("GET", "/notices/routes"): ("", None, 200),
        ("POST", "/notices/routes"): ("", _ROUTE, 201),
        ("PUT", "/notices/routes/{route_id}"): ("", _ROUTE, 200),
        ("GET", "/notices/people"): ("", None, 200),
    },
    make,
)
