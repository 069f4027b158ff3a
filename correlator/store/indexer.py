"""The indexer makes the embedded index of one stream from its journal, follows it, repairs it, and forgets with it.

In:  the journal's folder (read only), the index's folder (its only writer). Out: partitions (partition.py).
Work comes in this order: the live end of the journal; then holes (a partition that was missing, damaged or of another
schema), newest first. The index commits first and the mark moves after it; documents that a crash left between the two
are recognised by their id and not indexed again.
Bound: one tantivy writer with `heap_bytes`, one batch of the journal in memory; a partition ends with its day or at
ITEMS_LIMIT, at a segment's border.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy

from correlator.store import partition as partitions
from correlator.store import schema
from correlator.store.partition import Partition
from sensors.clock import Clock, SystemClock
from sensors.durable.files import REAL
from sensors.durable.log import START, LogReader, Position
from sensors.durable.segment import listing

BATCH_ITEMS = 2_000
COMMIT_S = 0.4  # a new event is found within a second
COMMIT_ITEMS = 50_000
IDLE_S = 20.0  # then the writer and its heap are given back
ITEMS_LIMIT = 5_000_000
_FIRST_BASE = 1 << 40  # numbers below stay free for days found again before the first


@dataclass(slots=True)
class _Open:
    """A partition being written."""

    partition: Partition
    index: tantivy.Index
    writer: Any
    replay: tantivy.Searcher | None  # set while documents of before the crash may come again
    replay_left: int
    replay_from: int
    paths: set[str]
    pending: int = 0
    since: float = 0.0


class StreamIndexer:
    def __init__(
        self,
        journal: Path,
        folder: Path,
        *,
        heap_bytes: int = 32_000_000,
        clock: Clock | None = None,
        log: Callable[..., object] = lambda *_, **__: None,
    ) -> None:
        self._journal, self._folder, self._heap = journal, folder, heap_bytes
        self._clock, self._log = clock or SystemClock(), log
        self._reader = LogReader(journal)
        self._open: _Open | None = None
        self._position = START  # how far the open partition was read
        self._days: dict[int, str] = {}
        self._touched = self._clock.monotonic()
        self.indexed = self.rebuilt = self.expired = self.lost = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._parts = self._load()

    def step(self) -> int:
        """Index one batch of what is due; the number of items passed, 0 when there is nothing to do."""
        done = self._live()
        if not done:
            self._commit_when_due()
            if self._open is None or not self._open.pending:
                done = self._fill()
        now = self._clock.monotonic()
        if done:
            self._touched = now
        elif self._open is not None and not self._open.pending and now - self._touched > IDLE_S:
            self._close()
        return done

    def flush(self) -> None:
        """Commit what is pending, whether due or not."""
        self._commit()

    def expire(self) -> int:
        """Drop the partitions whose journal is gone; their number."""
        segments = listing(self._journal, REAL)
        if not segments:
            return 0
        gone = [
            part for part in self._parts
            if part.next.segment < segments[0].number and part.mark.items and part is not self._parts[-1]
        ]  # fmt: skip
        for part in gone:
            self._forget(part)
        if gone:  # what went before is no hole
            self._commit()
            self._parts[0].mark.after = str(START)
            self._parts[0].save()
        self.expired += len(gone)
        return len(gone)

    def scrub(self, limit_bytes: int = 1 << 62) -> int:
        """Check checksums, newest first, up to `limit_bytes`; what is not sound is dropped and made again."""
        bad = 0
        for part in reversed(list(self._parts)):
            limit_bytes -= partitions.size_bytes(part.folder)
            if limit_bytes < 0:
                break
            if (self._open is None or self._open.partition is not part) and not part.usable():
                self._log("partition_damaged", partition=part.name)
                self._forget(part)
                self.rebuilt += 1
                bad += 1
        return bad

    def scrub_one(self, number: int) -> bool:
        """As `scrub` for the sealed partition `number` (modulo their count): the idle round."""
        sealed = [part for part in self._parts if part.mark.sealed]
        if not sealed:
            return True
        part = sealed[number % len(sealed)]
        if part.usable():
            return True
        self._log("partition_damaged", partition=part.name)
        self._forget(part)
        self.rebuilt += 1
        return False

    def counters(self) -> dict[str, Any]:
        return {
            "partitions": len(self._parts), "documents": sum(part.mark.count for part in self._parts),
            "indexed": self.indexed, "rebuilt": self.rebuilt, "expired": self.expired, "lost": self.lost,
            "holes": len(self._holes()), "position": self._parts[-1].mark.next if self._parts else "",
        }  # fmt: skip

    def close(self) -> None:
        self._close()
        self._reader.close()

    # --- inside ---------------------------------------------------------------------------------------------------

    def _load(self) -> list[Partition]:
        found: list[Partition] = []
        for folder in partitions.folders(self._folder):
            part = partitions.load(folder)
            if part is None:
                self._log("partition_unusable", partition=folder.name)
                Partition(folder, partitions.Mark(version="", day="", after="", next="", base=0)).delete()
                self.rebuilt += 1
            else:
                found.append(part)
        found.sort(key=lambda part: (part.after, part.mark.base))
        end = self._reader.end()
        kept: list[Partition] = []
        for part in found:  # overlapping another, or ahead of a journal that was put back from a backup
            if (kept and part.after < kept[-1].next) or part.next > end:
                self._log("partition_not_of_this_journal", partition=part.name)
                part.delete()
                self.rebuilt += 1
            else:
                kept.append(part)
        return kept

    def _live(self) -> int:
        if not self._parts or self._parts[-1].mark.sealed or self._parts[-1].mark.until:
            after = self._parts[-1].next if self._parts else START
            batch = self._reader.read(after, 1)
            if not batch.items:
                return 0
            day = self._day(batch.items[0][0].segment)
            base = self._parts[-1].mark.base + self._parts[-1].mark.items if self._parts else _FIRST_BASE
            self._parts.append(partitions.create(self._folder, day, after, base))
        return self._advance(self._parts[-1], None)

    def _fill(self) -> int:
        unfinished = next((part for part in reversed(self._parts) if part.mark.until and not part.mark.sealed), None)
        if unfinished is not None:
            return self._advance(unfinished, Position.parse(unfinished.mark.until))
        holes = self._holes()
        if not holes:
            return 0
        after, until, at = holes[-1]
        batch = self._reader.read(after, 1)
        if not batch.items or batch.items[0][0] > until:  # nothing left of it in the journal
            if at:
                self._parts[at - 1].mark.next = str(until)
                self._parts[at - 1].save()
            else:
                self._parts[0].mark.after = str(START)
                self._parts[0].save()
            return 1
        base = self._parts[at - 1].mark.base + self._parts[at - 1].mark.items if at else 0
        part = partitions.create(self._folder, self._day(batch.items[0][0].segment), after, base, until)
        self._parts.insert(at, part)
        return self._advance(part, until)

    def _holes(self) -> list[tuple[Position, Position, int]]:
        """(after, until, place in the list) of what no partition covers, the live end left out."""
        found, reached = [], START
        for at, part in enumerate(self._parts):
            if part.after > reached:
                found.append((reached, part.after, at))
            reached = part.next if not part.mark.until or part.mark.sealed else Position.parse(part.mark.until)
        return found

    def _advance(self, part: Partition, until: Position | None) -> int:
        here = self._opened(part)
        if here is None:
            return 1
        batch = self._reader.read(self._position, BATCH_ITEMS)
        if batch.lost is not None:
            self.lost += max(0, batch.lost)
            self._log("journal_gap", lost=batch.lost, partition=part.name)
        mark, passed, ended = part.mark, 0, False
        for position, data in batch.items:
            if until is not None and position > until:
                ended = True
                break
            if until is None and position.segment != self._position.segment and self._rolls(part, position.segment):
                ended = True
                break
            self._add(here, data, mark.base + mark.items)
            mark.items += 1
            passed += 1
            self._position = position
        if not ended and batch.next > self._position:
            if batch.items or batch.lost is not None:
                self._position = batch.next
            elif until is not None:
                ended = True
        ended = ended or (until is not None and self._position >= until) or (until is not None and not batch.items)
        if passed and not here.pending:
            here.since = self._clock.monotonic()
        here.pending += passed
        self.indexed += passed
        if ended:
            if until is not None:
                self._position = until
            self._commit(seal=True)
            return 1
        self._commit_when_due()
        return passed

    def _rolls(self, part: Partition, segment: int) -> bool:
        return bool(part.mark.items) and (self._day(segment) != part.mark.day or part.mark.items >= ITEMS_LIMIT)

    def _add(self, here: _Open, data: bytes, number: int) -> None:
        made = schema.make_document(data, number, here.paths)
        mark = here.partition.mark
        mark.oldest, mark.newest = min(mark.oldest, made.when), max(mark.newest, made.when)
        mark.count += 1
        if here.replay is None or not self._came_before(here, made.id, number):
            here.writer.add_document(made.document)
            return
        here.replay_left -= 1
        if not here.replay_left:
            here.replay = None

    def _came_before(self, here: _Open, identity: str, number: int) -> bool:
        """Is this item among the documents that were committed after the mark? By id, as damage may shift numbers."""
        assert here.replay is not None
        known, integer = here.index.schema, tantivy.FieldType.Unsigned
        if not identity:
            query = tantivy.Query.term_query(known, "_order", number)
        else:
            query = tantivy.Query.term_query(known, "_id", identity).and_must_match(
                tantivy.Query.range_query(known, "_order", integer, here.replay_from, None)
            )
        return bool(here.replay.search(query, 1, count=False).hits)

    def _opened(self, part: Partition) -> _Open | None:
        if self._open is not None and self._open.partition is part:
            return self._open
        self._close()
        try:
            index = part.open()
            documents = index.searcher().num_docs
            ahead = documents - part.mark.count
            if ahead < 0:
                raise ValueError("fewer documents than its mark says")
            writer = index.writer(self._heap, 1)
        except Exception as error:
            self._log("partition_damaged", partition=part.name, error=str(error)[:200])
            self._forget(part)
            self.rebuilt += 1
            return None
        self._position = part.next
        self._open = _Open(part, index, writer, index.searcher() if ahead else None, ahead,
                           part.mark.base + part.mark.items, set())  # fmt: skip
        return self._open

    def _commit_when_due(self) -> None:
        here = self._open
        if here is not None and here.pending:
            due = self._clock.monotonic() - here.since >= COMMIT_S or here.pending >= COMMIT_ITEMS
            if due:
                self._commit()

    def _commit(self, *, seal: bool = False) -> None:
        here = self._open
        if here is None:
            return
        mark = here.partition.mark
        if here.pending:
            here.writer.commit()
        if here.pending or seal or mark.next != str(self._position):
            mark.next, mark.sealed = str(self._position), mark.sealed or seal
            here.partition.save()
        here.pending = 0
        if seal:
            self._close()

    def _close(self) -> None:
        here, self._open = self._open, None
        if here is not None:
            if here.pending:
                self._open = here
                self._commit()
                self._open = None
            here.writer.wait_merging_threads()

    def _forget(self, part: Partition) -> None:
        if self._open is not None and self._open.partition is part:
            self._open.pending = 0
            self._open = None
        self._parts.remove(part)
        part.delete()

    def _day(self, segment: int) -> str:
        if segment not in self._days:
            self._days = {one.number: one.day for one in listing(self._journal, REAL)}
        return self._days.get(segment, "00000000")
