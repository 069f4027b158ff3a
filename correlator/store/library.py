"""The partitions of one stream as another process reads them: opened when asked for, reloaded while they grow.

In:  `index/<stream>/`. Out: `Shelf`s (an index, its searcher, its mark). Bound: OPEN_LIMIT indexes open at a time.
A directory never changes its meaning (partition.py, invariant 2), so one that vanishes was dropped or is being rebuilt:
what then lies in no partition is told by `missing`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tantivy

from correlator.store import partition
from correlator.store.partition import Mark, Partition
from correlator.store.translate import Known
from sensors.durable.log import START, LogReader

OPEN_LIMIT = 48
LAG_S = 5.0  # a mark older than this with a journal that has gone on means that the indexer is behind


class Shelf(NamedTuple):
    known: Known
    searcher: tantivy.Searcher
    mark: Mark


class Library:
    def __init__(self, journal: Path, folder: Path) -> None:
        self._folder = folder
        self._journal = LogReader(journal)
        self._marks: dict[str, tuple[int, Partition]] = {}
        self._open: OrderedDict[str, Known] = OrderedDict()
        self._lock = threading.Lock()

    def partitions(self) -> list[Partition]:
        """Newest first."""
        with self._lock:
            found: dict[str, tuple[int, Partition]] = {}
            for folder in partition.folders(self._folder):
                try:
                    changed = (folder / partition.MARK).stat().st_mtime_ns
                except FileNotFoundError:
                    continue
                known = self._marks.get(folder.name)
                if known is not None and known[0] == changed:
                    found[folder.name] = known
                    continue
                loaded = partition.load(folder)
                if loaded is not None:
                    found[folder.name] = (changed, loaded)
            self._marks = found
            for name in [name for name in self._open if name not in found]:
                del self._open[name]
            return sorted((part for _, part in found.values()), key=lambda part: part.after, reverse=True)

    def shelves(self, parts: list[Partition]) -> Iterator[Shelf | Partition]:
        """Each partition opened, or itself when it cannot be."""
        for part in parts:
            try:
                yield self._shelf(part)
            except (ValueError, OSError):
                yield part

    def missing(self, parts: list[Partition]) -> str:
        """In words, what of the journal no partition covers; empty when all is searched."""
        ordered = sorted(parts, key=lambda part: part.after)
        reached, holes = START, 0
        for part in ordered:
            holes += part.after > reached
            reached = max(reached, part.next)
        if holes or any(part.mark.until and not part.mark.sealed for part in ordered):
            return "chỉ mục của một số ngày đang được dựng lại"
        behind = True
        if ordered:
            with self._lock:
                changed = self._marks.get(ordered[-1].name, (0, None))[0]
            behind = time.time() - changed / 1e9 > LAG_S
        if behind:
            with self._lock:
                waiting = bool(self._journal.read(reached, 1).items)
            if waiting:
                return "chỉ mục chưa theo kịp nhật ký; các sự kiện mới nhất chưa tìm được"
        return ""

    def close(self) -> None:
        with self._lock:
            self._open.clear()
            self._journal.close()

    def _shelf(self, part: Partition) -> Shelf:
        with self._lock:
            known = self._open.get(part.name)
            if known is None:
                index = part.open()
                known = Known(index, index.schema)
                self._open[part.name] = known
                while len(self._open) > OPEN_LIMIT:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(part.name)
                if not part.mark.sealed:
                    known.index.reload()
            return Shelf(known, known.index.searcher(), part.mark)
