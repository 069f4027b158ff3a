"""Who leads: every interleaving of two sides, late, lost and repeated messages, and restored backups of either."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from api.federation.lead import Ask, Leading, Side, adopted, decide, heard, may

OPS = ["agency", "centre", "up", "up", "down", "down again", "sync", "keep agency", "keep centre", "agency back",
       "centre back"]  # fmt: skip
WITHOUT_BACKUPS = OPS[:6]
Moves = list[tuple[str, int]]


@dataclass
class Agency:
    view: Leading = field(default_factory=Leading)
    wanted: int | None = None  # the ask that waits for the centre's word
    outbox: list[tuple[int, Ask]] = field(default_factory=list)
    after: int = 0


@dataclass
class Centre:
    record: Leading = field(default_factory=Leading)
    taken: list[int] = field(default_factory=list)  # the inbox takes each item once
    said: list[tuple[int, Leading, int]] = field(default_factory=list)  # number, record, asks taken by then


class World:
    """As lead_agency.py and lead_centre.py act, without tables."""

    def __init__(self) -> None:
        self.agency, self.centre = Agency(), Centre()
        self.agency_kept, self.centre_kept = Agency(), Centre()
        self.clock = self.asks = 0
        self.consents: set[tuple[Side, int]] = set()

    def do(self, op: str, choice: int) -> None:
        getattr(self, op.replace(" ", "_"))(choice)

    def act_of_agency(self, choice: int) -> None:
        now = self.agency.view
        if self.agency.wanted is not None:
            return
        can = may(now, "agency")
        act = can[choice % len(can)]
        self.asks += 1
        self.agency.wanted = self.asks
        self.agency.outbox.append((self.asks, Ask(act, now.term, now.number)))
        if act in ("offer", "accept"):
            self.consents.add(("agency", now.term))

    def act_of_centre(self, choice: int) -> None:
        now = self.centre.record
        can = may(now, "centre")
        act = can[choice % len(can)]
        if act in ("offer", "accept"):
            self.consents.add(("centre", now.term))
        then = decide(now, "centre", Ask(act, now.term, now.number), self.number())
        assert then is not None, "what a side sees that it may do is possible where the record is"
        self.become(then)
        self.say()

    def up(self, _choice: int) -> None:
        waiting = [(number, ask) for number, ask in self.agency.outbox if number not in self.centre.taken]
        if not waiting:
            return
        number, ask = waiting[0]
        self.centre.taken.append(number)
        now = self.centre.record
        then = decide(now, "agency", ask, self.number())
        if then is not None:
            if ask.act in ("accept", "decline"):
                assert ask.number == now.number, "an answer meets the offer that was seen"
            self.become(then)
            assert decide(then, "agency", ask, self.number()) is None, "the same ask again changes nothing"
        self.say()

    def down(self, _choice: int) -> None:
        for number, record, taken in self.centre.said:
            if number > self.agency.after:
                self.agency.view = heard(self.agency.view, record)
                self.agency.after = number
                if self.agency.wanted in self.centre.taken[:taken]:
                    self.agency.wanted = None

    def down_again(self, choice: int) -> None:
        """The words of some time ago once more: the answer came, what it changed was lost with the process."""
        for _, record, _taken in self.centre.said[-(choice % 4) :]:
            self.agency.view = heard(self.agency.view, record)

    def sync(self, _choice: int) -> None:
        self.agency.view = adopted(self.agency.view, self.centre.record if self.centre.record.number else None)
        if self.agency.wanted in self.centre.taken:
            self.agency.wanted = None

    def keep_agency(self, _choice: int) -> None:
        self.agency_kept = copy.deepcopy(self.agency)

    def keep_centre(self, _choice: int) -> None:
        self.centre_kept = copy.deepcopy(self.centre)

    def agency_back(self, _choice: int) -> None:
        self.agency = copy.deepcopy(self.agency_kept)

    def centre_back(self, _choice: int) -> None:
        self.centre = copy.deepcopy(self.centre_kept)

    def number(self) -> int:
        self.clock += 1  # the clock goes on, whatever is restored
        return self.clock

    def say(self) -> None:
        self.centre.said.append((self.number(), self.centre.record, len(self.centre.taken)))

    def become(self, then: Leading) -> None:
        now = self.centre.record
        if then.leader != now.leader:
            assert then.term == now.term + 1
            assert then.offered_by is None
            assert {("agency", now.term), ("centre", now.term)} <= self.consents, "both said so in this term"
        else:
            assert then.term == now.term
        assert then.number > now.number
        self.centre.record = then

    def settle(self) -> None:
        for _ in range(len(self.agency.outbox) + 1):
            self.up(0)
        self.down(0)


def run(moves: Moves) -> World:
    world = World()
    acts = {"agency": world.act_of_agency, "centre": world.act_of_centre}
    for op, choice in moves:
        if op in acts:
            acts[op](choice)
        else:
            world.do(op, choice)
    return world


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WITHOUT_BACKUPS), st.integers(0, 5)), max_size=40))
def test_one_leader_by_consent_of_both_and_words_alone_make_them_agree(moves: Moves) -> None:
    world = run(moves)
    world.settle()
    assert world.agency.view == world.centre.record
    assert world.agency.wanted is None


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 5)), max_size=60))
def test_restored_backups_agree_again_by_the_whole_record(moves: Moves) -> None:
    world = run(moves)
    world.settle()
    world.sync(0)
    assert world.agency.view == world.centre.record
    assert world.agency.wanted is None
    world.act_of_agency(0)  # and go on from there
    world.settle()
    world.act_of_centre(0)
    world.settle()
    assert world.agency.view == world.centre.record


def test_offers_that_cross_are_an_agreement() -> None:
    centre = decide(Leading(), "centre", Ask("offer", 1, 0), 5)
    assert centre == Leading("agency", 1, "centre", 5)
    assert decide(centre, "agency", Ask("offer", 1, 0), 6) == Leading("centre", 2, None, 6)


def test_an_answer_to_an_offer_that_was_taken_back_meets_no_later_one() -> None:
    first = decide(Leading(), "centre", Ask("offer", 1, 0), 1)
    assert first is not None
    gone = decide(first, "centre", Ask("withdraw", 1, 1), 2)
    assert gone is not None
    second = decide(gone, "centre", Ask("offer", 1, 2), 3)
    assert second is not None
    assert decide(second, "agency", Ask("accept", 1, first.number), 4) is None
    assert decide(second, "agency", Ask("accept", 1, second.number), 4) == Leading("centre", 2, None, 4)


def test_nobody_answers_an_own_offer() -> None:
    for side in ("agency", "centre"):
        mine = decide(Leading(), side, Ask("offer", 1, 0), 1)
        assert mine is not None
        for act in ("accept", "decline", "offer"):
            assert decide(mine, side, Ask(act, 1, 1), 2) is None
