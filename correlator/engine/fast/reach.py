"""Where the columns of a plan stand in an event, without flattening it.

In:  columns: each the paths under which a field's value may stand, in order. Out: `values(event)`, a function written
     for exactly these columns; `Unusual` when the event has a shape in which only flattening shows
     what stands where (a dotted key above a path, an object or a list where an object was expected).
Bound: one look-up per path. The generated code holds numbers of ours only; names are constants that it is given.

`sources.flat` and `EventView.value` are what this must equal; `value_in` is their plain form. Most fields stand at the
first of their paths: the others (`Column.common` on) are only looked at when one of their last names is there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from correlator.engine.conditions import MISSING
from correlator.engine.sources import DEPTH_LIMIT, Combined, Source

EXACT_BELOW = 10**15  # up to here a whole float has the text of the int that it equals
Values = Callable[[Any], tuple[Any, ...]]


class Unusual(Exception):
    """This event must be flattened to be read."""


class Column(NamedTuple):
    paths: tuple[str, ...]
    common: int  # so many of the paths, from the first, are the usual ones
    table: Mapping[str, Any] | None
    whole: bool  # is it asked whether the field is there? Then an object below its name counts
    combined: Combined | None = None  # the value is made of what stands at all paths
    single: bool = False  # a list of one value is that value, another list is none (routing values)
    text: bool = False  # true is read as its text, by which it is compared anyway: 1 == True (routing values)

    @property
    def name(self) -> str:
        """The field's own, but for values that are put together."""
        return self.paths[-1]

    @property
    def key(self) -> tuple[Any, ...]:
        return self.paths, id(self.table) if self.table else 0, self.combined


def column(source: Source, name: str, whole: bool = False) -> Column:
    combined = source.combined.get(name)
    if combined is not None:
        return Column(combined.paths, len(combined.paths), source.values.get(name) or None, False, combined)
    fields = tuple(source.fields.get(name, ()))
    prefixed = tuple(prefix + name for prefix in source.prefixes)
    paths = tuple(dict.fromkeys((*fields, *prefixed, name)))
    # (a field with places of its own is looked for everywhere but under its bare name: its first place mostly has it)
    common = len(dict.fromkeys((*fields, *prefixed))) if fields else 1
    return Column(paths, common, source.values.get(name) or None, whole)


def value_in(flattened: Mapping[str, Any], one: Column) -> Any:
    """The column's value in a flattened event."""
    if one.combined is not None:
        value = one.combined.of([flattened.get(path, MISSING) for path in one.paths])
    else:
        for path in one.paths:
            if path in flattened:
                value = flattened[path]
                break
        else:
            below = one.paths[-1] + "."
            value = {} if any(path.startswith(below) for path in flattened) else MISSING
    return one.table.get(value, value) if one.table and isinstance(value, str) else value


def holds_objects(value: Any) -> bool:
    """An object, or a list with one: only flattening shows what stands where."""
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def combining(combined: Combined) -> Callable[..., Any]:
    def of(*found: Any) -> Any:
        if any(holds_objects(value) for value in found):
            raise Unusual
        return combined.of(found)

    return of


def guards(columns: Sequence[Column]) -> frozenset[tuple[str, ...]]:
    """The objects in which a dotted key would be one of these paths, or stand above one."""
    found = set[tuple[str, ...]]()
    for one in columns:
        for path in one.paths:
            parents = tuple(path.split("."))[:-1]
            found.update(parents[:size] for size in range(len(parents)))
        if one.whole:
            found.add(tuple(one.paths[-1].split("."))[:-1])
    return frozenset(found)


def reader(columns: Sequence[Column], guarded: frozenset[tuple[str, ...]] = frozenset()) -> Values:
    """`guarded`: objects that were looked at already. Raises `Unusual` for paths deeper than events are read."""
    if any(path.count(".") >= DEPTH_LIMIT for one in columns for path in one.paths):
        raise Unusual
    return _Writer(columns, guards(columns) - guarded).function()


