"""The one thread that stores: it takes what waits, drops what was stored before, appends once, then answers all.

In:  `Job`s of stamped entries from any number of requests. Out: a `Stored` per entry, when the batch is durable.
     Requests that come together share one append and so one fsync (group commit).
Dedupe: ours by (epoch, sequence) against the marks, which the writer makes durable with the very batch. What lies above
     the mark is new. What does not is either sent again, or it is other events under numbers that were used before: a
     machine put back from a snapshot, a clone, a spool lost under a clock set back. The id tells (stamp.py: it covers
     the bytes): stored under this very id → 200; else it is stored, and counted (`behind_mark`). Nothing is swallowed
     on the word of a number. Others by remembered id.
Bound: `Limits.queue_bytes` waiting; more is `Busy` (429). The disk budget and a full disk are `Busy` too.
Failure: Unavailable (a store that does not answer, a full disk) is 429 for this batch. Anything else means that the
     journal's state is unknown: `fatal` ends the process, and it recovers at start. Never a second fsync.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from api.ingest.dead import DeadLetters, Letter
from api.ingest.limits import Limits
from api.ingest.seen import Seen
from api.ingest.stamp import Entry, Stream
from correlator.store.base import EVERYTHING, EventReader, EventWriter, Mark, Stored
from sensors.errors import Unavailable
from sensors.event import Event, encode, get

GROUP_ITEMS = 5000  # of one append: a longer one would make the others wait
BUDGET_EVERY_S = 2.0


class Busy(Exception):
    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s = reason, retry_after_s


@dataclass(slots=True)
class Job:
    entries: list[Entry]
    size_bytes: int
    sender: str
    letters: list[Letter]  # refused before they came here
    future: Future[list[Stored]] = field(default_factory=Future)


class Committer:
    def __init__(self, writer: EventWriter, reader: EventReader, seen: Seen, dead: DeadLetters, limits: Limits,
                 fatal: Callable[[BaseException], None], limit_bytes: int | None = None) -> None:  # fmt: skip
        self._writer, self._reader, self._seen, self._dead = writer, reader, seen, dead
        self._limits, self._fatal, self._limit_bytes = limits, fatal, limit_bytes
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._closed = False
        self._full_checked = 0.0
        self._over_budget = False
        self._marks: dict[str, Mark] = dict(writer.marks())
        self.counters: dict[str, int] = dict.fromkeys(
            ("stored", "noop", "refused", "again", "groups", "behind_mark", "busy"), 0
        )
        self.last_fsync_ms = 0.0
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    def streams_of(self, agency: str, observer: str) -> set[str]:
        """The kinds that a machine's marks know."""
        start = f"{agency}:{observer}/"
        return {key[len(start) :] for key in list(self._marks) if key.startswith(start)}

    def submit(self, job: Job) -> Future[list[Stored]]:
        """Raises Busy when there is no room; otherwise the future ends when everything is durable."""
        with self._lock:
            if self._closed:
                raise Busy("the node is stopping", 5)
            if self._over_budget:
                self.counters["busy"] += 1
                raise Busy("the disk budget of this node is used up", 60)
            if self._waiting_bytes and self._waiting_bytes + job.size_bytes > self._limits.queue_bytes:
                self.counters["busy"] += 1
                raise Busy("the node stores as fast as it can", 3)
            self._waiting_bytes += job.size_bytes
            job.future.set_running_or_notify_cancel()  # whoever waits may go away; the batch goes on
            self._queue.put(job)
        return job.future

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._queue.put(None)
        self._thread.join(30)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        held: Job | None = None
        while True:
            try:
                job = held if held is not None else self._queue.get(timeout=BUDGET_EVERY_S)
            except queue.Empty:
                self._look_at_budget()  # also when nothing comes: a full node must notice that room was made
                continue
            held = None
            if job is None:
                return
            jobs, items = [job], len(job.entries)
            while items < GROUP_ITEMS:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                if items + len(more.entries) > GROUP_ITEMS:
                    held = more
                    break
                jobs.append(more)
                items += len(more.entries)
            try:
                self._group(jobs)
            except BaseException as error:  # the end of this process: nothing may be answered as stored
                for job in jobs:
                    job.future.set_exception(Busy("the node must restart", 5))
                self._fatal(error)
                return
            finally:
                with self._lock:
                    self._waiting_bytes -= sum(job.size_bytes for job in jobs)
            self._look_at_budget()

    def _group(self, jobs: list[Job]) -> None:
        outcomes: list[Stored] = []
        fresh: dict[Stream, list[tuple[int, Entry]]] = {"events": [], "hits": []}
        marks: dict[str, Mark] = {}
        ids: set[str] = set()
        echoes: list[int] = []  # "stored before" only if what this very group is about to store is stored
        entries = [entry for job in jobs for entry in job.entries]
        try:
            proven, unsure = self._proven(entries), _STORED
        except Unavailable as error:
            reason = error.problems[0].en[:200] if error.problems else "the store does not answer"
            proven, unsure = set(), Stored(429, reason)
        fresh_ids: set[str] = set()
        for entry in entries:
            mark = marks.get(entry.key, self._marks.get(entry.key))
            if entry.mark and mark and (entry.mark.epoch, entry.mark.sequence) <= (mark.epoch, mark.sequence):
                identity = entry.event["event"]["id"]
                if identity in proven or identity in fresh_ids:
                    if identity in fresh_ids:
                        echoes.append(len(outcomes))
                    outcomes.append(_NOOP)
                    continue
                if unsure.status == 429:
                    outcomes.append(unsure)
                    continue
                # The writer knows the newest ids itself, also those that the index does not have yet.
                entry.by_id = identity
                entry.event["luytre"]["ingest"] = {"by": "id"}
            if entry.by_id:
                if entry.by_id in ids or self._seen.known(entry.by_id):
                    if entry.by_id in ids:
                        echoes.append(len(outcomes))
                    outcomes.append(_NOOP)
                    continue
                ids.add(entry.by_id)
            elif entry.mark:
                marks[entry.key] = entry.mark
                fresh_ids.add(entry.event["event"]["id"])
            fresh[entry.stream].append((len(outcomes), entry))
            outcomes.append(_STORED)
        for stream, found in fresh.items():
            try:
                self._append(stream, found, marks if stream == "events" else {}, outcomes)
            except Unavailable as error:
                again = Stored(429, error.problems[0].en[:200] if error.problems else "the store does not answer")
                for at, _ in found:
                    outcomes[at] = again
                self._marks = dict(self._writer.marks())
        if any(outcome.status == 429 for outcome in outcomes):
            for at in echoes:
                outcomes[at] = Stored(429, "sent twice at once, and not all could be stored")
        letters = [letter for job in jobs for letter in job.letters]
        letters += [
            Letter(entry.event["observer"].get("id", ""), outcome.status, outcome.reason, encode(entry.event))
            for entry, outcome in zip(entries, outcomes, strict=True)
            if outcome.status == 400
        ]
        self._dead.add(letters)
        stored = [entry for entry, outcome in zip(entries, outcomes, strict=True) if outcome.status == 201]
        remembered = [entry.by_id for entry in stored if entry.by_id]
        if remembered:
            self._seen.add(remembered, self._reader)
        self.counters["behind_mark"] += sum(
            bool(entry.by_id and entry.key) and outcome.status == 201
            for entry, outcome in zip(entries, outcomes, strict=True)
        )
        self._count(outcomes)
        at = 0
        for job in jobs:
            job.future.set_result(outcomes[at : at + len(job.entries)])
            at += len(job.entries)

    def _proven(self, entries: list[Entry]) -> set[str]:
        """Of the entries that are not above their mark: the ids that the store has. Rare, so it may cost a search."""
        below = [
            entry for entry in entries
            if entry.mark and (mark := self._marks.get(entry.key))
            and (entry.mark.epoch, entry.mark.sequence) <= (mark.epoch, mark.sequence)
        ]  # fmt: skip
        found: set[str] = set()
        for start in range(0, len(below), _PROOF_ITEMS):
            part = below[start : start + _PROOF_ITEMS]
            mine = {entry.event["event"]["id"]: entry for entry in part}
            before = {entry.claimed_id: entry for entry in part if entry.claimed_id}
            for event in self._reader.fetch(EVERYTHING, [*mine, *before]):
                identity = str(get(event, "event.id"))
                if identity in mine:
                    found.add(identity)
                elif identity in before and _same(event, before[identity]):
                    found.add(before[identity].event["event"]["id"])
        return found

    def _append(self, stream: Stream, found: list[tuple[int, Entry]], marks: Mapping[str, Mark],
                outcomes: list[Stored]) -> None:  # fmt: skip
        if not found:
            return
        started = time.perf_counter()
        said = self._writer.append([entry.event for _, entry in found], stream, marks or None)
        self.last_fsync_ms = round((time.perf_counter() - started) * 1000, 3)
        failed = False
        for (at, _), outcome in zip(found, said, strict=True):
            outcomes[at] = outcome
            failed = failed or outcome.status == 429
        # After a partial failure only the store knows how far its marks went.
        self._marks = dict(self._writer.marks()) if failed else {**self._marks, **marks}

    def _count(self, outcomes: list[Stored]) -> None:
        self.counters["groups"] += 1
        for outcome in outcomes:
            name = {201: "stored", 200: "noop", 429: "again"}.get(outcome.status, "refused")
            self.counters[name] += 1

    def _look_at_budget(self) -> None:
        now = time.monotonic()
        if self._limit_bytes is not None and now - self._full_checked > BUDGET_EVERY_S:
            self._full_checked = now
            self._over_budget = self._writer.usage_bytes() >= self._limit_bytes


def _same(stored: Event, entry: Entry) -> bool:
    """Whether an event stored under the sensor's own id (as until 2026-11-22) is this entry, by who sent it and its
    number: another sensor's event under that id is not."""
    names = ("observer.id", "luytre.spool.epoch", "event.sequence", "@timestamp")
    return all(get(stored, name) == get(entry.event, name) for name in names)


_PROOF_ITEMS = 500  # two ids each, of at most 1,000 at a time
_NOOP = Stored(200, "stored before")
_STORED = Stored(201)
