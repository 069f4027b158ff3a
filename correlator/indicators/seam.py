"""What an indicator is, and the seams of `kinds/`, `formats/`, `warnings/`: a file there is a kind, a format, a list.

In/out: values only; nothing here reads a file or asks a clock.
Source of the words: STIX 2.1 (https://docs.oasis-open.org/cti/stix/v2.1/), MISP core format, FIRST TLP 2.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

VALUE_LIMIT = 2_048  # characters; the longest URL that browsers took for twenty years
NOTE_LIMIT = 500
TLPS = ("clear", "green", "amber", "amber+strict", "red")
DEFAULT_TLP = "amber"  # as item.json marks what an agency raises
Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """One value as a file says it. `kind` "" = to be guessed; `line` counts from 1 (of JSON: the object's number)."""

    value: str
    kind: str = ""
    line: int = 0
    note: str = ""
    confidence: int | None = None  # 0 to 100
    tlp: Tlp | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A part of a file that no indicator could be made of, and why; never left out in silence."""

    line: int
    text: str
    vi: str
    en: str


@dataclass(slots=True)
class Reading:
    """What a format has read. `passed` holds PASSED_KEPT, `passed_total` counts all."""

    given: list[Given] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    passed_total: int = 0
    stopped: Passed | None = None  # where reading ended: too large, not of this format

    def put_aside(self, line: int, text: str, vi: str, en: str) -> None:
        self.passed_total += 1
        if len(self.passed) < PASSED_KEPT:
            self.passed.append(Passed(line, text[:200], vi, en))


PASSED_KEPT = 1_000
GIVEN_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    title: Texts
    looks: Callable[[bytes], bool]  # of the first 64 KiB
    read: Callable[[bytes], Reading]


Keys = Callable[[str], Iterable[tuple[bytes, str]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`normal`: the one form in which a value is kept, None when it isn't of this kind. `keys`: what an event's value
    may be found by, the most exact first, each with the indicator's value as people read it."""

    name: str
    tag: int  # of the set file: never given to another kind
    title: Texts
    rule_id: str
    alert: Texts
    reason: Texts
    fields: Sequence[str]
    normal: Callable[[str], str | None]
    keys: Keys
    examples: Sequence[tuple[str, str | None]]  # text → normal form
    seen: Sequence[tuple[Mapping[str, Any], str]]  # dotted fields of an event → the indicator that it is found by
    guess: int = 0  # 0: only where a file names the kind; else the order in which untyped values are tried
    who: Sequence[str] = (
        "source.ip",
        "host.name",
        "winlog.computer_name",
        "observer.name",
    )  # whose alert it is: the first that is there
    tags: Sequence[str] = ("attack.command-and-control",)
    address: bool = False  # its key is an address's bytes
    networks: bool = False  # looked up by address, not by key
    made: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = field(default_factory=dict)
    """First word of a path → a value made of that part of the event (a URL of its pieces)."""
    below: bool = False  # also what ends with ".<value>"
    hunted: Mapping[str, Callable[[str], str]] = field(default_factory=dict)  # path → the pattern to search it by

    def key(self, normal: str) -> bytes:
        return next(iter(self.keys(normal)))[0]


@dataclass(frozen=True, slots=True)
class Own:
    """What is ours, of the inventory and the node's own configuration."""

    networks: Sequence[str] = ()
    names: Sequence[str] = ()


Verdict = Literal["refuse", "ask"]


@dataclass(frozen=True, slots=True)
class Caution:
    """Why a value must not be taken, or only with a person's yes."""

    verdict: Verdict
    list: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Warn:
    """A warning list: `make(own)` gives the check of (kind, normal value)."""

    title: Texts
    make: Callable[[Own], Callable[[str, str], Caution | None]]
    examples: Sequence[tuple[str, str, Verdict | None]]
    own: Own = Own()  # that the examples are judged with
