"""Delivery: the outbox, item by item in order of sequence, to the node above, until each has a receipt or a refusal.

    waiting → sent → received | refused (with the reason) → acknowledged (by a word of the centre)

In:  the Runtime of an agency's node. Out: rows of `Outgoing` and `Link` that tell both screens the state.
At-least-once: `sent` is committed before the request; after a crash the same bytes go out again under the same
sequence, and the centre gives the same receipt. A failed try waits 1 s … LONGEST_WAIT_S, doubled, with full jitter; no
later item overtakes (the centre takes a sender's items in sequence only). One item a request: a weak link gets on too.
When the centre says which sequence it expects (it was restored from a backup, or we were), the outbox follows: items it
has lost are sent again, items with a used number are numbered anew.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.ca import name_in
from api.casework.changes import changed
from api.federation import item as items
from api.federation.config import settings
from api.federation.signing import sign
from api.runtime import Runtime
from api.state.federation import Heard, Link, Outgoing
from sensors.clock import parse_rfc3339
from sensors.errors import LuytreError
from sensors.wire import Answer, Busy, Wire, tls_context

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
A_RUN = 100  # items a run; the next run follows at once when there are more
TIMEOUT_S = 30.0
WORDS = 200

Post = Callable[[str, str, bytes | None], Answer]


class Delivery:
    """One upward link; keeps its connection between runs."""

    def __init__(self, node: Runtime, chance: random.Random | None = None) -> None:
        self._node, self._chance = node, chance or random.Random()  # noqa: S311  (jitter)
        self._table = settings(node.config)
        self._keys = node.data / "keys"
        self._wire: Wire | None = None
        self._opened: float = 0.0
        self._asked_at = 0.0

    def run(self) -> str:
        """Send what is due, then ask for words; a few words on what was done."""
        if not self._table.upstream or not (self._keys / "node.pem").exists():
            return ""
        node = self._node
        now = node.clock.now()
        with node.db.read() as session:
            link = session.get(Link, 1)
            if link is not None and link.next_try_at > now:
                return ""
        try:
            sent = self._send_due()
            heard = self._listen() if sent or node.clock.now() - self._asked_at >= self._table.poll_s else 0
        except (LuytreError, OSError, ValueError) as error:
            self._failed(error)
            return ""
        return f"{sent} sent, {heard} heard" if sent or heard else ""

    def _send_due(self) -> int:
        for count in range(A_RUN):
            row = self._take()
            if row is None:
                return count
            self._settle(row, self._post_item(row))
        return A_RUN

    def _take(self) -> Outgoing | None:
        """The next item, marked as sent before it is."""
        with self._node.db.write() as session:
            row = session.scalar(
                select(Outgoing).where(Outgoing.state.in_(("waiting", "sent"))).order_by(Outgoing.sequence).limit(1)
            )
            if row is not None:
                row.state, row.attempts, row.last_attempt_at = "sent", row.attempts + 1, self._node.clock.now()
                self._tell(session, row)
            return row

    def _post_item(self, row: Outgoing) -> Answer:
        sender, key = self._sender(), self._keys / "node.key"
        body = {"item": row.body, "signature": sign(row.body, row.sequence, sender, key)}
        return self._open().ask("POST", "/federation/v1/items", msgspec.json.encode(body),
                                {"content-type": "application/json"})  # fmt: skip

    def _settle(self, sent: Outgoing, answer: Answer) -> None:
        said = answer.json()
        if answer.status == 409 and isinstance(said, dict) and isinstance(said.get("expected"), int):
            self._follow(said["expected"])
            return
        if answer.status not in (200, 201, 422) or not isinstance(said, dict):
            raise Busy(f"status {answer.status}", _wait_of(answer))
        with self._node.db.write() as session:
            row = session.get_one(Outgoing, sent.id)
            row.last_error, row.next_attempt_at = None, None
            if answer.status == 422:
                reason = said.get("refused")
                row.state = "refused"
                row.reason = {k: str(v)[:1000] for k, v in reason.items()} if isinstance(reason, dict) else {}
            else:
                row.state, row.receipt_id = "received", str(said["receipt"])[:32]
                row.receipt_at, row.receipt_by = parse_rfc3339(str(said["at"])), str(said["by"])[:256]
            self._tell(session, row)
            self._contact(session)

    def _follow(self, expected: int) -> None:
        """Number what still has to be sent from `expected` on; send again what the centre does not have any more."""
        with self._node.db.write() as session:
            last = session.scalar(select(Outgoing.sequence).order_by(Outgoing.sequence.desc()).limit(1)) or 0
            due = session.scalars(
                select(Outgoing)
                .where((Outgoing.sequence >= expected) | Outgoing.state.in_(("waiting", "sent")))
                .order_by(Outgoing.sequence)
            ).all()
            top = max(last, expected)
            for offset, row in enumerate(due):  # out of the way first: the numbers are unique
                row.sequence = top + 1 + offset
            session.flush()
            for offset, row in enumerate(due):
                row.sequence, row.state = expected + offset, "waiting"
                item = json.loads(row.body) | {"sequence": row.sequence}
                row.body = items.canonical(item)
            self._contact(session)

    def _listen(self) -> int:
        """Words of the centre since the last one heard."""
        node = self._node
        self._asked_at = node.clock.now()
        with node.db.read() as session:
            link = session.get(Link, 1)
            after = link.words_after if link else 0
        answer = self._open().ask("GET", f"/federation/v1/words?after={after}")
        said = answer.json()
        if answer.status != 200 or not isinstance(said, dict) or not isinstance(said.get("words"), list):
            raise Busy(f"status {answer.status}", _wait_of(answer))
        with node.db.write() as session:
            for word in said["words"][:WORDS]:
                _hear(session, node, word)
            self._contact(session, max([after, *(int(word["id"]) for word in said["words"][:WORDS])]))
        return len(said["words"])

    def _failed(self, error: Exception) -> None:
        """Write down why, and when the next try is: full jitter keeps a thousand agencies from coming back together."""
        self._close()
        node, now = self._node, self._node.clock.now()
        said = error.problems[0].en if isinstance(error, LuytreError) else f"{type(error).__name__}: {error}"
        with node.db.write() as session:
            link = _link(session, self._table.upstream)
            link.tries += 1
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(link.tries - 1, 20))
            asked = getattr(error, "retry_after_s", None) or 0.0
            link.next_try_at = now + max(asked, FIRST_WAIT_S / 2 + self._chance.random() * longest)
            link.last_error = said[:500]
            row = session.scalar(select(Outgoing).where(Outgoing.state == "sent").order_by(Outgoing.sequence).limit(1))
            if row is not None:
                row.last_error, row.next_attempt_at, row.state = said[:500], link.next_try_at, "waiting"
                self._tell(session, row)

    def _contact(self, session: Session, words_after: int | None = None) -> None:
        link = _link(session, self._table.upstream)
        link.last_contact_at, link.last_error, link.tries, link.next_try_at = self._node.clock.now(), None, 0, 0.0
        if words_after is not None:
            link.words_after = words_after

    def _tell(self, session: Session, row: Outgoing) -> None:
        changed(session, self._node.bell, "delivery", row.ref, agency=row.agency, revision=row.item_revision,
                now=self._node.clock.now())  # fmt: skip

    def _sender(self) -> str:
        name = name_in(x509.load_pem_x509_certificate((self._keys / "node.pem").read_bytes()))
        if name is None:
            raise ValueError("keys/node.pem names no node")
        return name.id

    def _open(self) -> Wire:
        """The connection; opened anew when the certificate was renewed."""
        changed_at = _changed(self._keys / "node.pem")
        if self._wire is None or changed_at != self._opened:
            self._close()
            tls = tls_context(self._keys / "upstream-ca.pem", self._keys / "node.pem", self._keys / "node.key")
            self._wire, self._opened = Wire(self._table.upstream, tls, timeout_s=TIMEOUT_S), changed_at
        return self._wire

    def _close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def _hear(session: Session, node: Runtime, word: Any) -> None:
    number = int(word["id"])
    if session.get(Heard, number) is not None:
        return
    item_id, kind = str(word["item_id"])[:128], str(word["kind"])[:16]
    session.add(Heard(id=number, at=parse_rfc3339(str(word["at"])) or node.clock.now(), item_id=item_id, kind=kind,
                      text=str(word["text"])[:10_000], by=str(word["by"])[:256]))  # fmt: skip
    row = session.scalar(select(Outgoing).where(Outgoing.item_id == item_id).order_by(Outgoing.id.desc()).limit(1))
    if row is None:
        return
    if kind == "acknowledged" and row.state == "received":
        row.state = "acknowledged"
    changed(session, node.bell, "delivery", row.ref, agency=row.agency, revision=row.item_revision,
            now=node.clock.now())  # fmt: skip


def _link(session: Session, upstream: str) -> Link:
    link = session.get(Link, 1)
    if link is None:
        link = Link(id=1, upstream=upstream, tries=0, next_try_at=0.0, words_after=0)
        session.add(link)
    link.upstream = upstream
    return link


def _wait_of(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT_S) if text.isdigit() else None


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
