"""`luytre-correlator run`: the store's stream in, hits out to the node's own machine port.

In:  `[correlator]`, the event store (read only). Out: hits, posted like any shipper's events with the identity of role
     "correlator"; exit 0 when asked to stop.
The order that makes nothing lost and nothing doubled: read a page → evaluate → post its hits until each is stored →
only then move the cursor; cursor and state are written together (checkpoint.py). After a crash the page is evaluated
again from the state of that time and gives the same hits under the same ids, which ingest knows.
Rules are looked at every `rules_poll_s` and on SIGHUP; they change between two pages, so no event is skipped. Rules
that broke keep running as they were. What this agency changes of them (tuning.py) is laid over them at each load; what
its people except (exceptions.py) is looked at as often, and changes without the rules being loaded anew.
The set of indicators is looked at likewise; a damaged one leaves that which is in force, and says so.
"""

from __future__ import annotations

import signal
from pathlib import Path

from correlator.checkpoint import Checkpoint
from correlator.config import CorrelatorTable, cache_folder, pipeline_paths, rule_paths
from correlator.detectors import found_detectors
from correlator.engine import Engine
from correlator.engine.cache import Cache
from correlator.engine.load import files as rule_files
from correlator.exceptions import folder_of, stamps
from correlator.exceptions import read as read_exceptions
from correlator.indicators.live import Indicators
from correlator.indicators.table import tables_folder
from correlator.indicators.watch import Watch
from correlator.pipeline import Pipeline
from correlator.post import Poster, Send, sender
from correlator.states import rule_states
from correlator.store import open_reader
from correlator.store.base import EventReader, Gap, decoded
from correlator.tuning import Tuning, read, tuning_path, with_tuning
from sensors.clock import Clock, SystemClock, parse_rfc3339
from sensors.config import Config, NodeTable
from sensors.daemon import Daemon
from sensors.errors import ConfigError, Place, Problem
from sensors.event import get


def run(config: Config, daemon: Daemon, clock: Clock | None = None, send: Send | None = None) -> int:
    node, table = config.table("node", NodeTable), config.table("correlator", CorrelatorTable)
    clock = clock or SystemClock()
    poster = Poster(send or sender(config, table, node), daemon, clock)
    reader = open_reader(config)
    try:
        runner = Runner(config, table, node.root, daemon, clock, reader, poster)
        signal.signal(signal.SIGHUP, lambda *_: runner.ask_reload())
        daemon.ready("running")
        runner.loop()
    finally:
        reader.close()
    return 0


