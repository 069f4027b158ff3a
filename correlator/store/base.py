"""The event store's promise to its neighbours. One suite (`tests/contract/stores/`) holds both implementations to it.

append → acknowledged only when durable; tail → store order, exact, gapless; search, count and fetch → inside a scope;
expire → by policy, counted. Two streams live side by side: `events` and `hits`.
Identity: an event's `event.id` is its id in the store. Nothing changes an event after it was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import msgspec

from sensors.event import Event, decode

Stream = Literal["events", "hits"]
Cursor = str  # opaque; only the store that made it reads it


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose events may be seen: agency codes, or `None` for every agency (the national duty and this node's own
    programs). An empty set sees nothing. A required argument of every read: there is no default."""

    agencies: frozenset[str] | None

    def sees(self, agency: str | None) -> bool:
        return self.agencies is None or (agency is not None and agency in self.agencies)


EVERYTHING = Scope(None)


# --- queries: one small tree, which each store translates ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class All:
    """Every event."""


@dataclass(frozen=True, slots=True)
class Is:
    """Field equals value (keywords: case-insensitive and folded, "ha noi" finds "Hà Nội"); `*` and `?` are wildcards
    when `wildcard` (a backslash before `* ? \\` takes their meaning away). An ip field also takes a CIDR network."""

    field: str
    value: str | int | float | bool
    wildcard: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """All words in sequence anywhere in the full text (message, event.original, event.reason, rule.name), folded.
    A single word is also looked for as the whole value of the usual names, an address in the usual ip fields
    (query.py: NAME_FIELDS, IP_FIELDS)."""

    words: str


@dataclass(frozen=True, slots=True)
class Range:
    """low ≤ field < high; either may be None. For dates: RFC 3339 text."""

    field: str
    low: str | int | float | None = None
    high: str | int | float | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    field: str


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = All | Is | Text | Range | Exists | And | Or | Not


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. `since`/`until` bound `@timestamp` (RFC 3339, until excluded). `size` ≤ 1,000.
    `after` is the `next` of the page before. `aggs` is Elasticsearch's aggregation JSON (terms, date_histogram)."""

    where: Node = All()
    since: str | None = None
    until: str | None = None
    newest_first: bool = True
    size: int = 50
    after: str | None = None
    aggs: Mapping[str, Any] | None = None
    stream: Stream = "events"


@dataclass(frozen=True, slots=True)
class Found:
    """`total` is exact unless `total_is_floor`; `partial` says in words what was not searched (a day's index still
    building, a shard down); it is always shown to people."""

    events: Sequence[Event]
    total: int
    next: str | None = None
    aggs: Mapping[str, Any] = field(default_factory=dict)
    total_is_floor: bool = False
    partial: str = ""
    took_ms: float = 0.0


# --- writing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """The outcome for one event, in the order given. status: 201 stored now; 200 stored before (same id);
    429 try again; 400 refused for good (`reason` in words, the item goes to the dead letters)."""

    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a stream of ours has been stored: (epoch, sequence) of one sensor's spool."""

    epoch: int
    sequence: int


# --- tailing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """`items`: what was read, as the store has it: events, or their lines (JSON), which are decoded once `events` are
    asked for."""

    items: Sequence[Event | bytes]
    next: Cursor

    @cached_property
    def events(self) -> list[Event]:
        """Without what is none."""
        return [event for item in self.items if (event := decoded(item)) is not None]


def decoded(item: Event | bytes) -> Event | None:
    if not isinstance(item, bytes):
        return item
    try:
        return decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Gap:
    """The cursor points to what is no longer kept. `lost` is the number of events skipped, None if unknown.
    Tailing goes on from `next`."""

    lost: int | None
    next: Cursor


@dataclass(frozen=True, slots=True)
class Expired:
    """What retention removed. `by_budget`: of these events, those that went because of `limit_bytes`, not of age."""

    events: int
    bytes: int
    by_budget: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """Keep at least `days`; over `limit_bytes` (of both streams and their index) the oldest days of events go first,
    then those of hits; what went so is counted apart (`Expired.by_budget`)."""

    days: int
    limit_bytes: int | None = None


class EventReader(Protocol):
    def tail(
        self, cursor: Cursor | None, limit: int, stream: Stream = "events", dataset: str | None = None
    ) -> Page | Gap:
        """Up to `limit` events after `cursor` (None: the oldest kept) in store order. An empty page keeps the place.
        With `dataset` only events of that event.dataset come; the place moves over the others, so a page may be empty
        and yet not the last: the end is reached when `next` is the cursor that was given."""

    def end(self, stream: Stream = "events") -> Cursor:
        """The cursor behind the newest event: where to start when the past is not wanted."""

    def search(self, scope: Scope, query: Query) -> Found: ...

    def fetch(self, scope: Scope, ids: Sequence[str], stream: Stream = "events") -> list[Event]:
        """The events with these ids (at most 1,000), in the order given; unknown or unseen ids are left out."""

    def close(self) -> None: ...


class EventWriter(Protocol):
    def append(
        self,
        events: Sequence[Event],
        stream: Stream = "events",
        marks: Mapping[str, Mark] | None = None,
    ) -> list[Stored]:
        """Store a batch; returns when it is durable. `marks` become durable with the batch (or not at all)."""

    def marks(self) -> Mapping[str, Mark]:
        """The durable marks, by stream of ours ("<observer>/<role>")."""

    def expire(self, policy: Retention, stream: Stream = "events") -> Expired: ...

    def usage_bytes(self) -> int:
        """Disk (or index) bytes used, for the budget."""

    def close(self) -> None: ...
