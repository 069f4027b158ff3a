"""Who leads a raised incident, the agency or the centre above it: the rules, without tables or wires.

The centre's record is the truth, so there is one leader at any moment however late a message is. It changes only when
both sides said so in the same term: one offers (the leader: "take it"; the other: "let me take it"), the other accepts,
or has offered the same meanwhile. The agency's asks travel up as revisions of its item, the centre's record down as
words; the agency's screen repeats the newest that it heard, and asks for the whole of it now and then (`adopted`): a
side that was restored from a backup agrees with the centre again.

Promises (tests/property/test_federation_lead.py):
1. The leader of a term never changes; the next term's leader is the other side, and both said so in that term.
2. An answer meets the very offer that was seen (`number`), never a later one.
3. A repeated, late or lost message makes no second change.
4. When everything has arrived, both sides name the same leader, term and open offer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["agency", "centre"]
Act = Literal["offer", "accept", "decline", "withdraw"]
TERMS = 1_000_000


@dataclass(frozen=True, slots=True)
class Leading:
    leader: Side = "agency"
    term: int = 1  # one more with each change of leader
    offered_by: Side | None = None  # that the one who doesn't lead takes over; the other side answers
    number: int = 0  # of the change that made it so, by the centre's count of words


@dataclass(frozen=True, slots=True)
class Ask:
    """What a side wants, and what it saw when it said so."""

    act: Act
    term: int
    number: int


def other(side: Side) -> Side:
    return "centre" if side == "agency" else "agency"


def may(now: Leading, side: Side) -> list[Act]:
    """What a side can do with what it sees."""
    if now.term >= TERMS:
        return []
    if now.offered_by is None:
        return ["offer"]
    return ["withdraw"] if now.offered_by == side else ["accept", "decline"]


def decide(now: Leading, side: Side, ask: Ask, number: int) -> Leading | None:
    """The centre's record after an ask; None when the ask no longer fits what is so."""
    if ask.term != now.term or now.term >= TERMS:
        return None
    mine, theirs = now.offered_by == side, now.offered_by == other(side)
    if ask.act == "offer":
        if theirs:
            return _over(now, number)  # both want it: neither need answer the other
        return None if mine else replace(now, offered_by=side, number=number)
    if ask.act == "withdraw":
        return replace(now, offered_by=None, number=number) if mine else None
    if not theirs or ask.number != now.number:
        return None
    return _over(now, number) if ask.act == "accept" else replace(now, offered_by=None, number=number)


def heard(now: Leading, said: Leading) -> Leading:
    """The agency's repetition after a word: words may come again, and late."""
    return said if said.number > now.number else now


def adopted(now: Leading, said: Leading | None) -> Leading:
    """After the whole of the centre's record: it counts, an older one too (the centre came back from a backup), and
    what it has no record of never changed."""
    return Leading() if said is None else said


def _over(now: Leading, number: int) -> Leading:
    return Leading(other(now.leader), now.term + 1, None, number)
