"""Delivery: the outbox, the urgent items first (order.py), to the node above, until each has a receipt or a refusal.

    waiting → sent → received | refused (with the reason) → acknowledged (by a word of the centre)

In:  the Runtime of an agency's node. Out: rows of `Outgoing` and `Link` that tell both screens the state.
At-least-once: `sent` is committed before the request; after a crash the same bytes go out again under the same
sequence, and the centre gives the same receipt. A failed try waits 1 s … LONGEST_WAIT_S, doubled, with full jitter.
Batches: one item a request at first and after a failure; twice as many each time that one was answered within FAST_S:
a long backlog doesn't wait a round trip for each item, and a weak link still gets on.
When the centre expects another number, the outbox follows (renumber.py).
Bound: RUN_S and A_RUN items a run, BATCH items and BATCH_BYTES a request; answers of ANSWER_LIMIT_BYTES, read as the
types of answers.py and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.ca import name_in
from api.casework.changes import changed
from api.federation import answers, hear, lead_agency, lead_sync, order, renumber
from api.federation import item as items
from api.federation.config import settings
from api.federation.hold import Hold
from api.federation.signing import sign
from api.notices import matters
from api.runtime import Runtime
from api.state.federation import Link, Outgoing
from sensors.errors import LuytreError, Problem, Unavailable
from sensors.ship.enrol import Enrolled, renew
from sensors.wire import Answer, Busy, Wire, tls_context

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
A_RUN, RUN_S = 1_000, 10.0  # the next run follows a second later when there is more
BATCH, BATCH_BYTES, FAST_S = 50, items.ITEM_LIMIT_BYTES, 3.0
TIMEOUT_S = 30.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024  # 50 words of 10,000 letters
QUIET_AFTER_S, QUIET_TIMES = 120.0, 5  # nothing said for so long: words are asked for less often
RENEW_S, RENEW_AGAIN_S = 3600.0, 300.0  # how often the certificate's age is looked at; after a failure
_JSON = {"content-type": "application/json"}


class Line(Protocol):
    """What is asked of the wire."""

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
            limit_bytes: int = ...) -> Answer: ...  # fmt: skip

    def close(self) -> None: ...


Connect = Callable[[], Line]
Renew = Callable[..., Enrolled | None]


class Delivery:
    """One upward link; keeps its connection between runs."""

    def __init__(
        self,
        node: Runtime,
        chance: random.Random | None = None,
        connect: Connect | None = None,
        renewing: Renew = renew,
    ) -> None:
        self._node, self._chance = node, chance or random.Random()  # noqa: S311  (jitter)
        self._table = settings(node.config)
        self._keys = node.data / "keys"
        self._hold = Hold(node, self._table.secret)
        self._connect, self._renew = connect or self._over_tls, renewing
        self._wire: Line | None = None
        self._opened = self._failed_with = 0.0  # when node.pem was written that was used, that failed
        self._listen_at = self._renew_at = self._agree_at = 0.0
        self._talked_at = -QUIET_AFTER_S
        self._batch, self._most = 1, BATCH

    def run(self) -> str:
        """Send what is due, then ask for words; a few words on what was done."""
        if not self._table.upstream:
            return ""
        if not (self._keys / "node.pem").exists():
            self._say_not_enrolled()
            return ""
        if self._waits():
            with self._node.db.write() as session:
                self._hold.withhold(session)
            return ""
        clock = self._node.clock
        try:
            self._renew_if_due()
            sent = self._send_due()
            if sent:
                self._talked_at = clock.monotonic()
            heard = self._listen() if sent or clock.monotonic() >= self._listen_at else 0
            self._agree()
        except (LuytreError, OSError, ValueError) as error:
            self._failed(error)
            return ""
        return f"{sent} sent, {heard} heard" if sent or heard else ""

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # --- items up --------------------------------------------------------------------------------------------------

    def _send_due(self) -> int:
        count, followed, begun = 0, False, self._node.clock.monotonic()
        while count < A_RUN and self._node.clock.monotonic() - begun < RUN_S:
            rows = self._take()
            if not rows:
                break
            asked = self._node.clock.monotonic()
            told = self._post(rows)
            self._batch = min(2 * self._batch, self._most) if self._node.clock.monotonic() - asked < FAST_S else 1
            settled = self._settle(rows, told)
            count, followed = count + settled, followed and not settled
            last = told[-1]
            if isinstance(last, answers.Expected):
                if followed:
                    raise Busy("the centre does not take the number that it asked for")
                self._follow(rows[settled], last)
                followed = True
        return count

    def _take(self) -> list[Outgoing]:
        """The next items, marked as sent before they are."""
        with self._node.db.write() as session:
            self._hold.withhold(session)
            rows = order.take(session, self._batch, BATCH_BYTES, self._node.clock.now())
            for row in rows:
                self._tell(session, row)
            return rows

    def _post(self, rows: list[Outgoing]) -> list[answers.Told]:
        """What the centre says to each, up to the first that it did not take."""
        certificate = x509.load_pem_x509_certificate((self._keys / "node.pem").read_bytes())
        name, der = name_in(certificate), certificate.public_bytes(Encoding.DER)
        if name is None:
            raise ValueError("keys/node.pem names no node")
        signed = [
            {"item": row.body, "signature": sign(row.body, row.sequence, name.id, self._keys / "node.key", der)}
            for row in rows
        ]
        body = msgspec.json.encode(signed[0] if len(signed) == 1 else {"items": signed})
        answer = self._open().ask("POST", "/federation/v1/items", body, _JSON, ANSWER_LIMIT_BYTES)
        if len(signed) > 1 and answer.status == 400:
            self._most = 1  # a centre of the release before takes one at a time
        return [answers.of_item(answer)] if len(signed) == 1 else answers.of_items(answer, len(signed))

    def _settle(self, sent: list[Outgoing], told: list[answers.Told]) -> int:
        """How many have been answered for good."""
        settled = 0
        with self._node.db.write() as session:
            for one, answer in zip(sent, told, strict=False):
                if isinstance(answer, answers.Expected):
                    break
                row = session.get_one(Outgoing, one.id)
                row.last_error, row.next_attempt_at, row.reason = None, None, None
                if isinstance(answer, answers.Refused):
                    row.state, row.reason = "refused", answer.reason
                    lead_agency.refused(session, row)
                    matters.refused_above(session, row.ref, row.agency, row.sequence, self._node.clock.now())
                else:
                    row.state, row.receipt_id = "received", answer.receipt
                    row.receipt_at, row.receipt_by = answer.time, answer.by[: answers.NAME]
                self._tell(session, row)
                settled += 1
            self._contact(session)
        return settled

    def _follow(self, sent: Outgoing, answer: answers.Expected) -> None:
        self._agree_at = 0.0
        with self._node.db.write() as session:
            if answer.expected is not None:
                renumber.follow(session, answer.expected)
            elif answer.expected_revision is not None:
                renumber.revise(session, session.get_one(Outgoing, sent.id), answer.expected_revision)
            else:
                raise Busy("HTTP 409 without what is expected")
            self._contact(session)
        self._node.log.warning("the centre expects other numbers", sequence=answer.expected,
                               revision=answer.expected_revision, item=sent.item_id)  # fmt: skip

    # --- words down ------------------------------------------------------------------------------------------------

    def _listen(self) -> int:
        """Words of the centre since the last one heard."""
        node = self._node
        with node.db.read() as session:
            link = session.get(Link, 1)
            after = link.words_after if link else 0
        path = f"/federation/v1/words?after={after}"
        said = answers.of_words(self._open().ask("GET", path, limit_bytes=ANSWER_LIMIT_BYTES))
        if said.words:
            self._talked_at = node.clock.monotonic()
        quiet = node.clock.monotonic() - self._talked_at >= QUIET_AFTER_S
        self._listen_at = node.clock.monotonic() + self._table.poll_s * (QUIET_TIMES if quiet else 1)
        with node.db.write() as session:
            for word in said.words:
                hear.hear(session, node, word)
            self._contact(session, max(after, said.next))
        return len(said.words)

    def _agree(self) -> None:
        """On who leads what: once a while, at a process's start, and after the two sides disagreed on numbers."""
        if self._node.clock.monotonic() < self._agree_at and self._agree_at:
            return
        if changed := lead_sync.sync(self._node, self._open()):
            self._node.log.info("who leads follows the centre's record", items=changed)
        self._agree_at = self._node.clock.monotonic() + lead_sync.EVERY_S

    # --- the link --------------------------------------------------------------------------------------------------

    def _waits(self) -> bool:
        """Whether the last failure is too fresh for another try. A new certificate is tried at once; so is anything
        when the wait is longer than any that we give: the clock was set."""
        with self._node.db.read() as session:
            link = session.get(Link, 1)
            left = link.next_try_at - self._node.clock.now() if link is not None else 0.0
        if self._failed_with and _written(self._keys / "node.pem") != self._failed_with:
            return False
        return 0 < left <= LONGEST_WAIT_S + FIRST_WAIT_S

    def _renew_if_due(self) -> None:
        """A new certificate when a third of this one's life is left; failing to get it stops nothing yet."""
        node = self._node
        if node.clock.monotonic() < self._renew_at and self._renew_at:
            return
        certificate = x509.load_pem_x509_certificate((self._keys / "node.pem").read_bytes())
        if certificate.not_valid_after_utc.timestamp() <= node.clock.now():
            raise Unavailable(_EXPIRED)
        self._renew_at = node.clock.monotonic() + RENEW_S
        try:
            done = self._renew(
                self._table.upstream, self._keys, file="node", ca_file="upstream-ca.pem", now=node.clock.now()
            )
        except (LuytreError, OSError, ValueError) as error:
            self._renew_at = node.clock.monotonic() + RENEW_AGAIN_S
            node.log.warning("the node's certificate was not renewed", error=str(error)[:300])
            return
        if done is not None:
            node.log.info("the node's certificate was renewed", machine=f"{done.agency}:{done.role}:{done.name}")

    def _failed(self, error: Exception) -> None:
        """Write down why, and when the next try is: full jitter keeps a thousand agencies from coming back together."""
        self.close()
        self._batch = 1
        self._failed_with = _written(self._keys / "node.pem")
        node, now = self._node, self._node.clock.now()
        said = self._words(error.problems[0]) if isinstance(error, LuytreError) else f"{type(error).__name__}: {error}"
        with node.db.write() as session:
            link = _link(session, self._table.upstream)
            link.tries = min(link.tries + 1, 1000)
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(link.tries - 1, 20))
            asked = min(getattr(error, "retry_after_s", None) or 0.0, LONGEST_WAIT_S)
            link.next_try_at = now + max(asked, FIRST_WAIT_S / 2 + self._chance.random() * longest)
            link.last_error = said[:500]
            for row in session.scalars(select(Outgoing).where(Outgoing.state == "sent").limit(BATCH)):
                row.last_error, row.next_attempt_at, row.state = said[:500], link.next_try_at, "waiting"
                self._tell(session, row)

    def _say_not_enrolled(self) -> None:
        said = self._words(_NOT_ENROLLED)
        with self._node.db.read() as session:
            link = session.get(Link, 1)
            if link is not None and link.last_error == said:
                return
        with self._node.db.write() as session:
            _link(session, self._table.upstream).last_error = said

    def _words(self, problem: Problem) -> str:
        return problem.vi if self._node.node.language == "vi" else problem.en

    def _contact(self, session: Session, words_after: int | None = None) -> None:
        link = _link(session, self._table.upstream)
        link.last_contact_at, link.last_error, link.tries, link.next_try_at = self._node.clock.now(), None, 0, 0.0
        if words_after is not None:
            link.words_after = words_after

    def _tell(self, session: Session, row: Outgoing) -> None:
        changed(session, self._node.bell, "delivery", row.ref, agency=row.agency, revision=row.item_revision,
                now=self._node.clock.now())  # fmt: skip

    def _open(self) -> Line:
        """The connection; opened anew when the certificate was renewed."""
        written = _written(self._keys / "node.pem")
        if self._wire is None or written != self._opened:
            self.close()
            self._wire, self._opened = self._connect(), written
        return self._wire

    def _over_tls(self) -> Line:
        tls = tls_context(self._keys / "upstream-ca.pem", self._keys / "node.pem", self._keys / "node.key")
        return Wire(self._table.upstream, tls, timeout_s=TIMEOUT_S)


_EXPIRED = Problem("LT-F0110", "chứng thư của nút đã hết hạn; cần ghi danh lại với cấp trên: luytre enrol upstream",
                   "the node's certificate has expired; enrol anew: luytre enrol upstream")  # fmt: skip
_NOT_ENROLLED = Problem("LT-F0111", "nút chưa ghi danh với cấp trên: luytre enrol upstream",
                        "this node is not enrolled with the one above: luytre enrol upstream")  # fmt: skip


def _link(session: Session, upstream: str) -> Link:
    link = session.get(Link, 1)
    if link is None:
        link = Link(id=1, upstream=upstream, tries=0, next_try_at=0.0, words_after=0)
        session.add(link)
    link.upstream = upstream
    return link


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
