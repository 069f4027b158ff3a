"""The slow twin of `correlator.engine.correlations`: all events of a group at once, every window tried.

Says whether a group must fire at least once, which doesn't depend on the order in which its events arrived.
"""

from __future__ import annotations

from collections.abc import Sequence


def must_fire(kind: str, events: Sequence[tuple[float, str]], span_s: float, least: int,
              rules: Sequence[str] = ()) -> bool:  # fmt: skip
    """`events`: (time, what) with what = value (value_count) or rule (temporal)."""
    for start, _ in events:
        inside = sorted((time, what) for time, what in events if start <= time <= start + span_s)
        whats = {what for _, what in inside}
        if kind == "event_count" and len(inside) >= least:
            return True
        if kind in ("value_count", "temporal") and len(whats) >= least:
            return True
        if kind == "temporal_ordered" and _follow(inside, rules):
            return True
    return False


def _follow(inside: Sequence[tuple[float, str]], rules: Sequence[str]) -> bool:
    """Earliest choice for each rule in turn; equal times may stand in any order."""
    time = float("-inf")
    for rule in rules:
        later = [when for when, what in inside if what == rule and when >= time]
        if not later:
            return False
        time = min(later)
    return True
