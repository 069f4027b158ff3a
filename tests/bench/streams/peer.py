"""Two processes weighed beside each other: RSigma (crates.io `rsigma`), the fastest open engine we know, and ours.

In:  rules, and the same events in both forms (`make.py`). Out: `Weight`: processor seconds of the whole process, what
loading took of them (the same run over one event), what the first 20,000 events took, matches written, most memory.
Each is one process pinned to one core; runs alternate, so that what others do on the machine meets both.

Both read the file, decode each line, route, match, and write a line a match; neither knows the events before. RSigma
reads flat events that carry their log source ready-made; ours reads journal lines and finds log source and fields
itself. RSigma's line tells which fields matched, ours does not; ours names the event, RSigma's does not. RSigma builds
everything while loading, ours what an event first asks for: so the whole is against us and "steady" against nobody.
RSigma is measured as a peer only; nothing of ours needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from correlator import peer
from correlator.peer import count, rsigma, version, weighed

__all__ = ["Load", "Weight", "Words", "loading", "rsigma", "version", "weigh"]

ROOT = Path(__file__).resolve().parents[3]
WARM_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Weight:
    events: int
    cpu_s: float  # net of loading
    load: Load
    matches: int
    rss_mb: int
    warm_s: float  # net of loading: the first `WARM_EVENTS` of them, or 0.0 when there are too few

    @property
    def per_s(self) -> int:
        return round(self.events / self.cpu_s) if self.cpu_s > 0 else 0

    @property
    def steady_per_s(self) -> int:
        """After the first `WARM_EVENTS`: what an engine builds when it first meets an event of a kind is behind it."""
        rest = self.cpu_s - self.warm_s
        return round((self.events - WARM_EVENTS) / rest) if self.warm_s and rest > 0 else self.per_s

    def shown(self) -> dict[str, object]:
        return {"events_per_s": self.per_s, "steady": self.steady_per_s, "cpu_s": round(self.cpu_s, 2),
                "load_s": round(self.load.cpu_s, 2), "matches": self.matches, "rss_mb": self.rss_mb,
                "rss_mb of load": self.load.rss_mb}  # fmt: skip


class Load(NamedTuple):
    cpu_s: float
    rss_mb: int


def our_words(rules: Path, events: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "tests.bench.streams.ours", str(rules), str(events), str(out)]


def weigh(make: Words, rules: Path, events: Path, folder: Path, core: int, load: Load | None = None) -> Weight:
    """`load`: what loading takes, when it is known from a run before."""
    out = folder / "matches.ndjson"
    base = load or loading(make, rules, events, folder, core)
    events_there, warm_s = count(events), 0.0
    if events_there > 2 * WARM_EVENTS:
        warm_s = _run(make(rules, _first(events, WARM_EVENTS, folder), out), core)[0] - base.cpu_s
    cpu_s, rss_mb = _run(make(rules, events, out), core)
    matches = count(out)
    out.unlink()
    return Weight(events_there, cpu_s - base.cpu_s, base, matches, rss_mb, warm_s)


def loading(make: Words, rules: Path, events: Path, folder: Path, core: int) -> Load:
    """The same process over one event; twice, so that what is kept on disk between starts is there."""
    one = _first(events, 1, folder)
    return Load(*min(_run(make(rules, one, folder / "none.ndjson"), core) for _ in range(2)))


class Words:
    """How a process is called."""

    def __init__(self, program: str | None = None, *more: str) -> None:
        self._program, self._more = program, more

    def __call__(self, rules: Path, events: Path, out: Path) -> list[str]:
        if self._program is None:
            return our_words(rules, events, out)
        return peer.words(self._program, rules, events, out, *self._more)


def _run(words: Sequence[str], core: int) -> tuple[float, int]:
    return weighed(["taskset", "-c", str(core), *words], os.environ | {"PYTHONPATH": str(ROOT)}, ROOT)


def _first(events: Path, count: int, folder: Path) -> Path:
    path = folder / "first.jsonl"
    with events.open("rb") as file:
        path.write_bytes(b"".join(islice(file, count)))
    return path
