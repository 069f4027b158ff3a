"""Who and where the events of a group are about: what they agree on.

In:  events. Out: (shape, values): the entities of the first that no later one contradicts.
Bound: texts over `VALUE_LIMIT_CHARS` and lists over `MEMBERS_LIMIT` are left out: a group keeps these values in memory.
The shapes that groups share are at most `SHAPES_LIMIT` at a time.
"""

from __future__ import annotations

from typing import Any

from correlator.hit import ENTITIES
from sensors.event import Event, get, put

VALUE_LIMIT_CHARS = 1024
MEMBERS_LIMIT = 16
SHAPES_LIMIT = 4096
META = ("@timestamp", "event.ingested", "organization.id", "observer.id", "observer.name", "log.file.path")
PATHS = (*ENTITIES, *META)

Who = tuple[Any, ...]


def _plan() -> dict[str, dict[str, Any]]:
    """Top key → name → place, or for three steps name → name → place."""
    tops: dict[str, dict[str, Any]] = {}
    for place, path in enumerate(ENTITIES):
        top, _, rest = path.partition(".")
        names = tops.setdefault(top, {})
        names[rest] = place  # also when it is "target.name"
        name, dot, below = rest.partition(".")
        if dot:
            names.setdefault(name, {})[below] = place
    return tops


_PLAN = _plan()


def present(event: Event) -> tuple[Shape, Who]:
    """The entities that are there: what `get` finds for each of ENTITIES, by what the event has instead."""
    found: dict[int, Any] = {}
    plain = True
    for top, inner in event.items():
        names = _PLAN.get(top)
        if names is None:
            plain = plain and "." not in str(top)
        elif inner.__class__ is dict:
            for name, value in inner.items():
                place = names.get(name)
                if place.__class__ is int:
                    plain = plain and "." not in name
                    found[place] = value
                elif place is not None:
                    plain = plain and value.__class__ is dict and not any("." in str(below) for below in value)
                    found.update((under, value[below]) for below, under in place.items() if plain and below in value)
        else:
            plain = False
    if not plain:
        found = {place: get(event, path) for place, path in enumerate(ENTITIES)}
    kept = [(place, value) for place in sorted(found) if (value := _kept(found[place])) is not None]
    return shape_of(tuple([place for place, _ in kept])), tuple([value for _, value in kept])


def _kept(value: Any) -> Any:
    if value.__class__ is str and len(value) <= VALUE_LIMIT_CHARS and value.isascii():
        return value
    if isinstance(value, str):
        return value if len(value) <= VALUE_LIMIT_CHARS and _whole(value) else None
    if isinstance(value, list):
        short = len(value) <= MEMBERS_LIMIT and all(isinstance(v, str) and len(v) <= 128 and _whole(v) for v in value)
        return value if short else None
    if isinstance(value, bool | float) or (isinstance(value, int) and -(2**63) <= value < 2**63):
        return value
    return None


def _whole(text: str) -> bool:
    """Can it be written? A lone surrogate can't."""
    return text.isascii() or text.encode("utf-8", "replace").decode() == text


class Shape:
    """Which entities there are, as places in `PATHS`, and where their values stand in an event."""

    __slots__ = ("deep", "near", "places")

    def __init__(self, places: tuple[int, ...]) -> None:
        self.places = places
        steps = [(PATHS[place], *PATHS[place].partition(".")[::2], at) for at, place in enumerate(places)]
        self.near = tuple((top, rest, at) for _, top, rest, at in steps if "." not in rest)
        self.deep = tuple((path, at) for path, _, rest, at in steps if "." in rest)


_SHAPES: dict[tuple[int, ...], Shape] = {}


def shape_of(places: tuple[int, ...]) -> Shape:
    shape = _SHAPES.get(places)
    if shape is None:
        if len(_SHAPES) >= SHAPES_LIMIT:
            _SHAPES.clear()
        shape = _SHAPES[places] = Shape(places)
    return shape


def common(shape: Shape, values: Who) -> dict[str, Any]:
    return {PATHS[place]: value for place, value in zip(shape.places, values, strict=True)}


def agreed(shape: Shape, values: Who, event: Event) -> tuple[Shape, Who] | None:
    """What is left when this event speaks too; None when all of it still holds."""
    try:
        for top, name, at in shape.near:
            if event[top][name] != values[at]:
                break
        else:
            if not shape.deep or all(get(event, path) == values[at] for path, at in shape.deep):
                return None
    except (KeyError, TypeError, IndexError):
        pass  # not there, or under a dotted name
    left = [(place, value) for place, value in zip(shape.places, values, strict=True)
            if get(event, PATHS[place]) == value]  # fmt: skip
    if len(left) == len(values):
        return None
    return shape_of(tuple(place for place, _ in left)), tuple(value for _, value in left)


def meta(event: Event) -> Who:
    return tuple(_kept(get(event, path)) for path in META)


def stand_in(shape: Shape, values: Who, last: Who, event_id: str) -> Event:
    """An event to make a hit of, when the last one is long gone: what all agree on, and where and when the last was."""
    event: Event = {}
    for path, value in zip(META, last, strict=True):
        if value is not None:
            put(event, path, value)
    for place, value in zip(shape.places, values, strict=True):
        put(event, PATHS[place], value)
    put(event, "event.id", event_id)
    return event
