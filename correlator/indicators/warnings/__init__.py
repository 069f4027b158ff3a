"""Warning lists: what an indicator must not be, or only with a person's yes. One file each, found by the registry.

A feed that lists our own addresses, a resolver that everybody asks or the whole of `.com.vn` would make us alarm about
(or, exported as a block list, block) ourselves. `Warnings(own).of(kind, value)` gives the hardest verdict of all lists.
The lists are ours, short and by rule; nothing is fetched.
"""

from __future__ import annotations

import sys
from functools import cache

from correlator.indicators.seam import Caution, Own, Warn
from sensors.registry import find


@cache
def all_warnings() -> dict[str, Warn]:
    return find(sys.modules[__name__], "WARNING", Warn)


class Warnings:
    def __init__(self, own: Own | None = None) -> None:
        self._checks = [warn.make(own or Own()) for warn in all_warnings().values()]

    def of(self, kind: str, value: str) -> Caution | None:
        asked: Caution | None = None
        for check in self._checks:
            found = check(kind, value)
            if found is not None and found.verdict == "refuse":
                return found
            asked = asked or found
        return asked