class Runner:
    def __init__(self, config: Config, table: CorrelatorTable, root: Path, daemon: Daemon, clock: Clock,
                 reader: EventReader, poster: Poster) -> None:  # fmt: skip
        self._config, self._table, self._daemon, self._clock = config, table, daemon, clock
        self._reader, self._poster = reader, poster
        self._reload_wanted = False
        self._rules_error = ""
        self._tuning, self._cache = Tuning(), Cache(cache_folder(config))
        self._indicators, self._listed = Indicators(), Watch(tables_folder(root))
        self._signature, self._excepted = self._sign(), stamps(folder_of(config))
        self._looked = self._reported = self._written = clock.monotonic()
        self.gaps = self.lost = self.reloads = 0
        self._newest = ""
        self._behind = False  # the last page was full: there is more to read
        self._changed = False
        known = found_detectors()
        unknown = [name for name in table.detectors if name not in known]
        if unknown:
            place = Place(str(config.path), key="correlator.detectors")
            raise ConfigError(Problem("LT-C0105", f"không có bộ phát hiện `{unknown[0]}`",
                                      f"no detector `{unknown[0]}`", place, tuple(known)))  # fmt: skip
        try:
            engine = self._load(None)
        except (ValueError, OSError) as error:  # a pipeline file: without it no rule can be trusted
            raise ConfigError(Problem("LT-C0106", f"tệp ánh xạ trường không dùng được: {error}",
                                      f"unusable pipeline file: {error}")) from None  # fmt: skip
        self._pipeline = Pipeline(
            engine, {name: known[name] for name in table.detectors}, clock,
            lateness_s=table.lateness_s, settings=table.settings,
            indicators=self._indicators,
            exceptions=read_exceptions(folder_of(config), clock.now()),
        )  # fmt: skip
        self._look_at_indicators()
        self._checkpoint = Checkpoint(root / "correlator")
        self._cursor: str | None = None
        saved = self._checkpoint.saved
        if saved is not None:
            self._cursor = saved.cursor
            try:
                self._pipeline.restore(saved.snapshot)
            except ValueError as error:
                daemon.log.error("windows begin anew", reason=str(error))
        if self._checkpoint.damaged:
            daemon.log.error("a damaged checkpoint was passed over", count=self._checkpoint.damaged)

    def ask_reload(self) -> None:
        self._reload_wanted = True

    def loop(self) -> None:
        self._report()
        stop = self._daemon.stop
        while not stop.is_set():
            self._look_at_rules()
            read = self.step()
            if read < 0:
                break
            if read == 0:
                self._clock.wait(stop, self._table.poll_s)
        self._write()
        self._report()

    def step(self) -> int:
        """One page; returns how many events it had, or -1 when we were stopped before its hits were stored."""
        page = self._reader.tail(self._cursor, self._table.batch)
        if isinstance(page, Gap):
            self.gaps += 1
            self.lost += page.lost or 0
            self._daemon.log.warning("a gap in the stream", lost=page.lost)
            self._cursor = page.next
            return 0
        hits = self._pipeline.feed(page.items)
        if len(page.items) < self._table.batch:
            hits += self._pipeline.tick()
        if hits and not self._poster.post(hits):
            # The pipeline is ahead of the cursor now: this state must not be written. The next start goes on from
            # the last checkpoint and finds the same hits again.
            self._written = float("inf")
            return -1
        self._cursor = page.next
        self._behind = len(page.items) >= self._table.batch
        if page.items:
            newest = decoded(page.items[-1]) or {}
            self._newest = str(get(newest, "event.ingested") or newest.get("@timestamp") or "")
        now = self._clock.monotonic()
        self._changed = self._changed or bool(page.items or hits)
        if self._changed and now - self._written >= self._table.checkpoint_s:
            self._write()
        if now - self._reported >= self._table.report_s:
            self._report()
        return len(page.items)

    def _write(self) -> None:
        if self._written == float("inf"):
            return
        self._checkpoint.write(self._cursor, self._pipeline.snapshot())
        self._written, self._changed = self._clock.monotonic(), False

    # --- rules --------------------------------------------------------------------------------------------------

    def _load(self, keep: Engine | None) -> Engine:
        tuning = read(tuning_path(self._config), self._clock.now(), self._tuning)
        engine = Engine.load(self._rules, self._pipelines, keep, tuning.adjust, self._cache)
        self._tuning = tuning
        self._daemon.log.info("rules loaded", running=len(engine.rules) + len(engine.correlations),
                              refused=len(engine.refused), waiting=len(engine.waiting),
                              cache=self._cache.used._asdict())  # fmt: skip
        return engine

    def _look_at_rules(self) -> None:
        now = self._clock.monotonic()
        if not self._reload_wanted and now - self._looked < self._table.rules_poll_s:
            return
        self._looked = now
        self._look_at_indicators()
        self._look_at_exceptions()
        signature = self._sign()
        ended = self._tuning.mark(self._clock.now())
        if signature == self._signature and not ended and not self._reload_wanted:
            return
        self._reload_wanted, self._signature = False, signature
        try:
            self._pipeline.reload(self._load(self._pipeline.engine))
            self._rules_error = ""
            self.reloads += 1
        except (ValueError, OSError) as error:  # a pipeline file; single rules never get here
            self._rules_error = str(error)
            self._daemon.log.error("rules kept as they were", reason=str(error))
        self._report()

    def _look_at_indicators(self) -> None:
        if not self._listed.look():
            return
        tables = self._listed.tables
        self._indicators.use(tables)
        if self._listed.error:
            self._daemon.log.error("indicators kept as they were", reason=self._listed.error)
        self._daemon.log.info("indicators loaded", count=sum(table.count for table in tables.values()))

    def _look_at_exceptions(self) -> None:
        folder, there, now = folder_of(self._config), self._pipeline.exceptions, self._clock.now()
        changed = stamps(folder)
        if changed == self._excepted and not there.mark(now):
            return
        self._excepted = changed
        found = read_exceptions(folder, now, there)
        self._pipeline.except_by(found)
        self._daemon.log.info("exceptions read", in_force=len(found.items), faults=len(found.told()))
        self._report()

    def _sign(self) -> tuple[tuple[str, int, int], ...]:
        self._rules, self._pipelines = rule_paths(self._config), pipeline_paths(self._config)  # a folder may be new
        found = []
        for path in (*rule_files(self._rules), *rule_files(self._pipelines), tuning_path(self._config)):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    # --- health -------------------------------------------------------------------------------------------------

    def _report(self) -> None:
        self._reported = self._clock.monotonic()
        newest = parse_rfc3339(self._newest) if self._behind else None
        self._daemon.report({
            **self._pipeline.counters(),
            "cursor": self._cursor, "newest": self._newest,
            "lag_s": round(max(0.0, self._clock.now() - newest), 1) if newest is not None else 0.0,
            "posted": self._poster.posted, "hits_refused": self._poster.refused, "posting": self._poster.state,
            "gaps": self.gaps, "lost": self.lost, "reloads": self.reloads, "rules_error": self._rules_error,
            "checkpoint_bytes": self._checkpoint.last_bytes,
            "poisoned": list(self._pipeline.poison)[-10:],
            "rules": with_tuning(rule_states(self._pipeline), self._tuning), "tuning": self._tuning.report(),
            "indicators_error": self._listed.error,
            "exceptions": self._pipeline.exceptions.report(),
        })  # fmt: skip
