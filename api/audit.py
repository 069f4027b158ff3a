"""The audit: who did what, to which object, with what outcome. Append-only and hash-chained.

Each entry's hash is SHA-256 over the hash before it and the entry's own canonical JSON; so an edited, removed or
reordered entry breaks the chain at its place. A cut tail leaves a shorter, whole chain: therefore the head (last seq
and hash) is also kept aside, in a file beside the keys, and `verify` compares. The file is written after the commit, so
after a crash it may be behind the table by the entries of one transaction, never ahead of it.
`verify` walks all of it; `advance` goes on from where the last walk ended (`AuditMark`, itself covered by the chain:
its hash must still be that entry's), a bounded step at a time: a job calls it, so that looking costs no walk. A change
to an entry before the mark is found by the whole walk, which the job makes daily and a reader of the audit may ask for.
An entry is written in the transaction of the act it tells of: an act that is not on record did not happen.
Never in `detail`: passwords, tokens, cookies.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth import revoked
from api.state.audit import AuditEntry
from api.state.base import after_commit
from api.state.people import AuditMark

ZERO = "0" * 64
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    id: str  # user:3 | machine:<name> | system
    name: str
    address: str = ""


THE_SYSTEM = Actor(SYSTEM, SYSTEM)


@dataclass(frozen=True, slots=True)
class Chain:
    """How much of the audit is verified: up to `seq`, whose hash is `hash`; `behind` entries are still to be walked."""

    seq: int
    hash: str
    problem: str | None
    behind: int
    at: float | None = None
    whole_at: float | None = None


class Audit:
    def __init__(self, head: Path, now: Callable[[], float]) -> None:
        self._head, self._now = head, now

    def record(
        self,
        session: Session,
        actor: Actor,
        act: str,
        obj: str = "",
        *,
        agency: str | None = None,
        outcome: str = "done",
        detail: dict[str, Any] | None = None,
    ) -> None:
        last = session.execute(select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)).first()
        entry = AuditEntry(
            seq=(last.seq if last else 0) + 1,
            at=self._now(),
            actor=actor.id,
            actor_name=actor.name,
            act=act,
            object=obj[:128],
            agency=agency,
            outcome=outcome,
            address=actor.address[:64],
            detail=detail or {},
            before=last.hash if last else ZERO,
            hash="",
        )
        entry.hash = chain_hash(entry)
        session.add(entry)
        session.flush()
        if outcome == "done" and revoked.takes_away(act):
            revoked.note(self._head.parent, entry.at, act, obj)
        seq, digest = entry.seq, entry.hash
        after_commit(session, lambda: self._keep_head(seq, digest))

    def verify(self, session: Session) -> str | None:
        """None when the chain is whole, else what is wrong, in words, at the first place."""
        before, expected = ZERO, 1
        head = self._read_head()
        at_head: str | None = None
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).yield_per(500):
            wrong = _wrong(entry, expected, before)
            if wrong is not None:
                return wrong
            if head and entry.seq == head[0]:
                at_head = entry.hash
            before, expected = entry.hash, expected + 1
            session.expunge(entry)
        if head is None:
            return "the head kept aside is missing or unreadable" if expected > 1 else None
        if head[0] >= expected:
            return f"entries {expected} to {head[0]} were cut off"
        return None if at_head == head[1] else f"entry {head[0]} is not the one that was written"

    def advance(self, session: Session, limit: int = 5_000, *, anew: bool = False) -> bool:
        """Verify up to `limit` entries after the mark, or (`anew`) from the first, and move the mark there or write
        down the problem. True when there is nothing more to do now."""
        now = self._now()
        mark = session.get(AuditMark, 1)
        if mark is None:
            mark = AuditMark(id=1, seq=0, hash=ZERO, at=now, whole_at=now)
            session.add(mark)
        if anew:
            mark.seq, mark.hash, mark.whole_at, mark.problem = 0, ZERO, now, None
        found = self._walk(session, mark.seq, mark.hash, mark.problem, limit)
        mark.seq, mark.hash, mark.problem, mark.at = found.seq, found.hash, found.problem, now
        return found.problem is not None or not found.behind

    def state(self, session: Session, limit: int = 1_000) -> Chain:
        """What is known now, the newest `limit` entries looked at here: a reader's glance, which writes nothing."""
        mark = session.get(AuditMark, 1)
        if mark is None:
            return self._walk(session, 0, ZERO, None, limit)
        found = self._walk(session, mark.seq, mark.hash, mark.problem, limit)
        return replace(found, at=mark.at, whole_at=mark.whole_at)

    def _walk(self, session: Session, seq: int, digest: str, problem: str | None, limit: int) -> Chain:
        last = session.scalar(select(func.max(AuditEntry.seq))) or 0
        if problem is not None:  # a broken chain does not heal: only a walk from the start looks again
            return Chain(seq, digest, problem, last - seq)
        if seq and session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == seq)) != digest:
            return Chain(seq, digest, f"entry {seq} was changed or removed after it had been verified", last - seq)
        head = self._read_head()
        for entry in session.scalars(
            select(AuditEntry).where(AuditEntry.seq > seq).order_by(AuditEntry.seq).limit(limit)
        ).yield_per(500):
            problem = _wrong(entry, seq + 1, digest)
            if problem is None and head and entry.seq == head[0] and entry.hash != head[1]:
                problem = f"entry {head[0]} is not the one that was written"
            if problem is not None:
                return Chain(seq, digest, problem, last - seq)
            seq, digest = entry.seq, entry.hash
            session.expunge(entry)
        if seq >= last:
            if head is None and seq:
                problem = "the head kept aside is missing or unreadable"
            elif head is not None and head[0] > seq:
                problem = f"entries {seq + 1} to {head[0]} were cut off"
        return Chain(seq, digest, problem, max(0, last - seq))

    def _keep_head(self, seq: int, digest: str) -> None:
        known = self._read_head()
        if known and known[0] >= seq:
            return  # another thread's later commit was quicker to get here
        self._head.parent.mkdir(parents=True, exist_ok=True)
        new = self._head.with_suffix(f".new{seq}")
        with new.open("w", encoding="ascii") as file:
            file.write(f"{seq} {digest}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._head)

    def _read_head(self) -> tuple[int, str] | None:
        try:
            seq, digest = self._head.read_text("ascii").split()
            return int(seq), digest
        except (OSError, ValueError):
            return None


def _wrong(entry: AuditEntry, expected: int, before: str) -> str | None:
    if entry.seq != expected:
        return f"entry {expected} is missing"
    if entry.before != before:
        return f"entry {entry.seq} does not follow the one before it"
    return f"entry {entry.seq} was changed" if entry.hash != chain_hash(entry) else None


def chain_hash(entry: AuditEntry) -> str:
    body = json.dumps(
        [
            entry.before, entry.seq, repr(float(entry.at)), entry.actor, entry.actor_name, entry.act, entry.object,
            entry.agency, entry.outcome, entry.address, entry.detail,
        ],
        ensure_ascii=True, sort_keys=True, separators=(",", ":"),
    )  # fmt: skip
    return hashlib.sha256(body.encode()).hexdigest()
