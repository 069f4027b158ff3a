"""What the node above may answer, as types: it is not trusted with more than these shapes and bounds.

In:  an `Answer` of the wire. Out: one of the Structs below, or an Unavailable (`Busy`, `NotAllowed` …) with the reason.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from sensors.clock import parse_rfc3339
from sensors.wire import Answer, Busy, refusal

NUMBERS = 2**31 - 1
BIG_NUMBERS = 2**53 - 1
TEXT, NAME = 10_000, 256

Number = Annotated[int, Meta(ge=1, le=NUMBERS)]
BigNumber = Annotated[int, Meta(ge=0, le=BIG_NUMBERS)]
T = TypeVar("T")


class Receipt(msgspec.Struct, frozen=True):
    receipt: Annotated[str, Meta(min_length=1, max_length=32)]
    at: str
    by: str

    @property
    def time(self) -> float:
        return _time(self.at)


class Refused(msgspec.Struct, frozen=True):
    refused: dict[str, str]

    @property
    def reason(self) -> dict[str, str]:
        """In both languages, one standing in for the other."""
        vi, en = (self.refused.get(language, "")[:1000] for language in ("vi", "en"))
        return {"vi": vi or en or "không nêu lý do", "en": en or vi or "no reason given"}


class Expected(msgspec.Struct, frozen=True):
    """Not the number that the centre waits for: it, or we, came back from a backup."""

    expected: Number | None = None
    expected_revision: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


Told = Receipt | Refused | Expected


class Batch(msgspec.Struct, frozen=True):
    """An answer per item, in their order, ending with the first that was not taken."""

    answers: list[tuple[int, msgspec.Raw]]


class Word(msgspec.Struct, frozen=True):
    id: BigNumber
    at: str
    item_id: str
    item_revision: Number
    kind: str
    text: str
    by: str
    about: dict[str, str | int | None] | None = None  # what a program reads, by its kind

    @property
    def time(self) -> float:
        return _time(self.at)


class Words(msgspec.Struct, frozen=True):
    words: list[Word]
    next: BigNumber


def of_items(answer: Answer, asked: int) -> list[Told]:
    """For a batch. A refusal of the whole, or an answer that fits no item, raises: all of it is sent again."""
    if answer.status != 200:
        raise refusal(answer)
    try:
        found = msgspec.json.decode(answer.body, type=Batch).answers
    except msgspec.MsgspecError as error:
        raise Busy(f"HTTP 200 with an answer that is none: {error}"[:300]) from None
    told = [of_item(Answer(status, {}, bytes(body))) for status, body in found[:asked]]
    if not told or any(isinstance(one, Expected) for one in told[:-1]):
        raise Busy("an answer to no item")
    return told


def of_item(answer: Answer) -> Told:
    if answer.status in (200, 201):
        return _read(answer, Receipt)
    if answer.status == 422:
        return _read(answer, Refused)
    if answer.status == 409:
        return _read(answer, Expected)
    raise refusal(answer)


def of_words(answer: Answer) -> Words:
    if answer.status != 200:
        raise refusal(answer)
    return _read(answer, Words)


def _read(answer: Answer, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer.json(), kind)
    except msgspec.ValidationError as error:
        raise Busy(f"HTTP {answer.status} with an answer that is none: {error}"[:300]) from None


def _time(text: str) -> float:
    found = parse_rfc3339(text)
    if found is None:
        raise Busy("an answer with a time that is none")
    return found
