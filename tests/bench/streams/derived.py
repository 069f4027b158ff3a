"""Events made from the rules themselves: each Windows rule met a few times, then missed or met oddly.

In:  compiled rules and the sources of our pipelines. Out: for each rule `MET` events that should satisfy its condition
and `ODD` with one field changed (case, list, null, '', number, left out). Recorded events reach some five hundred
rules; these reach nearly all. Seeded. Nothing is promised of a single event: both engines judge the same ones.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

from correlator.engine.conditions import AllOf, AnyOf, Condition, Exists, Is, Keyword, Not, Null, SameAs
from correlator.engine.rule import Rule
from correlator.engine.sources import Source
from correlator.engine.values import MANY, Bool, Compare, Network, Number, Regex, Text, Wild
from sensors.event import Event, put
from tests.bench.streams.matching import matching

MET, ODD = 3, 2
_EXTRA = "Extra"


def events(rules: Sequence[Rule], sources: Sequence[Source], seed: int = 1) -> Iterator[Event]:
    draw = random.Random(seed)
    number = 0
    for rule in rules:
        fitting = [one for one in sources if one.when and rule.logsource.covers(one.logsource)
                   and one.logsource.product == "windows"]  # fmt: skip
        if not fitting or rule.logsource.product not in (None, "windows"):
            continue
        for turn in range(MET + ODD):
            wish = _Wish(draw)
            wish.meet(rule.condition)
            fields = wish.fields()
            if turn >= MET and fields:
                _change(fields, draw)
            number += 1
            yield _event(f"d{number:07}", fitting[0] if draw.random() < 0.7 else draw.choice(fitting), fields)


class _Wish:
    """What the fields must hold for a condition to be true; several wishes for one field stand side by side."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._begins: dict[str, str] = {}
        self._holds: dict[str, list[str]] = {}
        self._ends: dict[str, str] = {}
        self._is: dict[str, Any] = {}

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in (*self._begins, *self._holds, *self._ends):
            found[name] = self._begins.get(name, "") + " ".join(self._holds.get(name, ())) + self._ends.get(name, "")
        return found | self._is

    def meet(self, condition: Condition) -> None:
        match condition:
            case AllOf(parts):
                for part in parts:
                    self.meet(part)
            case AnyOf(parts):
                self.meet(self._draw.choice(parts))
            case Not(Null(name)) | Exists(name, True):
                self._is.setdefault(name, "x")
            case Is(name, test):
                self._value(name, test)
            case SameAs(name, other):
                self._is[name] = self._is[other] = "same"
            case Keyword(test):
                self._value(_EXTRA, test)
            case _:
                pass  # a negation is met by a field that is not there

    def _value(self, name: str, test: Any) -> None:
        match test:
            case Text(parts):
                self._text(name, list(parts))
            case Number(text):
                self._is[name] = int(text) if text.lstrip("-").isdecimal() and self._draw.random() < 0.5 else text
            case Bool(true):
                self._is[name] = "true" if true else "false"
            case Network():
                network = test.network
                self._is[name] = str(ipaddress.ip_address(int(network.network_address) + self._draw.randrange(
                    min(200, network.num_addresses))))  # fmt: skip
            case Compare(operator, number):
                self._is[name] = str(int(number) + {"gt": 1, "lt": -1, "neq": 1}.get(operator, 0))
            case Regex(pattern):
                self._holds.setdefault(name, []).append(matching(pattern, self._draw))
            case _:
                self._is.setdefault(name, "x")

    def _text(self, name: str, parts: list[str | Wild]) -> None:
        text = "".join(part if isinstance(part, str) else "zz" if part is MANY else "q" for part in parts)
        first, last = bool(parts) and parts[0] is MANY, bool(parts) and parts[-1] is MANY
        if first and last:
            self._holds.setdefault(name, []).append(text)
        elif first:
            self._ends[name] = self._ends.get(name, "") + text
        elif last:
            self._begins[name] = text
        else:
            self._is[name] = text


def _change(fields: dict[str, Any], draw: random.Random) -> None:
    name = draw.choice(sorted(fields))
    value = fields[name]
    match draw.randrange(7):
        case 0:
            fields[name] = str(value).swapcase()
        case 1:
            fields[name] = ["another", value]
        case 2:
            fields[name] = None
        case 3:
            fields[name] = ""
        case 4:
            fields[name] = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else f"{value} x"
        case 5:
            del fields[name]
        case _:
            fields[name] = f"x{value}"


def _event(name: str, source: Source, fields: dict[str, Any]) -> Event:
    event: Event = {"@timestamp": "2026-11-22T04:50:00Z", "event": {"id": name, "dataset": "windows.made"},
                    "winlog": {"event_data": {}}}  # fmt: skip
    for field, value in fields.items():
        paths = source.fields.get(field) or (source.combined[field].paths if field in source.combined else ())
        table = source.values.get(field, {})
        told = next((key for key, meant in table.items() if meant == value), value)
        if paths:
            put(event, paths[0], told)
        else:
            event["winlog"]["event_data"][field] = told
    for path, wanted in source.when:  # the log source stands, whatever a rule wishes of its fields
        put(event, path, "Some/Channel" if "*" in wanted else min(wanted))
    return event
