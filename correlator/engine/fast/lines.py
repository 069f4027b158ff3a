"""The columns of a plan read from an event's JSON, without decoding the rest of it.

In:  columns; lines. Out: `line_reader(columns)`, which reads a line as `reach.reader` reads an event; `Look`:
     may the line be read so at all, and does a piece of a keyword stand in it?
Bound: one pass of msgspec over the line, one of hyperscan. Without hyperscan lines are decoded whole.

msgspec reads a class that was made for exactly these columns and passes over everything else. A key that holds a dot
(only flattening shows what stands where) or an escape (which could be a dot) would be passed over, so it is looked for
beforehand. An object where a text belongs is seen afterwards, a text where an object belongs is an error: in all these
cases the line is decoded whole, and so is each line that matches: what is no event (bytes that are no UTF-8, numbers
out of range, both also passed over) has no matches then as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from correlator.engine.conditions import MISSING
from correlator.engine.fast.reach import Column, Values, combining
from correlator.engine.sources import DEPTH_LIMIT

ODD, WORD = 1, 2

PIECES_LIMIT = 256  # more are looked for by themselves

# A key ends in a quote and a colon; a text can't, but for an escaped quote, which costs no more than decoding.
_ODD = rb'(?:\.|\\.)[^"\\]*"[ \t\r\n]*:'


class Look:
    """`ODD` or `WORD` or both, or 0."""

    __slots__ = ("_found", "_hit", "_scans")

    def __init__(self, databases: Sequence[Any]) -> None:
        self._scans = [one.scan for one in databases]
        self._found = 0

        def hit(number: int, *_: object) -> None:
            self._found |= number

        self._hit = hit

    def __call__(self, line: bytes) -> int:
        self._found = 0
        for scan in self._scans:
            scan(line, match_event_handler=self._hit)
        return self._found


def look(pieces: Iterable[bytes]) -> Look | None:
    """`pieces`: as JSON writes them, in lower case. None without hyperscan."""
    try:
        import hyperscan
    except ImportError:
        return None
    literals = [b"".join(b"\\x%02x" % byte for byte in piece) for piece in pieces]
    once = hyperscan.HS_FLAG_SINGLEMATCH
    try:
        made = [_database(hyperscan, [_ODD], ODD, once | hyperscan.HS_FLAG_DOTALL)]
        if literals:  # (a database for both takes thirty times as long to make)
            made.append(_database(hyperscan, literals, WORD, once | hyperscan.HS_FLAG_CASELESS))
    except hyperscan.HyperscanError:
        return None
    return Look(made)


def _database(hyperscan: Any, patterns: Sequence[bytes], number: int, flags: int) -> Any:
    made, count = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK), len(patterns)
    made.compile(list(patterns), [number] * count, count, [flags] * count)
    return made


class _Node:
    """An object of the event: which of its members are read, and which are objects themselves."""

    def __init__(self) -> None:
        self.leaves: dict[str, str] = {}
        self.nodes: dict[str, tuple[str, _Node]] = {}

    def made(self) -> type[msgspec.Struct] | None:
        """None when a member is read and looked into: it can't be both."""
        if self.leaves.keys() & self.nodes.keys():
            return None
        fields: list[tuple[str, Any, Any]] = [(name, Any, MISSING) for name in self.leaves.values()]
        for name, node in self.nodes.values():
            inner = node.made()
            if inner is None:
                return None
            fields.append((name, inner, inner()))
        names = {name: key for key, name in self.leaves.items()}
        names |= {name: key for key, (name, _) in self.nodes.items()}
        return msgspec.defstruct("Read", fields, rename=names, frozen=True, gc=False)


def line_reader(columns: Sequence[Column]) -> Callable[[bytes], tuple[Any, ...]] | None:
    """None for columns that can't be read so. The function raises what msgspec raises, and `reach.Unusual`."""
    if any(path.count(".") >= DEPTH_LIMIT for one in columns for path in one.paths):
        return None
    root, places = _Node(), dict[str, str]()
    for one in columns:
        for path in one.paths:
            node, place = root, "e"
            *above, last = path.split(".")
            for key in above:
                name, node = node.nodes.setdefault(key, (f"n{len(node.nodes)}", _Node()))
                place += "." + name
            places[path] = place + "." + node.leaves.setdefault(last, f"f{len(node.leaves)}")
    made = root.made()
    if made is None:
        return None
    decode = msgspec.json.Decoder(made).decode
    return _function(columns, places, decode)


def _function(columns: Sequence[Column], places: dict[str, str], decode: Callable[[bytes], Any]) -> Values:
    """The text holds names of ours only: e, n0, f0 …"""
    names: dict[str, Any] = {"D": decode, "M": MISSING, "S": str, "T": type, "L": list}
    lines, found = ["def f(line):", " e = D(line)"], []
    for number, one in enumerate(columns):
        v = f"v{number}"
        if one.combined is not None:
            names[f"c{number}"] = combining(one.combined)
            lines.append(f" {v} = c{number}({', '.join(places[path] for path in one.paths)})")
        else:
            for at, path in enumerate(one.paths):
                lines.append(f" {'' if at == 0 else f'if {v} is M: '}{v} = {places[path]}")
        if one.single:
            lines.append(f" if T({v}) is L: {v} = {v}[0] if len({v}) == 1 and T({v}[0]) is not L else None")
        if one.text:
            lines += [f" if {v} is True: {v} = 'true'", f" if {v} is False: {v} = 'false'"]
        if one.table:
            names[f"t{number}"] = one.table
            lines.append(f" if T({v}) is S: {v} = t{number}.get({v}, {v})")
        found.append(v)
    lines.append(f" return ({', '.join(found)}{',' if len(found) == 1 else ''})")
    exec(compile("\n".join(lines), "<line>", "exec"), names)  # noqa: S102 - names of ours only
    made: Values = names["f"]
    return made
