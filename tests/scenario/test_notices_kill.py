"""kill -9 of a real luytre-api between a mail's acceptance and the row that says so: none lost, one more copy a kill.

A real SMTP server takes the mail, and the process dies before it hears the 250: the worst moment there is. The next
process sends it again under the same Message-ID, so whoever receives both can tell.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from api.node.users import act
from sensors.config import Config
from tests.browser.world import World
from tests.servers.post import Post, smtp_server

pytestmark = pytest.mark.slow
MAILS, KILLS, PATIENCE_S = 5, 3, 90.0


@dataclass
class Deadly(Post):
    """Ends the sender when it has taken a mail, before it says so."""

    pid: int = 0
    left: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if self.left and self.pid:
            pid, self.pid = self.pid, 0
            self.left -= 1
            os.kill(pid, signal.SIGKILL)
        return answer


def wait(until: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := until()):
        assert time.monotonic() < end, "patience"
        time.sleep(0.1)
    return found


def test_killed_between_sending_and_storing_each_mail_arrives_and_each_kill_makes_one_copy_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.config.path.open("a", encoding="utf-8") as file:
        file.write('\n[notices]\nlocal_hosts = ["127.0.0.1"]\n')
    world.config = Config(world.config.path)
    with smtp_server(None, Deadly(left=KILLS)) as post:
        assert isinstance(post, Deadly)
        try:
            settings = {"host": "127.0.0.1", "port": post.port, "tls": "none", "sender": "soc@so.example.vn",
                        "to": ["truc@so.example.vn"], "user": ""}  # fmt: skip
            channel = act(world.config, "notices-mail", name="Thư", settings=settings, level="high", secret="")
            wanted = [act(world.config, "notices-test", channel=channel["channel"])["sending"] for _ in range(MAILS)]
            for kill in range(KILLS):
                post.pid = _start(world)
                wait(lambda kill=kill: post.left == KILLS - kill - 1)
                world.kill("api")  # it is dead already: this only waits for its end
                rows = [_row(world, sending) for sending in wanted]
                assert [row["state"] for row in rows].count("sending") == 1  # on record before the try
            post.pid = _start(world)
            wait(lambda: all(_row(world, sending)["state"] == "sent" for sending in wanted))
        finally:
            world.stop()
        copies = Counter(str(mail["Message-ID"]) for mail in post.mails)
    assert len(copies) == MAILS  # none lost, and a copy carries the id of the first
    assert sum(copies.values()) <= MAILS + KILLS


def _start(world: World) -> int:
    world.start("api")
    return world._children["api"].pid


def _row(world: World, sending: int) -> dict[str, Any]:
    [row] = act(world.config, "notices-sendings", sending=sending)["sendings"]
    return dict(row)
