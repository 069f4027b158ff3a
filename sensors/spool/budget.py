"""Which events a full spool gives up, and giving them up.

In:  how many bytes must be freed, and what was acknowledged. Out: a plan (segment → highest level to drop) with the
exact count by dataset; later the plan carried out, any number of times with the same result.
Bound: one segment is read at a time; what each holds is remembered by level.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from sensors.durable.log import LogWriter
from sensors.spool.item import SpoolPosition, unframe
from sensors.spool.priority import LEVELS

Plan = dict[int, int]


class _Gap(msgspec.Struct):
    source: str = ""
    count: int = 1


class _Luytre(msgspec.Struct):
    gap: _Gap | None = None


class _EventPart(msgspec.Struct):
    dataset: str = ""


class _Glance(msgspec.Struct):
    """The little of an event that counting needs."""

    event: _EventPart = msgspec.field(default_factory=_EventPart)
    luytre: _Luytre = msgspec.field(default_factory=_Luytre)


_glance = msgspec.json.Decoder(_Glance)


class Budget:
    def __init__(self, log: LogWriter) -> None:
        self._log = log
        self._levels: dict[int, dict[int, int]] = {}  # segment → level → bytes of its events

    def choose(self, need_bytes: int, ack: SpoolPosition | None) -> tuple[Plan, Counter[str]]:
        """Lowest level first, oldest segment first, until about `need_bytes` are freed. Call after `roll`."""
        plan: Plan = {}
        lost: Counter[str] = Counter()
        freed = 0
        infos = self._log.segments()
        kept = {info.number for info in infos}
        self._levels = {number: held for number, held in self._levels.items() if number in kept}
        for level in LEVELS:
            for info in infos:
                if freed >= need_bytes:
                    return plan, lost
                held = self._held(info.number)
                if not held.get(level):
                    continue
                plan[info.number] = level
                lost += self._count(info.number, level, ack)
                freed += info.bytes * held[level] // sum(held.values())
        return plan, lost

    def carry_out(self, plan: Plan, ack: SpoolPosition | None) -> None:
        for number, level in plan.items():
            held = self._held(number)
            if not any(held.get(other) for other in LEVELS if other > level):
                self._log.drop_segments(lambda info, number=number: info.number == number)  # type: ignore[misc]
                self._levels.pop(number, None)
            elif any(held.get(other) for other in LEVELS if other <= level):
                self._log.thin_segment(number, lambda data, level=level: _stays(data, level, ack))  # type: ignore[misc]
                self._levels[number] = {other: size for other, size in held.items() if other > level}

    def _held(self, number: int) -> dict[int, int]:
        if number not in self._levels:
            held: Counter[int] = Counter()
            for data in self._log.items(number):
                item = unframe(data, number)
                if item is not None:
                    held[item.priority] += len(item.event_bytes)
            self._levels[number] = dict(held)
        return self._levels[number]

    def _count(self, number: int, level: int, ack: SpoolPosition | None) -> Counter[str]:
        """What is lost for good, by dataset. A gap event that goes hands its own count on."""
        lost: Counter[str] = Counter()
        for data in self._log.items(number):
            item = unframe(data, number)
            if item is None or item.priority != level or (ack is not None and item.position[:2] <= ack[:2]):
                continue
            try:
                glance = _glance.decode(item.event_bytes)
            except msgspec.MsgspecError:
                glance = _Glance()
            gap = glance.luytre.gap if glance.event.dataset == "luytre.gap" else None
            lost[gap.source if gap else glance.event.dataset] += max(0, gap.count) if gap else 1
        return lost


def _stays(data: bytes, level: int, ack: SpoolPosition | None) -> bool:
    item = unframe(data, 0)
    return item is not None and item.priority > level and (ack is None or item.position[:2] > ack[:2])
