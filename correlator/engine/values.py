"""How one value of an event meets one value of a rule: the leaves of the Sigma specification.

In:  a member of an event's field (never a list: `conditions.py` unfolds those). Out: True or False, never an exception.
Bound: linear in the value's length; regular expressions run in RE2 over at most `REGEX_LIMIT_CHARS`.
Source: Sigma specification 2.1.0, appendix modifiers; the traps are listed in README.md.

Comparison is by text and ignores case, unless `cased` or `re`. Numbers compare by their text form: EventID stands as
4625 and as "4625" in one and the same log. A bool is "true" or "false".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import re2

from sensors.clock import parse_rfc3339

REGEX_MEMORY_BYTES = 8 * 1024 * 1024
REGEX_LIMIT_CHARS = 262_144  # one event is at most 256 KiB (sensors/event.py)


class Wild(Enum):
    """Numbers, so that on disk they are not taken for texts."""

    MANY = 0
    ONE = 1
    __hash__ = object.__hash__  # an Enum's own is written in Python, and patterns are hashed by the ten thousand


Part = str | Wild
ONE, MANY = Wild.ONE, Wild.MANY


def text_of(value: Any) -> str | None:
    """The text by which a scalar is compared, or None for what has no text (null, objects)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 4096 else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return None


def number_of(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= 40:
        try:
            return int(value)
        except ValueError:
            pass
        try:
            return float(value)
        except ValueError:
            pass
    return None


class Text(msgspec.Struct, frozen=True, array_like=True, tag=0, dict=True):
    """A string with wildcards. `parts` holds no empty strings and no neighbours of the same kind of text."""

    parts: tuple[Part, ...]
    cased: bool = False

    @cached_property
    def pattern(self) -> Glob:
        """Made when first asked: of SigmaHQ's 46,000 texts few ever are."""
        return Glob(self.parts)

    def __call__(self, value: Any) -> bool:
        text = value if isinstance(value, str) else text_of(value)
        return text is not None and self.pattern.matches(text if self.cased else text.lower())


def lowered(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(part.lower() if isinstance(part, str) else part for part in parts)


def glob(parts: Sequence[Part], text: str) -> bool:
    """Does the whole text match?"""
    return Glob(parts).matches(text)


class Glob:
    """A pattern of texts, `*` and `?`. Segments between `*` are found leftmost first, which is exact for globs."""

    __slots__ = ("_first", "_inside", "_last", "_middle", "_total", "_whole")

    def __init__(self, parts: Sequence[Part]) -> None:
        segments: list[list[Part]] = [[]]
        for part in parts:
            if part is MANY:
                segments.append([])
            else:
                segments[-1].append(part)
        sized = [(segment, sum(len(p) if isinstance(p, str) else 1 for p in segment)) for segment in segments]
        self._total = sum(size for _, size in sized)
        self._first, self._last, self._middle = sized[0], sized[-1], sized[1:-1]
        self._whole = len(segments) == 1
        only = segments[1] if len(segments) == 3 and not segments[0] and not segments[2] else []
        self._inside = only[0] if len(only) == 1 and isinstance(only[0], str) else None  # the commonest: *text*

    def matches(self, text: str) -> bool:
        if self._inside is not None:
            return self._inside in text
        segment, here = self._first
        if self._whole:
            return len(text) == here and _at(segment, text, 0)
        if self._total > len(text) or not _at(segment, text, 0):
            return False
        segment, size = self._last
        end = len(text) - size
        if not _at(segment, text, end):
            return False
        for segment, size in self._middle:
            here = _find(segment, size, text, here, end)
            if here < 0:
                return False
            here += size
        return here <= end


def _at(segment: Sequence[Part], text: str, place: int) -> bool:
    for part in segment:
        if isinstance(part, str):
            if not text.startswith(part, place):
                return False
            place += len(part)
        else:
            place += 1
    return True


def _find(segment: Sequence[Part], size: int, text: str, start: int, end: int) -> int:
    """The first place ≥ start where the segment stands before end, or -1."""
    if not segment:
        return start if start <= end else -1
    first = segment[0]
    if isinstance(first, str) and len(segment) == 1:
        return text.find(first, start, end)
    while start + size <= end:
        if isinstance(first, str):
            start = text.find(first, start, end)
            if start < 0 or start + size > end:
                return -1
        if _at(segment, text, start):
            return start
        start += 1
    return -1


class Number(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    text: str

    def __call__(self, value: Any) -> bool:
        return not isinstance(value, bool) and text_of(value) == self.text


class Bool(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    true: bool

    def __call__(self, value: Any) -> bool:
        text = text_of(value) if isinstance(value, bool | str) else None
        return text is not None and text.lower() == ("true" if self.true else "false")


class Regex(msgspec.Struct, frozen=True, array_like=True, tag=3, dict=True):
    """The raw value is searched, unanchored and case-sensitive."""

    pattern: str

    @cached_property
    def find(self) -> Any:
        """The compiled pattern's search. Raises `re2.error` for what RE2 does not take (see detection.regex)."""
        return compiled(self.pattern).search

    def __call__(self, value: Any) -> bool:
        text = text_of(value)
        if text is None:
            return False
        try:
            return self.find(text[:REGEX_LIMIT_CHARS]) is not None
        except UnicodeEncodeError:  # a lone surrogate: RE2 reads UTF-8
            return self.find(text[:REGEX_LIMIT_CHARS].encode("utf-8", "replace").decode()) is not None


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = REGEX_MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True  # whether, not where: groups would cost a second pass
    return re2.compile(pattern, options)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Network(msgspec.Struct, frozen=True, array_like=True, tag=4, dict=True):
    text: str  # as `ipaddress` writes it

    @cached_property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network(self.text)

    def __call__(self, value: Any) -> bool:
        address = address_of(value)
        return address is not None and self.holds(address)

    def holds(self, address: Address) -> bool:
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None and self.network.version == 4:
            address = mapped
        return address.version == self.network.version and address in self.network


def address_of(value: Any) -> Address | None:
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        return ipaddress.ip_address(value.partition("%")[0].strip())
    except ValueError:
        return None


def compare(left: float, operator: str, right: float) -> bool:
    match operator:
        case "lt":
            return left < right
        case "lte":
            return left <= right
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case "neq":
            return left != right
        case _:
            return left == right


class Compare(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    operator: str
    number: int | float  # a whole number stays one: beyond 2^53 a float is another
    part: str = ""  # a time modifier before the comparison: "hour" …

    def __call__(self, value: Any) -> bool:
        number = time_part(value, self.part) if self.part else number_of(value)
        return number is not None and compare(number, self.operator, self.number)


Test = Text | Number | Bool | Regex | Network | Compare


def time_part(value: Any, part: str) -> int | None:
    """minute, hour, day, week, month or year of a date, in UTC ("not designed to handle time zones")."""
    if isinstance(value, str) and len(value) <= 64:
        text = value.strip()
        seconds = parse_rfc3339(text)
        if seconds is None:
            seconds = parse_rfc3339(text + "Z")  # Windows' UtcTime has no zone
    else:
        seconds = None
    if seconds is None:
        return None
    try:
        when = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return when.isocalendar().week if part == "week" else int(getattr(when, part))
