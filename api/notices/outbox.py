"""The outbox: sendings leave the machine, each until it is taken or given up.

    waiting → sending → sent | waiting (again later) | given_up

At-least-once: `sending` and the try's number are committed before the try. A process that dies leaves `sending` rows
that no thread of the next process holds; they go out again under the same uid (Message-ID, Idempotency-Key), so a
recipient can tell. At most one more copy per crash.
A failed try waits FIRST_WAIT_S … LONGEST_WAIT_S, doubled, full jitter, or as long as the other side asks; a final
refusal, or GIVE_UP_S after it was made, and it is given up. FAILS in a row over one channel are a matter of their own,
told over another channel.
Each try runs in a thread of its own: LANES at once, one per channel, so a service that hangs holds up only itself.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.changes import changed
from api.notices import config, words
from api.notices.channels import Egress, Kind, Message, Refused, all_kinds
from api.notices.tell import tell
from api.notices.vault import Vault
from api.outward import Forbidden
from api.runtime import Runtime
from api.state.notices import Channel, Matter, Notice, Reach, Sending
from api.state.people import Agency, User
from sensors.errors import LuytreError

LANES = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
GIVE_UP_S = 24 * 3600.0
FAILS = 3
PAUSE_S = 60.0
RETRY_AFTER_LIMIT_S = 3600.0
ERROR = 300  # letters kept of an error

Run = Callable[[Callable[[], None]], None]


def in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="notices", daemon=True).start()


class Outbox:
    def __init__(
        self, node: Runtime, *, chance: random.Random | None = None, run: Run = in_a_thread,
        kinds: dict[str, Kind] | None = None,
    ) -> None:  # fmt: skip
        self._node, self._chance, self._run = node, chance or random.Random(), run  # noqa: S311  (jitter)
        self._table = config.settings(node.config)
        self._guard = config.guard_of(self._table)
        self._vault = Vault(node.data)
        self._kinds = all_kinds() if kinds is None else kinds
        self._lock = threading.Lock()
        self._paused: dict[int, float] = {}  # until when, of tries whose outcome could not be stored
        self._held: dict[int, int] = {}  # sending → channel, of the tries that run now

    def step(self) -> int:
        """Start the tries that are due and have a lane; returns how many."""
        started = 0
        while (found := self._take()) is not None:
            self._run(found)
            started += 1
        return started

    def _take(self) -> Callable[[], None] | None:
        now = self._node.clock.now()
        with self._lock:
            moment = self._node.clock.monotonic()
            self._paused = {sending: until for sending, until in self._paused.items() if until > moment}
            busy, channels = set(self._held), set(self._held.values())
            away = busy | set(self._paused)
        if len(busy) >= LANES:
            return None
        due = select(Sending).where(
            Sending.channel_id.is_not(None), Sending.state.in_(("waiting", "sending")), Sending.id.not_in(away),
            Sending.channel_id.not_in(channels),
        )  # fmt: skip
        waits = (Sending.state == "sending") | (Sending.next_at <= now)  # "sending" without a thread: of a dead process
        with self._node.db.read() as session:
            found = session.scalar(select(due.where(waits).order_by(Sending.next_at).limit(1).subquery().c.id))
        if found is None:
            return None
        with self._node.db.write() as session:
            row = session.get_one(Sending, found)
            if row.state not in ("waiting", "sending"):
                return lambda: None
            channel = session.get_one(Channel, row.channel_id)
            if channel.retired or (not channel.enabled and row.why != "test"):
                self._end(session, row, "given_up", _OFF)
                return lambda: None
            row.state, row.attempts = "sending", row.attempts + 1
            self._changed(session, row)
            message = self._message(session, row, channel)
            settings, sealed, kind = dict(channel.settings), channel.sealed, self._kinds.get(channel.kind)
        with self._lock:
            self._held[row.id] = channel.id
        return lambda: self._try(row.id, channel.id, kind, message, settings, sealed)

    def _message(self, session: Session, row: Sending, channel: Channel) -> Message:
        notice = session.get_one(Notice, row.notice_id)
        first = session.get_one(Matter, notice.first_id)
        agency = session.get(Agency, notice.agency)
        user = session.get(User, row.user_id) if row.user_id else None
        reach = session.get(Reach, row.user_id) if row.user_id else None
        kind = self._kinds.get(channel.kind)
        to = getattr(reach, kind.reaches, "") if reach and kind and kind.reaches else ""
        language = user.language if user else self._node.node.language
        return words.compose(
            notice, first, uid=row.uid, agency_name=(agency.name if agency else "") or notice.agency,
            language="en" if language == "en" else "vi", titles=channel.titles, base=self._node.api.public_url,
            exercise=self._node.node.exercise, why=row.why, to=to,
        )  # fmt: skip

    def _try(
        self, sending: int, channel: int, kind: Kind | None, message: Message, settings: dict[str, object], sealed: str
    ) -> None:
        receipt, refused = "", None
        try:
            if kind is None:
                raise Refused("Không còn loại kênh này.", "There is no such kind of channel.", permanent=True)
            egress = Egress(self._guard, config.ca_of(self._table), self._node.clock.now())
            receipt = kind.send(message, settings, self._vault.open(channel, sealed), egress)
        except Refused as error:
            refused = error
        except Forbidden:
            refused = Refused("Nút không được phép kết nối tới máy này; người vận hành có thể cho phép trong [notices] "
                              "local_hosts.", "This node may not connect to that machine; its operator may allow it in "
                              "[notices] local_hosts.", permanent=True)  # fmt: skip
        except LuytreError as error:
            refused = Refused(error.problems[0].vi, error.problems[0].en)
        except OSError as error:  # its text may name files or addresses, not secrets; the kind of it is enough
            name = error.strerror or type(error).__name__
            refused = Refused(f"Không kết nối được ({name}).", f"Cannot connect ({name}).")
        except Exception as error:
            self._node.log.error("a channel failed unexpectedly", kind=type(error).__name__, channel=channel)
            refused = Refused("Kênh gặp lỗi không lường trước.", "The channel met an unexpected error.")
        try:
            self._settle(sending, channel, receipt, refused)
        except Exception as error:
            # It may have gone out, and that is not on record: once more under its uid, but not in a tight circle.
            self._node.log.error("the outcome of a notice was not stored", sending=sending, kind=type(error).__name__)
            with self._lock:
                self._paused[sending] = self._node.clock.monotonic() + PAUSE_S
        finally:
            with self._lock:
                self._held.pop(sending, None)

    def _settle(self, sending: int, channel_id: int, receipt: str, refused: Refused | None) -> None:
        now = self._node.clock.now()
        with self._node.db.write() as session:
            row, channel = session.get_one(Sending, sending), session.get_one(Channel, channel_id)
            if refused is None:
                row.sent_at, row.receipt = now, receipt[:256]
                channel.fails = 0
                self._end(session, row, "sent", None)
                return
            error = {"vi": refused.vi[:ERROR], "en": refused.en[:ERROR]}
            channel.fails += 1
            if channel.fails == FAILS or (refused.permanent and channel.fails == 1 and row.why != "test"):
                self._tell(session, channel, now)
            wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(row.attempts - 1, 20))
            next_at = now + max(FIRST_WAIT_S / 2 + self._chance.random() * wait,
                                min(refused.retry_after_s or 0.0, RETRY_AFTER_LIMIT_S))  # fmt: skip
            if refused.permanent or row.why == "test" or next_at > row.made_at + GIVE_UP_S:
                self._end(session, row, "given_up", error)
            else:
                row.next_at = next_at
                self._end(session, row, "waiting", error)

    def _end(self, session: Session, row: Sending, state: str, error: dict[str, str] | None) -> None:
        row.state, row.error = state, error
        self._changed(session, row)

    def _changed(self, session: Session, row: Sending) -> None:
        row.revision += 1
        changed(session, self._node.bell, "notice", str(row.id), agency=row.agency, revision=row.revision,
                now=self._node.clock.now())  # fmt: skip

    def _tell(self, session: Session, channel: Channel, now: float) -> None:
        name = words.line(channel.name, 100)
        tell(
            session, key=f"channel:{channel.id}:{int(now // 3600)}", kind="system", agency=channel.agency,
            ref=f"channel:{channel.id}", level="high", link="#/notices?tab=channels", now=now,
            title={"vi": f"Kênh thông báo không gửi được: {name}", "en": f"A channel of notices fails: {name}"},
        )  # fmt: skip


_OFF = {"vi": "Kênh đã tắt.", "en": "The channel is switched off."}
