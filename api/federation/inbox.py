"""The national inbox: takes signed items of a node below, once, in order; answers a receipt or a refusal to each.

In:  the sender (its certificate's name and DER), the items' texts, their signatures. Out: (status, answer) each:
     201/200 {receipt, at, by}; 422 {refused: {vi, en}}; 409 {expected} when the sequence does not fit, or
     {expected_revision} when the item's revision is taken by other words; 400 when it is not signed as it must be.
Order:      a sender's items are taken in sequence, without holes; each uses up its number, refused ones too.
Idempotent: the same sequence with the same text gets the same answer again; with another text it gets 409 and is on
            record (one of the two sides was restored from a backup).
Identity:   the agency is the certificate's, or one below it in the tree; what the item says of itself is compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.audit import Actor
from api.auth.ca import Name
from api.casework import ids
from api.casework.changes import changed
from api.casework.folding import search_text
from api.federation import item as items
from api.federation import lead_centre, relay, selftest
from api.federation.saying import next_word
from api.federation.signing import digest, verify
from api.runtime import Runtime
from api.shapes import LEVELS
from api.state.federation import Raised, RaisedIndicator, RaisedRevision, Received, Spoken
from api.state.people import Agency
from sensors.clock import parse_rfc3339, rfc3339

Answered = tuple[int, dict[str, Any]]
SEQUENCES = 2**31 - 1  # as in item.json; what an INTEGER column of PostgreSQL holds
SEARCHED = 20_000  # characters of an item that the inbox searches in
CONFLICTS_S = 60.0
_DEPTH = 16  # of the agency tree
_OF_THE_RAISE = {"revision", "sequence", "raised_at", "note", "lead"}


class Intake:
    """The door for items: one at a time, or a batch in one transaction."""

    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._told: dict[str, float] = {}  # sender → when a conflict of its was last put on record

    def accept(self, sender: Name, certificate: bytes, text: str, signature: str) -> Answered:
        """One item. Everything that it changes is one transaction, its answer included."""
        return self.accept_all(sender, certificate, [(text, signature)])[0]

    def accept_all(self, sender: Name, certificate: bytes, given: Sequence[tuple[str, str]]) -> list[Answered]:
        """Items in order, in one transaction: an answer each, up to the first that is not taken (400, 409)."""
        answers: list[Answered] = []
        read = [self._read(sender, certificate, text, signature) for text, signature in given]
        with self._node.db.write() as session:
            for (text, signature), item in zip(given, read, strict=True):
                if isinstance(item, str):
                    answers.append((400, {"error": item}))
                else:
                    answers.append(self._take(session, sender, item, text, signature))
                if answers[-1][0] in (400, 409):
                    break
        return answers

    def _read(self, sender: Name, certificate: bytes, text: str, signature: str) -> dict[str, Any] | str:
        """The item, or why it is none of this sender's."""
        item = items.parsed(text)
        sequence = item.get("sequence") if isinstance(item, dict) else None
        if not isinstance(item, dict) or type(sequence) is not int or not 1 <= sequence <= SEQUENCES:
            return "not an item in canonical form with a sequence"
        if not verify(signature, text, sequence, sender.id, certificate):
            return "the signature does not fit the item, its sequence and its sender"
        return item

    def _take(self, session: Session, sender: Name, item: dict[str, Any], text: str, signature: str) -> Answered:
        node, sequence, mark = self._node, item["sequence"], digest(text)
        last = session.scalar(select(func.max(Received.sequence)).where(Received.sender == sender.id)) or 0
        before = session.get(Received, (sender.id, sequence))
        if before is not None and before.digest == mark:
            return before.answer["status"], before.answer["body"]
        if sequence != last + 1:
            if before is not None:
                self._conflict(session, sender, sequence)
            return 409, {"expected": last + 1}
        status, answer = _decide(node, session, sender, item, text, signature)
        if status != 409:
            session.add(Received(sender=sender.id, sequence=sequence, digest=mark, at=node.clock.now(),
                                 answer={"status": status, "body": answer}))  # fmt: skip
            session.flush()
        return status, answer

    def _conflict(self, session: Session, sender: Name, sequence: int) -> None:
        """On record, but not at the rate at which a sender gone mad repeats it."""
        now = self._node.clock.monotonic()
        if now - self._told.get(sender.id, -CONFLICTS_S) >= CONFLICTS_S:
            self._told[sender.id] = now
            _on_record(self._node, session, sender, "item.conflict", "refused", {"sequence": sequence})


