"""Of an event as JSON only these fields: for whoever reads few of many.

In:  dotted paths; lines. Out: `glance(paths)`, which reads a line into an event that holds only what can be told of
     these paths: `get` says the same of it as of the whole event, whether objects are nested or keys have dots.
Bound: one pass of msgspec, which makes nothing of what it passes over. A line in which another thing stands where an
object belongs is decoded whole. What is passed over is checked to be JSON, but for the range of numbers and escapes.

msgspec reads a TypedDict that is made of every way in which the paths may be written: `a.b.c` is the members `a`, `a.b`
and `a.b.c`, and below each of them the rest likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypedDict

import msgspec

from sensors.event import Event, decode

WORDS_LIMIT = 6  # a path of n words can be written in 2ⁿ⁻¹ ways


def glance(paths: Iterable[str]) -> Callable[[bytes], Event]:
    """The function raises what `decode` raises."""
    few: Callable[[bytes], Event] = msgspec.json.Decoder(_made(_tree(paths))).decode

    def read(line: bytes) -> Event:
        if not line.isascii():
            line.decode()  # msgspec doesn't look at the letters of what it passes over
        try:
            return few(line)
        except msgspec.ValidationError:
            return decode(line)

    return read


class _Tree(dict[str, "_Tree | None"]):
    """Members of an object; None: its value as it is."""


def _tree(paths: Iterable[str]) -> _Tree:
    root = _Tree()
    for path in paths:
        words = path.split(".")
        if len(words) > WORDS_LIMIT:
            raise ValueError(f"{path}: more than {WORDS_LIMIT} words")
        _add(root, words)
    return root


def _add(tree: _Tree, words: list[str]) -> None:
    for key, rest in _heads(words):
        if not rest:
            tree[key] = None
            continue
        below = tree.setdefault(key, _Tree())
        if below is not None:
            _add(below, rest)


def _heads(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    for at in range(1, len(words) + 1):
        yield ".".join(words[:at]), words[at:]


def _made(tree: _Tree) -> Any:
    members = {key: Any if below is None else _one_or_several(_made(below)) for key, below in tree.items()}
    return TypedDict("Few", members, total=False)  # type: ignore[operator]


def _one_or_several(made: Any) -> Any:
    return made | list[made]
