"""Lines through plans, a chunk at a time, in phases: what one phase reads stays in the processor's cache for all lines.

In:  events as JSON. Out: of each line the candidates that hold and the row they were asked of; True where no rule
     holds; False where the event must be decoded to know (`lines.py`).
Bound: `CHUNK_LINES` and `CHUNK_BYTES` at a time; what is taken out of a line is no longer than the line.

Line by line an event of a command line never seen before took twice the time: an automaton of 6,000 literals and the
rules themselves are larger than what a core keeps at hand, so each was fetched anew for every event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import call
from typing import Any, NamedTuple

import msgspec

from correlator.engine.conditions import MISSING
from correlator.engine.fast.matchers import Matcher
from correlator.engine.fast.plan import Asked, Plan
from correlator.engine.fast.reach import Unusual, holds_objects
from correlator.engine.fast.route import Family, Router
from correlator.engine.fast.rows import Row
from correlator.engine.fast.shared import Candidate

CHUNK_LINES = 512
CHUNK_BYTES = 2 * 1024 * 1024

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unusual)


class Held(NamedTuple):
    rules: Sequence[Candidate]
    row: Row


Outcome = Held | bool  # True: no rule holds; False: the event must be decoded to know


class _Group:
    """The lines of a chunk that meet one plan."""

    __slots__ = ("family", "members", "when")

    def __init__(self, family: Family) -> None:
        self.family = family
        self.members: list[int] = []
        self.when: list[Any] = []


def chunks(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    begin = size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if number - begin == CHUNK_LINES - 1 or size > CHUNK_BYTES:
            yield lines[begin : number + 1]
            begin, size = number + 1, 0
    if begin < len(lines):
        yield lines[begin:] if begin else lines


def matched(lines: Sequence[bytes], router: Router) -> list[Outcome]:
    found: list[Outcome] = [False] * len(lines)
    groups: dict[Plan, _Group] = {}
    of_line = router.of_line
    for number, line in enumerate(lines):
        told = of_line(line)
        if told is not None:
            (family, plan), when = told
            group = groups.get(plan)
            if group is None:
                group = groups[plan] = _Group(family)
            group.members.append(number)
            group.when.append(when)
    read = {plan: _read(plan, group.members, lines, found) for plan, group in groups.items()}
    asked = dict(zip(read, _asked(read), strict=True))
    for plan, events in read.items():
        for (number, values, _), candidates in zip(events, asked[plan], strict=True):
            if not candidates:
                found[number] = True
                continue
            try:
                rules, row = plan.held(candidates, values)
            except Unusual:
                continue
            found[number] = Held(rules, row) if rules else True
    for group in groups.values():
        _counted(group, found)
    return found


Event = tuple[int, tuple[Any, ...], list[int | None]]  # line, values of the plan's columns, shapes as far as known


def _read(plan: Plan, members: Sequence[int], lines: Sequence[bytes], found: list[Outcome]) -> list[Event]:
    """Those of the lines whose columns say all."""
    plan.renew()
    if plan.line_values is None and not plan.hot(len(members)):
        return []
    look, values_of = plan.look, plan.line_values
    if look is None or values_of is None:
        return []
    more = plan.words.may_hold if plan.words is not None and not plan.words_looked else None
    plain = [number for number in members
             if not look(lines[number]) and (more is None or not more(lines[number]))]  # fmt: skip
    if plan.empty:
        for number in plain:
            found[number] = True
        return []
    events: list[Event] = []
    gets = plan.gets
    for number in plain:
        try:
            values = values_of(lines[number])
        except _UNREADABLE:
            continue
        try:
            events.append((number, values, [*map(call, gets, values)]))
        except TypeError:  # a list or an object
            if not any(map(holds_objects, values)):
                events.append((number, values, [None] * len(gets)))
    return events


def _asked(read: dict[Plan, list[Event]]) -> list[list[Asked]]:
    """The candidates of each event. What values were not met before is asked matcher by matcher."""
    work: dict[Matcher, list[tuple[list[int | None], int, Any]]] = {}
    for plan, events in read.items():
        matchers = plan.matchers
        for _, values, shapes in events:
            if None in shapes:
                for at, shape in enumerate(shapes):
                    if shape is None:
                        work.setdefault(matchers[at], []).append((shapes, at, values[at]))
    for matcher, values_asked in work.items():
        of = matcher.of
        for shapes, at, value in values_asked:
            shapes[at] = of(value)
    return [[plan.candidates(values, shapes) for _, values, shapes in events] for plan, events in read.items()]


def _counted(group: _Group, found: Sequence[Outcome]) -> None:
    """Lines that must be decoded are counted when they are."""
    family = group.family
    for number, when in zip(group.members, group.when, strict=True):
        if found[number]:
            family.last = when if when is not MISSING else None