def _decide(node: Runtime, session: Session, sender: Name, item: Any, text: str, signature: str) -> Answered:
    wrong = items.wrong_with(item)
    if wrong:
        return _refuse(
            node, session, sender, f"không đúng khuôn dạng: {wrong}", f"not according to the schema: {wrong}"
        )
    if not _within(session, sender.agency, item["agency"]):
        return _refuse(node, session, sender, f"chứng thư thuộc {sender.agency}, không phải {item['agency']}",
                       f"the certificate is of {sender.agency}, not of {item['agency']}")  # fmt: skip
    now = node.clock.now()
    row = session.scalar(select(Raised).where(Raised.agency == item["agency"], Raised.item_id == item["id"]))
    if row is not None and (known := session.get(RaisedRevision, (row.id, item["revision"]))) is not None:
        if _same(known.body, item):
            # Numbered anew after a restore: the item itself is known, so it is not stored a second time.
            row.sender = sender.id
            return 200, _receipt(node, known)
        # The sender was restored from a backup and has forgotten that it said something else under this revision.
        newest = select(func.max(RaisedRevision.item_revision)).where(RaisedRevision.raised_id == row.id)
        return 409, {"expected_revision": (session.scalar(newest) or 0) + 1}
    created = row is None
    if row is None:
        row = Raised(id=ids.next_id(session, "TN", now), agency=item["agency"], item_id=item["id"], received_at=now,
                     state="new", revision=0, item_revision=0)  # fmt: skip
        session.add(row)
    row.sender = sender.id  # words go to whoever speaks for the item now: a node may be enrolled anew
    if item["revision"] > row.item_revision:
        row.received_at = now
        _become(session, row, item)
        if selftest.is_one(item):
            _selftest(node, session, row, now)
        lead_centre.asked(node, session, sender, row, item, now)
        relay.pass_on(node, session, row)
    row.revision += 1
    session.flush()
    revision = RaisedRevision(raised_id=row.id, item_revision=item["revision"], sequence=item["sequence"],
                              receipt_id=ids.next_id(session, "BN", now), received_at=now, body=text,
                              signature=signature)  # fmt: skip
    session.add(revision)
    changed(session, node.bell, "raised", row.id, agency=row.agency, revision=row.revision, now=now, created=created)
    return 201, _receipt(node, revision)


def _become(session: Session, row: Raised, item: dict[str, Any]) -> None:
    """The row as its newest revision says; a new revision of an acknowledged item is to be looked at again, unless all
    that it adds is a word on who leads."""
    told = row.item_revision and "lead" in item and _content(row.item) == _content(item)
    row.item, row.item_revision, row.sequence = item, item["revision"], item["sequence"]
    row.kind, row.title, row.level = item["kind"], item["title"], item["level"]
    row.level_order = LEVELS.index(item["level"])
    row.first_seen = parse_rfc3339(item["first_seen"]) or row.received_at
    row.last_seen = parse_rfc3339(item["last_seen"]) or row.received_at
    row.alerts_count = item.get("alerts_count", len(item["alerts"]))
    if not told:
        row.state, row.acknowledged_at, row.acknowledged_by = "new", None, None
    values = [found["value"] for found in item["indicators"]]
    titles = [text for alert in item["alerts"] for text in alert["title"].values()]
    parts = [row.id, item["id"], row.agency, row.title, *values, *item.get("techniques", ()), *dict.fromkeys(titles)]
    row.search_text = search_text(parts)[:SEARCHED]
    session.flush()
    session.execute(delete(RaisedIndicator).where(RaisedIndicator.raised_id == row.id))
    unique = {(found["type"], found["value"]): found["tlp"] for found in item["indicators"]}
    for (kind, value), tlp in unique.items():
        session.add(RaisedIndicator(raised_id=row.id, type=kind, value=value, tlp=tlp, agency=row.agency))


def _selftest(node: Runtime, session: Session, row: Raised, now: float) -> None:
    """The way is open: on record, and answered without a person."""
    session.flush()
    selftest.recognised(session, row, now)
    row.state, row.acknowledged_at, row.acknowledged_by = "acknowledged", now, node.node.name or node.node.agency
    word = Spoken(id=next_word(session, now), sender=row.sender, at=now, item_id=row.item_id, raised_id=row.id,
                  item_revision=row.item_revision, kind="acknowledged", text="", by=row.acknowledged_by)  # fmt: skip
    session.add(word)


def _content(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _OF_THE_RAISE}


def _same(body: str, item: dict[str, Any]) -> bool:
    return {**json.loads(body), "sequence": 0} == {**item, "sequence": 0}


def _receipt(node: Runtime, revision: RaisedRevision) -> dict[str, Any]:
    return {
        "receipt": revision.receipt_id,
        "at": rfc3339(revision.received_at),
        "by": node.node.name or node.node.agency,
    }


def _refuse(node: Runtime, session: Session, sender: Name, vi: str, en: str) -> Answered:
    _on_record(node, session, sender, "item.refused", "refused", {"reason": en[:300]})
    return 422, {"refused": {"vi": vi, "en": en}}


def _on_record(node: Runtime, session: Session, sender: Name, act: str, outcome: str, detail: dict[str, Any]) -> None:
    node.audit.record(session, Actor(f"machine:{sender.id}", sender.name), act, sender.id, agency=sender.agency,
                      outcome=outcome, detail=detail)  # fmt: skip


def _within(session: Session, top: str, agency: str) -> bool:
    """Whether `agency` is `top` or lies below it."""
    here: str | None = agency
    for _ in range(_DEPTH):
        if here == top:
            return True
        row = session.get(Agency, here) if here else None
        if row is None:
            return False
        here = row.parent
    return False
