"""What was seen before: value → shape, and tuple of shapes → rules; bounded in bytes, whatever strangers send.

In:  keys and small answers. Out: the answer, or None. Two generations: what is asked for again moves to the young one;
when that is full, the old one is dropped. `get` is the young dictionary's own, so that a hit costs no Python call.
Bound: `Budget.limit_bytes` for all memos of an engine together; one memo may take a quarter of it. Costs are counted by
estimate: the key's size, an entry of a dictionary, a number.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar
from weakref import WeakSet

T = TypeVar("T")

SEEN_LIMIT = 50_000  # 4 MB
ENTRY_BYTES = 110  # a slot of a dictionary that is two thirds full, and its share of growth


class Budget:
    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = self.turns = 0
        self._seen: set[int] = set()
        self.memos: WeakSet[Memo[Any]] = WeakSet()  # no circle: an engine that is replaced goes at once

    def met(self, key: Hashable) -> bool:
        """Was this seen before, lately? Most new values never come again: they are not worth an entry, nor the time it
        takes to make one and to let it go. (Python's hash is keyed: strangers can't make others' values collide.)"""
        name = hash(key)
        if name in self._seen:
            return True
        if len(self._seen) >= SEEN_LIMIT:
            self._seen.clear()
        self._seen.add(name)
        return False

    def make_room(self) -> None:
        """Over the limit: every memo lets its old generation go, and turns when that is not enough."""
        memos = list(self.memos)
        for memo in memos:
            memo.forget_old()
        if self.used_bytes > self.limit_bytes * 3 // 4:
            for memo in memos:
                memo.turn()
                memo.forget_old()


class Memo(Generic[T]):
    __slots__ = ("__weakref__", "_budget", "_fixed", "_limit", "_old", "_old_bytes", "_young", "_young_bytes", "get")

    def __init__(self, budget: Budget, fixed: Mapping[Any, T] | None = None) -> None:
        """`fixed`: entries that always stay."""
        self._budget, self._fixed = budget, dict(fixed or {})
        self._limit = budget.limit_bytes // 8
        self._young: dict[Any, T] = dict(self._fixed)
        self._old: dict[Any, T] = {}
        self._young_bytes = self._old_bytes = 0
        self.get: Callable[[Any], T | None] = self._young.get
        budget.memos.add(self)

    def __del__(self) -> None:
        """A plan that is filed anew, a matcher that is replaced: their memory is free again."""
        self._budget.used_bytes -= self._young_bytes + self._old_bytes

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def older(self, key: Any) -> T | None:
        """What the old generation knows, moved to the young one."""
        found = self._old.get(key)
        if found is not None:
            self.put(key, found)
        return found

    def put(self, key: Any, value: T, extra_bytes: int = 0) -> None:
        size = sys.getsizeof(key) + ENTRY_BYTES + extra_bytes
        self._young[key] = value
        self._young_bytes += size
        self._budget.used_bytes += size
        if self._young_bytes > self._limit:
            self.turn()
        if self._budget.used_bytes > self._budget.limit_bytes:
            self._budget.make_room()

    def turn(self) -> None:
        self.forget_old()
        self._old, self._old_bytes = dict(self._young), self._young_bytes
        self._young.clear()  # the same dictionary: `get` is held by others
        self._young.update(self._fixed)
        self._young_bytes = 0
        self._budget.turns += 1

    def forget_old(self) -> None:
        self._budget.used_bytes -= self._old_bytes
        self._old, self._old_bytes = {}, 0

    def clear(self) -> None:
        self.turn()
        self.forget_old()