class _Writer:
    def __init__(self, columns: Sequence[Column], guarded: frozenset[tuple[str, ...]]) -> None:
        self._columns, self._guarded = columns, guarded
        self._names: dict[str, Any] = {
            "E": {}, "M": MISSING, "D": dict, "S": str, "J": "".join, "P": ".", "U": Unusual, "T": type, "L": list,
        }  # fmt: skip
        self._constants: dict[str, str] = {}
        self._nodes: dict[tuple[str, ...], str] = {(): "e"}

    def function(self) -> Values:
        for one in self._columns:
            for path in one.paths:
                self._node(tuple(path.split("."))[:-1])
        usual = self._define("f", self._rare_test(), lambda one: one.common)
        general = self._define("g", [], lambda one: len(one.paths))
        exec(compile("\n".join([*general, *usual]), "<columns>", "exec"), self._names)  # noqa: S102 - numbers only
        made: Values = self._names["f"]
        return made

    def _node(self, parents: tuple[str, ...]) -> None:
        for size in range(1, len(parents) + 1):
            self._nodes.setdefault(parents[:size], f"n{len(self._nodes)}")

    def _constant(self, value: str) -> str:
        name = self._constants.get(value)
        if name is None:
            name = self._constants[value] = f"k{len(self._constants)}"
            self._names[name] = value
        return name

    def _define(self, name: str, more: list[str], count: Callable[[Column], int]) -> list[str]:
        lines = [f"def {name}(e):", " if T(e) is not D: raise U"]
        self._open((), lines, 1)
        lines += more
        found = []
        for number, one in enumerate(self._columns):
            if one.combined is not None:
                self._names[f"c{number}"] = combining(one.combined)
                looks = [f"{self._nodes[tuple(path.split('.')[:-1])]}.get({self._constant(path.split('.')[-1])}, M)"
                         for path in one.paths]  # fmt: skip
                lines.append(f" v{number} = c{number}({', '.join(looks)})")
            for at, path in enumerate(one.paths[: count(one)] if one.combined is None else ()):
                *above_it, last = path.split(".")
                look = f"v{number} = {self._nodes[tuple(above_it)]}.get({self._constant(last)}, M)"
                lines.append(f" {look}" if at == 0 else f" if v{number} is M: {look}")
            if one.single:
                v = f"v{number}"
                lines.append(f" if T({v}) is L: {v} = {v}[0] if len({v}) == 1 and T({v}[0]) is not L else None")
            if one.text:
                lines += [f" if v{number} is True: v{number} = 'true'", f" if v{number} is False: v{number} = 'false'"]
            if one.table:
                self._names[f"t{number}"] = one.table
                lines.append(f" if T(v{number}) is S: v{number} = t{number}.get(v{number}, v{number})")
            found.append(f"v{number}")
        lines.append(f" return ({', '.join(found)}{',' if len(found) == 1 else ''})")
        return lines

    def _open(self, parents: tuple[str, ...], lines: list[str], indent: int) -> None:
        """The objects below this one; what is not there is not looked into."""
        node, pad = self._nodes[parents], " " * indent
        if parents in self._guarded:
            lines.append(f"{pad}if P in J({node}): raise U")
        for child, name in self._nodes.items():
            if len(child) == len(parents) + 1 and child[:-1] == parents:
                below = [
                    self._nodes[one] for one in self._nodes if len(one) > len(child) and one[: len(child)] == child
                ]
                lines += [f"{pad}{name} = {node}.get({self._constant(child[-1])}, E)",
                          f"{pad}if {name} is E: {' = '.join([*below, 'E'])}" if below else "",
                          f"{pad}{'else' if below else f'if {name} is not E'}:",
                          f"{pad} if T({name}) is not D: raise U"]  # fmt: skip
                self._open(child, lines, indent + 1)

    def _rare_test(self) -> list[str]:
        """Is one of the unusual names there? Then the general function reads the event."""
        rare: dict[tuple[str, ...], set[str]] = {}
        for one in self._columns:
            for path in one.paths[one.common :]:
                *above_it, last = path.split(".")
                rare.setdefault(tuple(above_it), set()).add(last)
        lines = []
        for parents, names in rare.items():
            node = self._nodes[parents]
            name = f"r{node}"
            self._names[name] = frozenset(names)
            there = f"{node} is not E and " if parents else ""
            lines.append(f" if {there}not {node}.keys().isdisjoint({name}): return g(e)")
        return lines
