"""What a correlation reads from an event: the group it belongs to and what it says there.

In:  an event and its views, one a matched rule. Out: a key, or None when a group-by field is missing; what to enter.
Bound: texts are cut at `TEXT_LIMIT_CHARS` and end in the digest of the whole, so that long ones that begin alike stay
apart; a list gives at most `MEMBERS_LIMIT` values; numbers are finite and within ±1e300.

A group-by field that is a list is one value, its members joined by commas. A counted field that is a list gives each
member. The empty text is as good as no value.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from correlator.engine.conditions import MISSING, View, members
from correlator.engine.correlate.measure import NUMBER_LIMIT, Measure
from correlator.engine.rule import Correlation
from correlator.engine.values import number_of, text_of
from sensors.event import Event

TEXT_LIMIT_CHARS = 256
MEMBERS_LIMIT = 64

Key = tuple[str, ...]  # agency, then the group's values
_NOTHING: tuple[Any, ...] = (None,)


class Reader:
    def __init__(self, correlation: Correlation, measure: Measure) -> None:
        self._group_by, self._aliases = correlation.group_by, correlation.aliases
        self._fields = correlation.fields
        self._plain = not any(name in correlation.aliases for name in correlation.group_by)
        self.unreadable = 0  # values that are no number
        self.whats: Callable[[Mapping[str, View]], Sequence[Any]] = {
            "nothing": lambda _: _NOTHING, "rule": tuple, "number": self._numbers,
        }.get(measure.says, self._counted if len(self._fields) != 1 else self._single)  # fmt: skip

    def key(self, event: Event, refs: Mapping[str, View]) -> Key | None:
        organization = event.get("organization")
        agency = organization.get("id") if organization.__class__ is dict else event.get("organization.id")
        values = [agency if agency.__class__ is str else str(agency or "")]
        view = next(iter(refs.values())) if self._plain and len(refs) == 1 else None
        for name in self._group_by:
            value = view.value(name) if view is not None else None
            if value.__class__ is not str or not 0 < len(value) <= TEXT_LIMIT_CHARS or not value.isascii():
                value = self._text(name, refs)
                if value is None:
                    return None
            values.append(value)
        return tuple(values)

    def _counted(self, refs: Mapping[str, View]) -> Sequence[str]:
        parts = [self._text(name, refs) for name in self._fields]
        if any(part is None for part in parts):
            return ()
        return (cut("\x00".join(part for part in parts if part is not None)),)

    def _values(self, name: str, refs: Mapping[str, View]) -> Any:
        """The field's value in the first view that has one."""
        table = self._aliases.get(name)
        for ref, view in refs.items():
            found = view.value(table[ref] if table is not None and ref in table else name)
            if found is not MISSING and found is not None and found not in ("", []):
                return found
        return None

    def _text(self, name: str, refs: Mapping[str, View]) -> str | None:
        found = self._values(name, refs)
        if found.__class__ is not str:
            found = ",".join(text for member in members(found) if (text := text_of(member)))
        return cut(found) if found else None

    def _single(self, refs: Mapping[str, View]) -> Sequence[str]:
        name = self._fields[0]
        if len(refs) == 1 and name not in self._aliases:
            found = next(iter(refs.values())).value(name)
            if found.__class__ is str and 0 < len(found) <= TEXT_LIMIT_CHARS and found.isascii():
                return (found,)
        found = self._values(name, refs)
        if found.__class__ is str:
            return (cut(found),)
        texts = dict.fromkeys(cut(text) for member in members(found) if (text := text_of(member)))
        return tuple(texts)[:MEMBERS_LIMIT]

    def _numbers(self, refs: Mapping[str, View]) -> Sequence[float]:
        found = self._values(self._fields[0], refs)
        if found is None:
            return ()
        numbers: list[float] = []
        for member in members(found):
            number = number_of(member)
            # an int is compared, not converted: one of a thousand digits would not fit a float
            if number is None or not -NUMBER_LIMIT <= number <= NUMBER_LIMIT or not math.isfinite(number):
                self.unreadable += 1
            elif len(numbers) < MEMBERS_LIMIT:
                numbers.append(float(number))
        return numbers


def cut(text: str) -> str:
    if len(text) <= TEXT_LIMIT_CHARS and text.isascii():
        return text
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # a lone surrogate could not be written to a snapshot
    if len(text) <= TEXT_LIMIT_CHARS:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"{text[: TEXT_LIMIT_CHARS - 26]}… {digest}"
