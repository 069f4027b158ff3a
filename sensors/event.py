"""The event: what crosses every boundary of the system.

In:  parsed fields. Out: a nested dict with ECS 9 names, `@timestamp` in UTC (RFC 3339, at most nanoseconds, "Z").
Bound: `ONE_EVENT_LIMIT_BYTES` encoded; what is longer is cut by its producer and marked `luytre.truncated`.
Source: https://www.elastic.co/docs/reference/ecs; names of ours stand under `luytre.*`.

An event is a plain dict because four of its five readers (JSON, Sigma, Elasticsearch, tantivy) want exactly that, and
because a third-party shipper's event must pass through with fields that we have never heard of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from sensors.clock import rfc3339

Event = dict[str, Any]

ONE_EVENT_LIMIT_BYTES = 256 * 1024

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def new_event(dataset: str, when: datetime | float, fields: Mapping[str, Any]) -> Event:
    """An event of `dataset` at `when` (aware datetime or epoch seconds) with dotted `fields`, None values left out."""
    event: Event = {"@timestamp": rfc3339(when), "event": {"dataset": dataset}}
    for path, value in fields.items():
        if value is not None:
            put(event, path, value)
    return event


def encode(event: Event) -> bytes:
    """JSON of one event, UTF-8, no newline. Lone surrogates, which JSON cannot carry, become "?"."""
    try:
        return _encode(event)
    except UnicodeEncodeError:
        return _encode(_clean(event))


def decode(data: bytes | bytearray | memoryview | str) -> Event:
    """The event in `data`; raises `msgspec.DecodeError` when it is not one JSON object."""
    return _decode(data)


def get(event: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None; reads both nested objects and dotted keys, as ECS documents mix them."""
    if path in event:
        return event[path]
    here: Any = event
    rest = path
    # Nearly every event is of plain dicts, and asking an abstract class costs five times as much.
    while type(here) is dict or isinstance(here, Mapping):
        if rest in here:
            return here[rest]
        head, dot, tail = rest.partition(".")
        if not dot:
            return None
        if head in here:
            here, rest = here[head], tail
            continue
        for key in here:  # a dotted key inside a nested object: {"winlog": {"event_data.Image": …}}
            if isinstance(key, str) and "." in key and rest.startswith(key + "."):
                return get(here[key], rest[len(key) + 1 :]) if isinstance(here[key], Mapping) else None
        return None
    return None


def put(event: Event, path: str, value: Any) -> None:
    """Set the value at a dotted path, making the objects on the way; a plain value in the way is replaced."""
    *heads, last = path.split(".")
    here = event
    for head in heads:
        inner = here.get(head)
        if not isinstance(inner, dict):
            inner = here[head] = {}
        here = inner
    here[last] = value


def flatten(event: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of every leaf; lists are leaves."""
    for key, value in event.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def event_id(sensor: str, source: str, position: str) -> str:
    """128 bits of hash over where an event came from, never over its content: equal lines are different events."""
    name = "\x00".join((sensor, source, position)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(name, digest_size=16).hexdigest()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
