"""What one vantage point holds to be true of a service: a change needs CONFIRM results that agree.

In:  its results, in its own order. Out: the spans of time that are decided, each once; what is undecided (one failure)
     is kept back until the next result decides it, so that an outage begins with its first failure, not its second.
A single failure between good results is `?`: not lost, and wakes nobody. A single good one during an outage is part of
it. A vantage point that says nothing for `reach_s` watches nothing: silence is not an outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from api.services.minutes import Span

CONFIRM = 2
EVERY_S = 60.0  # where a result does not say how often it comes
_REACH_MIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Result:
    at: float
    mark: str  # o | s | d
    reason: str = ""
    latency_ms: float | None = None
    every_s: float = EVERY_S


class View(Protocol):
    """A row of state.services.Vantage, or a plain object in tests."""

    state: str
    since: float
    run: str
    run_since: float
    run_count: int
    painted: float
    last_at: float
    every_s: float
    reason: str
    latency_ms: float | None


def reach_s(every_s: float) -> float:
    """How long a result speaks for: two and a half intervals, because a slow target is asked less often."""
    return max(_REACH_MIN_S, 2.5 * every_s)


def lives(view: View, now: float) -> bool:
    return now - view.last_at <= reach_s(view.every_s)


def shown(view: View) -> str:
    """Its mark at this moment: a failure that is not yet confirmed is a suspicion."""
    return "?" if view.run == "d" else view.state


def step(view: View, result: Result) -> list[Span]:
    """Take one result; the spans that are decided by it. A result that is not newer than the last changes nothing."""
    if result.at <= view.last_at:
        return []
    spans: list[Span] = []
    if result.at - view.last_at > max(reach_s(view.every_s), reach_s(result.every_s)):
        spans += _close(view, view.last_at)
        view.painted = result.at
    if view.state == "." and result.mark != "d":
        spans += _close(view, result.at)
        _hold(view, result.mark, result.at)
    elif result.mark == view.state:
        spans += _close(view, result.at)
    else:
        same = view.run_count > 0 and (view.run == result.mark or (view.state == "d" and view.run != "d"))
        if view.run_count and not same:
            spans += _close(view, result.at)
        if not view.run_count:
            spans += _decided(view, result.at)
            view.run_since = result.at
        view.run, view.run_count = result.mark, view.run_count + 1
        if view.run_count >= CONFIRM:
            since = view.run_since
            _hold(view, result.mark, since)
            spans += _decided(view, result.at)
    if not view.run_count:  # the moment of the result itself, so that a lone one marks its minute
        spans.append(Span(result.at, result.at, view.state))
    view.last_at, view.every_s, view.reason = result.at, result.every_s, result.reason
    if result.latency_ms is not None or result.mark == "d":
        view.latency_ms = result.latency_ms
    return spans


def _close(view: View, until: float) -> list[Span]:
    """Everything up to `until` is decided: the run came to nothing."""
    if not view.run_count:
        return _decided(view, until)
    mark = "?" if view.run == "d" else view.run if view.state != "d" else "d"
    view.painted, view.run, view.run_count = until, "", 0
    return [Span(view.run_since, until, mark)]


def _decided(view: View, until: float) -> list[Span]:
    since, view.painted = view.painted, until
    return [Span(since, until, view.state)] if until > since and view.state != "." else []


def _hold(view: View, state: str, since: float) -> None:
    view.state, view.since, view.run, view.run_count = state, since, "", 0
